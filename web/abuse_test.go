package web

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"snug/chat"
)

func TestBadFramesOfSnugAreAnswered(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada := s.person("ada")
	if _, err := s.chat.OpenRoom(t.Context(), ada.person(), "lobby"); err != nil {
		t.Fatal(err)
	}
	const id = `"019aa5b2-7c00-7000-8000-0000000000a1"`
	tests := []struct{ frame, code, ref string }{
		{`hello`, "bad_frame", ""},
		{``, "bad_frame", ""},
		{`null`, "bad_frame", ""},
		{`[]`, "bad_frame", ""},
		{`"post"`, "bad_frame", ""},
		{`{"type":"post"`, "bad_frame", ""},
		{`{"type":"post"}{}`, "bad_frame", ""},
		{strings.Repeat("[", 20_000), "bad_frame", ""},
		{`{"a":` + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000) + `}`, "bad_frame", ""},
		{`{}`, "bad_field", ""},
		{`{"ref":1}`, "bad_field", "1"},
		{`{"ref":1,"type":7}`, "bad_field", "1"},
		{`{"ref":1,"type":null}`, "bad_field", "1"},
		{`{"ref":{},"type":"rooms"}`, "bad_field", ""},
		{`{"ref":[1],"type":"rooms"}`, "bad_field", ""},
		{`{"ref":true,"type":"rooms"}`, "bad_field", ""},
		{`{"ref":"` + strings.Repeat("x", 65) + `","type":"rooms"}`, "bad_field", ""},
		{`{"ref":1,"type":""}`, "unknown_type", "1"},
		{`{"ref":1,"type":"Post"}`, "unknown_type", "1"},
		{`{"ref":1,"type":"hello"}`, "unknown_type", "1"},
		{`{"ref":1,"type":"join"}`, "bad_field", "1"},
		{`{"ref":1,"type":"join","room":7}`, "bad_field", "1"},
		{`{"ref":1,"type":"join","room":["lobby"]}`, "bad_field", "1"},
		{`{"ref":1,"type":"join","room":"two words"}`, "room_name", "1"},
		{`{"ref":1,"type":"join","room":"../etc"}`, "room_name", "1"},
		{`{"ref":1,"type":"join","room":"lobby","after":"x"}`, "bad_field", "1"},
		{`{"ref":1,"type":"join","room":"lobby","after":1.5}`, "bad_field", "1"},
		{`{"ref":1,"type":"join","room":"lobby","after":-1}`, "bad_field", "1"},
		{`{"ref":1,"type":"join","room":"lobby","after":99999999999999999999}`, "bad_field", "1"},
		{`{"ref":1,"type":"join","room":"lobby","log":{}}`, "bad_field", "1"},
		{`{"ref":1,"type":"leave"}`, "bad_field", "1"},
		{`{"ref":1,"type":"leave","room":"nowhere"}`, "not_found", "1"},
		{`{"ref":1,"type":"post","room":"lobby"}`, "bad_field", "1"},
		{`{"ref":1,"type":"post","message":"x"}`, "bad_field", "1"},
		{`{"ref":1,"type":"post","room":"lobby","message":null}`, "bad_field", "1"},
		{`{"ref":1,"type":"post","room":"lobby","message":{"text":"x"}}`, "bad_field", "1"},
		{`{"ref":1,"type":"post","room":"lobby","message":" \n "}`, "empty", "1"},
		{`{"ref":1,"type":"post","room":"lobby","message":"` + strings.Repeat("x", 4001) + `"}`, "too_long", "1"},
		{`{"ref":1,"type":"post","room":"nowhere","message":"x"}`, "not_found", "1"},
		{`{"ref":1,"type":"post","room":"lobby","message":"x","id":"1"}`, "bad_field", "1"},
		{`{"ref":1,"type":"post","room":"lobby","message":"x","id":7}`, "bad_field", "1"},
		{`{"ref":1,"type":"post","room":"lobby","message":"x","id":"00000000-0000-0000-0000-000000000000"}`, "bad_field", "1"},
		{`{"ref":1,"type":"post","room":"lobby","message":"x","id":"5f0c4e5a-9b1d-4c7e-8f60-718293a4b5c6"}`, "bad_field", "1"},
		{`{"ref":1,"type":"private","message":"x"}`, "bad_field", "1"},
		{`{"ref":1,"type":"private","user":"nobody","message":"x"}`, "not_found", "1"},
		{`{"ref":1,"type":"private","user":"two words","message":"x"}`, "not_found", "1"},
		{`{"ref":1,"type":"edit","message":"x"}`, "bad_field", "1"},
		{`{"ref":1,"type":"edit","id":` + id + `}`, "bad_field", "1"},
		{`{"ref":1,"type":"edit","id":` + id + `,"message":"x"}`, "not_found", "1"},
		{`{"ref":1,"type":"delete"}`, "bad_field", "1"},
		{`{"ref":1,"type":"delete","id":` + id + `}`, "not_found", "1"},
		{`{"ref":1,"type":"history"}`, "bad_field", "1"},
		{`{"ref":1,"type":"history","room":"lobby","user":"ada"}`, "bad_field", "1"},
		{`{"ref":1,"type":"history","room":"lobby","before":"x"}`, "bad_field", "1"},
		{`{"ref":1,"type":"history","room":"nowhere"}`, "not_found", "1"},
		{`{"ref":1,"type":"history","user":"nobody"}`, "not_found", "1"},
		{`{"ref":1,"type":"inbox","after":true}`, "bad_field", "1"},
	}
	for _, test := range tests {
		k := ada.dial("/ws/")
		k.only("hello")
		k.send(test.frame)
		f := k.only("error")
		ref := ""
		if f["ref"] != nil {
			ref = fmt.Sprint(f["ref"])
		}
		if f["code"] != test.code || ref != test.ref {
			t.Errorf("%.80s is answered by %v, want %s with ref %q", test.frame, f, test.code, test.ref)
		}
		if text, _ := f["message"].(string); text == "" {
			t.Errorf("%.80s: the error has no words", test.frame)
		}
		if f := k.ask(`{"type":"leave","ref":"alive","room":"lobby"}`); f.kind() != "ack" {
			t.Errorf("after %.80s: %v", test.frame, f)
		}
		_ = k.conn.CloseNow()
	}
}

func TestFieldsThatAreNotKnownAreIgnored(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	k := s.person("ada").dial("/ws/")
	if f := k.ask(`{"type":"join","ref":1,"room":"lobby","colour":{"x":[1]},"z":null,"id":7}`); f.kind() != "joined" {
		t.Errorf("answer is %v", f)
	}
}

func TestBadFramesOfChatAreAnswered(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada := s.person("ada")
	for frame, code := range map[string]string{
		`hello`:                     "bad_frame",
		`[]`:                        "bad_frame",
		`{}`:                        "bad_field",
		`{"message":7}`:             "bad_field",
		`{"message":null}`:          "bad_field",
		`{"message":"x","id":"y"}`:  "bad_field",
		`{"message":""}`:            "empty",
		`{"message":"/pm grase x"}`: "not_found",
		`{"message":"` + strings.Repeat("x", 4001) + `"}`: "too_long",
	} {
		k := ada.dial("/ws/chat/lobby/")
		k.send(frame)
		if f := k.next("error", "chat_message"); f["code"] != code {
			t.Errorf("%.80s is answered by %v, want %s", frame, f, code)
		}
		k.send(`{"message":"still here"}`)
		k.next("chat_message")
		_ = k.conn.CloseNow()
	}
}

func TestAHundredFramesInAMillisecondAreHeldToTheRate(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(o *siteOptions) { o.Web.Limits.MessagesPerSecond = 10 })
	ada, grace := s.person("ada"), s.person("grace")
	other := grace.dial("/ws/chat/lobby/")
	for _, path := range []string{"/ws/chat/lobby/", "/ws/"} {
		k := ada.dial(path)
		const count = 100
		for i := range count {
			k.send(fmt.Sprintf(`{"type":"post","ref":%d,"room":"lobby","message":"%d"}`, i, i))
		}
		accepted, refused := 0, 0
		for accepted+refused < count {
			f := k.next("ack", "error", "chat_message")
			switch {
			case f.kind() == "error":
				refused++
				if f["code"] != "rate_limited" || f["retry_after"] != 1.0 {
					t.Fatalf("answer is %v", f)
				}
			case path == "/ws/" && f.kind() == "ack", path != "/ws/" && f["user"] == "ada":
				accepted++
			}
		}
		if refused < count/2 {
			t.Errorf("%s: %d frames were refused and %d accepted", path, refused, accepted)
		}
		_ = k.conn.CloseNow()
	}
	other.send(`{"message":"I notice nothing"}`)
	other.until("grace's own message", func(f frame) bool { return f["message"] == "I notice nothing" })
}

func TestWhoBreaksTheRulesAgainAndAgainIsClosed(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada := s.person("ada")
	floods := map[string]string{
		"/ws/":             `{"type":"rooms"}`,
		"/ws/chat/lobby/":  `not JSON`,
		"/users/":          `anything`,
		"/ws/?not=at-all":  `not JSON`,
		"/ws/?unknown=yes": `{"type":"nonsense"}`,
	}
	for path, text := range floods {
		k := ada.dial(path)
		for range 5000 {
			if err := k.conn.Write(context.Background(), websocket.MessageText, []byte(text)); err != nil {
				break
			}
		}
		if code := k.closed(); code != closePolicy {
			t.Errorf("%s: close code is %d, want %d", path, code, closePolicy)
		}
	}
	ada.dial("/ws/").ask(`{"type":"users","ref":1}`)
}

func TestLargeAndBinaryFramesCloseTheSocketAlone(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada := s.person("ada")
	other := s.person("grace").dial("/ws/chat/lobby/")
	for _, path := range []string{"/ws/", "/ws/chat/lobby/", "/users/"} {
		k := ada.dial(path)
		// The server may close while this is being written.
		_ = k.conn.Write(t.Context(), websocket.MessageText, []byte(`{"message":"`+strings.Repeat("x", 1<<20)+`"}`))
		if code := k.closed(); code != websocket.StatusMessageTooBig {
			t.Errorf("%s: close code is %d, want 1009", path, code)
		}
		k = ada.dial(path)
		if err := k.conn.Write(t.Context(), websocket.MessageBinary, []byte{0, 1, 2}); err != nil {
			t.Fatal(err)
		}
		if code := k.closed(); code != websocket.StatusUnsupportedData {
			t.Errorf("%s: close code is %d, want 1003", path, code)
		}
	}
	other.send(`{"message":"I notice nothing"}`)
	other.until("grace's own message", func(f frame) bool { return f["message"] == "I notice nothing" })
}

func TestMarkupInFramesStaysText(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	const script = `<img src=x onerror=alert(1)>`
	k := s.person("ada").dial("/ws/chat/lobby/")
	k.send(`{"message":"` + script + `"}`)
	if f := k.next("chat_message"); f["message"] != script || f["body"] != nil {
		t.Errorf("message is %v", f)
	}
}

func FuzzDecodeEnvelope(f *testing.F) {
	for _, seed := range []string{`{"type":"post","ref":1}`, `{"type":"typing","room":"lobby","user":1}`, `{"ref":"x"}`, `[]`, `{"type":{}}`, "{\xff}", ``, `{"ref":-0.1e9,"type":"\u0000"}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		e, err := decodeEnvelope(frame)
		if err != nil {
			answer := errorAnswer(e.Ref, err)
			if answer.Code != codeBadFrame && answer.Code != chat.CodeBadField {
				t.Errorf("%q: code %q", frame, answer.Code)
			}
		}
		if len(e.Ref) > maxRef+2 {
			t.Errorf("%q: ref %q", frame, e.Ref)
		}
		var post postFrame
		_ = decodeFrame(frame, &post)
		var typing typingFrame
		_ = decodeFrame(frame, &typing)
	})
}
