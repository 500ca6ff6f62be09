package cluster

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"snug/layer/mesh"
)

// bare is for tests of what is only done on a connection that nothing is wrapped around.
func bare(o *Options) { o.network = realNetwork{} }

// promptPair is two nodes and the prompt ports on them, which hear each other. No ping comes to write or read what was forgotten.
func promptPair(t *testing.T, atA, atB mesh.Handler) (a, b *node, pa, pb mesh.Port) {
	t.Helper()
	nodes := ring(t, 2, calm, bare, func(o *Options) { o.Timing.Heartbeat, o.Timing.Down = time.Minute, 2*time.Minute })
	a, b = nodes[0], nodes[1]
	pa, pb = a.PromptPort("x"), b.PromptPort("x")
	t.Cleanup(pa.Join(atA))
	t.Cleanup(pb.Join(atB))
	eventually(t, 5*time.Second, func() bool { return len(pa.Peers()) == 1 && len(pb.Peers()) == 1 })
	return a, b, pa, pb
}

// TestPromptFramesKeepTheirOrder has frames of all sizes, with and without pauses, and another port between them.
func TestPromptFramesKeepTheirOrder(t *testing.T) {
	t.Parallel()
	const n = 2000
	atA, atB := newEar(), newEar()
	a, b, pa, pb := promptPair(t, atA, atB)
	bulk, _ := a.listen("bulk")
	_, eb := b.listen("bulk")
	eventually(t, 5*time.Second, func() bool { return len(bulk.Peers()) == 1 })

	var senders sync.WaitGroup
	for p, to := range map[mesh.Port]*node{pa: b, bulk: b, pb: a} {
		senders.Go(func() {
			for i := range n {
				size := rand.N(200)
				if i%50 == 0 {
					size = rand.N(64 << 10)
				}
				if err := p.Send(to.ID(), fmt.Appendf(nil, "%d %s", i, strings.Repeat("x", size))); err != nil {
					t.Error(err)
					return
				}
				if rand.N(10) == 0 {
					time.Sleep(rand.N(2 * promptPause))
				}
			}
		})
	}
	senders.Wait()
	for e, from := range map[*ear]*node{atB: a, eb: a, atA: b} {
		eventually(t, 10*time.Second, func() bool { return len(e.from(from.ID())) >= 1+n })
		for i, heard := range e.from(from.ID())[1:] {
			if number, _, _ := strings.Cut(heard, " "); number != fmt.Sprint(i) {
				t.Fatalf("frame %d is %.20q", i, heard)
			}
		}
		if e.broken != "" {
			t.Error(e.broken)
		}
	}
}

func TestWhatComesWhileSomebodyWritesIsWrittenAfterwards(t *testing.T) {
	t.Parallel()
	e := newEar()
	a, b, pa, _ := promptPair(t, newEar(), e)
	l := a.linkTo(b)
	eventually(t, 5*time.Second, l.takesPen)
	for _, frame := range []string{"one", "two"} {
		if err := pa.Send(b.ID(), []byte(frame)); err != nil {
			t.Fatal(err)
		}
	}
	never(t, 50*time.Millisecond, func() bool { return e.last(a.ID()) != "up" })
	l.dropPen(false)
	eventually(t, 5*time.Second, func() bool { return e.last(a.ID()) == "two" })
}

// takesPen has the test write, or rather not.
func (l *link) takesPen() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	took := !l.writing && !l.waitsLocked()
	l.writing = l.writing || took
	return took
}

// TestUpIsToldWhoStandsInAPromptHandler has a new link while the reader of the old one is in the handler.
func TestUpIsToldWhoStandsInAPromptHandler(t *testing.T) {
	t.Parallel()
	e := newEar()
	e.block = make(chan struct{})
	a, b, pa, _ := promptPair(t, newEar(), e)
	if err := pa.Send(b.ID(), []byte("one")); err != nil {
		t.Fatal(err)
	}
	eventually(t, 5*time.Second, func() bool { return e.last(a.ID()) == "one" })
	old := b.linkTo(a)
	a.linkTo(b).close(errReplaced)
	eventually(t, 10*time.Second, func() bool { l := b.linkTo(a); return l != nil && l != old && l.isOpen("x") })
	close(e.block)
	eventually(t, 5*time.Second, func() bool { return e.last(a.ID()) == "up" })
	if got := e.from(a.ID()); !slices.Equal(got, []string{"up", "one", "up"}) {
		t.Errorf("heard %q", got)
	}
}

func TestPortThatIsBeingLeftSkipsNoFrame(t *testing.T) {
	t.Parallel()
	e := newEar()
	j := &joined{handler: e, prompt: true}
	in := &inbound{}
	ln := &lane{peer: "a", to: j, current: in}
	j.stopped.Store(true)
	ln.data(in, []byte("two"), true)
	if got := e.from("a"); len(got) != 0 {
		t.Errorf("while the port is left comes %q, and what came before it does not", got)
	}
}

// TestLeaveWaitsForAPromptHandler has the handler under way when its port is left.
func TestLeaveWaitsForAPromptHandler(t *testing.T) {
	t.Parallel()
	nodes := ring(t, 2, calm, bare)
	a, b := nodes[0], nodes[1]
	pa, pb := a.PromptPort("x"), b.PromptPort("x")
	t.Cleanup(pa.Join(newEar()))
	e := newEar()
	e.block = make(chan struct{})
	leave := pb.Join(e)
	eventually(t, 5*time.Second, func() bool { return len(pa.Peers()) == 1 })
	for _, frame := range []string{"one", "two"} {
		if err := pa.Send(b.ID(), []byte(frame)); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, 5*time.Second, func() bool { return e.count(a.ID(), "one") == 1 })
	left := make(chan struct{})
	go func() { leave(); close(left) }()
	select {
	case <-left:
		t.Error("left while the handler was called")
	case <-time.After(50 * time.Millisecond):
	}
	close(e.block)
	<-left
	before := len(e.from(a.ID()))
	_ = pa.Send(b.ID(), []byte("three"))
	never(t, 100*time.Millisecond, func() bool { return len(e.from(a.ID())) != before })
}
