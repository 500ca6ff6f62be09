package chat

import (
	"database/sql"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"snug/store"
)

// lines is a log that tells of each line.
type lines chan string

func (l lines) Write(line []byte) (int, error) {
	select {
	case l <- string(line):
	default:
	}
	return len(line), nil
}

// await waits for a line with a text in it.
func (l lines) await(text string) {
	for !strings.Contains(<-l, text) {
	}
}

// renamer renames columns of a table.
func (w *world) renamer(table string) (rename func(from, to string)) {
	w.t.Helper()
	other, err := sql.Open("sqlite", "file:"+filepath.ToSlash(filepath.Join(w.dir, "snug.db")))
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = other.Close() })
	return func(from, to string) {
		w.t.Helper()
		if _, err := other.ExecContext(w.t.Context(), "ALTER TABLE "+table+" RENAME COLUMN "+from+" TO "+to); err != nil {
			w.t.Fatal(err)
		}
	}
}

// settle waits until all that was written is told, and so is in the caches, which it would otherwise reach after they are emptied.
func (w *world) settle(who Person, room Room) {
	w.t.Helper()
	ear := w.listen(RoomGroup(room.ID))
	w.say(who, room, "is all told?")
	ear.events(1)
}

// noRooms makes the rooms of a store unreadable, and empties the cache, and returns what gives them back.
func (w *world) noRooms() (giveBack func()) {
	w.t.Helper()
	rename := w.renamer("rooms")
	rename("key", "away")
	w.rooms.mu.Lock()
	clear(w.rooms.ids)
	clear(w.rooms.keys)
	w.rooms.mu.Unlock()
	return func() { rename("away", "key") }
}

// noPeople is noRooms for people.
func (w *world) noPeople() (giveBack func()) {
	w.t.Helper()
	rename := w.renamer("users")
	rename("key", "away")
	w.people.mu.Lock()
	clear(w.people.ids)
	clear(w.people.keys)
	w.people.mu.Unlock()
	return func() { rename("away", "key") }
}

// say stores a message, as Post does that has its room from the cache.
func (w *world) say(who Person, room Room, text string) {
	w.t.Helper()
	if _, _, err := w.store.PostMessage(w.t.Context(), store.Message{Room: room.ID, Author: who.ID, Text: text}); err != nil {
		w.t.Fatal(err)
	}
}

// TestMessagesAreToldThoughTheirRoomCouldNotBeReadAtFirst holds that none is left out for good: who listens takes a later
// message for a sign that they have all before it.
func TestMessagesAreToldThoughTheirRoomCouldNotBeReadAtFirst(t *testing.T) {
	t.Parallel()
	logged := make(lines, 100)
	w := newWorld(t, Options{Logger: slog.New(slog.NewTextHandler(logged, nil))})
	ada := w.user("ada")
	room := w.room(ada, "lobby")
	w.settle(ada, room)
	ear := w.listen(RoomGroup(room.ID))
	giveBack := w.noRooms()
	w.say(ada, room, "first")
	logged.await("room of a message")
	w.say(ada, room, "second")
	giveBack()
	for _, want := range []string{"first", "second"} {
		if e := ear.events(1)[0]; e.Message != want || e.Room != "lobby" {
			t.Errorf("told %+v, want %s", e, want)
		}
	}
}

// TestMessagesAreToldWithTheNamesOfTheirAuthors holds also where those could not be read at first.
func TestMessagesAreToldWithTheNamesOfTheirAuthors(t *testing.T) {
	t.Parallel()
	logged := make(lines, 100)
	w := newWorld(t, Options{Logger: slog.New(slog.NewTextHandler(logged, nil))})
	ada := w.user("ada")
	room := w.room(ada, "lobby")
	w.settle(ada, room)
	ear := w.listen(RoomGroup(room.ID))
	giveBack := w.noPeople()
	w.say(ada, room, "first")
	logged.await("names of authors")
	giveBack()
	if e := ear.events(1)[0]; e.User != "ada" {
		t.Errorf("told %+v", e)
	}
}

func TestCloseDoesNotWaitForARoomThatCannotBeRead(t *testing.T) {
	t.Parallel()
	logged := make(lines, 100)
	w := newWorld(t, Options{Logger: slog.New(slog.NewTextHandler(logged, nil))})
	ada := w.user("ada")
	room := w.room(ada, "lobby")
	w.settle(ada, room)
	w.noRooms()
	w.say(ada, room, "first")
	logged.await("room of a message")
	w.Close()
}

// TestMessageOfNoRoomHoldsNobodyUp is about a room that is not there, which is no failure of the store.
func TestMessageOfNoRoomHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Options{})
	ada := w.user("ada")
	room := w.room(ada, "lobby")
	ear := w.listen(RoomGroup(room.ID))
	w.say(ada, Room{ID: store.RoomID("nowhere")}, "unheard")
	w.say(ada, room, "heard")
	if e := ear.events(1)[0]; e.Message != "heard" {
		t.Errorf("told %+v", e)
	}
}
