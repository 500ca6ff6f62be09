package web

import (
	"fmt"
	"slices"
	"testing"

	"snug/chat"
)

func TestSnugConversation(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	a, g := s.person("ada").dial("/ws/"), s.person("grace").dial("/ws/")
	hello := a.only("hello")
	if hello["user"] != "ada" || hello["version"] != "0.1.0" || hello["log"] != s.chat.Log() {
		t.Errorf("hello is %v", hello)
	}
	joined := a.ask(`{"type":"join","ref":"a","room":"lobby"}`)
	if joined["can_moderate"] != true || !slices.Equal(strs(joined["users"]), []string{"ada"}) || len(texts(joined["messages"])) != 0 {
		t.Errorf("joined is %v", joined)
	}
	joined = g.ask(`{"type":"join","ref":"g","room":"Lobby"}`)
	if joined["can_moderate"] != nil || joined["room"] != "lobby" || !slices.Equal(strs(joined["users"]), []string{"ada", "grace"}) {
		t.Errorf("joined is %v", joined)
	}
	a.until("grace joins", func(f frame) bool { return f.kind() == "user_join" && f["user"] == "grace" })

	ack := a.ask(`{"type":"post","ref":1,"room":"lobby","id":"019aa5b2-7c00-7000-8000-0000000000a1","message":"hello"}`)
	if ack.kind() != "ack" || ack["id"] != "019aa5b2-7c00-7000-8000-0000000000a1" {
		t.Fatalf("answer is %v", ack)
	}
	if f := g.next("chat_message"); f["message"] != "hello" || f["seq"] != ack["seq"] || f["time"] != ack["time"] {
		t.Errorf("message is %v, ack was %v", f, ack)
	}
	if again := a.ask(`{"type":"post","ref":2,"room":"lobby","id":"019aa5b2-7c00-7000-8000-0000000000a1","message":"hello"}`); again.kind() != "ack" || again["seq"] != ack["seq"] {
		t.Errorf("the same post is answered by %v", again)
	}
	if f := g.ask(`{"type":"edit","ref":3,"id":"019aa5b2-7c00-7000-8000-0000000000a1","message":"mine"}`); f["code"] != "forbidden" {
		t.Errorf("editing another's message is answered by %v", f)
	}
	a.ask(`{"type":"edit","ref":4,"id":"019aa5b2-7c00-7000-8000-0000000000a1","message":"hello *again*"}`)
	if f := g.only("message_edited"); f["message"] != "hello *again*" || f["body"] == nil {
		t.Errorf("edit is %v", f)
	}
	a.ask(`{"type":"delete","ref":5,"id":"019aa5b2-7c00-7000-8000-0000000000a1"}`)
	if f := g.only("message_deleted"); f["deleted"] != true || f["message"] != "" {
		t.Errorf("deletion is %v", f)
	}
	a.ask(`{"type":"private","ref":6,"user":"GRACE","message":"psst"}`)
	if f := g.only("private_message"); f["user"] != "ada" || f["message"] != "psst" {
		t.Errorf("private message is %v", f)
	}
	inbox := g.ask(`{"type":"inbox","ref":7}`)
	if list, _ := inbox["conversations"].([]any); len(list) != 1 {
		t.Errorf("inbox is %v", inbox)
	}
	if f := g.ask(`{"type":"leave","ref":8,"room":"lobby"}`); f.kind() != "ack" {
		t.Errorf("leave is answered by %v", f)
	}
	if f := a.next("user_leave"); f["user"] != "grace" {
		t.Errorf("ada is told %v", f)
	}
	a.ask(`{"type":"post","ref":9,"room":"lobby","message":"unheard"}`)
	if f := g.ask(`{"type":"leave","ref":10,"room":"lobby"}`); f.kind() != "ack" {
		t.Errorf("leaving twice is answered by %v", f)
	}
	for _, f := range g.came() {
		if f["message"] == "unheard" {
			t.Error("a message came after the room was left")
		}
	}
}

func TestRecoveryGivesWhatWasMissed(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada, grace := s.person("ada"), s.person("grace")
	a, g := ada.dial("/ws/"), grace.dial("/ws/")
	a.ask(`{"type":"join","ref":1,"room":"lobby"}`)
	seen := g.ask(`{"type":"join","ref":1,"room":"lobby"}`)
	_ = g.conn.CloseNow()
	for _, text := range []string{"one", "two", "three"} {
		a.ask(fmt.Sprintf(`{"type":"post","ref":"%s","room":"lobby","message":"%s"}`, text, text))
	}
	g = grace.dial("/ws/")
	back := g.ask(fmt.Sprintf(`{"type":"join","ref":2,"room":"lobby","after":%.0f,"log":%q}`, seen["seq"], seen["log"]))
	if back["recovered"] != true || !slices.Equal(texts(back["messages"]), []string{"one", "two", "three"}) {
		t.Errorf("back: %v", back)
	}
	other := g.ask(fmt.Sprintf(`{"type":"join","ref":3,"room":"lobby","after":%.0f,"log":"ffffffffffffffffffffffffffffffff"}`, seen["seq"]))
	if other["recovered"] != false || len(texts(other["messages"])) != 3 {
		t.Errorf("with another log: %v", other)
	}
}

func TestRoomsAndUsersStayCurrent(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	a := s.person("ada").dial("/ws/")
	if f := a.ask(`{"type":"rooms","ref":1}`); len(f["rooms"].([]any)) != 0 {
		t.Errorf("rooms are %v", f)
	}
	if f := a.ask(`{"type":"users","ref":2}`); !slices.Equal(strs(f["users"]), []string{"ada"}) || f["total"] != 1.0 {
		t.Errorf("users are %v", f)
	}
	g := s.person("grace").dial("/ws/")
	a.until("grace online", func(f frame) bool { return f["username"] == "grace" && f["is_logged_in"] == true })
	g.ask(`{"type":"join","ref":1,"room":"lobby"}`)
	a.until("one in the lobby", func(f frame) bool { return f["room"] == "lobby" && f["users"] == 1.0 })
	g.ask(`{"type":"leave","ref":2,"room":"lobby"}`)
	a.until("nobody in the lobby", func(f frame) bool { return f["room"] == "lobby" && f["users"] == 0.0 })
}

func TestASocketIsInABoundedNumberOfRooms(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	k := s.person("ada").dial("/ws/")
	for i := range maxJoined {
		if f := k.ask(fmt.Sprintf(`{"type":"join","ref":%d,"room":"room%d"}`, i, i)); f.kind() != "joined" {
			t.Fatalf("room %d: %v", i, f)
		}
	}
	if f := k.ask(`{"type":"join","ref":100,"room":"one-more"}`); f["code"] != "forbidden" {
		t.Errorf("one more: %v", f)
	}
	if f := k.ask(`{"type":"join","ref":101,"room":"room0"}`); f.kind() != "joined" {
		t.Errorf("one that it is in: %v", f)
	}
	k.ask(`{"type":"leave","ref":102,"room":"room0"}`)
	if f := k.ask(`{"type":"join","ref":103,"room":"one-more"}`); f.kind() != "joined" {
		t.Errorf("after leaving one: %v", f)
	}
}

func TestRefsComeBackAsTheyWere(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	k := s.person("ada").dial("/ws/")
	k.only("hello")
	k.ask(`{"type":"join","ref":"room","room":"lobby"}`)
	for _, ref := range []string{`1`, `-2.5`, `0`, `""`, `"x\"y"`, `"grüße"`} {
		k.ask(`{"type":"leave","ref":` + ref + `,"room":"lobby"}`)
		k.ask(`{"type":"nonsense","ref":` + ref + `}`)
	}
	// Without a ref a post is not acknowledged, but errors are told.
	k.send(`{"type":"post","room":"lobby","message":""}`)
	if f := k.next("error", "ack"); f["code"] != "empty" {
		t.Errorf("answer is %v", f)
	}
}

func TestMembershipsAreRenewed(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada := s.person("ada")
	k := ada.dial("/ws/")
	k.ask(`{"type":"join","ref":1,"room":"lobby"}`)
	room, err := s.chat.RoomByName(t.Context(), "lobby")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.server.layer.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, p := range s.server.peers.list() {
		p.refresh(t.Context())
	}
	if _, err := s.chat.Post(t.Context(), ada.person(), room.Name, chat.ID{}, "still here"); err != nil {
		t.Fatal(err)
	}
	if f := k.next("chat_message"); f["message"] != "still here" {
		t.Errorf("message is %v", f)
	}
}
