package replica

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"snug/layer/mesh/meshtest"
)

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
		s.send(&doneFrame{Number: number, Index: 1, Place: 9, Vector: Vector{other: 9}})
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
		s.send(&stopFrame{Number: number})
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

// A peer may know more of a feed than its writer has said lately. Where the last rows of it exist nowhere any more, no pull makes them known until the writer
// says more.
func TestPullThatGainsNothingIsNotRepeatedAtOnce(t *testing.T) {
	two(t, func(t *testing.T, n *node, writer, other *script) {
		writer.send(&vectorFrame{Full: true, Feed: writer.feed, Vector: Vector{}})
		ahead := Vector{writer.feed: 5}
		other.send(&vectorFrame{Full: true, Feed: other.feed, Vector: ahead})
		asked := 0
		for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
			if other.give(nil, ahead) {
				asked++
			}
		}
		if asked == 0 || asked > 11 {
			t.Errorf("asked %d times in 10 ticks", asked)
		}
		writer.send(&vectorFrame{Feed: writer.feed, Version: 1, Vector: ahead})
		other.wantGive(3*time.Second, nil, ahead)
		time.Sleep(3 * time.Second)
		if b := n.rep.Status()[1].Behind; b != 0 {
			t.Errorf("behind by %d", b)
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
		rows, came := 0, uint64(0)
		for len(chunks) > 0 {
			for _, c := range chunks {
				rows += len(c.Rows)
				came++
			}
			s.send(&ackFrame{5, came})
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
				states = append(states, w.nodes[0].posting("many")...)
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
