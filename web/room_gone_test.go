package web

import (
	"net/http"
	"net/url"
	"testing"
)

func TestDeletedRoomEndsWhatIsOpenOfIt(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada, grace := s.person("ada"), s.person("grace")
	if _, err := s.chat.OpenRoom(t.Context(), ada.person(), "lobby"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.chat.SetGuests(t.Context(), ada.person(), false, "lobby", true); err != nil {
		t.Fatal(err)
	}
	snug, tutorial, guest := ada.dial("/ws/"), grace.dial("/ws/chat/lobby/"), s.guest().dial("/ws/chat/lobby/")
	snug.ask(`{"type":"join","ref":1,"room":"lobby"}`)
	tutorial.next("user_list")
	guest.next("user_list")
	room, err := s.chat.DeleteRoom(t.Context(), "lobby")
	if err != nil {
		t.Fatal(err)
	}
	if f := snug.next("room_deleted"); f["room"] != "lobby" {
		t.Errorf("ada is told %v", f)
	}
	for who, k := range map[string]*sock{"grace": tutorial, "a guest": guest} {
		if code := k.closed(); code != closeGone {
			t.Errorf("the socket of %s is closed with %d, want %d", who, code, closeGone)
		}
	}
	if here := s.chat.Present(room); len(here) != 0 {
		t.Errorf("in the room are still %v", here)
	}
	for _, frame := range []string{
		`{"type":"join","ref":2,"room":"lobby"}`, `{"type":"join","ref":2,"room":"lobby","after":1,"log":"` + s.chat.Log() + `"}`,
		`{"type":"post","ref":2,"room":"lobby","message":"anybody?"}`, `{"type":"history","ref":2,"room":"lobby"}`,
	} {
		if answer := snug.ask(frame); answer["code"] != "gone" {
			t.Errorf("%s is answered by %v", frame, answer)
		}
	}
	for _, path := range []string{"/chat/lobby/", "/chat/lobby/settings/"} {
		ada.get(path).want(t, http.StatusGone).says(t, "This room was deleted")
	}
	// A guest is told the same as of a room that there never was.
	s.guest().get("/chat/lobby/").leadsTo(t, "../../log_in/?next=%2Fchat%2Flobby%2F")
	if got := s.guest().refused("/ws/chat/lobby/"); got != http.StatusUnauthorized {
		t.Errorf("a socket of a guest: %d, want 401", got)
	}
	if got := grace.refused("/ws/chat/lobby/"); got != http.StatusGone {
		t.Errorf("another socket: %d, want 410", got)
	}

	// Who types its name into the page of rooms wants another.
	grace.post("/chat/", url.Values{"name": {"lobby"}}).leadsTo(t, "../chat/lobby/")
	grace.get("/chat/lobby/settings/").want(t, http.StatusOK)
	if answer := snug.ask(`{"type":"join","ref":3,"room":"lobby"}`); answer.kind() != "joined" {
		t.Errorf("ada is answered by %v", answer)
	}
}
