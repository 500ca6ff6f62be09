package web

import (
	"fmt"
	"slices"
	"testing"

	"snug/chat"
)

func TestTutorialConversation(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada, grace := s.person("ada"), s.person("grace")
	a := ada.dial("/ws/chat/lobby/")
	if f := a.only("user_list"); len(strs(f["users"])) != 0 || f["room"] != "lobby" {
		t.Errorf("ada finds %v", f)
	}
	if f := a.only("user_join"); f["user"] != "ada" {
		t.Errorf("ada is told %v", f)
	}
	g := grace.dial("/ws/chat/lobby/")
	if f := g.only("user_list"); !slices.Equal(strs(f["users"]), []string{"ada"}) {
		t.Errorf("grace finds %v", f)
	}
	if f := a.only("user_join"); f["user"] != "grace" {
		t.Errorf("ada is told %v", f)
	}
	g.only("user_join")

	a.send(`{"message":"hello, <b>everybody</b>\nünd 👋"}`)
	for _, k := range []*sock{a, g} {
		if f := k.only("chat_message"); f["user"] != "ada" || f["message"] != "hello, <b>everybody</b>\nünd 👋" {
			t.Errorf("message is %v", f)
		}
	}
	a.send(`{"message":"/pm grace are you there?"}`)
	if f := g.only("private_message"); f["user"] != "ada" || f["message"] != "are you there?" {
		t.Errorf("private message is %v", f)
	}
	if f := a.only("private_message_delivered"); f["target"] != "grace" || f["message"] != "are you there?" {
		t.Errorf("confirmation is %v", f)
	}
	a.send(`{"message":"/pm grase hello"}`)
	if f := a.only("error"); f["code"] != "not_found" {
		t.Errorf("answer is %v", f)
	}

	second := grace.again().dial("/ws/chat/lobby/")
	if f := second.only("user_list"); !slices.Equal(strs(f["users"]), []string{"ada", "grace"}) {
		t.Errorf("grace's second device finds %v", f)
	}
	_ = g.conn.CloseNow()
	_ = second.conn.CloseNow()
	if f := a.only("user_leave"); f["user"] != "grace" {
		t.Errorf("ada is told %v", f)
	}
}

func TestChatHistoryIsSentOnlyWhereTheAddressAsks(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada := s.person("ada")
	if _, err := s.chat.OpenRoom(t.Context(), ada.person(), "lobby"); err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		if _, err := s.chat.Post(t.Context(), ada.person(), "lobby", chat.ID{}, fmt.Sprint("message ", i)); err != nil {
			t.Fatal(err)
		}
	}
	with := ada.dial("/ws/chat/lobby/?history=3")
	with.only("user_list")
	for i := 2; i < 5; i++ {
		if f := with.only("chat_message"); f["message"] != fmt.Sprint("message ", i) {
			t.Errorf("message %d is %v", i, f)
		}
	}
	with.only("user_join")
	without := ada.dial("/ws/chat/lobby/")
	without.only("user_list")
	without.send(`{"message":"the next"}`)
	if f := without.only("chat_message"); f["message"] != "the next" {
		t.Errorf("message is %v", f)
	}
}

func TestChatSocketHearsOnlyItsRoom(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada := s.person("ada")
	lobby, kitchen := ada.dial("/ws/chat/lobby/"), ada.dial("/ws/chat/kitchen/")
	lobby.next("user_join")
	kitchen.next("user_join")
	kitchen.send(`{"message":"in the kitchen"}`)
	kitchen.next("chat_message")
	own := ada.dial("/ws/")
	own.ask(`{"type":"post","ref":1,"room":"lobby","id":"019aa5b2-7c00-7000-8000-0000000000a1","message":"first"}`)
	own.ask(`{"type":"edit","ref":2,"id":"019aa5b2-7c00-7000-8000-0000000000a1","message":"second"}`)
	own.ask(`{"type":"delete","ref":3,"id":"019aa5b2-7c00-7000-8000-0000000000a1"}`)
	own.ask(`{"type":"post","ref":4,"room":"lobby","message":"last"}`)
	for _, want := range []string{"first", "last"} {
		if f := lobby.only("chat_message"); f["message"] != want {
			t.Errorf("message is %v, want %s", f, want)
		}
	}
}

func TestNothingIsMissedOrDoubledWhileARoomIsEntered(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada, grace := s.person("ada"), s.person("grace")
	if _, err := s.chat.OpenRoom(t.Context(), ada.person(), "lobby"); err != nil {
		t.Fatal(err)
	}
	const count = 100
	posted := make(chan error, 1)
	who := ada.person()
	go func() {
		for i := range count {
			if _, err := s.chat.Post(t.Context(), who, "lobby", chat.ID{}, fmt.Sprint(i)); err != nil {
				posted <- err
				return
			}
		}
		posted <- nil
	}()
	var sockets []*sock
	for range 10 {
		sockets = append(sockets, grace.dial("/ws/chat/lobby/?history=100"))
	}
	if err := <-posted; err != nil {
		t.Fatal(err)
	}
	for _, k := range sockets {
		for i := range count {
			if f := k.next("chat_message"); f["message"] != fmt.Sprint(i) {
				t.Fatalf("message %d is %v", i, f["message"])
			}
		}
	}
}
