package chat

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWhatModeratorsDoIsNoted(t *testing.T) {
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
	secret, _, err := w.CreateHook(t.Context(), ada, false, "lobby", "build")
	if err != nil {
		t.Fatal(err)
	}
	hook, err := w.Hook(t.Context(), secret)
	if err != nil {
		t.Fatal(err)
	}
	spam, err := w.PostHook(t.Context(), hook, ID{}, "spam")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := w.DeletePosted(t.Context(), ada, false, spam.ID); err != nil {
			t.Fatal(err)
		}
	}
	want := []AuditNote{
		{AuditRoomMade, ada.ID, room.ID, "Lobby"},
		{AuditRoomChanged, ada.ID, room.ID, "Lobby: people without an account may read it"},
		{AuditRoomChanged, ada.ID, room.ID, "Lobby: people without an account may not read it"},
		{AuditMessageDeleted, ada.ID, room.ID, "in Lobby, posted by the webhook build"},
	}
	if diff := cmp.Diff(want, notes); diff != "" {
		t.Error(diff)
	}
}
