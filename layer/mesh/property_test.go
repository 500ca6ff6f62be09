package mesh_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"snug/layer/mesh/meshtest"
)

// TestCopiesAreEqualAfterAnyFaults shakes the network while all nodes write. When that stops, every copy is what its owner has
// within 15 seconds; what watchers see on the way is checked by [member.watch].
func TestCopiesAreEqualAfterAnyFaults(t *testing.T) {
	seeds := uint64(50)
	if os.Getenv("SNUG_LONG") != "" {
		seeds = 1000
	}
	for seed := range seeds {
		t.Run(fmt.Sprintf("seed%d", seed), func(t *testing.T) {
			nodes := 3 + int(seed%3)
			inWorld(t, seed, nodes, func(w *world) {
				if seed%4 == 3 { // more than a Port does
					w.net.Double(10)
					w.net.Reorder(20, 200*time.Millisecond)
				}
				stop, stopped := make(chan struct{}), make(chan struct{})
				go func() {
					defer close(stopped)
					w.write(rand.New(rand.NewPCG(seed, 1)), nodes, keyFor(seed), stop)
				}()
				w.net.Shake(meshtest.Faults{Crashed: w.stop, Restarted: w.start})
				close(stop)
				<-stopped
				time.Sleep(15 * time.Second)
				w.expectEqual()
			})
		})
	}
}

// keyFor makes keys that are long for some seeds, so that snapshots and changes come in several frames.
func keyFor(seed uint64) func(i int) string {
	pad := ""
	if seed%5 == 0 {
		pad = strings.Repeat("k", 250)
	}
	return func(i int) string { return fmt.Sprint(i) + pad }
}

// write changes random keys on random nodes: now and then many, often one, and some keys far more often than others.
func (w *world) write(random *rand.Rand, nodes int, key func(i int) string, stop chan struct{}) {
	for {
		select {
		case <-stop:
			return
		case <-time.After(time.Duration(random.IntN(300)) * time.Millisecond):
		}
		times := 1
		if random.IntN(20) == 0 {
			times = random.IntN(3000)
		}
		m := w.set(id(random.IntN(nodes)))
		for range times {
			k := key(random.IntN(1 + random.IntN(2000)))
			if random.IntN(3) == 0 {
				m.Delete(k)
			} else {
				m.put(k)
			}
		}
	}
}
