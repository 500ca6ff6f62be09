package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// peerMessages are rows as another node posts them.
func peerMessages(n int, feed ID, from uint64) []Row {
	text := strings.Repeat("x", 200)
	rows := make([]Row, n)
	stamp := StampAt(time.Now())
	for i := range rows {
		seq := from + uint64(i)
		rows[i] = &Message{
			Header: Header{Origin: Origin{Stamp: stamp + Stamp(i), Feed: feed, Seq: seq}},
			ID:     NewID(), Room: RoomID(fmt.Sprint("room ", seq%50)), Author: ID{byte(seq), 1}, Posted: stamp + Stamp(i), Text: text,
		}
	}
	return rows
}

// BenchmarkMerge is taking over another node's messages while somebody here posts.
func BenchmarkMerge(b *testing.B) {
	s := openTest(b)
	ctx := context.Background()
	room := addRoom(b, s, "lobby")
	stop := make(chan struct{})
	var waits []time.Duration
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
			}
			start := time.Now()
			if _, _, err := s.PostMessage(ctx, Message{Room: room.ID, Author: ID{1}, Text: "hello"}); err != nil {
				b.Error(err)
				return
			}
			waits = append(waits, time.Since(start))
		}
	})
	feed := NewID()
	b.ReportAllocs()
	b.ResetTimer()
	for done := 0; done < b.N; {
		n := min(1000, b.N-done)
		if _, err := s.Merge(ctx, peerMessages(n, feed, uint64(done+1))); err != nil {
			b.Fatal(err)
		}
		done += n
	}
	b.StopTimer()
	close(stop)
	wg.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "rows/s")
	if len(waits) > 0 {
		slices.Sort(waits)
		b.ReportMetric(float64(waits[len(waits)*99/100].Microseconds())/1000, "post-p99-ms")
		b.ReportMetric(float64(waits[len(waits)-1].Microseconds())/1000, "post-max-ms")
	}
}

// BenchmarkRowsAfter is giving all messages to a node that is new, and looking for
// what one lacks that has them all.
func BenchmarkRowsAfter(b *testing.B) {
	s := openTest(b)
	ctx := context.Background()
	const count = 20_000
	feed := NewID()
	if _, err := s.Merge(ctx, peerMessages(count, feed, 1)); err != nil {
		b.Fatal(err)
	}
	for name, skip := range map[string]map[ID]uint64{"All": nil, "None": {feed: count}} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				for place, end := int64(0), false; !end; {
					var err error
					if _, place, end, err = s.RowsAfter(ctx, place, skip, 500); err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(count*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}

func BenchmarkWire(b *testing.B) {
	row := peerMessages(1, NewID(), 1)[0]
	body := EncodeRow(row)
	b.Run("Encode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			EncodeRow(row)
		}
	})
	b.Run("Decode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := DecodeRow(body); err != nil {
				b.Fatal(err)
			}
		}
	})
}
