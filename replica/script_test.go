package replica

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"snug/layer/mesh"
	"snug/layer/mesh/meshtest"
)

// script is a peer that does only what the test says.
type script struct {
	t    *testing.T
	port mesh.Port
	peer string
	feed Feed

	mu     sync.Mutex
	frames []frame
}

func (s *script) Up(peer string) {}

func (s *script) Down(peer string) {}

func (s *script) Received(_ string, b []byte) {
	f, err := decode(b)
	if err != nil {
		s.t.Errorf("frame %x: %v", b, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.frames = append(s.frames, f)
}

// send sends frames and waits until they have arrived.
func (s *script) send(frames ...frame) {
	s.t.Helper()
	for _, f := range frames {
		if err := s.port.Send(s.peer, encode(f)); err != nil {
			s.t.Fatal(err)
		}
	}
	time.Sleep(100 * time.Millisecond)
}

// got takes out the frames of one kind that have come.
func got[F frame](s *script) (some []F) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.frames = slices.DeleteFunc(s.frames, func(f frame) bool {
		one, ok := f.(F)
		if ok {
			some = append(some, one)
		}
		return ok
	})
	return some
}

// scripted runs a test with one node and one peer that is a script. They are linked.
func scripted(t *testing.T, test func(t *testing.T, w *world, n *node, s *script)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, 1)
		defer w.end()
		w.nodes[0].store.slow(0)
		w.nodes[0].setQuiet(true)
		s := &script{t: t, peer: w.nodes[0].id, feed: Feed{9}, port: w.net.Node(meshtest.ID(9)).Port("replica")}
		s.port.Join(s)
		time.Sleep(meshtest.Connect + 10*time.Millisecond)
		test(t, w, w.nodes[0], s)
	})
}

// message is a row of another node.
func message(feed Feed, seq uint64) Row {
	s := state{Kind: "message", ID: fmt.Sprintf("%x-%d", feed[0], seq), Stamp: seq, Text: "hello", By: fmt.Sprint(feed[0]), N: int(seq), feed: feed, seq: seq}
	return s.row()
}

func live(feed Feed, seqs ...uint64) *liveFrame {
	f := &liveFrame{Feed: feed, First: seqs[0]}
	for _, seq := range seqs {
		f.Bodies = append(f.Bodies, message(feed, seq).Body)
	}
	return f
}

// expectTold compares the messages that people were told of since the beginning.
func (n *node) expectTold(want ...string) {
	n.w.t.Helper()
	var told []string
	for _, s := range n.store.save().told {
		told = append(told, s.ID)
	}
	if !slices.Equal(told, want) {
		n.w.t.Errorf("told of %q, want %q", told, want)
	}
}
