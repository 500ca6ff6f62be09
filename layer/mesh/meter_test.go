package mesh_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"snug/layer/mesh"
	"snug/layer/mesh/meshtest"
)

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
