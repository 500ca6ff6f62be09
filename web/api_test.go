package web

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"testing"

	"snug/chat"
)

// call is one call of the API, held to its description, with the session's cookie, or the client's token. A body that is no string is sent as JSON.
func (c *client) call(method, path string, body any, change ...func(*http.Request)) answer {
	t := c.site.t
	t.Helper()
	var content []byte
	switch body := body.(type) {
	case nil:
	case string:
		content = []byte(body)
	default:
		var err error
		if content, err = json.Marshal(body); err != nil {
			t.Fatal(err)
		}
	}
	kind := ""
	a := c.do(method, apiPath+path, nil, append(append([]func(*http.Request){func(r *http.Request) {
		if content != nil {
			r.Header.Set("Content-Type", "application/json")
			r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(content)), -1
		}
	}}, change...), func(r *http.Request) { kind = r.Header.Get("Content-Type") })...)
	a.holdTo(t, method, apiPath+path, kind, string(content))
	return a
}

// object is the body of an answer.
func (a answer) object(t testing.TB) map[string]any {
	t.Helper()
	var o map[string]any
	if err := json.Unmarshal([]byte(a.body), &o); err != nil {
		t.Fatalf("body is no object: %v\n%s", err, a.body)
	}
	return o
}

// isProblem checks that an answer is a problem with a code.
func (a answer) isProblem(t testing.TB, status int, code string) {
	t.Helper()
	a.want(t, status)
	if kind := a.header.Get("Content-Type"); kind != "application/problem+json" {
		t.Errorf("content type is %q", kind)
	}
	o := a.object(t)
	if o["code"] != code || o["status"] != float64(status) || o["title"] != http.StatusText(status) || o["detail"] == "" {
		t.Errorf("problem is %v, want code %q", o, code)
	}
}

func TestConversationsArePaged(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada := s.person("ada")
	var want []string
	for _, name := range []string{"grace", "hedy", "margaret"} {
		s.person(name).call("POST", "conversations/ada/messages", map[string]any{"message": "hello"}).want(t, 201)
		want = slices.Insert(want, 0, name)
	}
	var got []string
	for address := "conversations?limit=1"; ; {
		page := ada.call("GET", address, nil).want(t, 200).object(t)
		conversations := page["conversations"].([]any)
		if len(conversations) != 1 || page["cursor"] == "" {
			t.Fatalf("page is %v", page)
		}
		got = append(got, conversations[0].(map[string]any)["user"].(string))
		next, more := page["next"].(string)
		if !more {
			break
		}
		address = "conversations?limit=1&after=" + next
	}
	if !slices.Equal(got, want) {
		t.Errorf("the pages are %v, want %v", got, want)
	}
	ada.call("GET", "conversations?after=019aa5b2-7c00-7000-8000-0000000000a1", nil).isProblem(t, 404, "not_found")
	ada.call("GET", "conversations?after=grace", nil).isProblem(t, 400, "bad_field")
	ada.call("GET", "conversations?limit=101", nil).isProblem(t, 400, "bad_field")
}

func TestAPIConversation(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada, grace := s.person("ada"), s.person("grace")

	made := ada.call("POST", "rooms", map[string]any{"name": "Lobby"}).want(t, 201)
	if o := made.object(t); o["name"] != "Lobby" || o["can_moderate"] != true || made.header.Get("Location") != "rooms/Lobby" {
		t.Errorf("room is %v at %q", o, made.header.Get("Location"))
	}
	if o := grace.call("POST", "rooms", map[string]any{"name": "lobby"}).want(t, 200).object(t); o["name"] != "Lobby" || o["can_moderate"] != false {
		t.Errorf("the same room is %v", o)
	}
	const id = "019aa5b2-7c00-7000-8000-0000000000a1"
	first := ada.call("POST", "rooms/lobby/messages", map[string]any{"id": id, "message": "hello, **everybody**"}).want(t, 201).object(t)
	again := ada.call("POST", "rooms/lobby/messages", map[string]any{"id": id, "message": "hello, **everybody**"}).want(t, 200).object(t)
	if first["id"] != id || again["seq"] != first["seq"] || again["time"] != first["time"] {
		t.Errorf("posted %v, and again %v", first, again)
	}
	grace.call("POST", "rooms/lobby/messages", map[string]any{"id": id, "message": "mine"}).isProblem(t, 409, "conflict")
	grace.call("PATCH", "messages/"+id, map[string]any{"message": "mine"}).isProblem(t, 403, "forbidden")
	ada.call("PATCH", "messages/"+id, map[string]any{"message": "hello"}).want(t, 200)
	page := grace.call("GET", "rooms/lobby/messages", nil).want(t, 200).object(t)
	if got := texts(page["messages"]); len(got) != 1 || got[0] != "hello" {
		t.Errorf("history is %v", page)
	}
	ada.call("DELETE", "messages/"+id, nil).want(t, 200)
	ada.call("PATCH", "messages/"+id, map[string]any{"message": "back"}).isProblem(t, 404, "not_found")

	grace.call("POST", "conversations/ADA/messages", map[string]any{"message": "psst"}).want(t, 201)
	if o := ada.call("GET", "conversations", nil).want(t, 200).object(t); len(o["conversations"].([]any)) != 1 {
		t.Errorf("conversations are %v", o)
	}
	if o := ada.call("GET", "conversations/grace/messages", nil).want(t, 200).object(t); texts(o["messages"])[0] != "psst" {
		t.Errorf("conversation is %v", o)
	}
	if o := ada.call("GET", "me", nil).want(t, 200).object(t); o["user"] != "ada" {
		t.Errorf("me is %v", o)
	}
	if o := ada.call("GET", "users?limit=1", nil).want(t, 200).object(t); o["next"] != "ada" || o["total"] != 2.0 {
		t.Errorf("users are %v", o)
	}
	if o := ada.call("GET", "users?limit=1&after=ada", nil).want(t, 200).object(t); o["next"] != nil || len(o["users"].([]any)) != 1 {
		t.Errorf("the second page is %v", o)
	}
	if o := ada.call("GET", "users/Grace", nil).want(t, 200).object(t); o["name"] != "grace" || o["online"] != false {
		t.Errorf("grace is %v", o)
	}
	if o := ada.call("GET", "rooms", nil).want(t, 200).object(t); len(o["rooms"].([]any)) != 1 {
		t.Errorf("rooms are %v", o)
	}
}

// TestHistoryIsReadBothWays walks a room of 25 messages from either end, and the other way again.
func TestHistoryIsReadBothWays(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada, grace := s.person("ada"), s.person("grace")
	ada.call("POST", "rooms", map[string]any{"name": "lobby"}).want(t, 201)
	for place, say := range map[string]func(text string){
		"rooms/lobby": func(text string) {
			if _, err := s.chat.Post(t.Context(), ada.person(), "lobby", chat.ID{}, text); err != nil {
				t.Fatal(err)
			}
		},
		"conversations/grace": func(text string) {
			if _, err := s.chat.Private(t.Context(), ada.person(), "grace", chat.ID{}, text); err != nil {
				t.Fatal(err)
			}
		},
	} {
		var said []string
		for i := range 25 {
			said = append(said, fmt.Sprint("message ", i))
			say(said[i])
		}
		at := place + "/messages?limit=10"
		var back []string
		page := ada.call("GET", at, nil).want(t, 200).object(t)
		last := page["newer"].(string)
		for {
			back = append(texts(page["messages"]), back...)
			older, ok := page["older"].(string)
			if ok != page["more"].(bool) {
				t.Errorf("more is %v, older is %q", page["more"], older)
			}
			if !ok {
				break
			}
			page = ada.call("GET", at+"&before="+older, nil).want(t, 200).object(t)
		}
		if !slices.Equal(back, said) {
			t.Errorf("backwards: %q", back)
		}
		first := page["messages"].([]any)[0].(map[string]any)["id"].(string)
		forth := slices.Clone(said[:1])
		for more := true; more; {
			page = ada.call("GET", at+"&after="+first, nil).want(t, 200).object(t)
			forth = append(forth, texts(page["messages"])...)
			first, more = page["newer"].(string), page["more"].(bool)
		}
		if !slices.Equal(forth, said) || first != last {
			t.Errorf("forwards: %q, up to %s and not %s", forth, first, last)
		}
		say("new")
		if page = ada.call("GET", at+"&after="+last, nil).object(t); len(texts(page["messages"])) != 1 {
			t.Errorf("what is new: %v", page)
		}
		ada.call("GET", at+"&after="+last+"&before="+last, nil).isProblem(t, 400, "bad_field")
		ada.call("GET", at+"&after=none", nil).isProblem(t, 400, "bad_field")
		ada.call("GET", at+"&before=019aa5b2-7c00-7000-8000-0000000000ff", nil).isProblem(t, 404, "not_found")
	}
	grace.call("GET", "rooms/nowhere/messages", nil).isProblem(t, 404, "not_found")
	grace.call("GET", "rooms/no%20room/messages", nil).isProblem(t, 422, "room_name")
	grace.call("GET", "rooms/lobby/messages?limit=101", nil).isProblem(t, 400, "bad_field")
	other := s.person("edsger")
	if o := other.call("GET", "conversations/grace/messages", nil).want(t, 200).object(t); len(o["messages"].([]any)) != 0 {
		t.Errorf("somebody else reads %v", o)
	}
}
