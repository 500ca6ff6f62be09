package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func mustOpenRoom(t testing.TB, s *Store, key string) Room {
	t.Helper()
	r, _, err := s.OpenRoom(t.Context(), Room{Name: strings.ToUpper(key), Key: key, Creator: ID{1}, Guests: true})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func mustSay(t testing.TB, s *Store, room ID, text string) Message {
	t.Helper()
	m, _, err := s.PostMessage(t.Context(), Message{Room: room, Author: ID{1}, Text: text})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestDeletedRoomIsEmptyAndStaysDeleted(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s := openAt(t, t.TempDir(), Options{})
	lobby, garden := mustOpenRoom(t, s, "lobby"), mustOpenRoom(t, s, "garden")
	said, kept := mustSay(t, s, lobby.ID, "one secret"), mustSay(t, s, garden.ID, "kept")
	deleted, err := s.DeleteRoom(ctx, lobby.ID)
	if err != nil || !deleted.Deleted || deleted.Guests || !deleted.Creator.IsZero() {
		t.Fatalf("DeleteRoom = %+v, %v", deleted, err)
	}
	if m, err := s.MessageByID(ctx, said.ID); err != nil || m.Text != "" || m.Origin != said.Origin {
		t.Errorf("what was said in it is %+v, %v", m, err)
	}
	if m, err := s.MessageByID(ctx, kept.ID); err != nil || m.Text != "kept" {
		t.Errorf("what was said elsewhere is %+v, %v", m, err)
	}
	for what, try := range map[string]func() error{
		"find":   func() error { _, err := s.RoomByKey(ctx, "lobby"); return err },
		"open":   func() error { _, _, err := s.OpenRoom(ctx, Room{Name: "lobby", Key: "lobby"}); return err },
		"delete": func() error { _, err := s.DeleteRoom(ctx, lobby.ID); return err },
		"update": func() error { _, err := s.UpdateRoom(ctx, lobby.ID, func(*Room) error { return nil }); return err },
		"post": func() error {
			_, _, err := s.PostMessage(ctx, Message{Room: lobby.ID, Author: ID{1}, Text: "x"})
			return err
		},
		"edit": func() error {
			_, err := s.UpdateMessage(ctx, said.ID, func(m *Message) error { m.Text = "again"; return nil })
			return err
		},
	} {
		if err := try(); !errors.Is(err, ErrGone) {
			t.Errorf("%s: %v, want ErrGone", what, err)
		}
	}
	for what, list := range map[string]func() ([]Room, error){
		"Rooms":      func() ([]Room, error) { return s.Rooms(ctx, 10) },
		"RoomsByKey": func() ([]Room, error) { return s.RoomsByKey(ctx, "", 10) },
	} {
		if rooms, err := list(); err != nil || len(rooms) != 1 || rooms[0].ID != garden.ID {
			t.Errorf("%s = %+v, %v", what, rooms, err)
		}
	}
	if _, err := s.DeleteRoom(ctx, ID{9}); !errors.Is(err, ErrNotFound) || errors.Is(err, ErrGone) {
		t.Errorf("a room that never was: %v", err)
	}
}

// A name can be used again: for another room, which has nothing of the one before.
func TestNameOfADeletedRoomIsForAnother(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s := openAt(t, t.TempDir(), Options{})
	ids := map[ID]bool{}
	for life := range 3 {
		r, created, err := s.ReopenRoom(ctx, Room{Name: "Lobby", Key: "lobby", Creator: ID{1}})
		if err != nil || !created || r.Life != life || r.Deleted || ids[r.ID] {
			t.Fatalf("life %d: %+v, %t, %v", life, r, created, err)
		}
		ids[r.ID] = true
		if again, created, err := s.ReopenRoom(ctx, Room{Name: "Lobby", Key: "lobby"}); err != nil || created || again.ID != r.ID {
			t.Fatalf("opened again: %+v, %t, %v", again, created, err)
		}
		if found, err := s.RoomByKey(ctx, "lobby"); err != nil || found.ID != r.ID {
			t.Fatalf("found %+v, %v", found, err)
		}
		if msgs, _, err := s.History(ctx, r.ID, ID{}, 10); err != nil || len(msgs) != 0 {
			t.Fatalf("it begins with %v, %v", msgs, err)
		}
		mustSay(t, s, r.ID, fmt.Sprint("in life ", life))
		if _, err := s.DeleteRoom(ctx, r.ID); err != nil {
			t.Fatal(err)
		}
	}
}

// everything is all that a node has, as it travels.
func everything(t testing.TB, s *Store) []Row {
	t.Helper()
	rows, _, _, err := s.RowsAfter(t.Context(), 0, nil, 1000)
	if err != nil {
		t.Fatal(err)
	}
	return overWire(t, rows)
}

// Whoever did not know of the deletion and went on talking, or made the room anew, ends with the same as all.
func TestDeletionWinsOverWhatWasSaidApart(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	here, there := openAt(t, t.TempDir(), Options{}), openAt(t, t.TempDir(), Options{})
	lobby := mustOpenRoom(t, here, "lobby")
	merge(t, there, &lobby)
	if _, err := here.DeleteRoom(ctx, lobby.ID); err != nil {
		t.Fatal(err)
	}
	late := mustSay(t, there, lobby.ID, "nobody told me")
	if _, err := there.UpdateRoom(ctx, lobby.ID, func(r *Room) error { r.Guests = true; return nil }); err != nil {
		t.Fatal(err)
	}
	anew, _, err := here.ReopenRoom(ctx, Room{Name: "Lobby", Key: "lobby", Creator: ID{1}})
	if err != nil {
		t.Fatal(err)
	}
	mustSay(t, here, anew.ID, "hello again")
	for range 2 {
		merge(t, there, everything(t, here)...)
		merge(t, here, everything(t, there)...)
	}
	if a, b := fingerprintOf(t, here), fingerprintOf(t, there); a != b {
		t.Errorf("the nodes differ: %s, %s", a, b)
	}
	for name, s := range map[string]*Store{"here": here, "there": there} {
		if m, err := s.MessageByID(ctx, late.ID); err != nil || m.Text != "" {
			t.Errorf("%s, what was said late is %+v, %v", name, m, err)
		}
		if r, err := s.RoomByKey(ctx, "lobby"); err != nil || r.ID != anew.ID {
			t.Errorf("%s, the room is %+v, %v", name, r, err)
		}
		if msgs, _, err := s.History(ctx, anew.ID, ID{}, 10); err != nil || len(msgs) != 1 || msgs[0].Text != "hello again" {
			t.Errorf("%s, the new room has %+v, %v", name, msgs, err)
		}
	}
}

// What was said is not in the files any more, once the store is closed.
func TestDeletedRoomLeavesNoTextInTheFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openAt(t, dir, Options{})
	lobby := mustOpenRoom(t, s, "lobby")
	const secret = "the treasure is under the pear tree"
	for range 20 {
		mustSay(t, s, lobby.ID, secret)
	}
	if _, err := s.DeleteRoom(t.Context(), lobby.ID); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		if text, err := os.ReadFile(file); err != nil || strings.Contains(string(text), secret) {
			t.Errorf("%s holds what was said, %v", file, err)
		}
	}
}

// Which of two states stays that were written under one number is the same where their room is known to be deleted.
func TestOrderOfStatesIsTheSameInADeletedRoom(t *testing.T) {
	t.Parallel()
	h := Header{Origin: Origin{Stamp: StampAt(time.Now()), Feed: ID{0xf1}, Seq: 1}}
	states := []*Message{
		{Header: h, ID: ID{1}, Room: RoomID("lobby"), Posted: 5, Text: "text"},
		{Header: h, ID: ID{1}, Room: RoomID("lobby"), Posted: 5, Text: "another"},
		{Header: h, ID: ID{1}, Room: RoomID("lobby"), Posted: 5, Edited: time.UnixMilli(7)},
		{Header: h, ID: ID{1}, Room: RoomID("lobby"), Posted: 50},
		{Header: h, ID: ID{1}, Room: RoomID("lobby"), Posted: 50, Hook: "ci"},
	}
	for _, a := range states {
		for _, b := range states {
			if a.Posted != b.Posted && supersedes(a, b) != supersedes(a.erased(), b.erased()) {
				t.Errorf("%s and %s change places when they are erased", EncodeRow(a), EncodeRow(b))
			}
		}
	}
}
