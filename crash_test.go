package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"snug/snugtest"
)

const (
	crashClients = 4
	// underWay is how many messages a client has sent without an acknowledgement: enough that a kill finds some in every state.
	underWay = 8
)

// TestEveryAcknowledgedMessageSurvivesKill kills the server again and again while people post, and starts it on the same data: what was
// acknowledged is there once, what was not is there at most once, and posting it again under the same id leaves it there once.
func TestEveryAcknowledgedMessageSurvivesKill(t *testing.T) {
	t.Parallel()
	kills := 5
	if os.Getenv("SNUG_LONG") != "" {
		kills = 50
	}
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("SNUG_SEED"); text != "" {
		given, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		seed = given
	}
	t.Logf("SNUG_SEED=%d makes the same choices", seed)
	random := rand.New(rand.NewPCG(seed, 0))

	s := snugtest.Start(t, snugtest.Options{Args: []string{"--set", "limits.messages_per_second=0", "--set", "log.level=warn"}})
	posters := make([]*poster, crashClients)
	for i := range posters {
		posters[i] = &poster{client: snugtest.SignUp(t, s.URL, fmt.Sprintf("poster%d", i), password), address: s.URL + "/ws/", sent: map[string]string{}}
	}
	for life := range kills {
		room := fmt.Sprintf("life-%d", life)
		enough := random.IntN(400)
		read(t, snugtest.Dial(t, posters[0].client, s.URL+"/ws/"), room) // makes the room
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		acknowledged := make(chan struct{}, crashClients*underWay)
		var posting sync.WaitGroup
		for _, p := range posters {
			posting.Go(func() { p.post(ctx, t, room, acknowledged) })
		}
		for range enough {
			select {
			case <-acknowledged:
			case <-ctx.Done():
				t.Fatalf("no acknowledgement came for a minute in life %d", life)
			}
		}
		s.Kill()
		cancel()
		posting.Wait()
		s.Restart()
		stored := read(t, snugtest.Dial(t, posters[0].client, s.URL+"/ws/"), room)
		for _, p := range posters {
			p.compare(t, room, stored, false)
			p.postRest(t, room)
		}
		stored = read(t, snugtest.Dial(t, posters[0].client, s.URL+"/ws/"), room)
		for _, p := range posters {
			p.compare(t, room, stored, true)
		}
		noStrangers(t, posters, stored)
	}
	total := 0
	for life := range kills { // what earlier lives stored, later ones did not lose
		room := fmt.Sprintf("life-%d", life)
		stored := read(t, snugtest.Dial(t, posters[0].client, s.URL+"/ws/"), room)
		total += len(stored)
		for _, p := range posters {
			p.compare(t, room, stored, true)
		}
	}
	t.Logf("%d messages, %d kills", total, kills)
	s.Stop()
}

// poster is somebody who posts as fast as the server acknowledges, and remembers.
type poster struct {
	client  *http.Client
	address string

	sent  map[string]string // id to text, of everything ever sent
	acked map[string]bool   // of the room that is being posted to
	rest  []string          // ids not acknowledged
	room  string
}

// post posts to a room until the connection breaks or ctx ends.
func (p *poster) post(ctx context.Context, t *testing.T, room string, acknowledged chan<- struct{}) {
	p.room, p.acked, p.rest = room, map[string]bool{}, nil
	socket, err := snugtest.Connect(ctx, p.client, p.address)
	if err != nil {
		return
	}
	defer socket.Cut()
	for {
		for len(p.rest) < underWay {
			id := uuid.Must(uuid.NewV7()).String()
			p.sent[id] = fmt.Sprintf("%s in %s", id, room)
			p.rest = append(p.rest, id)
			if err := socket.Send(ctx, p.frame(id)); err != nil {
				return
			}
		}
		answer, err := socket.Receive(ctx)
		if err != nil {
			return
		}
		switch answer.Text("type") {
		case "ack":
		case "error":
			t.Errorf("posting was answered with %v", answer)
			return
		default:
			continue
		}
		p.acknowledge(answer.Text("id"))
		select {
		case acknowledged <- struct{}{}:
		case <-ctx.Done():
			return
		}
	}
}

func (p *poster) frame(id string) snugtest.Frame {
	return snugtest.Frame{"type": "post", "ref": id, "room": p.room, "id": id, "message": p.sent[id]}
}

func (p *poster) acknowledge(id string) {
	p.acked[id] = true
	for i, waiting := range p.rest {
		if waiting == id {
			p.rest = append(p.rest[:i], p.rest[i+1:]...)
			return
		}
	}
}

// postRest posts again what was never acknowledged, as a client does after a break.
func (p *poster) postRest(t *testing.T, room string) {
	t.Helper()
	p.room = room
	socket := snugtest.Dial(t, p.client, p.address)
	defer socket.Cut()
	for len(p.rest) > 0 {
		id := p.rest[0]
		if answer := socket.Ask(t, p.frame(id)); answer.Text("type") != "ack" || answer.Text("id") != id {
			t.Fatalf("posting %s again was answered with %v", id, answer)
		}
		p.acknowledge(id)
	}
}

// compare holds what a room stores against what was sent to it. All must be there if everything was acknowledged in the end.
func (p *poster) compare(t *testing.T, room string, stored map[string][]string, all bool) {
	t.Helper()
	for id, text := range p.sent {
		if text != fmt.Sprintf("%s in %s", id, room) {
			continue // sent to another room
		}
		copies := stored[id]
		if (all || p.acked[id]) && len(copies) == 0 {
			t.Errorf("message %s was acknowledged, and is gone", id)
		}
		if len(copies) > 1 {
			t.Errorf("message %s is there %d times", id, len(copies))
		}
		if len(copies) == 1 && copies[0] != text {
			t.Errorf("message %s was %q and is %q", id, text, copies[0])
		}
	}
}

// noStrangers checks that a room holds nothing that nobody sent.
func noStrangers(t *testing.T, posters []*poster, stored map[string][]string) {
	t.Helper()
	for id := range stored {
		if !slices.ContainsFunc(posters, func(p *poster) bool { return p.sent[id] != "" }) {
			t.Errorf("message %s was never sent", id)
		}
	}
}

// read reads the whole history of a room, page by page: texts by id.
func read(t *testing.T, socket *snugtest.Socket, room string) map[string][]string {
	t.Helper()
	defer socket.Cut()
	if joined := socket.Ask(t, snugtest.Frame{"type": "join", "room": room}); joined.Text("type") != "joined" {
		t.Fatalf("joining %s was answered with %v", room, joined)
	}
	stored := map[string][]string{}
	ask := snugtest.Frame{"type": "history", "room": room}
	for {
		page := socket.Ask(t, ask)
		messages := page.Frames("messages")
		for _, m := range messages {
			stored[m.Text("id")] = append(stored[m.Text("id")], m.Text("message"))
		}
		if more, _ := page["more"].(bool); !more || len(messages) == 0 {
			return stored
		}
		ask = snugtest.Frame{"type": "history", "room": room, "before": messages[0].Text("id")}
	}
}
