package web

import (
	"fmt"
	"testing"

	"snug/chat"
)

// reader is a client of /ws/ that keeps to docs/protocol.md: what it holds of one room, over any number of connections.
type reader struct {
	seq float64
	log string
	all map[string]float64 // message text to the place of its newest state
}

// take notes a message. In order says that it counts for how far the room has been seen.
func (r *reader) take(t *testing.T, message frame, inOrder bool) {
	t.Helper()
	text, _ := message["message"].(string)
	seq, _ := message["seq"].(float64)
	if at, known := r.all[text]; known && at != seq {
		t.Errorf("%q came with the places %v and %v: it was stored twice", text, at, seq)
	}
	r.all[text] = seq
	if !inOrder {
		return
	}
	if seq <= r.seq {
		t.Errorf("%q came at place %v, after %v", text, seq, r.seq)
	}
	r.seq = seq
}

// visit opens a socket, enters the room, reads what has come and breaks the connection.
func (r *reader) visit(t *testing.T, c *client) {
	t.Helper()
	k := c.dial("/ws/")
	k.send(fmt.Sprintf(`{"type":"join","ref":1,"room":"lobby","after":%.0f,"log":%q}`, r.seq, r.log))
	f := k.next("chat_message", "joined")
	for ; f.kind() != "joined"; f = k.next("chat_message", "joined") {
		r.take(t, f, false)
	}
	if f["recovered"] != (r.log != "") {
		t.Errorf("recovered is %v after %v", f["recovered"], r.seq)
	}
	missed, _ := f["messages"].([]any)
	for _, message := range missed {
		m, _ := message.(map[string]any)
		r.take(t, m, true)
	}
	seq, _ := f["seq"].(float64)
	r.seq = max(r.seq, seq)
	r.log, _ = f["log"].(string)
	_ = k.conn.CloseNow()
	for f := range k.frames { // what came before the break
		if seq, _ := f["seq"].(float64); f.kind() == "chat_message" && seq > r.seq {
			r.take(t, f, true)
		}
	}
}

func TestNothingIsMissedOrDoubledAcrossBreaks(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada, grace := s.person("ada"), s.person("grace")
	if _, err := s.chat.OpenRoom(t.Context(), ada.person(), "lobby"); err != nil {
		t.Fatal(err)
	}
	const rounds, senders, each = 20, 3, 20
	r := &reader{all: make(map[string]float64)}
	r.visit(t, grace)
	who := ada.person()
	for round := range rounds {
		posted := make(chan error, senders)
		for sender := range senders {
			go func() {
				var err error
				for i := 0; i < each && err == nil; i++ {
					_, err = s.chat.Post(t.Context(), who, "lobby", chat.ID{}, fmt.Sprint(round, "-", sender, "-", i))
				}
				posted <- err
			}()
		}
		r.visit(t, grace)
		r.visit(t, grace)
		for range senders {
			if err := <-posted; err != nil {
				t.Fatal(err)
			}
		}
	}
	r.visit(t, grace)
	if want := rounds * senders * each; len(r.all) != want {
		t.Errorf("%d messages came, of %d", len(r.all), want)
	}
}
