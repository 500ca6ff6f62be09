package mesh_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"snug/layer/mesh"
	"snug/layer/mesh/meshtest"
)

func TestChangesReachAllWithinPace(t *testing.T) {
	inWorld(t, 1, 3, func(w *world) {
		a := w.set(id(0))
		for i := range 100 {
			a.put(fmt.Sprint(i))
		}
		a.Delete("7")
		time.Sleep(mesh.Pace + time.Millisecond)
		w.expectEqual()

		time.Sleep(time.Second)
		a.put("after a pause")
		time.Sleep(time.Millisecond)
		w.expectEqual()
	})
}

func TestOwnersAreTheOthersThatHaveTheKey(t *testing.T) {
	inWorld(t, 1, 3, func(w *world) {
		for i := range 3 {
			w.set(id(i)).put("all")
		}
		w.set(id(1)).put("one")
		time.Sleep(time.Second)
		a := w.set(id(0))
		if got := slices.Sorted(slices.Values(a.Owners("all"))); !slices.Equal(got, []string{id(1), id(2)}) {
			t.Errorf("owners of all: %v", got)
		}
		if got := a.Owners("one"); !slices.Equal(got, []string{id(1)}) {
			t.Errorf("owners of one: %v", got)
		}
		w.set(id(1)).Delete("one")
		time.Sleep(time.Second)
		if got := a.Owners("one"); len(got) != 0 {
			t.Errorf("owners of a deleted key: %v", got)
		}
		if got := a.Nodes(); len(got) != 2 {
			t.Errorf("nodes: %v", got)
		}
	})
}

func TestDownDropsTheCopy(t *testing.T) {
	inWorld(t, 1, 3, func(w *world) {
		w.set(id(1)).put("x")
		w.set(id(2)).put("x")
		time.Sleep(time.Second)
		w.net.Crash(id(1))
		w.stop(id(1))
		time.Sleep(meshtest.Gone + time.Second)
		delete(w.sets, id(1))
		w.expectEqual()
		if got := w.set(id(0)).Owners("x"); !slices.Equal(got, []string{id(2)}) {
			t.Errorf("owners: %v", got)
		}
		if got := w.set(id(0)).all(id(1)); len(got) > 0 {
			t.Errorf("copy of a dead node: %v", got)
		}
	})
}

func TestCloseTakesEverythingAway(t *testing.T) {
	inWorld(t, 1, 2, func(w *world) {
		w.set(id(1)).put("x")
		time.Sleep(time.Second)
		w.stop(id(1))
		w.stop(id(1))
		time.Sleep(10 * time.Millisecond)
		if got := w.set(id(0)).Owners("x"); len(got) > 0 {
			t.Errorf("owners after Close: %v", got)
		}
	})
}

func TestQuickRestartReplacesWhatWasThere(t *testing.T) {
	inWorld(t, 1, 2, func(w *world) {
		b := w.set(id(1))
		b.put("stays")
		b.put("goes")
		time.Sleep(time.Second)
		w.net.Crash(id(1))
		w.stop(id(1))
		w.net.Restart(id(1))
		w.start(id(1))
		w.set(id(1)).put("stays")
		time.Sleep(2 * time.Second)
		w.expectEqual()
	})
}

func TestShortBreakCostsOnlyWhatWasMissed(t *testing.T) {
	inWorld(t, 1, 2, func(w *world) {
		a := w.set(id(0))
		for i := range 1000 {
			a.put(fmt.Sprint(i))
		}
		time.Sleep(time.Second)
		before := a.Stats()
		w.net.Break(id(0), id(1))
		a.put("missed")
		time.Sleep(2 * time.Second)
		w.expectEqual()
		after := a.Stats()
		if after.Snapshots != before.Snapshots {
			t.Errorf("%d snapshots for one change", after.Snapshots-before.Snapshots)
		}
		if bytes := after.Bytes - before.Bytes; bytes > 300 {
			t.Errorf("%d bytes for one change", bytes)
		}
	})
}

func TestChangeAfterAnIdleBreakIsNotLate(t *testing.T) {
	inWorld(t, 1, 2, func(w *world) {
		a := w.set(id(0))
		a.put("x")
		time.Sleep(time.Second)
		w.net.Break(id(0), id(1))
		time.Sleep(time.Second)
		a.put("y")
		time.Sleep(mesh.Pace)
		w.expectEqual()
	})
}

func TestBreakDuringASnapshotCostsALittleTime(t *testing.T) {
	inWorld(t, 1, 2, func(w *world) {
		a := w.set(id(0))
		w.net.Cut(id(0), id(1))
		time.Sleep(time.Minute)
		for i := range 10_000 {
			a.put(strings.Repeat("k", 200) + fmt.Sprint(i))
		}
		w.net.Heal(id(0), id(1))
		w.net.Slow(id(0), id(1), 100*time.Millisecond, 0)
		time.Sleep(1200 * time.Millisecond)
		if n := len(w.set(id(1)).all(id(0))); n > 0 {
			t.Fatalf("%d keys arrived before the break", n)
		}
		w.net.Break(id(0), id(1))
		time.Sleep(6 * time.Second)
		w.expectEqual()
	})
}

func TestSlowLinkGetsOneSnapshot(t *testing.T) {
	inWorld(t, 1, 2, func(w *world) {
		a := w.set(id(0))
		w.net.Cut(id(0), id(1))
		time.Sleep(time.Minute)
		before := a.Stats().Snapshots
		w.net.Heal(id(0), id(1))
		w.net.Slow(id(0), id(1), 3*time.Second, 0) // a question and its answer take longer than the time between digests
		a.put("x")
		time.Sleep(15 * time.Second)
		w.expectEqual()
		if n := a.Stats().Snapshots - before; n != 1 {
			t.Errorf("%d snapshots", n)
		}
	})
}

// A clock that was set back gives a new process an older life than peers remember. It begins another one then.
func TestNodeWithItsClockSetBackIsBelieved(t *testing.T) {
	inWorld(t, 1, 3, func(w *world) {
		w.set(id(1)).put("from before")
		time.Sleep(time.Second)
		old := mesh.Life(w.set(id(1)).Set)
		w.net.Crash(id(1))
		w.stop(id(1))

		set := mesh.NewSet(w.net.Restart(id(1)).Port("set"), mesh.Options{})
		mesh.SetLife(set, old-1e9)
		w.sets[id(1)] = &member{Set: set, t: t, life: 1}
		set.Start()
		w.sets[id(1)].put("new")
		time.Sleep(5 * time.Second)
		if life := mesh.Life(set); life <= old {
			t.Errorf("life %d, no later than %d", life, old)
		}
		for _, node := range []string{id(0), id(2)} {
			if got := w.set(node).all(id(1)); len(got) != 1 || got["new"] == "" {
				t.Errorf("%s has %v", node, got)
			}
		}
	})
}

func TestEntriesHaveLimits(t *testing.T) {
	inWorld(t, 1, 1, func(w *world) {
		a := w.set(id(0))
		if err := a.Put(strings.Repeat("k", mesh.MaxKey+1), nil); !errors.Is(err, mesh.ErrEntry) {
			t.Errorf("long key: %v", err)
		}
		if err := a.Put("k", make([]byte, mesh.MaxValue+1)); !errors.Is(err, mesh.ErrEntry) {
			t.Errorf("long value: %v", err)
		}
		for i := range mesh.MaxKeys {
			if err := a.Put(fmt.Sprint(i), nil); err != nil {
				t.Fatal(err)
			}
		}
		if err := a.Put("one more", nil); !errors.Is(err, mesh.ErrEntry) {
			t.Errorf("too many: %v", err)
		}
		if err := a.Put("1", []byte("changed")); err != nil {
			t.Errorf("change of a full set: %v", err)
		}
	})
}

// rest is a handler for the frames that are not of the Set.
type rest struct {
	mu    sync.Mutex
	lines []string
}

func (r *rest) add(line string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines = append(r.lines, line)
}

func (r *rest) Up(peer string)                 { r.add("up " + peer) }
func (r *rest) Received(peer string, b []byte) { r.add(fmt.Sprintf("%s: %s", peer, b[1:])) }
func (r *rest) Down(peer string)               { r.add("down " + peer) }

func TestRestGetsWhatIsNotOfTheSet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := meshtest.New(t, 1)
		r := &rest{}
		a := mesh.NewSet(net.Node("a").Port("p"), mesh.Options{Rest: r})
		b := mesh.NewSet(net.Node("b").Port("p"), mesh.Options{})
		a.Start()
		b.Start()
		defer a.Close()
		defer b.Close()
		time.Sleep(time.Second)
		_ = net.Node("b").Port("p").Send("a", []byte{mesh.RestKind, 'x'})
		_ = net.Node("a").Port("p").Send("b", []byte{mesh.RestKind, 'x'}) // nobody wants it there
		_ = net.Node("b").Port("p").Send("a", []byte{mesh.RestKind - 1, 'y'})
		_ = net.Node("b").Port("p").Send("a", nil)
		time.Sleep(time.Second)
		net.Leave("b")
		synctest.Wait()
		if want := []string{"up b", "b: x", "down b"}; !slices.Equal(r.lines, want) {
			t.Errorf("told %q, want %q", r.lines, want)
		}
		if n := a.Stats().Refused; n != 2 {
			t.Errorf("%d frames refused, want 2", n)
		}
	})
}
