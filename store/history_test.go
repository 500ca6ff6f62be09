package store

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestHistoryPagesBackwards(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	ctx := context.Background()
	room, ada := RoomID("lobby"), NewID()
	want := []string{}
	for i := range 7 {
		text := fmt.Sprint("message ", i)
		// Three at a time in the same instant: their IDs decide.
		post(t, s, Message{ID: ID{byte(i + 1)}, Room: room, Author: ada, Text: text, Posted: StampAt(day) + Stamp(i/3)})
		say(t, s, RoomID("other"), ada, "noise")
		want = append(want, text)
	}
	for limit := 1; limit <= 8; limit++ {
		var got []string
		var before ID
		for {
			page, more, err := s.History(ctx, room, before, limit)
			if err != nil {
				t.Fatal(err)
			}
			got = append(texts(page), got...)
			if !more {
				break
			}
			if len(page) != limit {
				t.Fatalf("limit %d: page of %d, and more", limit, len(page))
			}
			before = page[0].ID
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("limit %d: %s", limit, diff)
		}
	}
}

func TestHistoryOfNothing(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	ctx := context.Background()
	other := say(t, s, RoomID("other"), NewID(), "hello")
	if msgs, more, err := s.History(ctx, RoomID("empty"), ID{}, 10); len(msgs) != 0 || more || err != nil {
		t.Errorf("empty room: %v, %v, %v", msgs, more, err)
	}
	if msgs, more, err := s.History(ctx, other.Room, ID{}, 0); len(msgs) != 0 || more || err != nil {
		t.Errorf("no limit: %v, %v, %v", msgs, more, err)
	}
	for name, before := range map[string]ID{"unknown": NewID(), "of another room": other.ID} {
		if _, _, err := s.History(ctx, RoomID("empty"), before, 10); !errors.Is(err, ErrNotFound) {
			t.Errorf("before a message %s: %v, want ErrNotFound", name, err)
		}
	}
}

func TestSinceGivesTheNewestStateOfWhatChanged(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	ctx := context.Background()
	room, ada := RoomID("lobby"), NewID()
	a := say(t, s, room, ada, "a")
	b := say(t, s, room, ada, "b")
	msgs, more, seq, err := s.Latest(ctx, room, 1)
	if err != nil || !more || seq != b.Place || len(msgs) != 1 || msgs[0] != b {
		t.Fatalf("latest = %v, %v, %d, %v", msgs, more, seq, err)
	}
	for _, text := range []string{"a2", "a3"} {
		if _, err := s.UpdateMessage(ctx, a.ID, func(m *Message) error { m.Text = text; return nil }); err != nil {
			t.Fatal(err)
		}
	}
	say(t, s, RoomID("other"), ada, "noise")
	say(t, s, room, ada, "c")
	for _, tt := range []struct {
		after int64
		limit int
		want  []string
	}{
		{seq, 10, []string{"a3", "c"}},
		{seq, 1, []string{"a3"}},
		{0, 10, []string{"b", "a3", "c"}},
		{s.Seq(), 10, []string{}},
		{0, 0, []string{}},
	} {
		got, _, err := s.Since(ctx, room, tt.after, tt.limit)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.want, texts(got)); diff != "" {
			t.Errorf("since %d, limit %d: %s", tt.after, tt.limit, diff)
		}
	}
}

func TestPrivateSinceGivesBothDirections(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	ctx := context.Background()
	ada, bob, eve := NewID(), NewID(), NewID()
	first := whisper(t, s, ada, bob, "1 ada to bob")
	whisper(t, s, bob, ada, "2 bob to ada")
	whisper(t, s, bob, eve, "3 bob to eve")
	say(t, s, RoomID("lobby"), ada, "in public")
	whisper(t, s, ada, ada, "4 ada to herself")
	whisper(t, s, eve, ada, "5 eve to ada")
	for _, tt := range []struct {
		user  ID
		after int64
		limit int
		want  []string
	}{
		{ada, 0, 10, []string{"1 ada to bob", "2 bob to ada", "4 ada to herself", "5 eve to ada"}},
		{ada, first.Place, 2, []string{"2 bob to ada", "4 ada to herself"}},
		{bob, 0, 10, []string{"1 ada to bob", "2 bob to ada", "3 bob to eve"}},
		{NewID(), 0, 10, []string{}},
		{ada, 0, 0, []string{}},
	} {
		got, _, err := s.PrivateSince(ctx, tt.user, tt.after, tt.limit)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.want, texts(got)); diff != "" {
			t.Error(diff)
		}
	}
	if first.Room != PairID(bob, ada) {
		t.Error("a private message is not of the conversation")
	}
	between, _, err := s.History(ctx, PairID(ada, bob), ID{}, 10)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"1 ada to bob", "2 bob to ada"}, texts(between)); diff != "" {
		t.Error(diff)
	}
}

func TestConversationsShowTheLastMessage(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	ctx := context.Background()
	ada, bob, eve := NewID(), NewID(), NewID()
	whisper(t, s, ada, bob, "hello bob")
	whisper(t, s, eve, ada, "hello ada")
	whisper(t, s, eve, bob, "not for ada")
	last := whisper(t, s, bob, ada, "hello back")
	post(t, s, Message{Author: ada, Target: bob, Text: "long ago", Posted: 1})
	if _, err := s.UpdateMessage(ctx, last.ID, func(m *Message) error { m.Text = "hello again"; return nil }); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		limit int
		want  []string
	}{{10, []string{"hello again", "hello ada"}}, {1, []string{"hello again"}}, {0, []string{}}} {
		list, err := s.Conversations(ctx, ada, ID{}, tt.limit)
		if err != nil {
			t.Fatal(err)
		}
		got := []string{}
		for _, c := range list {
			got = append(got, c.Last.Text)
			if want := PairID(ada, c.Other); c.Last.Room != want {
				t.Errorf("%q is of room %v, want %v", c.Last.Text, c.Last.Room, want)
			}
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("limit %d: %s", tt.limit, diff)
		}
	}
}

func TestConversationsGoOnAfterAMessage(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	ctx := context.Background()
	ada, bob, eve := NewID(), NewID(), NewID()
	public := post(t, s, Message{Room: NewID(), Author: ada, Text: "to all"})
	foreign := whisper(t, s, eve, bob, "not for ada")
	oldest := whisper(t, s, eve, ada, "hello ada")
	newest := whisper(t, s, bob, ada, "hello")
	for _, tt := range []struct {
		after ID
		want  []ID
	}{{newest.ID, []ID{oldest.ID}}, {oldest.ID, nil}} {
		list, err := s.Conversations(ctx, ada, tt.after, 10)
		if err != nil {
			t.Fatal(err)
		}
		var got []ID
		for _, c := range list {
			got = append(got, c.Last.ID)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("after %v: %s", tt.after, diff)
		}
	}
	for what, id := range map[string]ID{"a message of others": foreign.ID, "one in a room": public.ID, "none": NewID()} {
		if list, err := s.Conversations(ctx, ada, id, 10); !errors.Is(err, ErrNotFound) {
			t.Errorf("after %s: %v, %v, want ErrNotFound", what, list, err)
		}
	}
}
