package chat

import (
	"fmt"
	"testing"
	"time"

	"snug/store"
)

func TestTypingIsToldOncePerPauseAndConversation(t *testing.T) {
	t.Parallel()
	now := time.Now()
	w := newWorld(t, Options{Now: func() time.Time { return now }})
	ada, grace := w.user("ada"), w.user("grace")
	lobby, kitchen := w.room(ada, "lobby"), w.room(ada, "kitchen")
	rooms, hers := w.listen(TypingGroup(lobby.ID), TypingGroup(kitchen.ID)), w.listen(UserGroup(grace.ID))
	others := w.listen(RoomGroup(lobby.ID), UserGroup(ada.ID))
	say := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		for range 3 {
			say(w.Typing(t.Context(), ada, "Lobby"))
			say(w.Typing(t.Context(), ada, "kitchen"))
			say(w.TypingTo(t.Context(), ada, "GRACE"))
			say(w.TypingTo(t.Context(), ada, "ada")) // to oneself
			now = now.Add(TypingPause / 3)
		}
	}
	const news = `{"type":"typing","room_id":%q,"person_id":%q,"event":{"type":"typing","room":%q,"user":"ada"}}`
	for range 2 {
		for _, room := range []Room{lobby, kitchen} {
			if got, want := rooms.next(), fmt.Sprintf(news, room.ID, ada.ID, room.Name); got != want {
				t.Errorf("told %s\nwant %s", got, want)
			}
		}
		if got, want := hers.next(), `{"type":"typing","user":"ada","target":"grace"}`; got != want {
			t.Errorf("told %s\nwant %s", got, want)
		}
	}
	for _, e := range []*ear{rooms, hers, others} {
		if rest := e.rest(); len(rest) > 0 {
			t.Errorf("and then %q", rest)
		}
	}
}

func TestTypingIsForWhoMayPost(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Options{})
	ada := w.user("ada")
	room := w.room(ada, "lobby")
	if _, err := w.SetGuests(t.Context(), ada, false, "lobby", true); err != nil {
		t.Fatal(err)
	}
	told := w.listen(TypingGroup(room.ID), UserGroup(ada.ID))
	wantCode(t, w.Typing(t.Context(), Person{}, "lobby"), CodeForbidden)
	wantCode(t, w.TypingTo(t.Context(), Person{}, "ada"), CodeForbidden)
	wantCode(t, w.Typing(t.Context(), ada, "attic"), CodeNotFound)
	wantCode(t, w.Typing(t.Context(), ada, "no room"), CodeRoomName)
	wantCode(t, w.TypingTo(t.Context(), ada, "nobody"), CodeNotFound)
	if _, err := w.DeleteRoom(t.Context(), "lobby"); err != nil {
		t.Fatal(err)
	}
	wantCode(t, w.Typing(t.Context(), ada, "lobby"), CodeGone)
	if rest := told.rest(); len(rest) > 0 {
		t.Errorf("told %q", rest)
	}
}

func TestTypingIsNotToldInLargeRooms(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Options{})
	ada := w.user("ada")
	room := w.room(ada, "lobby")
	told := w.listen(TypingGroup(room.ID))
	for range maxTypingRoom {
		w.tracker.Enter(room.ID.Hex(), store.NewID().Hex())
	}
	if err := w.Typing(t.Context(), ada, "lobby"); err != nil {
		t.Fatal(err)
	}
	told.take(1)
	w.tracker.Enter(room.ID.Hex(), ada.ID.Hex())
	grace := w.user("grace")
	if err := w.Typing(t.Context(), grace, "lobby"); err != nil {
		t.Fatal(err)
	}
	if rest := told.rest(); len(rest) > 0 {
		t.Errorf("in a room of %d it is told %q", maxTypingRoom+1, rest)
	}
}

func TestTypingBearsTheNameThatSomebodyHasNow(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Options{})
	ada, grace := w.user("ada"), w.user("grace")
	renamed := w.listen(UsersGroup)
	w.EnterServer(ada)
	renamed.take(1)
	if _, err := w.store.UpdateUser(t.Context(), ada.ID, func(u *store.User) error {
		u.Name, u.Key = "countess", "countess"
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	renamed.take(2)
	hers := w.listen(UserGroup(grace.ID))
	if err := w.TypingTo(t.Context(), ada, "grace"); err != nil {
		t.Fatal(err)
	}
	if got, want := hers.next(), `{"type":"typing","user":"countess","target":"grace"}`; got != want {
		t.Errorf("told %s, want %s", got, want)
	}
}

func TestWhoTypesIsRememberedWithinBounds(t *testing.T) {
	t.Parallel()
	now := time.Now()
	typing := newTypists()
	ada := store.NewID()
	for i := range 2 * maxTypingPlaces {
		if got, want := typing.take(ada, store.NewID(), now), i < maxTypingPlaces; got != want {
			t.Errorf("conversation %d of one person is told: %t, want %t", i+1, got, want)
		}
	}
	for range 2 * maxTypists {
		typing.take(store.NewID(), ada, now)
	}
	if n := len(typing.people); n != maxTypists {
		t.Errorf("%d people are remembered, want %d", n, maxTypists)
	}
	if now = now.Add(TypingPause); !typing.take(store.NewID(), ada, now) {
		t.Error("after a pause nobody new is told of")
	}
	if n := len(typing.people); n != 1 {
		t.Errorf("after a pause %d people are remembered, want 1", n)
	}
}
