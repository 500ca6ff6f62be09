package web

import (
	"fmt"
	"net/http"
	"slices"
	"testing"

	"snug/account"
	"snug/chat"
)

// typingFrames are those that came on a socket.
func (k *sock) typingFrames() []frame {
	return slices.DeleteFunc(k.came(), func(f frame) bool { return f.kind() != "typing" })
}

// says posts a text, and waits until all of the sockets have it: what was told before it has come by then.
func (k *sock) says(text string, all ...*sock) {
	k.t.Helper()
	k.ask(fmt.Sprintf(`{"type":"post","ref":%q,"room":"lobby","message":%q}`, text, text))
	for _, other := range all {
		other.until(text, func(f frame) bool { return f["message"] == text })
	}
}

func TestTypingIsToldToTheOthersInTheRoom(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada, grace, hedy := s.person("ada"), s.person("grace"), s.person("hedy")
	here := grace.dial("/ws/")
	here.ask(`{"type":"join","ref":1,"room":"lobby"}`)
	own := ada.again().dial("/ws/")
	own.ask(`{"type":"join","ref":1,"room":"lobby"}`)
	tutorial, people := hedy.dial("/ws/chat/lobby/"), hedy.dial("/users/")
	tutorial.next("user_list") // it is in the room by now
	elsewhere := hedy.dial("/ws/")
	elsewhere.ask(`{"type":"join","ref":1,"room":"lobby"}`)
	elsewhere.ask(`{"type":"leave","ref":2,"room":"lobby"}`)
	k := ada.dial("/ws/")
	joined := k.ask(`{"type":"join","ref":1,"room":"lobby"}`)

	for range 3 {
		k.send(`{"type":"typing","room":"Lobby"}`)
	}
	if f := here.next("typing"); len(f) != 3 || f["room"] != "lobby" || f["user"] != "ada" {
		t.Errorf("told is %v", f)
	}
	k.says("done", here, own, tutorial)
	elsewhere.ask(`{"type":"users","ref":3}`)
	for name, other := range map[string]*sock{
		"the same socket": k, "another of the same person": own, "one that has left the room": elsewhere, "the tutorial's": tutorial, "the list of people's": people,
	} {
		if told := other.typingFrames(); len(told) > 0 {
			t.Errorf("%s was told %v", name, told)
		}
	}
	if told := here.typingFrames(); len(told) != 1 {
		t.Errorf("of three frames at once %d were told", len(told))
	}

	// It has no place in the order of events: who comes back gets the message and nothing else.
	back := grace.dial("/ws/").ask(fmt.Sprintf(`{"type":"join","ref":1,"room":"lobby","after":%.0f,"log":%q}`, joined["seq"], joined["log"]))
	if back["recovered"] != true || !slices.Equal(texts(back["messages"]), []string{"done"}) {
		t.Errorf("after a break: %v", back)
	}
}

func TestTypingPrivatelyIsToldToOnePersonAlone(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada, grace := s.person("ada"), s.person("grace")
	k, own, hers, stranger := ada.dial("/ws/"), ada.again().dial("/ws/"), grace.dial("/ws/"), s.person("hedy").dial("/ws/")
	tutorial := grace.dial("/ws/chat/lobby/")
	tutorial.next("user_list") // it is in the room by now
	for _, other := range []*sock{k, own, hers, stranger} {
		other.ask(`{"type":"join","ref":1,"room":"lobby"}`)
	}
	k.send(`{"type":"typing","user":"GRACE"}`)
	if f := hers.next("typing"); len(f) != 3 || f["user"] != "ada" || f["target"] != "grace" {
		t.Errorf("told is %v", f)
	}
	k.says("done", own, hers, stranger, tutorial)
	for name, other := range map[string]*sock{"the same socket": k, "another of the same person": own, "a stranger's": stranger, "the tutorial's": tutorial} {
		if told := other.typingFrames(); len(told) > 0 {
			t.Errorf("%s was told %v", name, told)
		}
	}
}

func TestTypingIsNotToldToStreams(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	grace := s.person("grace")
	k := s.person("ada").dial("/ws/")
	k.ask(`{"type":"join","ref":1,"room":"lobby"}`)
	events := grace.events("?room=lobby")
	events.next("hello")
	k.ask(`{"type":"typing","ref":2,"room":"lobby"}`)
	k.ask(`{"type":"typing","ref":3,"user":"grace"}`)
	k.ask(`{"type":"private","ref":4,"user":"grace","message":"done"}`)
	if e := events.next("typing", "private_message"); e.event != "private_message" {
		t.Errorf("a stream was told %v", e.data)
	}
}

// TestTypingTakesFromNothingElse types far more often than somebody may post or ask.
func TestTypingTakesFromNothingElse(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(o *siteOptions) { o.Web.Limits.MessagesPerSecond = 1 })
	k := s.person("ada").dial("/ws/")
	k.ask(`{"type":"join","ref":1,"room":"lobby"}`)
	for i := range idleAtOnce + patience/4 {
		if f := k.ask(fmt.Sprintf(`{"type":"typing","ref":"typing %d","room":"lobby"}`, i)); f.kind() != "ack" || len(f) != 2 {
			t.Fatalf("typing is answered by %v", f)
		}
	}
	if f := k.ask(`{"type":"post","ref":2,"room":"lobby","message":"hello"}`); f.kind() != "ack" {
		t.Errorf("a post is answered by %v", f)
	}
	for i := range 2 * patience {
		if k.conn.Write(t.Context(), 1, fmt.Appendf(nil, `{"type":"typing","ref":"flood %d","room":"lobby"}`, i)) != nil {
			break
		}
	}
	if code := k.closed(); code != closePolicy {
		t.Errorf("a flood of typing is closed with %d", code)
	}
}

func TestTypingIsRefusedAsPostingIs(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada := s.person("ada")
	k := ada.dial("/ws/")
	k.ask(`{"type":"join","ref":1,"room":"lobby"}`)
	program, _ := ada.accessToken(account.ScopeRead)
	r := program.dial("/ws/")
	for _, tt := range []struct {
		socket      *sock
		frame, code string
	}{
		{r, `{"type":"typing","ref":"r","room":"lobby"}`, chat.CodeForbidden},
		{r, `{"type":"typing","ref":"r","user":"ada"}`, chat.CodeForbidden},
		{k, `{"type":"typing","ref":"r"}`, chat.CodeBadField},
		{k, `{"type":"typing","ref":"r","room":"lobby","user":"ada"}`, chat.CodeBadField},
		{k, `{"type":"typing","ref":"r","room":7}`, chat.CodeBadField},
		{k, `{"type":"typing","ref":"r","room":"nowhere"}`, chat.CodeNotFound},
		{k, `{"type":"typing","ref":"r","user":"nobody"}`, chat.CodeNotFound},
	} {
		if f := tt.socket.ask(tt.frame); f["code"] != tt.code {
			t.Errorf("%s is answered by %v, want %s", tt.frame, f, tt.code)
		}
	}
	if got := s.guest().refused("/ws/"); got != http.StatusUnauthorized {
		t.Errorf("a guest's socket is answered with %d", got)
	}
}

// TestTypingIsForgottenWithTheLastSocket looks at what the server keeps of rooms that were left in every way.
func TestTypingIsForgottenWithTheLastSocket(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	k, other := s.person("ada").dial("/ws/"), s.person("grace").dial("/ws/")
	for _, room := range []string{"left", "deleted", "closed"} {
		k.ask(fmt.Sprintf(`{"type":"join","ref":%q,"room":%q}`, room, room))
	}
	other.ask(`{"type":"join","ref":1,"room":"deleted"}`)
	kept := func() int {
		s.server.typing.mu.Lock()
		defer s.server.typing.mu.Unlock()
		return len(s.server.typing.rooms)
	}
	if n := kept(); n != 3 {
		t.Errorf("%d rooms are kept, want 3", n)
	}
	k.ask(`{"type":"leave","ref":2,"room":"left"}`)
	if n := kept(); n != 2 {
		t.Errorf("after leaving one %d are kept, want 2", n)
	}
	if _, err := s.chat.DeleteRoom(t.Context(), "deleted"); err != nil {
		t.Fatal(err)
	}
	_ = k.conn.CloseNow()
	s.until("nothing is kept", func() bool { return kept() == 0 })
}
