package main

import (
	"net/http"
	"testing"

	"snug/snugtest"
)

// TestTypingCrossesNodes has people of one node hear who types on the other, in a room and privately, and nobody else.
func TestTypingCrossesNodes(t *testing.T) {
	t.Parallel()
	a := snugtest.Start(t, nodeOptions("attic", ""))
	b := startBeside(t, a, "barn")
	ada, grace := snugtest.SignUp(t, a.URL, "ada", password), snugtest.SignUp(t, a.URL, "grace", password)
	for _, client := range []*http.Client{ada, grace} {
		eventually(t, "a session of A holds on B", clusterWait, func() bool { return isLoggedIn(t, client, b) })
	}
	onA, _ := enter(t, ada, a, "lobby")
	onB, _ := enter(t, grace, b, "lobby")
	own, _ := enter(t, ada, b, "lobby") // of the one who types, on the node of the other
	tutorial := snugtest.Dial(t, grace, b.URL+"/ws/chat/lobby/")
	hears(t, tutorial, clusterWait, snugtest.Frame{"type": "user_list"})

	// That somebody on B is in the room has reached A with what B's people hear of it.
	heard := make(chan snugtest.Frame, 1)
	go func() {
		for {
			frame, err := onB.Receive(t.Context())
			if err != nil || frame["type"] == "typing" {
				heard <- frame
				return
			}
		}
	}()
	var frame snugtest.Frame
	eventually(t, "grace hears on B that ada types on A", clusterWait, func() bool {
		onA.Ask(t, snugtest.Frame{"type": "typing", "room": "lobby"})
		select {
		case frame = <-heard:
			return true
		default:
			return false
		}
	})
	if len(frame) != 3 || frame["user"] != "ada" || frame["room"] != "lobby" {
		t.Errorf("grace is told %v", frame)
	}
	onA.Ask(t, snugtest.Frame{"type": "typing", "user": "grace"})
	hears(t, onB, clusterWait, snugtest.Frame{"type": "typing", "user": "ada", "target": "grace"})

	// Whatever else was told came before the message.
	post(t, onA, "lobby", "done")
	for name, socket := range map[string]*snugtest.Socket{"ada's socket on B": own, "grace's tutorial socket": tutorial} {
		for frame := (snugtest.Frame{}); frame["message"] != "done"; {
			var err error
			if frame, err = socket.Receive(t.Context()); err != nil {
				t.Fatal(err)
			}
			if frame["type"] == "typing" {
				t.Errorf("%s was told %v", name, frame)
			}
		}
	}
}
