// Package meshtest is a network of nodes in memory, for tests of what runs over a [mesh.Port].
//
// It behaves as links between machines do: frames are late, links break and come back, peers die and return as new processes, and
// a cut may hold in one direction only. Use it inside [synctest.Test], where an hour without a network takes no time:
//
//	synctest.Test(t, func(t *testing.T) {
//		net := meshtest.New(t, 1)
//		a, b := net.Node("a"), net.Node("b")
//		... join a.Port("news") and b.Port("news") ...
//		net.Cut("a", "b")
//		time.Sleep(time.Hour)
//		net.Heal("a", "b")
//	})
//
// These rules hold:
//
//   - All nodes are linked in pairs, within [Connect] of the moment when both are there and nothing is cut.
//   - A link carries frames in order. Frames never get lost singly: a lost frame means that the link broke, and Up comes again.
//   - A frame that a cut holds up arrives late if the cut is shorter than [Notice]. Otherwise the link breaks, and what was
//     under way is gone. A cut in one direction lets the other pass until the link breaks.
//   - [Down] comes between [Gone] and a second more after contact was lost, on each side at a moment of its own; so one side may hear
//     Down and then Up, and the other only Up.
//   - More than [Backlog] bytes under way to one port of one peer are ErrBacklog, and the link breaks.
//
// Only [Net.Double] and [Net.Reorder] go beyond what a Port may do.
//
// All chances are drawn from the seed. The order in which goroutines run is not, so two runs of a seed are alike, not the same.
//
// [Down]: mesh.Handler
package meshtest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"
)

// The times and sizes of the network.
const (
	// Delay is how long a frame takes on a link that nobody has made slow.
	Delay = 200 * time.Microsecond
	// Connect is the longest time that making a link takes.
	Connect = 500 * time.Millisecond
	// Notice is how long a cut lasts until the link breaks.
	Notice = 3 * time.Second
	// Gone is how long contact is lost until the peer is said to be down, but for up to a second more.
	Gone = 10 * time.Second
	// Backlog is in bytes under way to one port of one peer.
	Backlog = 8 << 20
)

// Net is a network. Its methods may be called from any goroutine.
type Net struct {
	tb    testing.TB
	began time.Time
	calls sync.WaitGroup // goroutines that call handlers

	mu     sync.Mutex // guards the fields below, and everything in nodes, pairs and inboxes
	random *rand.Rand
	nodes  map[string]*Node // those alive
	ids    []string         // all that ever were, in order of appearance
	pairs  []*pair          // of all ids
	links  uint64           // made so far
	double int              // of a hundred frames come twice
	swap   int              // of a hundred are late
	late   time.Duration    // by up to this
	closed bool
}

// New returns a network without nodes. It ends with the test.
func New(tb testing.TB, seed uint64) *Net {
	tb.Helper()
	tb.Logf("meshtest: seed %d", seed)
	n := &Net{
		tb:     tb,
		began:  time.Now(),
		random: rand.New(rand.NewPCG(seed, 0)),
		nodes:  map[string]*Node{},
	}
	tb.Cleanup(n.Close)
	return n
}

// ID is a node id that is easy to tell from others: ID(1) ends in 1.
func ID(i int) string { return fmt.Sprintf("%032x", i) }

// Close ends all calls to handlers and waits for those under way.
func (n *Net) Close() {
	n.mu.Lock()
	n.closed = true
	for _, id := range n.ids {
		if node := n.nodes[id]; node != nil {
			node.stop()
		}
	}
	n.mu.Unlock()

	n.calls.Wait()
}

// Node returns the node with the id, and starts it if it is not running.
func (n *Net) Node(id string) *Node {
	n.mu.Lock()
	defer n.mu.Unlock()

	if node := n.nodes[id]; node != nil {
		return node
	}
	if !slices.Contains(n.ids, id) {
		for _, other := range n.ids {
			n.pairs = append(n.pairs, &pair{net: n, ends: [2]string{other, id}})
		}
		n.ids = append(n.ids, id)
	}
	node := &Node{net: n, id: id, ports: map[string]*port{}}
	n.nodes[id] = node
	n.review(id)
	return node
}

// Crash kills a node as SIGKILL does: its links break at once, nothing is said, and its handlers are not called any more. Its
// ports remain as dead ones that reach nobody.
func (n *Net) Crash(id string) {
	n.mu.Lock()
	defer n.mu.Unlock()

	n.stop(id)
	n.review(id)
}

// Leave ends a node that says goodbye: its peers hear Down at once.
func (n *Net) Leave(id string) {
	n.mu.Lock()
	defer n.mu.Unlock()

	n.stop(id)
	n.review(id)
	for _, p := range n.pairsOf(id) {
		p.down(p.other(id))
	}
}

// Restart crashes the node if it is running, and starts it as a new process with the same id: with new ports.
func (n *Net) Restart(id string) *Node {
	n.Crash(id)
	return n.Node(id)
}

// stop ends the node's process and its links. The lock is held.
func (n *Net) stop(id string) {
	node := n.nodes[id]
	if node == nil {
		return
	}
	node.stop()
	delete(n.nodes, id)
	for _, p := range n.pairsOf(id) {
		p.breakLink()
	}
}

// Cut lets nothing pass between two nodes until Heal.
func (n *Net) Cut(a, b string) {
	n.change(a, b, func(there, back *way) { there.cut, back.cut = true, true })
}

// CutOneWay lets nothing pass from one node to the other until Heal. What goes back passes until the link breaks.
func (n *Net) CutOneWay(from, to string) {
	n.change(from, to, func(there, _ *way) { there.cut = true })
}

// Split cuts every link between the nodes of one side and all others.
func (n *Net) Split(side ...string) {
	for _, p := range n.all() {
		if slices.Contains(side, p.ends[0]) != slices.Contains(side, p.ends[1]) {
			n.Cut(p.ends[0], p.ends[1])
		}
	}
}

// Slow makes frames from a to b and back take the delay and up to jitter more. They keep their order.
func (n *Net) Slow(a, b string, delay, jitter time.Duration) {
	n.change(a, b, func(there, back *way) {
		there.delay, there.jitter = delay, jitter
		back.delay, back.jitter = delay, jitter
	})
}

// Heal ends what Cut, CutOneWay and Slow did to two nodes.
func (n *Net) Heal(a, b string) {
	n.change(a, b, func(there, back *way) { *there, *back = way{}, way{} })
}

// HealAll ends what Cut, CutOneWay, Split and Slow did to any nodes.
func (n *Net) HealAll() {
	for _, p := range n.all() {
		n.Heal(p.ends[0], p.ends[1])
	}
}

// Break breaks the link between two nodes once. A new one follows unless they are cut.
func (n *Net) Break(a, b string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.pair(a, b).breakLink()
}

// Double makes that many of a hundred frames come twice, the second right behind the first, from now on; healing does not end it. No [mesh.Port] does so: it is
// for users that promise to bear it, and [Net.Shake] leaves it alone.
func (n *Net) Double(ofHundred int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.double = ofHundred
}

// Reorder makes that many of a hundred frames up to late later, from now on, so that others of their link overtake them; healing does not end it. Of a frame that
// comes twice, each has its own time. No [mesh.Port] does so: it is for users that promise to bear it, and [Net.Shake] leaves it alone.
func (n *Net) Reorder(ofHundred int, late time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.swap, n.late = ofHundred, late
}

// Linked reports whether there is a link between two nodes.
func (n *Net) Linked(a, b string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.pair(a, b).link != 0
}

// IDs are the nodes that ever were, in order of appearance.
func (n *Net) IDs() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.ids)
}

// Alive reports whether the node is running.
func (n *Net) Alive(id string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.nodes[id] != nil
}

func (n *Net) all() []*pair {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.pairs)
}

// change applies fn to both directions between two nodes.
func (n *Net) change(a, b string, fn func(there, back *way)) {
	n.mu.Lock()
	defer n.mu.Unlock()

	p := n.pair(a, b)
	fn(p.from(a), p.from(b))
	p.review()
}

// review looks after all links of a node. The lock is held.
func (n *Net) review(id string) {
	for _, p := range n.pairsOf(id) {
		p.review()
	}
}

// pair finds the two nodes. The lock is held.
func (n *Net) pair(a, b string) *pair {
	for _, p := range n.pairs {
		if p.ends == [2]string{a, b} || p.ends == [2]string{b, a} {
			return p
		}
	}
	panic(fmt.Sprintf("meshtest: there never were two nodes %q and %q", a, b))
}

// pairsOf finds all pairs that a node is in. The lock is held.
func (n *Net) pairsOf(id string) []*pair {
	var found []*pair
	for _, p := range n.pairs {
		if p.ends[0] == id || p.ends[1] == id {
			found = append(found, p)
		}
	}
	return found
}

// chance draws whether something happens that does so that many times of a hundred. The lock is held.
func (n *Net) chance(ofHundred int) bool { return ofHundred > 0 && n.random.IntN(100) < ofHundred }

// upTo draws a time between zero and most. The lock is held.
func (n *Net) upTo(most time.Duration) time.Duration {
	if most <= 0 {
		return 0
	}
	return time.Duration(n.random.Int64N(int64(most)))
}

// after calls fn with the lock held, unless the network is closed by then.
func (n *Net) after(d time.Duration, fn func()) {
	time.AfterFunc(d, func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		if !n.closed {
			fn()
		}
	})
}
