package cluster

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"snug/layer/mesh"
)

// bare is for tests of what is only done on a connection that nothing is wrapped around.
func bare(o *Options) { o.network = realNetwork{} }

// promptPair is two nodes and the prompt ports on them, which hear each other.
func promptPair(t *testing.T, atB mesh.Handler) (a, b *node, pa, pb mesh.Port) {
	t.Helper()
	nodes := ring(t, 2, calm, bare)
	a, b = nodes[0], nodes[1]
	pa, pb = a.PromptPort("x"), b.PromptPort("x")
	t.Cleanup(pa.Join(newEar()))
	t.Cleanup(pb.Join(atB))
	eventually(t, 5*time.Second, func() bool { return len(pa.Peers()) == 1 && len(pb.Peers()) == 1 })
	return a, b, pa, pb
}

// TestPromptFramesKeepTheirOrder has frames of all sizes, with and without pauses, and another port between them.
func TestPromptFramesKeepTheirOrder(t *testing.T) {
	t.Parallel()
	const n = 2000
	e := newEar()
	a, b, pa, _ := promptPair(t, e)
	bulk, _ := a.listen("bulk")
	_, eb := b.listen("bulk")
	eventually(t, 5*time.Second, func() bool { return len(bulk.Peers()) == 1 })

	var senders sync.WaitGroup
	for _, p := range []mesh.Port{pa, bulk} {
		senders.Go(func() {
			for i := range n {
				size := rand.N(200)
				if i%50 == 0 {
					size = rand.N(64 << 10)
				}
				if err := p.Send(b.ID(), fmt.Appendf(nil, "%d %s", i, strings.Repeat("x", size))); err != nil {
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
	for name, e := range map[string]*ear{"prompt": e, "bulk": eb} {
		eventually(t, 10*time.Second, func() bool { return len(e.from(a.ID())) >= 1+n })
		for i, heard := range e.from(a.ID())[1:] {
			if number, _, _ := strings.Cut(heard, " "); number != fmt.Sprint(i) {
				t.Fatalf("%s: frame %d is %.20q", name, i, heard)
			}
		}
		if e.broken != "" {
			t.Errorf("%s: %s", name, e.broken)
		}
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
