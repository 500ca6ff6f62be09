package cluster

import (
	"testing"
	"time"
)

// TestMembershipIsWholeFifteenSecondsAfterEachFault has three nodes with the intervals of everyday on networks that fail in other ways than being cut in two.
func TestMembershipIsWholeFifteenSecondsAfterEachFault(t *testing.T) {
	t.Parallel()
	const length = 12 * time.Second // long enough for gossip to give up a node that nobody reaches
	everyday := func(o *Options) { o.Timing = Timing{} }
	oddSecond := func(since time.Duration) bool { return since/time.Second%2 == 1 }
	for name, fault := range map[string]struct {
		blocks func(from, to int, since time.Duration) bool
		parts  bool // it takes the link between the first two
	}{
		"a bridge: two see the third one, and not each other": {
			func(from, to int, _ time.Duration) bool { return from+to == 1 }, true,
		},
		"one way: what the first one sends is lost": {
			func(from, _ int, _ time.Duration) bool { return from == 0 }, true,
		},
		"nobody sees anybody": {
			func(int, int, time.Duration) bool { return true }, true,
		},
		"flapping: the first one is away every other second": {
			func(from, to int, since time.Duration) bool { return (from == 0 || to == 0) && oddSecond(since) }, false,
		},
		"flapping in turns: one pair after the other": {
			func(from, to int, since time.Duration) bool { return from+to == 1+int(since/time.Second)%3 }, false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			nodes := ring(t, 3, everyday)
			block := func(blocks func(from, to int) bool) {
				for from, a := range nodes {
					for to, b := range nodes {
						if from != to {
							a.faults.set(b.Addr(), blocks(from, to))
						}
					}
				}
			}
			began, parted := time.Now(), false
			never(t, length, func() bool {
				block(func(from, to int) bool { return fault.blocks(from, to, time.Since(began)) })
				parted = parted || nodes[0].see(nodes[1].ID()).State != Alive
				return false
			})
			if fault.parts && !parted {
				t.Error("the fault does nothing")
			}
			block(func(int, int) bool { return false })
			healed := time.Now()
			whole(t, nodes...)
			t.Logf("whole after %v", time.Since(healed).Round(time.Millisecond))
		})
	}
}
