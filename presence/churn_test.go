package presence

import (
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"time"

	"snug/layer/mesh/meshtest"
)

// TestNoGhostAfterChurn lets 1,000 people come and go for a minute while links fail and nodes die and return.
func TestNoGhostAfterChurn(t *testing.T) {
	seeds := uint64(5)
	if os.Getenv("SNUG_LONG") != "" {
		seeds = 100
	}
	for seed := range seeds {
		t.Run(fmt.Sprintf("seed%d", seed), func(t *testing.T) {
			inRing(t, seed, 3, func(r *ring) {
				if seed%2 == 1 { // more than a Port does
					r.net.Double(10)
					r.net.Reorder(20, 200*time.Millisecond)
				}
				c := &churn{ring: r, random: rand.New(rand.NewPCG(seed, 1)), visits: map[string]map[int]*Visit{}}
				stop, stopped := make(chan struct{}), make(chan struct{})
				go func() {
					defer close(stopped)
					c.run(stop)
				}()
				r.net.Shake(meshtest.Faults{
					For:       time.Minute,
					Crashed:   c.crashed,
					Restarted: r.start,
				})
				close(stop)
				<-stopped
				time.Sleep(15 * time.Second)
				r.expect(c.truth())

				for _, visits := range c.visits {
					for _, v := range visits {
						v.LeaveNow()
					}
				}
				time.Sleep(2 * time.Second)
				r.expect(nil)
				for id, m := range r.members {
					if s := m.nodes.set.Stats(); s.Keys+s.CopiedKeys > 0 || len(m.stays)+len(m.present) > 0 {
						t.Errorf("node %s keeps %+v, %d stays, %d places", id, s, len(m.stays), len(m.present))
					}
				}
			})
		})
	}
}

// churn is 1,000 people, each at most once on each node, in one of ten places.
type churn struct {
	*ring
	random *rand.Rand
	mu     sync.Mutex // guards visits
	visits map[string]map[int]*Visit
}

func person(i int) key { return key{fmt.Sprint(i % 10), fmt.Sprint(i)} }

func (c *churn) run(stop chan struct{}) {
	for {
		select {
		case <-stop:
			return
		case <-time.After(5 * time.Millisecond):
		}
		c.step(meshtest.ID(c.random.IntN(3)), c.random.IntN(1000))
	}
}

// step makes somebody come to a node, or go from it.
func (c *churn) step(id string, who int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ring.mu.Lock()
	m := c.members[id]
	c.ring.mu.Unlock()
	if m == nil {
		return
	}
	if c.visits[id] == nil {
		c.visits[id] = map[int]*Visit{}
	}
	v := c.visits[id][who]
	if v == nil {
		k := person(who)
		c.visits[id][who] = m.Enter(k.place, k.user)
		return
	}
	delete(c.visits[id], who)
	if c.random.IntN(2) == 0 {
		v.Leave()
	} else {
		v.LeaveNow()
	}
}

func (c *churn) crashed(id string) {
	c.mu.Lock()
	delete(c.visits, id)
	c.mu.Unlock()
	c.stop(id)
}

func (c *churn) truth() map[key]bool {
	truth := map[key]bool{}
	for _, visits := range c.visits {
		for who := range visits {
			truth[person(who)] = true
		}
	}
	return truth
}
