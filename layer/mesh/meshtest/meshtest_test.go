package meshtest_test

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"snug/layer/mesh"
	"snug/layer/mesh/meshtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// diary is a handler that keeps what it was told.
type diary struct {
	mu    sync.Mutex
	lines []string
}

func (d *diary) add(line string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, line)
}

func (d *diary) Up(peer string)                     { d.add("up " + peer) }
func (d *diary) Received(peer string, frame []byte) { d.add(peer + ": " + string(frame)) }
func (d *diary) Down(peer string)                   { d.add("down " + peer) }

// expect compares what was told since the last time.
func (d *diary) expect(t *testing.T, want ...string) {
	t.Helper()
	synctest.Wait()
	d.mu.Lock()
	defer d.mu.Unlock()
	if !slices.Equal(d.lines, want) {
		t.Errorf("told %q, want %q", d.lines, want)
	}
	d.lines = nil
}

// pair runs a test with two linked nodes.
func pair(t *testing.T, test func(t *testing.T, net *meshtest.Net, a, b mesh.Port, da, db *diary)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		net := meshtest.New(t, 1)
		a, b := net.Node("a").Port("p"), net.Node("b").Port("p")
		da, db := &diary{}, &diary{}
		a.Join(da)
		b.Join(db)
		time.Sleep(meshtest.Connect)
		da.expect(t, "up b")
		db.expect(t, "up a")
		test(t, net, a, b, da, db)
	})
}

func send(t *testing.T, p mesh.Port, peer string, frames ...string) {
	t.Helper()
	for _, f := range frames {
		if err := p.Send(peer, []byte(f)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestFramesArriveInOrderAndLate(t *testing.T) {
	pair(t, func(t *testing.T, net *meshtest.Net, a, b mesh.Port, da, db *diary) {
		net.Slow("a", "b", time.Second, time.Second)
		var want []string
		for i := range 50 {
			send(t, a, "b", fmt.Sprint(i))
			want = append(want, fmt.Sprintf("a: %d", i))
		}
		time.Sleep(time.Second - time.Millisecond)
		db.expect(t)
		time.Sleep(time.Second + time.Millisecond)
		db.expect(t, want...)
		da.expect(t)
	})
}

func TestDoubledFramesComeOneBehindTheOther(t *testing.T) {
	pair(t, func(t *testing.T, net *meshtest.Net, a, b mesh.Port, da, db *diary) {
		net.Double(100)
		net.HealAll()
		send(t, a, "b", "x", "y")
		time.Sleep(time.Second)
		db.expect(t, "a: x", "a: x", "a: y", "a: y")
		net.Double(0)
		send(t, a, "b", "z")
		time.Sleep(time.Second)
		db.expect(t, "a: z")
	})
}

func TestReorderedFramesOvertakeEachOther(t *testing.T) {
	pair(t, func(t *testing.T, net *meshtest.Net, a, b mesh.Port, da, db *diary) {
		net.Reorder(50, time.Second)
		net.HealAll()
		var want []string
		for i := range 50 {
			send(t, a, "b", fmt.Sprint(i))
			want = append(want, fmt.Sprintf("a: %d", i))
		}
		time.Sleep(2 * time.Second)
		db.mu.Lock()
		ordered := slices.Equal(db.lines, want)
		slices.SortFunc(db.lines, func(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) })
		db.mu.Unlock()
		if ordered {
			t.Error("all came in order")
		}
		db.expect(t, want...)
		net.Reorder(0, 0)
		send(t, a, "b", "x", "y")
		time.Sleep(time.Second)
		db.expect(t, "a: x", "a: y")
	})
}

func TestShortCutDelaysFrames(t *testing.T) {
	pair(t, func(t *testing.T, net *meshtest.Net, a, b mesh.Port, da, db *diary) {
		net.Cut("a", "b")
		send(t, a, "b", "x")
		time.Sleep(meshtest.Notice - time.Millisecond)
		db.expect(t)
		net.Heal("a", "b")
		db.expect(t, "a: x")
		time.Sleep(time.Minute)
		da.expect(t)
	})
}

func TestCutBreaksTheLink(t *testing.T) {
	pair(t, func(t *testing.T, net *meshtest.Net, a, b mesh.Port, da, db *diary) {
		net.Cut("a", "b")
		send(t, a, "b", "lost")
		time.Sleep(meshtest.Notice)
		synctest.Wait()
		if err := a.Send("b", nil); !errors.Is(err, mesh.ErrNoPeer) {
			t.Errorf("Send over a broken link: %v", err)
		}
		if peers := a.Peers(); len(peers) > 0 {
			t.Errorf("peers %v", peers)
		}
		net.Heal("a", "b")
		time.Sleep(time.Minute)
		da.expect(t, "up b") // no Down: it was a short break
		db.expect(t, "up a")
	})
}

func TestLongCutIsDown(t *testing.T) {
	pair(t, func(t *testing.T, net *meshtest.Net, a, b mesh.Port, da, db *diary) {
		net.CutOneWay("a", "b")
		time.Sleep(meshtest.Gone - time.Millisecond)
		da.expect(t)
		time.Sleep(time.Second + time.Millisecond)
		da.expect(t, "down b")
		db.expect(t, "down a")
		time.Sleep(24 * time.Hour)
		net.Heal("a", "b")
		time.Sleep(meshtest.Connect)
		da.expect(t, "up b")
		db.expect(t, "up a")
	})
}

func TestOneWayCutLetsTheOtherPass(t *testing.T) {
	pair(t, func(t *testing.T, net *meshtest.Net, a, b mesh.Port, da, db *diary) {
		net.CutOneWay("a", "b")
		send(t, a, "b", "held")
		send(t, b, "a", "passes")
		time.Sleep(time.Second)
		da.expect(t, "b: passes")
		db.expect(t)
	})
}

func TestCrashAndRestart(t *testing.T) {
	pair(t, func(t *testing.T, net *meshtest.Net, a, b mesh.Port, da, db *diary) {
		net.Crash("b")
		if err := a.Send("b", nil); !errors.Is(err, mesh.ErrNoPeer) {
			t.Errorf("Send to a dead node: %v", err)
		}
		if err := b.Send("a", nil); !errors.Is(err, mesh.ErrNoPeer) {
			t.Errorf("Send from a dead node: %v", err)
		}
		time.Sleep(5 * time.Second)
		again := net.Restart("b").Port("p")
		db2 := &diary{}
		again.Join(db2)
		time.Sleep(time.Minute)
		da.expect(t, "up b")
		db2.expect(t, "up a")
		db.expect(t)

		net.Crash("b")
		time.Sleep(meshtest.Gone + time.Second)
		da.expect(t, "down b")
		net.Restart("b")
		time.Sleep(time.Minute)
		da.expect(t, "up b")
		net.Leave("b")
		da.expect(t, "down b")
	})
}

func TestBacklogBreaksTheLink(t *testing.T) {
	pair(t, func(t *testing.T, net *meshtest.Net, a, b mesh.Port, da, db *diary) {
		frame := make([]byte, mesh.MaxFrame)
		if err := a.Send("b", append(frame, 0)); !errors.Is(err, mesh.ErrFrameTooLarge) {
			t.Errorf("frame too large: %v", err)
		}
		var err error
		for range meshtest.Backlog / mesh.MaxFrame {
			err = a.Send("b", frame)
		}
		if !errors.Is(err, mesh.ErrBacklog) {
			t.Errorf("backlog: %v", err)
		}
		time.Sleep(meshtest.Connect)
		db.expect(t, "up a")
		da.expect(t, "up b")
	})
}

func TestPortsAreApart(t *testing.T) {
	pair(t, func(t *testing.T, net *meshtest.Net, a, b mesh.Port, da, db *diary) {
		send(t, net.Node("a").Port("other"), "b", "nobody there")
		other := &diary{}
		leave := net.Node("b").Port("other").Join(other)
		other.expect(t, "up a")
		send(t, net.Node("a").Port("other"), "b", "hello")
		time.Sleep(time.Millisecond)
		other.expect(t, "a: hello")
		send(t, net.Node("a").Port("other"), "b", "under way")
		leave()
		leave()
		time.Sleep(time.Second)
		other.expect(t)
		db.expect(t)
	})
}

func TestShakeEndsWhole(t *testing.T) {
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			net := meshtest.New(t, seed)
			var mu sync.Mutex
			up := map[string]*diary{}
			start := func(id string) {
				d := &diary{}
				mu.Lock()
				up[id] = d
				mu.Unlock()
				net.Node(id).Port("p").Join(d)
			}
			for i := range 4 {
				start(meshtest.ID(i))
			}
			net.Shake(meshtest.Faults{Crashed: func(string) {}, Restarted: start})
			time.Sleep(meshtest.Connect)
			for i, a := range net.IDs() {
				for _, b := range net.IDs()[:i] {
					if !net.Linked(a, b) {
						t.Errorf("no link between %s and %s", a, b)
					}
				}
			}
		})
	}
}
