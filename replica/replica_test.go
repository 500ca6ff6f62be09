package replica

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"snug/layer/mesh"
	"snug/layer/mesh/meshtest"
)

// script is a peer that does only what the test says.
type script struct {
	t    *testing.T
	port mesh.Port
	peer string
	feed Feed

	mu     sync.Mutex
	frames []frame
}

func (s *script) Up(peer string)   {}
func (s *script) Down(peer string) {}

func (s *script) Received(_ string, b []byte) {
	f, err := decode(b)
	if err != nil {
		s.t.Errorf("frame %x: %v", b, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.frames = append(s.frames, f)
}

// send sends frames and waits until they have arrived.
func (s *script) send(frames ...frame) {
	s.t.Helper()
	for _, f := range frames {
		if err := s.port.Send(s.peer, encode(f)); err != nil {
			s.t.Fatal(err)
		}
	}
	time.Sleep(100 * time.Millisecond)
}

// got takes out the frames of one kind that have come.
func got[F frame](s *script) (some []F) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.frames = slices.DeleteFunc(s.frames, func(f frame) bool {
		one, ok := f.(F)
		if ok {
			some = append(some, one)
		}
		return ok
	})
	return some
}

// scripted runs a test with one node and one peer that is a script. They are linked.
func scripted(t *testing.T, test func(t *testing.T, w *world, n *node, s *script)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, 1)
		defer w.end()
		w.nodes[0].store.slow(0)
		w.nodes[0].setQuiet(true)
		s := &script{t: t, peer: w.nodes[0].id, feed: Feed{9}, port: w.net.Node(meshtest.ID(9)).Port("replica")}
		s.port.Join(s)
		time.Sleep(meshtest.Connect + 10*time.Millisecond)
		test(t, w, w.nodes[0], s)
	})
}

// message is a row of another node.
func message(feed Feed, seq uint64) Row {
	s := state{Kind: "message", ID: fmt.Sprintf("%x-%d", feed[0], seq), Stamp: seq, Text: "hello", By: fmt.Sprint(feed[0]), N: int(seq), feed: feed, seq: seq}
	return s.row()
}

func live(feed Feed, seqs ...uint64) *liveFrame {
	f := &liveFrame{Feed: feed, First: seqs[0]}
	for _, seq := range seqs {
		f.Bodies = append(f.Bodies, message(feed, seq).Body)
	}
	return f
}

// expectTold compares the messages that people were told of since the beginning.
func (n *node) expectTold(want ...string) {
	n.w.t.Helper()
	var told []string
	for _, s := range n.store.save().told {
		told = append(told, s.ID)
	}
	if !slices.Equal(told, want) {
		n.w.t.Errorf("told of %q, want %q", told, want)
	}
}

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
			&doneFrame{Number: pulls[0].Number, Place: 2, Vector: Vector{earlier: 2}})
		n.expectTold("8-1", "8-2", "9-1")
	})
}

func TestRowsOnTheirWayArePulledOnlyAfterAWhile(t *testing.T) {
	scripted(t, func(t *testing.T, w *world, n *node, s *script) {
		s.send(&vectorFrame{Full: true, Feed: s.feed})
		s.send(&vectorFrame{Feed: s.feed, Vector: Vector{s.feed: 3}})
		time.Sleep(time.Second)
		if pulls := got[*pullFrame](s); len(pulls) != 0 {
			t.Errorf("%d pulls for what may be on its way", len(pulls))
		}
		time.Sleep(5 * time.Second)
		if pulls := got[*pullFrame](s); len(pulls) != 1 {
			t.Errorf("%d pulls for what does not come", len(pulls))
		}
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

// A pull that stands still is given up, so that another peer can be asked.
func TestPullThatStandsStillIsGivenUp(t *testing.T) {
	scripted(t, func(t *testing.T, w *world, n *node, s *script) {
		s.send(&vectorFrame{Full: true, Feed: s.feed, Vector: Vector{{8}: 1}})
		time.Sleep(stall + 5*time.Second)
		if stops, pulls := got[*stopFrame](s), got[*pullFrame](s); len(stops) != 1 || len(pulls) != 2 {
			t.Errorf("%d stops, %d pulls; want 1 and 2", len(stops), len(pulls))
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

func TestVectorIsAdoptedOnlyAtTheEnd(t *testing.T) {
	scripted(t, func(t *testing.T, w *world, n *node, s *script) {
		other := Feed{8}
		s.send(&vectorFrame{Full: true, Feed: s.feed, Vector: Vector{other: 9}})
		number := got[*pullFrame](s)[0].Number
		s.send(&chunkFrame{Number: number, Place: 7, Rows: []Row{message(other, 1), message(other, 3), message(other, 8)}})
		if v, _, _ := n.store.Vector(t.Context()); v[other] != 1 {
			t.Errorf("known up to %d, want 1: 2 may be in a row that is still to come", v[other])
		}
		if acks := got[*ackFrame](s); len(acks) != 1 || acks[0].Chunks != 1 {
			t.Errorf("acknowledged %v", acks)
		}
		s.send(&doneFrame{Number: number, Place: 9, Vector: Vector{other: 9}})
		if v, _, _ := n.store.Vector(t.Context()); v[other] != 9 {
			t.Errorf("known up to %d, want 9", v[other])
		}
		if place, _ := n.store.Cursor(t.Context(), s.feed); place != 9 {
			t.Errorf("cursor at %d, want 9", place)
		}
	})
}

// A node that has rows of a pull which it could not finish must not say that its vector speaks for them, not even after a restart.
func TestUnfinishedPullHoldsBackThePlace(t *testing.T) {
	scripted(t, func(t *testing.T, w *world, n *node, s *script) {
		other := Feed{8}
		place := func() int64 {
			time.Sleep(5 * time.Second)
			vectors := got[*vectorFrame](s)
			return vectors[len(vectors)-1].Place
		}
		s.send(&vectorFrame{Full: true, Feed: s.feed, Vector: Vector{other: 9}})
		number := got[*pullFrame](s)[0].Number
		s.send(&chunkFrame{Number: number, Place: 7, Rows: []Row{message(other, 3)}})
		s.send(&stopFrame{number})
		if p := place(); p != 0 {
			t.Errorf("vector speaks for all up to %d", p)
		}
		n.stop()
		n.store.open()
		n.start()
		time.Sleep(time.Second)
		s.send(&vectorFrame{Full: true, Feed: s.feed, Vector: Vector{other: 9}})
		if p := place(); p != 0 {
			t.Errorf("after a restart, vector speaks for all up to %d", p)
		}
		for _, pull := range got[*pullFrame](s) {
			number = pull.Number
		}
		s.send(&doneFrame{Number: number, Place: 9, Vector: Vector{other: 9}})
		if p := place(); p != 1 {
			t.Errorf("vector speaks for all up to %d, want 1", p)
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

func TestPullWaitsForAcknowledgement(t *testing.T) {
	scripted(t, func(t *testing.T, w *world, n *node, s *script) {
		for i := range 20 * chunkRows {
			n.store.write(state{Kind: "message", ID: fmt.Sprint(i)})
		}
		feed := n.store.Feed()
		s.send(&pullFrame{Number: 5, Cursor: Cursor{Log: feed}})
		time.Sleep(time.Minute)
		chunks := got[*chunkFrame](s)
		if len(chunks) != window {
			t.Fatalf("%d chunks under way, want %d", len(chunks), window)
		}
		rows := 0
		for len(chunks) > 0 {
			for _, c := range chunks {
				rows += len(c.Rows)
			}
			s.send(&ackFrame{5, uint64(len(chunks))})
			chunks = got[*chunkFrame](s)
			if len(chunks) > window {
				t.Fatalf("%d chunks at once", len(chunks))
			}
		}
		if done := got[*doneFrame](s); rows != 20*chunkRows || len(done) != 1 || done[0].Vector[feed] != uint64(rows) {
			t.Errorf("%d rows, done %v", rows, done)
		}
	})
}

func TestNewNodeTakesOverAll(t *testing.T) {
	const rows = 30_000
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, 2)
		defer w.end()
		w.latency = 0
		for _, n := range w.nodes {
			n.store.slow(time.Millisecond)
		}
		for range rows / 100 {
			var states []state
			for range 50 {
				states = append(states, w.nodes[0].posting()...)
			}
			w.nodes[0].put(states...)
		}
		third := w.add(meshtest.ID(7), 0, 7)
		third.store.slow(20 * time.Millisecond)
		third.start()
		quiet := w.chatter(20 * time.Millisecond)
		// Twice in between it begins anew.
		for range 2 {
			time.Sleep(700 * time.Millisecond)
			third.stop()
			third.restart()
		}
		time.Sleep(20 * time.Second)
		quiet()
		w.settled("take-over")
		if most := third.store.most; most > window*chunkRows+maxHeld/rowOverhead {
			t.Errorf("%d rows at once", most)
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
		s.send(&ackFrame{1, 1 << 60}, &doneFrame{Number: 3}, &chunkFrame{Number: 1}, &stopFrame{4}, &vectorFrame{Feed: s.feed})
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
