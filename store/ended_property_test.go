package store

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"
	"time"
)

// meant is an ending as it was meant, whatever rows came of it.
type meant struct {
	id   ID
	at   Stamp
	kept ID
	told map[*meant]bool // what whoever hears of it has been told of by it: those in whose place it stands, and itself
}

// endingNode is a node with what it has heard of.
type endingNode struct {
	*Store
	heard map[*meant]bool
}

// endingWorld is some nodes that end and begin the sessions of one user, and what must hold.
type endingWorld struct {
	t     *testing.T
	r     *rand.Rand
	user  ID
	nodes []*endingNode
	acts  map[*meant]bool
	knew  map[ID]map[*meant]bool // by session, what was heard of where it began
	n     byte
}

func newEndingWorld(t *testing.T, seed uint64) *endingWorld {
	w := &endingWorld{
		t: t, r: rand.New(rand.NewPCG(seed, 3)), user: ID{1},
		acts: map[*meant]bool{}, knew: map[ID]map[*meant]bool{},
	}
	for range 2 + w.r.IntN(3) {
		w.nodes = append(w.nodes, &endingNode{w.open(t.TempDir()), map[*meant]bool{}})
	}
	return w
}

// open opens a node whose clock is wrong.
func (w *endingWorld) open(dir string) *Store {
	skew := time.Duration(w.r.Int64N(int64(12 * time.Hour)))
	return openAt(w.t, dir, Options{Synchronous: "normal", Now: func() time.Time { return time.Now().Add(skew) }})
}

func (w *endingWorld) sessions(n *endingNode) []Session {
	w.t.Helper()
	all, err := n.SessionsOf(w.t.Context(), w.user)
	if err != nil {
		w.t.Fatal(err)
	}
	return all
}

func (w *endingWorld) begin(n *endingNode) {
	w.n++
	x := begin(w.t, n.Store, w.user, w.n)
	w.knew[x.ID] = maps.Clone(n.heard)
}

// end ends all sessions but one that may be any: whoever asks for it may be over.
func (w *endingWorld) end(n *endingNode) {
	var keep ID
	if all := w.sessions(n); len(all) > 0 && w.r.IntN(4) > 0 {
		keep = all[w.r.IntN(len(all))].ID
	}
	before := endingsIn(w.t, n.Store, w.user)
	endAll(w.t, n.Store, w.user, keep)
	a := &meant{id: endingID(w.user, n.Log()), told: map[*meant]bool{}}
	for _, e := range endingsIn(w.t, n.Store, w.user) {
		if e.ID == a.id {
			a.at, a.kept = e.At, e.Kept
		}
	}
	for _, e := range before { // of this life, or of earlier ones
		if e.ID == a.id || n.writer.lived(e.life) {
			maps.Copy(a.told, w.told(e.ID, e.At))
		}
	}
	a.told[a] = true
	w.acts[a], n.heard[a] = true, true
}

// told is what a record of an ending tells.
func (w *endingWorld) told(id ID, at Stamp) map[*meant]bool {
	w.t.Helper()
	for a := range w.acts {
		if a.id == id && a.at == at {
			return a.told
		}
	}
	w.t.Fatalf("there is an ending that nobody wrote: %v at %d", id, at)
	return nil
}

// hear brings some rows of one node to another: as many as come until the link breaks.
func (w *endingWorld) hear(to, from *endingNode) {
	rows := overWire(w.t, rowsOf(w.t, from.Store))
	if w.r.IntN(2) == 0 {
		rows = rows[:w.r.IntN(len(rows)+1)]
	}
	w.take(to, rows)
}

func (w *endingWorld) take(to *endingNode, rows []Row) {
	merge(w.t, to.Store, rows...)
	for _, row := range rows {
		x, ok := row.(*Record)
		if !ok {
			continue
		}
		e, err := x.ending()
		if err != nil {
			w.t.Fatal(err)
		}
		maps.Copy(to.heard, w.told(e.ID, e.At))
	}
}

// forget leaves out what was only on a disk that is no more.
func (w *endingWorld) forget() {
	for a := range w.acts {
		there := false
		for _, n := range w.nodes {
			there = there || n.heard[a]
		}
		if !there {
			delete(w.acts, a)
		}
	}
}

// check wants exactly those sessions to be over that something ended which this node has heard of, and the node where they began had not.
func (w *endingWorld) check(seed uint64, step int, name string, n *endingNode) {
	w.t.Helper()
	endings := endingsIn(w.t, n.Store, w.user)
	for _, x := range w.sessions(n) {
		over := false
		for a := range n.heard {
			over = over || !w.knew[x.ID][a] && a.kept != x.ID
		}
		if got := x.Revoked || endings.End(x); got != over && !x.Revoked {
			w.t.Fatalf("seed %d, step %d, %s: session %d is over: %v, want %v; it knew %v\n%+v", seed, step, name, x.Token[0], got, over, x.Known, endings)
		}
	}
}

// Whatever nodes do that hear of each other late, in part, or as an old copy of themselves: no session goes on that any node ended, unless it was kept, or begun by a
// node that knew. All others go on.
func TestWhatAnyNodeEndedIsOver(t *testing.T) {
	t.Parallel()
	for seed := range uint64(40) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			w := newEndingWorld(t, seed)
			for step := range 60 {
				i := w.r.IntN(len(w.nodes))
				n := w.nodes[i]
				switch dice := w.r.IntN(20); {
				case dice < 7:
					w.begin(n)
				case dice < 11:
					w.end(n)
				case dice < 17:
					w.hear(n, w.nodes[w.r.IntN(len(w.nodes))])
				case dice < 19:
					if err := n.Close(); err != nil {
						t.Fatal(err)
					}
					n.Store = w.open(n.dir)
				default: // it is put back as it was a while ago
					dir, heard := copyDatabase(t, n.dir), maps.Clone(n.heard)
					for range w.r.IntN(3) {
						w.end(n)
						w.begin(n)
						w.hear(w.nodes[w.r.IntN(len(w.nodes))], n)
					}
					if err := n.Close(); err != nil {
						t.Fatal(err)
					}
					w.nodes[i] = &endingNode{w.open(dir), heard}
					w.forget()
				}
				for j, n := range w.nodes {
					w.check(seed, step, fmt.Sprint("node ", j), n)
				}
			}
			for range 3 {
				for _, to := range w.nodes {
					for _, from := range w.nodes {
						w.take(to, overWire(t, rowsOf(t, from.Store)))
					}
				}
			}
			for j, n := range w.nodes {
				if len(n.heard) != len(w.acts) {
					t.Errorf("node %d has heard of %d endings of %d", j, len(n.heard), len(w.acts))
				}
				w.check(seed, -1, fmt.Sprint("node ", j), n)
				if fingerprintOf(t, n.Store) != fingerprintOf(t, w.nodes[0].Store) {
					t.Error("the nodes differ")
				}
			}
		})
	}
}
