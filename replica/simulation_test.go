package replica

import (
	"fmt"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

// trouble is something that happens to a world while people write. Afterwards all is healed.
type trouble struct {
	name string
	do   func(w *world)
}

var lengths = []time.Duration{time.Second, time.Minute, time.Hour, 24 * time.Hour}

func (w *world) any() *node { return w.nodes[w.random.IntN(len(w.nodes))] }

// two gives two different nodes.
func (w *world) two() (a, b *node) {
	i := w.random.IntN(len(w.nodes))
	j := (i + 1 + w.random.IntN(len(w.nodes)-1)) % len(w.nodes)
	return w.nodes[i], w.nodes[j]
}

func (w *world) long() time.Duration { return lengths[w.random.IntN(len(lengths))] }

var troubles = []trouble{
	{"cut", func(w *world) {
		a, b := w.two()
		w.net.Cut(a.id, b.id)
		w.pass(w.long())
	}},
	{"split", func(w *world) {
		var side []string
		for _, n := range w.nodes[:1+w.random.IntN(len(w.nodes)-1)] {
			side = append(side, n.id)
		}
		w.net.Split(side...)
		w.pass(w.long())
	}},
	{"one way", func(w *world) {
		a, b := w.two()
		w.net.CutOneWay(a.id, b.id)
		w.pass(w.long())
	}},
	{"bridge", func(w *world) {
		for i, a := range w.nodes {
			for j, b := range w.nodes {
				if j > i+1 {
					w.net.Cut(a.id, b.id)
				}
			}
		}
		w.pass(w.long())
	}},
	{"flapping", func(w *world) {
		for range 10 {
			a, b := w.two()
			w.net.Cut(a.id, b.id)
			w.pass(time.Duration(w.random.Int64N(int64(6 * time.Second))))
			w.net.Heal(a.id, b.id)
			w.pass(time.Duration(w.random.Int64N(int64(2 * time.Second))))
		}
	}},
	{"breaks", func(w *world) {
		for range 40 {
			a, b := w.two()
			w.net.Break(a.id, b.id)
			w.pass(time.Duration(w.random.Int64N(int64(time.Second))))
		}
	}},
	{"slow", func(w *world) {
		a, b := w.two()
		w.net.Slow(a.id, b.id, time.Duration(w.random.Int64N(int64(5*time.Second))), time.Second)
		w.pass(time.Minute)
	}},
	{"crash", func(w *world) {
		n := w.any()
		n.stop()
		w.pass(w.long())
		n.restart()
		w.pass(time.Duration(w.random.Int64N(int64(3 * time.Second))))
	}},
	{"all crash", func(w *world) {
		for _, n := range w.nodes {
			n.stop()
			w.pass(time.Duration(w.random.Int64N(int64(3 * time.Second))))
		}
		for _, n := range w.nodes {
			n.restart()
			w.pass(time.Duration(w.random.Int64N(int64(3 * time.Second))))
		}
	}},
	{"power cut", func(w *world) {
		n := w.any()
		n.inWriting()
		n.cutPower()
		w.pass(w.long())
		n.restart()
		w.pass(time.Duration(w.random.Int64N(int64(3 * time.Second))))
	}},
	{"power cut of all", func(w *world) {
		w.nodes[0].inWriting()
		for _, n := range w.nodes {
			n.cutPower()
		}
		w.pass(w.long())
		for _, n := range w.nodes {
			n.restart()
			w.pass(time.Duration(w.random.Int64N(int64(3 * time.Second))))
		}
	}},
	{"crash while alone", func(w *world) {
		n := w.any()
		w.net.Split(n.id)
		w.pass(w.long())
		n.stop()
		w.net.HealAll()
		n.restart()
		w.pass(time.Second)
	}},
	{"ninety days away", func(w *world) {
		n := w.any()
		n.stop()
		w.pass(90 * 24 * time.Hour)
		n.restart()
	}},
	{"old backup", func(w *world) {
		n := w.any()
		backup := n.store.save()
		w.pass(w.long())
		n.stop()
		w.pass(time.Second)
		n.restore(backup)
		n.restart()
		w.pass(time.Second)
	}},
	{"new disk", func(w *world) {
		n := w.any()
		n.stop()
		n.restore(newModel(n.now).save())
		n.restart()
		w.pass(time.Duration(w.random.Int64N(int64(3 * time.Second))))
	}},
	{"set back while running", func(w *world) {
		n := w.any()
		then := n.store.save()
		w.pass(time.Duration(w.random.Int64N(int64(time.Minute))))
		n.quietly(func() {
			n.stop()
			n.restore(then)
			w.movedOn(then)
			n.start() // with the feed that it had
			// Numbers tell as long as it has written less since than it has lost.
			w.pass(2 * time.Second)
		})
		w.pass(time.Second)
	}},
}

// movedOn expects no order of what is signed anew: elsewhere it gets new positions, behind what came before.
func (w *world) movedOn(then database) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for key, s := range then.rows {
		if s.feed == then.feed {
			w.changed[key] = true
		}
	}
}

// quietly does something while nobody writes on this node.
func (n *node) quietly(fn func()) {
	n.setQuiet(true)
	fn()
	n.setQuiet(false)
}

func (n *node) setQuiet(quiet bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.quiet = quiet
}

// restore puts an older database in place of the one there is.
func (n *node) restore(d database) {
	n.store.load(d)
	n.mu.Lock()
	n.lives++ // the author knows that he starts anew
	n.posts = 0
	n.mu.Unlock()
	n.w.lost()
}

// failures are seeds that once failed: 243 and 993 lose a disk after a node was set back.
var failures = []uint64{243, 993}

// TestSimulation has nodes live through some troubles each, and then be equal. In some runs frames come twice, or overtake each other.
func TestSimulation(t *testing.T) {
	seeds := uint64(50)
	if os.Getenv("SNUG_LONG") != "" {
		seeds = 1000
	}
	for _, seed := range failures {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { simulate(t, seed) })
	}
	for seed := range seeds {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { simulate(t, seed) })
	}
}

func simulate(t *testing.T, seed uint64) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, seed, 3+int(seed%3))
		defer w.end()
		switch seed % 5 {
		case 3:
			w.reorder()
		case 4:
			w.double()
		}
		for range 2 {
			quiet := w.chatter(time.Duration(50+w.random.IntN(400)) * time.Millisecond)
			time.Sleep(2 * time.Second)
			tr := troubles[w.random.IntN(len(troubles))]
			t.Log(tr.name)
			tr.do(w)
			w.net.HealAll()
			quiet()
			w.settled(tr.name)
			if t.Failed() {
				return
			}
		}
	})
}

// TestEachTrouble makes sure that none is left to chance. The clocks of two nodes are a day apart.
func TestEachTrouble(t *testing.T) {
	eachTrouble(t, 200*time.Millisecond, func(*world) {})
}

// TestFramesThatComeTwiceChangeNothing is beyond what a Port does. So much is written that pulls have more chunks than may be under way.
func TestFramesThatComeTwiceChangeNothing(t *testing.T) {
	eachTrouble(t, 50*time.Millisecond, (*world).double)
}

// TestFramesThatOvertakeEachOtherChangeNothing is beyond what a Port does as well.
func TestFramesThatOvertakeEachOtherChangeNothing(t *testing.T) {
	eachTrouble(t, 50*time.Millisecond, (*world).reorder)
}

func eachTrouble(t *testing.T, pause time.Duration, prepare func(*world)) {
	t.Helper()
	for i, tr := range troubles {
		t.Run(tr.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, uint64(1000+i), 3, 12*time.Hour, -12*time.Hour)
				defer w.end()
				prepare(w)
				quiet := w.chatter(pause)
				time.Sleep(2 * time.Second)
				tr.do(w)
				w.net.HealAll()
				quiet()
				w.settled(tr.name)
			})
		})
	}
}
