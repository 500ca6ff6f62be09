package chat

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestChangesOfRoomsAreNoted(t *testing.T) {
	t.Parallel()
	var notes []AuditNote
	w := newWorld(t, Options{Audit: func(_ context.Context, n AuditNote) { notes = append(notes, n) }})
	ada, eve := w.user("ada"), w.user("eve")
	room := w.room(ada, "Lobby")
	w.room(eve, "lobby") // it is there
	for _, allowed := range []bool{true, true, false} {
		if _, err := w.SetGuests(t.Context(), ada, false, "lobby", allowed); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.SetGuests(t.Context(), eve, false, "lobby", true); err == nil {
		t.Fatal("somebody else changed the room")
	}
	want := []AuditNote{
		{AuditRoomMade, ada.ID, room.ID, "Lobby"},
		{AuditRoomChanged, ada.ID, room.ID, "Lobby: people without an account may read it"},
		{AuditRoomChanged, ada.ID, room.ID, "Lobby: people without an account may not read it"},
	}
	if diff := cmp.Diff(want, notes); diff != "" {
		t.Error(diff)
	}
}
