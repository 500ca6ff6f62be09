package replica

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"snug/layer/mesh/meshtest"
)

func TestLiveRowsArriveAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, 3)
		defer w.end()
		time.Sleep(3 * time.Second)
		for i := range 20 {
			written, err := w.nodes[i%3].store.write(state{Kind: "message", ID: fmt.Sprint(i)})
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(w.latency + 2*time.Millisecond)
			for _, n := range w.nodes {
				if n.store.get(written[0].key()) == nil {
					t.Errorf("node %s has no message %d", n.id, i)
				}
			}
		}
	})
}

func TestLiveRowsWaitBehindAGap(t *testing.T) {
	scripted(t, func(t *testing.T, w *world, n *node, s *script) {
		s.send(&vectorFrame{Full: true, Feed: s.feed})
		s.send(live(s.feed, 1, 2))
		s.send(live(s.feed, 4, 5))
		n.expectTold("9-1", "9-2")
		s.send(live(s.feed, 2, 3)) // does not follow what is held, so that is forgotten
		n.expectTold("9-1", "9-2", "9-3")
		s.send(live(s.feed, 1, 2, 3, 4))
		n.expectTold("9-1", "9-2", "9-3", "9-4")
	})
}

// A node that died with rows nobody had, and came back, has them pulled before what it writes now.
func TestLinkBeginsWithCatchingUp(t *testing.T) {
	scripted(t, func(t *testing.T, w *world, n *node, s *script) {
		earlier := Feed{8}
		s.send(&vectorFrame{Full: true, Feed: s.feed, Vector: Vector{earlier: 2}})
		s.send(live(s.feed, 1))
		n.expectTold()
		pulls := got[*pullFrame](s)
		if len(pulls) != 1 {
			t.Fatalf("%d pulls, want 1", len(pulls))
		}
		s.send(&chunkFrame{Number: pulls[0].Number, Place: 2, Rows: []Row{message(earlier, 1), message(earlier, 2)}},
			&doneFrame{Number: pulls[0].Number, Index: 1, Place: 2, Vector: Vector{earlier: 2}})
		n.expectTold("8-1", "8-2", "9-1")
	})
}

// Who may wait for a peer to have its rows on disk is told at once that it has; anybody else with the rest, every two seconds.
func TestWritersAreToldOfTheDiskAtOnceUnlessTheyAreCalm(t *testing.T) {
	scripted(t, func(t *testing.T, w *world, n *node, s *script) {
		told := func(seq uint64) bool {
			return slices.ContainsFunc(got[*vectorFrame](s), func(f *vectorFrame) bool { return f.Vector[s.feed] == seq })
		}
		s.send(&vectorFrame{Full: true, Feed: s.feed})
		s.send(live(s.feed, 1))
		if !told(1) {
			t.Error("the writer was not told at once")
		}
		s.send(&calmFrame{}, live(s.feed, 2))
		n.expectTold("9-1", "9-2")
		if told(2) {
			t.Error("a calm writer was told at once")
		}
		time.Sleep(2 * time.Second)
		if !told(2) {
			t.Error("a calm writer was not told at all")
		}
	})
}

func TestNodesSayWhetherTheyAreCalm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, 2) // the second one is calm
		defer w.end()
		s := &script{t: t, port: w.net.Node(meshtest.ID(9)).Port("replica")}
		s.port.Join(s)
		time.Sleep(time.Second)
		if calm := got[*calmFrame](s); len(calm) != 1 {
			t.Errorf("%d of 2 nodes are calm, want 1", len(calm))
		}
	})
}

func TestStatus(t *testing.T) {
	scripted(t, func(t *testing.T, w *world, n *node, s *script) {
		n.store.write(state{Kind: "message", ID: "a"})
		s.send(&vectorFrame{Full: true, Feed: s.feed, Vector: Vector{{8}: 5}})
		all := n.rep.Status()
		if len(all) != 1 {
			t.Fatalf("status of %d peers", len(all))
		}
		if p := all[0]; p.Peer != s.port.Self() || p.Behind != 5 || p.Ahead != 1 || !p.Pulling || time.Since(p.LastContact) > time.Second {
			t.Errorf("status %+v", p)
		}
		w.net.Crash(s.port.Self())
		time.Sleep(meshtest.Gone + 2*time.Second)
		if all := n.rep.Status(); len(all) != 0 {
			t.Errorf("status %+v of a peer that is gone", all)
		}
	})
}

func TestWaitForAPeer(t *testing.T) {
	scripted(t, func(t *testing.T, w *world, n *node, s *script) {
		s.send(&vectorFrame{Full: true, Feed: s.feed})
		written, err := n.store.write(state{Kind: "message", ID: "a"})
		if err != nil {
			t.Fatal(err)
		}
		row := written[0]
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := n.rep.Wait(short, row.feed, row.seq); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("without a peer that has it: %v", err)
		}
		if err := n.rep.Wait(t.Context(), Feed{1}, 1); !errors.Is(err, ErrNewFeed) {
			t.Errorf("of another feed: %v", err)
		}
		answer := make(chan error, 1)
		go func() { answer <- n.rep.Wait(t.Context(), row.feed, row.seq) }()
		s.send(&vectorFrame{Feed: s.feed, Vector: Vector{row.feed: row.seq}})
		if err := <-answer; err != nil {
			t.Error(err)
		}
		if err := n.rep.Wait(t.Context(), row.feed, row.seq); err != nil {
			t.Errorf("a second time: %v", err)
		}
	})
}

func TestNewFeedWhenAPeerKnowsMore(t *testing.T) {
	scripted(t, func(t *testing.T, w *world, n *node, s *script) {
		n.store.write(state{Kind: "message", ID: "a"})
		old := n.store.Feed()
		s.send(&vectorFrame{Full: true, Feed: s.feed, Vector: Vector{old: 7}})
		if n.store.Feed() == old {
			t.Fatal("the feed goes on")
		}
		v, _, _ := n.store.Vector(t.Context())
		if v[n.store.Feed()] != 1 || v[old] != 0 {
			t.Errorf("vector %v", v)
		}
		if pulls := got[*pullFrame](s); len(pulls) == 0 || pulls[len(pulls)-1].Vector[old] != 0 {
			t.Errorf("pulls %v: the rows of the old feed are not asked for", pulls)
		}
		// One that talks nonsense does not get a new feed each time.
		now := n.store.Feed()
		s.send(&vectorFrame{Full: true, Feed: s.feed, Vector: Vector{now: 70}})
		if n.store.Feed() != now || n.rep.Stats().NewFeeds != 1 {
			t.Error("another feed at once")
		}
	})
}

func TestRowsThatCannotBeReadAreKeptAndPassedOn(t *testing.T) {
	scripted(t, func(t *testing.T, w *world, n *node, s *script) {
		s.send(&vectorFrame{Full: true, Feed: s.feed})
		s.send(&liveFrame{Feed: s.feed, First: 1, Bodies: [][]byte{[]byte("nonsense"), message(s.feed, 2).Body, {}}})
		n.expectTold(fmt.Sprint(s.feed, 1), "9-2", fmt.Sprint(s.feed, 3))
		if st := n.rep.Stats(); st.Aside != 2 {
			t.Errorf("%d rows set aside, want 2", st.Aside)
		}
		s.send(&pullFrame{Number: 1, Cursor: Cursor{Log: n.store.Feed()}})
		chunks := got[*chunkFrame](s)
		if len(chunks) != 1 || len(chunks[0].Rows) != 3 || string(chunks[0].Rows[0].Body) != "nonsense" {
			t.Errorf("passed on %v", chunks)
		}
	})
}

func TestNonsenseIsCounted(t *testing.T) {
	scripted(t, func(t *testing.T, w *world, n *node, s *script) {
		for _, b := range [][]byte{{}, {0}, {200, 1}, {kindVector}, {kindLive, 1, 2}, make([]byte, 1<<20)} {
			if err := s.port.Send(s.peer, b); err != nil {
				t.Fatal(err)
			}
		}
		s.send(&ackFrame{1, 1 << 60}, &doneFrame{Number: 3}, &chunkFrame{Number: 1}, &stopFrame{Number: 4}, &stopFrame{Number: 5, Asker: true}, &vectorFrame{Feed: s.feed})
		if st := n.rep.Stats(); st.BadFrames != 6 {
			t.Errorf("%d bad frames, want 6", st.BadFrames)
		}
		s.send(&vectorFrame{Full: true, Feed: s.feed}, live(s.feed, 1))
		n.expectTold("9-1")
	})
}

func TestFullDiskDelaysOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, 3)
		defer w.end()
		quiet := w.chatter(100 * time.Millisecond)
		n := w.nodes[1]
		n.setQuiet(true)
		time.Sleep(time.Second) // what it writes is done
		n.store.fail(errDisk)
		time.Sleep(time.Minute)
		n.store.fail(nil)
		n.setQuiet(false)
		quiet()
		w.settled("full disk")
	})
}

// In the simulation only the clocks know of more than a minute. Here a day has all its seconds.
func TestCutOfAWholeDay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, 3)
		defer w.end()
		quiet := w.chatter(5 * time.Minute)
		w.net.Split(w.nodes[0].id)
		time.Sleep(24 * time.Hour)
		w.net.HealAll()
		quiet()
		w.settled("a day")
	})
}

func TestHeldRowsAreBounded(t *testing.T) {
	var h held
	body := make([]byte, 100_000)
	for seq := uint64(2); seq < 200; seq++ {
		h.add(&liveFrame{Feed: Feed{1}, First: seq, Bodies: [][]byte{body}})
	}
	if h.bytes > maxHeld || h.bytes < maxHeld-200_000 {
		t.Errorf("%d bytes held", h.bytes)
	}
	if last := h.rows[len(h.rows)-1].Seq; last != 199 {
		t.Errorf("the newest is %d", last)
	}
	if rows := h.take(150, 1); rows != nil && rows[0].Seq != 151 {
		t.Errorf("continues with %d", rows[0].Seq)
	}
	if rows := h.take(500, 1); len(rows) > 0 || h.bytes != 0 {
		t.Errorf("%d rows taken that are known, %d bytes left", len(rows), h.bytes)
	}
}
