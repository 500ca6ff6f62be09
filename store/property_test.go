package store

import (
	"context"
	"errors"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// model is what a watcher of the whole life of a database knows.
type model struct {
	rows []Row     // all that was told, in order
	sent []Message // all that was posted, as asked for
}

// Whatever is written, in whatever order, with clocks that jump and restarts
// between: the watchers' order is the order of places, nothing is told twice or
// left out, stamps only grow, and Since gives exactly the changes.
func TestOrderOfEvents(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	rooms, people := []ID{{1}, {2}}, []ID{{11}, {12}, {13}}
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp("", "store")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		now := day
		var m model
		var s *Store
		open := func() {
			if s, err = Open(ctx, dir, Options{Now: func() time.Time { return now }, Synchronous: "normal"}); err != nil {
				t.Fatal(err)
			}
			s.Watch(func(rows []Row) { m.rows = append(m.rows, rows...) })
		}
		closeStore := func() {
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		}
		open()
		defer func() { closeStore() }()
		change := func(t *rapid.T, fn func(*Message) error) {
			if len(m.sent) == 0 {
				t.Skip("nothing to change")
			}
			id := rapid.SampledFrom(m.sent).Draw(t, "message").ID
			if _, err := s.UpdateMessage(ctx, id, fn); err != nil {
				t.Fatal(err)
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"post": func(t *rapid.T) {
				msg := Message{ID: NewID(), Author: rapid.SampledFrom(people).Draw(t, "author"), Text: rapid.String().Draw(t, "text")}
				if rapid.Bool().Draw(t, "private") {
					msg.Target = rapid.SampledFrom(people).Draw(t, "target")
				} else {
					msg.Room = rapid.SampledFrom(rooms).Draw(t, "room")
				}
				if _, created, err := s.PostMessage(ctx, msg); err != nil || !created {
					t.Fatalf("created %v, %v", created, err)
				}
				m.sent = append(m.sent, msg)
			},
			"repeat": func(t *rapid.T) {
				if len(m.sent) == 0 {
					t.Skip("nothing to repeat")
				}
				msg := rapid.SampledFrom(m.sent).Draw(t, "message")
				got, created, err := s.PostMessage(ctx, msg)
				if err != nil || created || got != m.newest()[msg.ID] {
					t.Fatalf("repeat: %+v, created %v, %v", got, created, err)
				}
			},
			"steal": func(t *rapid.T) {
				if len(m.sent) == 0 {
					t.Skip("nothing to steal")
				}
				msg := rapid.SampledFrom(m.sent).Draw(t, "message")
				msg.Author = ID{99}
				if _, _, err := s.PostMessage(ctx, msg); !errors.Is(err, ErrConflict) {
					t.Fatalf("steal: %v", err)
				}
			},
			"edit": func(t *rapid.T) {
				text := rapid.String().Draw(t, "text")
				change(t, func(m *Message) error { m.Text, m.Deleted = text, false; return nil })
			},
			"delete": func(t *rapid.T) {
				change(t, func(m *Message) error { m.Deleted = true; return nil })
			},
			"seen": func(t *rapid.T) {
				if err := s.SetSeen(ctx, rapid.SampledFrom(people).Draw(t, "user"), now); err != nil {
					t.Fatal(err)
				}
			},
			"clock": func(t *rapid.T) {
				now = now.Add(time.Duration(rapid.IntRange(-100_000, 100_000).Draw(t, "seconds")) * time.Second)
			},
			"restart": func(t *rapid.T) {
				if rapid.IntRange(0, 3).Draw(t, "rarely") > 0 {
					return // it is slow
				}
				closeStore()
				open()
			},
			"ask": func(t *rapid.T) { m.checkChanges(t, s, rooms, people) },
		})
		m.checkOrder(t, s)
		m.checkChanges(t, s, rooms, people)
	})
}

// newest is the last state told of each message.
func (m *model) newest() map[ID]Message {
	newest := map[ID]Message{}
	for _, row := range m.rows {
		if msg, ok := row.(*Message); ok {
			newest[msg.ID] = *msg
		}
	}
	return newest
}

func (m *model) checkOrder(t *rapid.T, s *Store) {
	var stamp Stamp
	seqs := map[ID]uint64{}
	deleted := map[ID]bool{}
	for i, row := range m.rows {
		h := row.row()
		seqs[h.Feed]++
		if h.Place != int64(i+1) || h.Stamp <= stamp || h.Seq != seqs[h.Feed] {
			t.Fatalf("row %d has header %+v after stamp %d", i, h, stamp)
		}
		stamp = h.Stamp
		if msg, ok := row.(*Message); ok {
			if deleted[msg.ID] && !msg.Deleted || msg.Deleted && msg.Text != "" {
				t.Fatalf("deleted message is back: %+v", msg)
			}
			deleted[msg.ID] = msg.Deleted
		}
	}
	if s.Seq() != int64(len(m.rows)) {
		t.Fatalf("Seq() = %d after %d rows", s.Seq(), len(m.rows))
	}
}

func (m *model) checkChanges(t *rapid.T, s *Store, rooms, people []ID) {
	ctx := context.Background()
	after := int64(rapid.IntRange(0, len(m.rows)).Draw(t, "after"))
	changed := func(of func(Message) bool) []Message {
		var msgs []Message
		for _, msg := range m.newest() {
			if msg.Place > after && of(msg) {
				msgs = append(msgs, msg)
			}
		}
		slices.SortFunc(msgs, func(a, b Message) int { return int(a.Place - b.Place) })
		return msgs
	}
	for _, room := range rooms {
		got, _, err := s.Since(ctx, room, after, len(m.rows)+1)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(changed(func(m Message) bool { return m.Room == room }), got); diff != "" {
			t.Fatalf("since %d: %s", after, diff)
		}
	}
	for _, user := range people {
		got, _, err := s.PrivateSince(ctx, user, after, len(m.rows)+1)
		if err != nil {
			t.Fatal(err)
		}
		want := changed(func(m Message) bool { return !m.Target.IsZero() && (m.Author == user || m.Target == user) })
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("private since %d: %s", after, diff)
		}
	}
}
