package replica

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"snug/layer/mesh/meshtest"
)

// world is some nodes that people write on, and what must hold for what they wrote.
type world struct {
	t       *testing.T
	net     *meshtest.Net
	random  *rand.Rand // of the goroutine of the test
	nodes   []*node
	latency time.Duration // of a commit on any node
	logger  *slog.Logger
	leap    atomic.Int64 // by which all clocks are ahead of the time of the test; a store asks while it is locked, so that the lock below is not for it

	mu       sync.Mutex
	expected map[string]*state // the newest acknowledged state of each row
	changed  map[string]bool   // messages that were ever edited or deleted
	taken    map[string]uint64 // by ruling: the latest acknowledged that took something
	ended    []*state          // all acknowledged endings
	meant    *meant
	given    map[string]uint64 // and the latest that somebody knew who gave that back, or tried to
}

type node struct {
	w      *world
	id     string
	skew   time.Duration
	store  *model
	rep    *Replica
	cancel context.CancelFunc
	done   chan struct{}

	writes sync.WaitGroup // under way

	mu     sync.Mutex
	random *rand.Rand
	alive  bool
	quiet  bool // nobody writes
	lives  int  // times that it lost what it knew
	posts  int
}

// newWorld starts nodes. Their clocks are wrong by half a day at most, but for those of the first ones, if it is said by how much.
func newWorld(t *testing.T, seed uint64, nodes int, skews ...time.Duration) *world {
	w := &world{
		t:        t,
		net:      meshtest.New(t, seed),
		random:   rand.New(rand.NewPCG(seed, 1)),
		logger:   slog.New(slog.DiscardHandler),
		expected: map[string]*state{},
		changed:  map[string]bool{},
		taken:    map[string]uint64{},
		given:    map[string]uint64{},
		meant:    &meant{told: map[string]map[string]bool{}},
	}
	w.latency = []time.Duration{300 * time.Microsecond, 5 * time.Millisecond, 50 * time.Millisecond}[w.random.IntN(3)]
	if os.Getenv("SNUG_VERBOSE") != "" {
		w.logger = slog.New(slog.NewTextHandler(t.Output(), nil))
	}
	for i := range nodes {
		n := w.add(meshtest.ID(i+1), time.Duration(w.random.Int64N(int64(24*time.Hour)))-12*time.Hour, w.random.Uint64())
		if i < len(skews) {
			n.skew = skews[i]
		}
		n.start()
	}
	return w
}

func (w *world) add(id string, skew time.Duration, seed uint64) *node {
	n := &node{w: w, id: id, skew: skew, random: rand.New(rand.NewPCG(seed, 2))}
	n.store = newModel(n.now)
	n.store.meant = w.meant
	n.store.slow(w.latency)
	w.nodes = append(w.nodes, n)
	return n
}

// double has many frames come twice.
func (w *world) double() { w.net.Double(30) }

// reorder has many frames be overtaken, and some of those come twice.
func (w *world) reorder() {
	w.net.Double(10)
	w.net.Reorder(20, 200*time.Millisecond)
}

// end stops all nodes: no goroutine may be left in the bubble.
func (w *world) end() {
	for _, n := range w.nodes {
		if n.alive {
			n.stop()
		}
	}
	w.net.Close()
}

func (n *node) now() time.Time {
	return time.Now().Add(time.Duration(n.w.leap.Load()) + n.skew)
}

// start runs the node on what its store has. The feed is the caller's business.
func (n *node) start() {
	ctx, cancel := context.WithCancel(n.w.t.Context())
	port := n.w.net.Node(n.id).Port("replica")
	rep := New(port, n.store, Options{Logger: n.w.logger.With("node", n.id[28:]), Calm: n.id == meshtest.ID(2)})
	n.store.commits <- struct{}{}
	n.store.watch = rep.Committed
	<-n.store.commits
	done := make(chan struct{})
	go func() {
		defer close(done)
		rep.Run(ctx)
	}()
	n.mu.Lock()
	defer n.mu.Unlock()
	n.rep, n.cancel, n.done, n.alive = rep, cancel, done, true
}

// stop ends the process, in the middle of something.
func (n *node) stop() {
	n.last()
	n.mu.Lock()
	n.alive = false
	n.mu.Unlock()
	n.writes.Wait()
	n.w.net.Crash(n.id)
	n.cancel()
	<-n.done
}

// inWriting returns in the middle of a write.
func (n *node) inWriting() {
	for i := range 3 {
		n.writes.Go(func() { n.write(fmt.Sprint("writing", i)) })
	}
	time.Sleep(n.w.latency / 2)
}

// cutPower is stop, and takes what is not on disk yet.
func (n *node) cutPower() {
	n.mu.Lock()
	n.alive = false
	n.mu.Unlock()
	n.w.net.Crash(n.id)
	n.cancel()
	<-n.done
	n.store.cut()
	n.writes.Wait()
}

// restart begins a new life. People are waiting for it.
func (n *node) restart() {
	n.store.open()
	n.start()
	time.Sleep(time.Duration(n.w.random.IntN(600)) * time.Millisecond)
	for range 100 {
		n.write("back")
		time.Sleep(2 * time.Millisecond)
	}
}

// last is what is written in the moments before the end.
func (n *node) last() {
	for range 5 {
		n.write("last")
	}
}

// write does one thing that a person may do on this node. Who writes at the same time as another is another author: messages have an order only if each was
// posted after the one before.
func (n *node) write(who string) {
	n.mu.Lock()
	var states []state
	if n.alive && !n.quiet {
		states = n.idea(who)
		n.writes.Add(1)
		defer n.writes.Done()
	}
	n.mu.Unlock()
	if len(states) > 0 {
		n.put(states...)
	}
}

// idea is what somebody may want to write. The node is locked.
func (n *node) idea(who string) []state {
	var s state
	switch dice := n.random.IntN(20); {
	case dice < 12:
		return n.posting(who)
	case dice < 14:
		s = state{Kind: "user", ID: fmt.Sprint(n.random.IntN(5)), Text: fmt.Sprint(n.random.Uint32())}
	case dice < 15:
		s = state{Kind: "room", ID: fmt.Sprint(n.random.IntN(5)), Text: fmt.Sprint(n.random.Uint32())}
	case dice < 16 && n.random.IntN(2) == 0:
		// As one node knows it: what is taken is given back, and the other way round.
		s = state{Kind: "ruling", ID: fmt.Sprint(n.random.IntN(5)), Text: "taken"}
		if old := n.store.get(s.key()); old != nil && old.Text == "taken" {
			s.Text, s.Gives = "given", true
		}
	case dice < 16 && n.random.IntN(2) == 0:
		return n.login()
	case dice < 16:
		s = state{Kind: "session", ID: fmt.Sprint(n.random.IntN(20)), Final: n.random.IntN(4) == 0}
	default:
		old := n.store.pick(n.random)
		if old == nil || old.Kind != "message" {
			return nil
		}
		n.w.mu.Lock()
		n.w.changed[old.key()] = true
		n.w.mu.Unlock()
		s = state{Kind: "message", ID: old.ID, Text: fmt.Sprint("edited ", n.random.Uint32()), Final: dice > 17, By: old.By, N: old.N}
	}
	return []state{s}
}

// posting is a message, or some at once. The node is locked.
func (n *node) posting(who string) (states []state) {
	for range 1 + n.random.IntN(3) {
		n.posts++
		by := fmt.Sprintf("%s.%d.%s", n.id[28:], n.lives, who)
		states = append(states, state{Kind: "message", ID: fmt.Sprintf("%s-%d", by, n.posts), Text: "hello", By: by, N: n.posts})
	}
	return states
}

func (n *node) put(states ...state) {
	written, err := n.store.write(states...)
	n.w.noteGiven(written)
	if errors.Is(err, errPower) { // others may have it all the same, and nobody was promised an order
		n.w.mu.Lock()
		defer n.w.mu.Unlock()
		for _, s := range states {
			n.w.changed[s.key()] = true
		}
		return
	}
	if err != nil {
		n.w.t.Errorf("write: %v", err)
		return
	}
	n.w.mu.Lock()
	defer n.w.mu.Unlock()
	for _, s := range written {
		if old := n.w.expected[s.key()]; old == nil || s.compare(old) > 0 {
			n.w.expected[s.key()] = s
		}
		if s.Kind == "ending" && !s.Gives {
			n.w.ended = append(n.w.ended, s)
		}
		if s.Kind == "ruling" && !s.Gives {
			n.w.taken[s.key()] = max(n.w.taken[s.key()], s.Stamp)
		}
	}
}

// noteGiven notes what was given back, also if a power cut took that: others may have it.
func (w *world) noteGiven(written []*state) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range written {
		if s.Gives {
			w.given[s.key()] = max(w.given[s.key()], s.Stood)
		}
	}
}

// chatter has people write on all nodes, until stop is called.
func (w *world) chatter(pause time.Duration) (stop func()) {
	quit := make(chan struct{})
	var writers sync.WaitGroup
	for _, n := range w.nodes {
		writers.Go(func() {
			for {
				n.mu.Lock()
				wait := time.Duration(n.random.Int64N(int64(2 * pause)))
				n.mu.Unlock()
				select {
				case <-time.After(wait):
					n.write("chat")
				case <-quit:
					return
				}
			}
		})
	}
	return func() {
		close(quit)
		writers.Wait()
	}
}

// pass lets time pass. Nothing in this package waits longer than a minute, so of longer times only the clocks are told.
func (w *world) pass(d time.Duration) {
	const most = 75 * time.Second
	if d > most {
		w.leap.Add(int64(d - most))
		d = most
	}
	time.Sleep(d)
}

// lost takes back the promise for what was only on a disk that is no more.
func (w *world) lost() {
	w.mu.Lock()
	defer w.mu.Unlock()
	clear(w.taken)
	w.forgetEnded()
	for key, s := range w.expected {
		var best *state
		for _, n := range w.nodes {
			if here := n.store.get(key); here != nil && (best == nil || here.compare(best) > 0) {
				best = here
			}
		}
		if best == nil {
			delete(w.expected, key)
		} else if best.compare(s) < 0 {
			w.expected[key] = best
		}
	}
}

// check says what does not hold.
func (w *world) check(when string) {
	w.t.Helper()
	first := w.nodes[0].store.fingerprint()
	for _, n := range w.nodes {
		if got := n.store.fingerprint(); got != first {
			w.t.Errorf("%s: node %s has other rows than node %s: %s", when, n.id[28:], w.nodes[0].id[28:], difference(first, got))
		}
		w.checkKept(when, n)
		w.checkEnded(when, n)
		w.checkOrder(when, n)
	}
}

func (w *world) checkKept(when string, n *node) {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	for key, want := range w.expected {
		got := n.store.get(key)
		switch {
		case got == nil:
			w.t.Errorf("%s: node %s lost %s (%s/%d)", when, n.id[28:], key, want.feed, want.seq)
		case want.Final && !got.Final:
			w.t.Errorf("%s: on node %s %s came back", when, n.id[28:], key)
		case got.compare(want) < 0 && got.Final == want.Final:
			w.t.Errorf("%s: node %s has an older state of %s", when, n.id[28:], key)
		}
	}
	for key, at := range w.taken {
		if got := n.store.get(key); at > w.given[key] && (got == nil || got.Gives) {
			w.t.Errorf("%s: on node %s %s came back, and nobody who knew that it was taken gave it back", when, n.id[28:], key)
		}
	}
}

// checkOrder sees that people were told of each author's messages once and in order, but for those that were changed.
func (w *world) checkOrder(when string, n *node) {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	last := map[string]int{}
	seen := map[string]bool{}
	for _, s := range n.store.save().told {
		if s.Kind != "message" || w.changed[s.key()] {
			continue
		}
		if seen[s.ID] {
			w.t.Errorf("%s: people on node %s were told twice of %s", when, n.id[28:], s.ID)
		}
		seen[s.ID] = true
		if s.N <= last[s.By] {
			w.t.Errorf("%s: people on node %s were told of %s after number %d", when, n.id[28:], s.ID, last[s.By])
		}
		last[s.By] = s.N
	}
}

// settled waits as long as it may take until all is equal.
func (w *world) settled(when string) {
	w.t.Helper()
	time.Sleep(30 * time.Second)
	w.check(when)
	for _, n := range w.nodes {
		for _, p := range n.rep.Status() {
			if p.Behind != 0 || p.Ahead != 0 || p.Pulling || p.Serving {
				w.t.Errorf("%s: node %s and its peer are not equal: %+v", when, n.id[28:], p)
			}
		}
		if s := n.rep.Stats(); s.BadFrames > 0 {
			w.t.Errorf("%s: node %s got %d bad frames", when, n.id[28:], s.BadFrames)
		}
	}
}

func difference(a, b string) string {
	as, bs := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range min(len(as), len(bs)) {
		if as[i] != bs[i] {
			return fmt.Sprintf("%d and %d rows; %q and %q", len(as), len(bs), as[i], bs[i])
		}
	}
	return fmt.Sprintf("%d and %d rows", len(as), len(bs))
}
