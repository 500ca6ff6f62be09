package store

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// record collects what watchers are told: one slice a commit.
func record(s *Store) (commits *[][]Row, stop func()) {
	commits = new([][]Row)
	return commits, s.Watch(func(rows []Row) { *commits = append(*commits, rows) })
}

func TestWatchersHearBeforeTheWriterReturns(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	var first, second []Row
	stopFirst := s.Watch(func(rows []Row) {
		if last := PlaceOf(rows[len(rows)-1]); s.Seq() != last {
			t.Errorf("told of place %d at %d", last, s.Seq())
		}
		first = append(first, rows...)
	})
	stopBad := s.Watch(func([]Row) { panic("bad watcher") })
	s.Watch(func(rows []Row) { second = append(second, rows...) })
	m := say(t, s, RoomID("lobby"), ID{1}, "hello")
	for _, told := range [][]Row{first, second} {
		if len(told) != 1 || *told[0].(*Message) != m {
			t.Fatalf("told %v, want %v", told, m)
		}
	}
	stopFirst()
	stopFirst()
	stopBad()
	addUser(t, s, "ada")
	if len(first) != 1 || len(second) != 2 {
		t.Errorf("after stop: told %d and %d rows, want 1 and 2", len(first), len(second))
	}
}

func TestAllKindsOfRowsAreWatched(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	ctx := context.Background()
	commits, stop := record(s)
	ada := addUser(t, s, "ada")
	addRoom(t, s, "lobby")
	x, err := s.CreateSession(ctx, Session{User: ada.ID})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.SetSeen(ctx, ada.ID, day); err != nil {
		t.Fatal(err)
	}
	m := say(t, s, RoomID("lobby"), ada.ID, "hello")
	if _, err := s.UpdateMessage(ctx, m.ID, func(m *Message) error { m.Deleted = true; return nil }); err != nil {
		t.Fatal(err)
	}
	if _, err := s.UpdateSession(ctx, x.ID, func(x *Session) error { x.Revoked = true; return nil }); err != nil {
		t.Fatal(err)
	}
	stop()
	var kinds []string
	for _, rows := range *commits {
		for _, row := range rows {
			switch row := row.(type) {
			case *User:
				kinds = append(kinds, "user")
			case *Room:
				kinds = append(kinds, "room")
			case *Session:
				kinds = append(kinds, map[bool]string{false: "session", true: "revoked"}[row.Revoked])
			case *Seen:
				kinds = append(kinds, "seen")
			case *Message:
				kinds = append(kinds, map[bool]string{false: "message", true: "deleted"}[row.Deleted])
			}
		}
	}
	if diff := cmp.Diff([]string{"user", "room", "session", "seen", "message", "deleted", "revoked"}, kinds); diff != "" {
		t.Error(diff)
	}
}
