package chat

import (
	"testing"
	"time"

	"snug/store"
)

func TestDeletedRoomIsToldAndClosedToAll(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Options{})
	ada := w.user("ada")
	lobby := w.room(ada, "lobby")
	said := w.post(ada, "lobby", "hello")
	room, rooms := w.listen(RoomGroup(lobby.ID)), w.listen(RoomsGroup)
	gone := make(chan ID, 1)
	defer w.OnRoomDeleted(func(id ID) { gone <- id })()

	deleted, err := w.DeleteRoom(t.Context(), "LOBBY")
	if err != nil || deleted.ID != lobby.ID {
		t.Fatalf("DeleteRoom = %+v, %v", deleted, err)
	}
	const told = `{"type":"room_deleted","room":"lobby"}`
	for _, e := range []*ear{room, rooms} {
		for e.next() != told { // what was said before, and how many were there
		}
	}
	select {
	case id := <-gone:
		if id != lobby.ID {
			t.Errorf("the end of %v is told", id)
		}
	case <-time.After(patience):
		t.Fatal("nobody is told to end what is left of it")
	}

	_, err = w.OpenRoom(t.Context(), ada, "lobby")
	wantCode(t, err, CodeGone)
	_, err = w.RoomByName(t.Context(), "lobby")
	wantCode(t, err, CodeGone)
	_, err = w.Post(t.Context(), ada, "lobby", ID{}, "anybody?")
	wantCode(t, err, CodeGone)
	_, err = w.Edit(t.Context(), ada, said.ID, "hello again")
	wantCode(t, err, CodeNotFound)
	_, err = w.Window(t.Context(), ada, lobby, 0, "")
	wantCode(t, err, CodeGone)
	_, _, err = w.History(t.Context(), ada, lobby, ID{}, 10)
	wantCode(t, err, CodeGone)
	_, err = w.SetGuests(t.Context(), ada, false, "lobby", true)
	wantCode(t, err, CodeGone)
	_, err = w.DeleteRoom(t.Context(), "lobby")
	wantCode(t, err, CodeGone)
	if list, err := w.Rooms(t.Context(), 0); err != nil || len(list) != 0 {
		t.Errorf("the list is %v, %v", list, err)
	}
}

func TestRoomIsMadeAnewOnlyOnPurpose(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Options{})
	ada, grace := w.user("ada"), w.user("grace")
	first := w.room(ada, "lobby")
	w.post(ada, "lobby", "hello")
	if _, err := w.DeleteRoom(t.Context(), "lobby"); err != nil {
		t.Fatal(err)
	}
	_, _, err := w.MakeRoom(t.Context(), Person{}, "lobby")
	wantCode(t, err, CodeGone)
	second, made, err := w.MakeRoom(t.Context(), grace, "Lobby")
	if err != nil || !made || second.ID == first.ID || second.Creator != grace.ID || second.Name != "Lobby" {
		t.Fatalf("MakeRoom = %+v, %t, %v", second, made, err)
	}
	w.post(ada, "lobby", "hello again")
	for what, find := range map[string]func() (Room, error){
		"OpenRoom":   func() (Room, error) { return w.OpenRoom(t.Context(), ada, "lobby") },
		"RoomByName": func() (Room, error) { return w.RoomByName(t.Context(), "lobby") },
	} {
		if got, err := find(); err != nil || got.ID != second.ID {
			t.Errorf("%s = %+v, %v", what, got, err)
		}
	}
	// Whoever still holds the first one does not see the second by it.
	_, err = w.Window(t.Context(), ada, first, 0, "")
	wantCode(t, err, CodeGone)
	window, err := w.Window(t.Context(), ada, second, 0, "")
	if err != nil || len(window.Messages) != 1 || window.Messages[0].Message != "hello again" {
		t.Errorf("the second begins with %+v, %v", window.Messages, err)
	}
	_, err = w.AddRoom(t.Context(), "LOBBY")
	wantCode(t, err, CodeConflict)
}

func TestDeletingARoomThatWasFoundDeletesNoOtherOfItsName(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Options{})
	ada := w.user("ada")
	first := w.room(ada, "lobby")
	if err := w.DeleteFound(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	second, made, err := w.MakeRoom(t.Context(), ada, "lobby")
	if err != nil || !made {
		t.Fatalf("MakeRoom = %+v, %t, %v", second, made, err)
	}
	wantCode(t, w.DeleteFound(t.Context(), first), CodeGone)
	if found, err := w.RoomByName(t.Context(), "lobby"); err != nil || found.ID != second.ID {
		t.Errorf("the room is %+v, %v, want the one that was made since", found, err)
	}
}

// A disk that fails keeps what is said from being told. It must not keep a room open that another node has deleted or closed to guests.
func TestRoomsAreTakenWhateverTheDiskDoes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Options{})
	ada := w.user("ada")
	lobby, garden := w.room(ada, "lobby"), w.room(ada, "garden")
	if _, err := w.SetGuests(t.Context(), ada, false, "garden", true); err != nil {
		t.Fatal(err)
	}
	gone, closed := make(chan ID, 1), make(chan ID, 1)
	defer w.OnRoomDeleted(func(id ID) { gone <- id })()
	defer w.OnRoomClosed(func(id ID) { closed <- id })()
	disk, done := make(chan struct{}), make(chan error, 2)
	defer w.store.WatchEarly(func([]store.Row) { <-disk })() // who hears of rows when they are on the disk waits

	await := func(told chan ID, want ID) {
		t.Helper()
		select {
		case id := <-told:
			if id != want {
				t.Errorf("told of %v, want %v", id, want)
			}
		case <-time.After(patience):
			t.Error("nobody is told")
		}
		disk <- struct{}{}
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	go func() {
		_, err := w.store.UpdateRoom(t.Context(), garden.ID, func(r *store.Room) error { r.Guests = false; return nil })
		done <- err
	}()
	await(closed, garden.ID)
	go func() {
		_, err := w.store.DeleteRoom(t.Context(), lobby.ID)
		done <- err
	}()
	await(gone, lobby.ID)
	if len(gone)+len(closed) > 0 {
		t.Error("told twice")
	}
}
