package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// example is a frame in docs/protocol.md.
type example struct {
	from, protocol, kind string // "client" or "server"; "users", "chat" or "snug"; the type
	text                 string
	frame                frame
}

func (e example) String() string { return e.from + " " + e.protocol + " " + e.text }

// examples are all frames in docs/protocol.md, in its order.
func examples(t *testing.T, from, protocol string) []example {
	t.Helper()
	page, err := os.ReadFile("../docs/protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	mark := regexp.MustCompile("(?m)^<!-- frame: (\\w+) (\\w+) (\\w+) -->\n```json\n(.*)\n```$")
	found := mark.FindAllStringSubmatch(string(page), -1)
	if marks := strings.Count(string(page), "<!-- frame:"); marks != len(found) || marks == 0 {
		t.Fatalf("%d of %d marked frames can be read", len(found), marks)
	}
	var all []example
	for _, match := range found {
		e := example{from: match[1], protocol: match[2], kind: match[3], text: match[4]}
		if err := json.Unmarshal([]byte(e.text), &e.frame); err != nil {
			t.Fatalf("%s: %v", e, err)
		}
		if e.from == from && e.protocol == protocol {
			all = append(all, e)
		}
	}
	if len(all) == 0 && from+protocol != "clientusers" {
		t.Fatalf("no %s %s frames", from, protocol)
	}
	return all
}

// shape is the names and types of a frame's fields. A list has the shape of its first element.
func shape(v any) string {
	switch v := v.(type) {
	case map[string]any:
		var fields []string
		for name, value := range v {
			fields = append(fields, name+":"+shape(value))
		}
		slices.Sort(fields)
		return "{" + strings.Join(fields, " ") + "}"
	case frame:
		return shape(map[string]any(v))
	case []any:
		if len(v) == 0 {
			return "[]"
		}
		return "[" + shape(v[0]) + "]"
	}
	return fmt.Sprintf("%T", v)
}

// checkExamples holds the server's frames in docs/protocol.md against what really came over sockets.
func checkExamples(t *testing.T, protocol string, came []frame) {
	t.Helper()
	for _, e := range examples(t, "server", protocol) {
		if e.kind != e.frame.kind() {
			t.Errorf("%s: the mark says %q", e, e.kind)
		}
		want := shape(e.frame)
		var seen []string
		for _, f := range came {
			if f.kind() == e.kind && !slices.Contains(seen, shape(f)) {
				seen = append(seen, shape(f))
			}
		}
		if !slices.Contains(seen, want) {
			t.Errorf("no frame like %s\nwas sent. Its shape is\n  %s\nand those that were sent are\n  %s",
				e.text, want, strings.Join(seen, "\n  "))
		}
	}
	known := map[string]bool{}
	for _, e := range examples(t, "server", protocol) {
		known[e.kind] = true
	}
	for _, f := range came {
		// Private frames stand in the section of the tutorial's socket and come over both.
		if !known[f.kind()] && !strings.HasPrefix(f.kind(), "private_message") && !slices.Contains([]string{"user_join", "user_leave", "presence"}, f.kind()) {
			t.Errorf("a frame of type %q was sent, which has no example", f.kind())
		}
	}
}

func TestProtocolExamplesOfUsers(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	watcher := s.person("ada").dial("/users/")
	grace := s.person("grace").dial("/ws/")
	watcher.until("grace online", func(f frame) bool { return f["username"] == "grace" && f["is_logged_in"] == true })
	_ = grace.conn.CloseNow()
	watcher.until("grace offline", func(f frame) bool { return f["username"] == "grace" && f["is_logged_in"] == false })
	checkExamples(t, "users", watcher.came())
}

func TestProtocolExamplesOfChat(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada, grace := s.person("ada"), s.person("grace")
	there := ada.dial("/ws/chat/lobby/")
	there.next("user_list")
	here := grace.dial("/ws/chat/lobby/")
	here.next("user_list")
	there.until("grace joins", func(f frame) bool { return f.kind() == "user_join" && f["user"] == "grace" })
	for _, e := range examples(t, "client", "chat") {
		there.send(e.text)
		kind := "chat_message"
		if text, _ := e.frame["message"].(string); strings.HasPrefix(text, "/pm ") {
			kind = "private_message_delivered"
			here.next("private_message")
		}
		answer := there.next("error", kind)
		if answer.kind() != kind {
			t.Fatalf("%s was answered by %v", e, answer)
		}
		if id := e.frame["id"]; id != nil && answer["id"] != id {
			t.Errorf("%s got the id %v", e, answer["id"])
		}
	}
	there.send(`{"message":"/pm grase hello?"}`)
	there.next("error")
	path, _ := ada.hook("lobby", "Build server")
	s.guest().send(path, "text/plain", "built in 42 s").want(t, 200)
	there.next("chat_message")
	_ = here.conn.CloseNow()
	there.next("user_leave")
	late := grace.dial("/ws/chat/lobby/?history=2")
	late.next("user_list")
	checkExamples(t, "chat", append(there.came(), append(here.came(), late.came()...)...))
}

func TestProtocolExamplesOfSnug(t *testing.T) {
	t.Parallel()
	nodes := newNodes(Node{Name: "barn", URL: "http://192.168.1.6:8000/", Alive: true})
	s := newSite(t, func(o *siteOptions) { o.Web.Nodes = nodes })
	ada, grace := s.person("ada"), s.person("grace")
	if _, err := s.chat.OpenRoom(t.Context(), grace.person(), "kitchen"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.chat.OpenRoom(t.Context(), grace.person(), "lobby"); err != nil {
		t.Fatal(err)
	}
	tutorial := grace.dial("/ws/chat/lobby/")
	tutorial.next("user_join")
	tutorial.send(`{"message":"hello, everybody"}`)
	tutorial.next("chat_message")
	k := ada.dial("/ws/", func(h http.Header) { h.Set("Origin", s.url) })
	k.only("hello")
	answers := map[string]string{
		"join": "joined", "leave": "ack", "post": "ack", "private": "ack", "edit": "ack", "delete": "ack",
		"history": "history", "inbox": "inbox", "rooms": "rooms", "users": "users",
		"nodes": "nodes",
	}
	for _, e := range examples(t, "client", "snug") {
		if e.kind != e.frame.kind() {
			t.Errorf("%s: the mark says %q", e, e.kind)
		}
		if e.kind == "post" || e.kind == "edit" || e.kind == "history" {
			k.ask(`{"type":"join","ref":"again","room":"lobby"}`)
		}
		if e.kind == "typing" { // it needs no ref, for it has no answer
			k.send(e.text)
			continue
		}
		answer := k.ask(e.text)
		if answer.kind() != answers[e.kind] {
			t.Fatalf("%s was answered by %v", e, answer)
		}
	}
	hers := grace.dial("/ws/")
	hers.send(`{"type":"typing","room":"lobby"}`)
	hers.send(`{"type":"typing","user":"ada"}`)
	k.next("typing")
	k.next("typing")
	tutorial.send(`{"message":"the end"}`)
	k.until("the end", func(f frame) bool { return f["message"] == "the end" })
	third := s.person("edsger").dial("/ws/chat/kitchen/")
	third.next("user_join")
	k.until("the kitchen has somebody", func(f frame) bool { return f.kind() == "room" && f["room"] == "kitchen" && f["users"] == 1.0 })
	if _, err := s.chat.DeleteRoom(t.Context(), "kitchen"); err != nil {
		t.Fatal(err)
	}
	k.next("room_deleted")
	nodes.set(Node{Name: "shed", URL: "http://192.168.1.7:8000/", Alive: true})
	k.next("nodes")
	k.ask(`{"type":"users","ref":"end"}`)
	came := append(k.came(), rateLimited(t)...)
	checkExamples(t, "snug", came)
}

// rateLimited is what a client gets that posts too fast.
func rateLimited(t *testing.T) []frame {
	t.Helper()
	s := newSite(t, func(o *siteOptions) { o.Web.Limits.MessagesPerSecond = 1 })
	k := s.person("ada").dial("/ws/")
	k.ask(`{"type":"join","ref":0,"room":"lobby"}`)
	for ref := 1; ; ref++ {
		answer := k.ask(fmt.Sprintf(`{"type":"post","ref":%d,"room":"lobby","message":"hello"}`, ref))
		if answer.kind() == "error" {
			if answer["code"] != "rate_limited" {
				t.Errorf("answer is %v", answer)
			}
			return k.came()
		}
	}
}
