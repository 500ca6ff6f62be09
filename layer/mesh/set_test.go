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

// meter is a port that measures what is sent, and may lose it.
type meter struct {
	mesh.Port
	mu      sync.Mutex
	frames  int
	deltas  int
	bytes   int
	largest int
	lose    func(frame []byte) bool
}

func (m *meter) Send(peer string, frame []byte) error {
	m.mu.Lock()
	m.frames++
	m.bytes += len(frame)
	m.largest = max(m.largest, len(frame))
	if mesh.IsDelta(frame) {
		m.deltas++
	}
	lost := m.lose != nil && m.lose(frame)
	m.mu.Unlock()
	if lost {
		return nil
	}
	return m.Port.Send(peer, frame)
}

func (m *meter) loseIf(lose func(frame []byte) bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lose = lose
}

func (m *meter) reset() (frames, deltas, bytes int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	frames, deltas, bytes = m.frames, m.deltas, m.bytes
	m.frames, m.deltas, m.bytes = 0, 0, 0
	return frames, deltas, bytes
}

func (m *meter) largestFrame() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.largest
}

// inMeteredWorld has two nodes, and measures the first.
func inMeteredWorld(t *testing.T, test func(w *world, m *meter)) {
	t.Helper()
	inWorld(t, 1, 0, func(w *world) {
		m := &meter{Port: w.net.Node(id(0)).Port("set")}
		w.startWith(id(0), m)
		w.start(id(1))
		time.Sleep(time.Second)
		test(w, m)
	})
}

func TestDigestRepairsALostDelta(t *testing.T) {
	inMeteredWorld(t, func(w *world, m *meter) {
		loseOne := func() {
			lost := false
			m.loseIf(func(frame []byte) bool {
				if lost || !mesh.IsDelta(frame) {
					return false
				}
				lost = true
				return true
			})
		}
		loseOne()
		w.set(id(0)).put("lost")
		time.Sleep(time.Second)
		if len(w.set(id(1)).Owners("lost")) > 0 {
			t.Fatal("nothing was lost")
		}
		time.Sleep(mesh.DigestEvery)
		w.expectEqual()

		// A change that follows shows the gap at once.
		loseOne()
		w.set(id(0)).put("lost too")
		time.Sleep(time.Second)
		w.set(id(0)).put("next")
		time.Sleep(2 * mesh.Pace)
		w.expectEqual()
	})
}

func TestIdleSetsSendOnlyDigests(t *testing.T) {
	inMeteredWorld(t, func(w *world, m *meter) {
		for i := range 10_000 {
			w.set(id(0)).put(fmt.Sprint(i))
		}
		time.Sleep(time.Second)
		m.reset()
		time.Sleep(time.Minute)
		if frames, _, bytes := m.reset(); frames != int(time.Minute/mesh.DigestEvery) || bytes > 30*frames {
			t.Errorf("%d frames of %d bytes in an idle minute", frames, bytes)
		}
	})
}

func TestManyChangesAreFewFrames(t *testing.T) {
	inMeteredWorld(t, func(w *world, m *meter) {
		m.reset()
		for range 1000 {
			for k := range 10 {
				w.set(id(0)).put(fmt.Sprint(k))
			}
			time.Sleep(time.Millisecond)
		}
		if frames, deltas, bytes := m.reset(); deltas > 51 || bytes > 10_000 {
			t.Errorf("%d frames, %d of them deltas, of %d bytes in a second", frames, deltas, bytes)
		}
		time.Sleep(time.Second)
		w.expectEqual()
	})
}

func TestLargeSetComesInSmallFrames(t *testing.T) {
	inMeteredWorld(t, func(w *world, m *meter) {
		w.net.Cut(id(0), id(1))
		time.Sleep(time.Minute)
		long := strings.Repeat("k", 200)
		for i := range 20_000 {
			w.set(id(0)).put(long + fmt.Sprint(i))
		}
		m.reset()
		w.net.Heal(id(0), id(1))
		w.net.Slow(id(0), id(1), 100*time.Millisecond, 0)
		for i := range 100 { // changes on the way do not make it begin again
			w.set(id(0)).put(long + fmt.Sprint(i))
			time.Sleep(50 * time.Millisecond)
		}
		time.Sleep(10 * time.Second)
		w.expectEqual()
		if m.largestFrame() > mesh.FrameSize {
			t.Errorf("a frame of %d bytes", m.largestFrame())
		}
		if n := w.set(id(0)).Stats().Snapshots; n != 2 { // one when the link was made, one after the cut
			t.Errorf("%d snapshots", n)
		}
	})
}

func TestNothingIsSentWithoutALink(t *testing.T) {
	inMeteredWorld(t, func(w *world, m *meter) {
		w.net.Cut(id(0), id(1))
		time.Sleep(meshtest.Notice + time.Millisecond)
		m.reset()
		for range 100 {
			w.set(id(0)).put("x")
			time.Sleep(mesh.Pace)
		}
		if frames, _, _ := m.reset(); frames > 1 { // one to see that there is no link
			t.Errorf("%d frames without a link", frames)
		}
	})
}

func TestSilentPeerIsDropped(t *testing.T) {
	inMeteredWorld(t, func(w *world, m *meter) {
		w.set(id(0)).put("x")
		time.Sleep(time.Second)
		m.loseIf(func([]byte) bool { return true })
		time.Sleep(mesh.Silence + mesh.DigestEvery)
		if got := w.set(id(1)).all(id(0)); len(got) > 0 {
			t.Errorf("copy of a peer that is silent: %v", got)
		}
		m.loseIf(nil)
		time.Sleep(mesh.DigestEvery + time.Second)
		w.expectEqual()
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
