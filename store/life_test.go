package store

import (
	"testing"
)

// restart closes a store and opens it again.
func restart(t *testing.T, s *Store) *Store {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return openAt(t, s.dir, Options{})
}

// An old copy of the files counts on from where it was made. Who was told of later places before it was put back must not be told that those are the same.
func TestPlacesOfADatabaseThatIsNoMoreAreStrange(t *testing.T) {
	t.Parallel()
	room := RoomID("lobby")
	for _, how := range []string{"while it ran", "when it was closed"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			s := openAt(t, t.TempDir(), Options{})
			pragma(t, s, "wal_autocheckpoint = 0")
			old := say(t, s, room, ID{1}, "in the backup")
			first := s.Log()
			if how == "when it was closed" {
				s = restart(t, s)
				pragma(t, s, "wal_autocheckpoint = 0")
			}
			backup := copyDatabase(t, s.dir)
			second := s.Log()
			lost := say(t, s, room, ID{1}, "lost")
			s = restart(t, s)
			third := s.Log()
			also := say(t, s, room, ID{1}, "lost, too")

			back := openAt(t, backup, Options{})
			for range 3 {
				say(t, back, room, ID{1}, "new, at the same places")
			}
			back = restart(t, back)
			if back.Seq() <= also.Place {
				t.Fatalf("place %d: nothing to mix up", back.Seq())
			}
			for _, log := range []string{first, second} {
				if !back.GoesOn(log, old.Place) {
					t.Error("a place from before the backup is strange")
				}
				if back.GoesOn(log, lost.Place) {
					t.Error("a place that was lost is gone on from, under the name of its process")
				}
			}
			if back.GoesOn(third, also.Place) || back.GoesOn(third, old.Place) {
				t.Error("a place of a process that the backup never knew is gone on from")
			}
			if !back.GoesOn(back.Log(), back.Seq()) || back.GoesOn("", 1) {
				t.Error("what it says of itself, or of nothing")
			}
		})
	}
}

func TestPlacesAreGoneOnFromOverCrashesAndStarts(t *testing.T) {
	t.Parallel()
	s := openAt(t, t.TempDir(), Options{})
	pragma(t, s, "wal_autocheckpoint = 0")
	log, m := s.Log(), say(t, s, RoomID("lobby"), ID{1}, "hello")
	s = openAt(t, copyDatabase(t, s.dir), Options{}) // as after kill -9
	for range keptLives - 1 {
		if !s.GoesOn(log, m.Place) {
			t.Fatal("the place is strange")
		}
		s = restart(t, s)
	}
	if s = restart(t, s); s.GoesOn(log, m.Place) || len(s.lives) != keptLives {
		t.Errorf("%d processes are remembered, want the latest %d", len(s.lives), keptLives)
	}
}

// A machine that was set back while it ran gives places a second time in one process.
func TestANewFeedMakesEarlierPlacesStrange(t *testing.T) {
	t.Parallel()
	s := openAt(t, t.TempDir(), Options{})
	log, m := s.Log(), say(t, s, RoomID("lobby"), ID{1}, "hello")
	if err := s.NewFeed(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s.Log() == log || s.GoesOn(log, m.Place) {
		t.Error("places go on under the old name")
	}
	next := s.Log()
	if s = restart(t, s); s.GoesOn(log, m.Place) || !s.GoesOn(next, m.Place) {
		t.Error("after a restart, too")
	}
}
