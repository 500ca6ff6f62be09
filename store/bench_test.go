package store

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
)

// BenchmarkPost64 is 64 people who each post as soon as the last message of
// theirs is on disk.
func BenchmarkPost64(b *testing.B) {
	s := openTest(b)
	ctx := context.Background()
	room := addRoom(b, s, "lobby")
	text := strings.Repeat("x", 200)
	b.ReportAllocs()
	work := make(chan struct{}, b.N)
	for range b.N {
		work <- struct{}{}
	}
	close(work)
	b.ResetTimer()
	var wg sync.WaitGroup
	for range 64 {
		author := NewID()
		wg.Go(func() {
			for range work {
				if _, _, err := s.PostMessage(ctx, Message{Room: room.ID, Author: author, Text: text}); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
}

// BenchmarkPost1 is one sender: what a single commit costs.
func BenchmarkPost1(b *testing.B) {
	s := openTest(b)
	room := addRoom(b, s, "lobby")
	author := NewID()
	b.ReportAllocs()
	for b.Loop() {
		say(b, s, room.ID, author, "hello")
	}
}

func BenchmarkHistory(b *testing.B) {
	s := openTest(b)
	ctx := context.Background()
	room := addRoom(b, s, "lobby")
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			for i := range 200 {
				say(b, s, room.ID, NewID(), fmt.Sprint("message ", i))
			}
		})
	}
	wg.Wait()
	b.ReportAllocs()
	for b.Loop() {
		if msgs, more, err := s.History(ctx, room.ID, ID{}, 50); len(msgs) != 50 || !more || err != nil {
			b.Fatal(len(msgs), more, err)
		}
	}
}

func BenchmarkUsers(b *testing.B) {
	s := openTest(b)
	ctx := context.Background()
	ids := make([]ID, 10_000)
	var wg sync.WaitGroup
	for part := range 50 {
		wg.Go(func() {
			for i := part * 200; i < part*200+200; i++ {
				ids[i] = addUser(b, s, fmt.Sprintf("user%05d", i)).ID
			}
		})
	}
	wg.Wait()
	b.Run("Page", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if users, err := s.Users(ctx, UserQuery{AfterKey: "user05000", Limit: 100}); len(users) != 100 || err != nil {
				b.Fatal(len(users), err)
			}
		}
	})
	b.Run("Match", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if users, err := s.Users(ctx, UserQuery{Match: "999", Limit: 100}); len(users) != 19 || err != nil {
				b.Fatal(len(users), err)
			}
		}
	})
	b.Run("ByID1000", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if users, err := s.UsersByID(ctx, ids[:1000]); len(users) != 1000 || err != nil {
				b.Fatal(len(users), err)
			}
		}
	})
	b.Run("Count", func(b *testing.B) {
		for b.Loop() {
			if n, err := s.CountUsers(ctx); n != 10_000 || err != nil {
				b.Fatal(n, err)
			}
		}
	})
}
