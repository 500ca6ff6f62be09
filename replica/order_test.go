package replica

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

func TestChunksAreMergedInTheirOrder(t *testing.T) {
	scripted(t, func(t *testing.T, w *world, n *node, s *script) {
		other := Feed{8}
		s.send(&vectorFrame{Full: true, Feed: s.feed, Vector: Vector{other: 9}})
		number := got[*pullFrame](s)[0].Number
		chunk := func(index, seq uint64) *chunkFrame {
			return &chunkFrame{Number: number, Index: index, Place: int64(index + 1), Rows: []Row{message(other, seq)}}
		}
		s.send(&doneFrame{Number: number, Index: 3, Place: 3, Vector: Vector{other: 9}}, chunk(2, 3), chunk(1, 2))
		n.expectTold()
		if v, _, _ := n.store.Vector(t.Context()); v[other] != 0 {
			t.Errorf("known up to %d before anything is here", v[other])
		}
		s.send(chunk(0, 1), chunk(0, 1), chunk(2, 3))
		n.expectTold("8-1", "8-2", "8-3")
		if n.rep.Status()[0].Pulling {
			t.Error("the pull goes on")
		}
		if v, _, _ := n.store.Vector(t.Context()); v[other] != 9 {
			t.Errorf("known up to %d, want 9", v[other])
		}
		if st := n.rep.Stats(); st.BadFrames > 0 {
			t.Errorf("%d bad frames", st.BadFrames)
		}
	})
}

func TestChunksFarAheadAreRefused(t *testing.T) {
	scripted(t, func(t *testing.T, w *world, n *node, s *script) {
		s.send(&vectorFrame{Full: true, Feed: s.feed, Vector: Vector{{8}: 9}})
		number := got[*pullFrame](s)[0].Number
		for i := range uint64(window) {
			s.send(&chunkFrame{Number: number, Index: i + 1})
		}
		if stops := got[*stopFrame](s); len(stops) > 0 {
			t.Error("a pull is given up for as many chunks as may be under way")
		}
		s.send(&chunkFrame{Number: number, Index: window + 1})
		if stops := got[*stopFrame](s); len(stops) != 1 || n.rep.Stats().BadFrames != 1 {
			t.Errorf("%d stops, %d bad frames; want one each", len(stops), n.rep.Stats().BadFrames)
		}
	})
}

func TestPullIsAnsweredOnce(t *testing.T) {
	scripted(t, func(t *testing.T, w *world, n *node, s *script) {
		n.store.write(state{Kind: "message", ID: "1"})
		pull := func(number uint64) *pullFrame {
			return &pullFrame{Number: number, Cursor: Cursor{Log: n.store.Feed()}}
		}
		answers := func(want int, what string) {
			t.Helper()
			if done := got[*doneFrame](s); len(done) != want {
				t.Errorf("%s: %d answers, want %d", what, len(done), want)
			}
		}
		s.send(pull(5))
		answers(1, "asked")
		s.send(pull(5), pull(4))
		answers(0, "asked once more, and for an earlier one")
		s.send(&stopFrame{Number: 6, Asker: true}, pull(6))
		answers(0, "given up before")
		s.send(&stopFrame{Number: 7}, pull(7))
		answers(1, "of a pull in the other direction the same number was stopped")
	})
}

func TestStopMeansThePullOfOneSide(t *testing.T) {
	scripted(t, func(t *testing.T, w *world, n *node, s *script) {
		s.send(&vectorFrame{Full: true, Feed: s.feed, Vector: Vector{{8}: 9}})
		number := got[*pullFrame](s)[0].Number
		s.send(&stopFrame{Number: number, Asker: true})
		if !n.rep.Status()[0].Pulling {
			t.Error("it gives up its own pull, as its peer did another")
		}
		s.send(&stopFrame{Number: number})
		if n.rep.Status()[0].Pulling {
			t.Error("it goes on, though its peer does not answer")
		}
	})
}

func TestRepeatedChunksTakeNoRoom(t *testing.T) {
	scripted(t, func(t *testing.T, w *world, n *node, s *script) {
		s.send(&vectorFrame{Full: true, Feed: s.feed, Vector: Vector{{8}: 9}})
		number := got[*pullFrame](s)[0].Number
		for i := range uint64(100) {
			s.send(&chunkFrame{Number: number, Index: i}, &chunkFrame{Number: number, Index: i}, &chunkFrame{Number: number, Index: i / 2})
		}
		n.rep.mu.Lock()
		defer n.rep.mu.Unlock()
		if pl := n.rep.pull; pl == nil || len(pl.early)+len(pl.chunks) > 0 {
			t.Errorf("the pull is %+v", pl)
		}
	})
}

func TestVersionGrowsOverANewFeed(t *testing.T) {
	scripted(t, func(t *testing.T, w *world, n *node, s *script) {
		for i := range 20 {
			n.store.write(state{Kind: "message", ID: fmt.Sprint(i)})
		}
		old := n.store.Feed()
		time.Sleep(5 * time.Second)
		s.send(&vectorFrame{Full: true, Feed: s.feed, Vector: Vector{old: 70}})
		last := uint64(0)
		for _, v := range got[*vectorFrame](s) {
			if v.Feed != old && v.Version <= last {
				t.Errorf("version %d after %d", v.Version, last)
			}
			last = max(last, v.Version)
		}
		if n.store.Feed() == old {
			t.Error("the feed goes on")
		}
	})
}

// As long as a new feed is being opened, what is told is the old one: with the vector of the one under the name of the other, peers would believe that
// this node has rows which it has lost.
func TestOldVectorIsNotToldUnderANewFeed(t *testing.T) {
	for _, failing := range []bool{false, true} {
		t.Run(fmt.Sprintf("failing disk %t", failing), func(t *testing.T) {
			scripted(t, func(t *testing.T, w *world, n *node, s *script) {
				for i := range 20 {
					n.store.write(state{Kind: "message", ID: fmt.Sprint(i)})
				}
				old := n.store.Feed()
				time.Sleep(5 * time.Second)
				n.store.slow(time.Second)
				s.send(&vectorFrame{Full: true, Feed: s.feed, Vector: Vector{old: 70}})
				got[*vectorFrame](s)
				s.send(&vectorFrame{Want: true, Feed: s.feed, Vector: Vector{}})
				if told := got[*vectorFrame](s); len(told) != 1 || told[0].Feed != old || n.store.Feed() == old {
					t.Errorf("told %d times while a new feed is being opened, want once of the old one", len(told))
				}
				if failing {
					n.store.fail(errDisk)
					time.Sleep(10 * time.Second)
					n.store.fail(nil)
				}
				time.Sleep(10 * time.Second)
				heard := false
				for _, v := range got[*vectorFrame](s) {
					if v.Feed != old && v.Vector[old] > 0 {
						t.Errorf("told %v under a new feed", v.Vector)
					}
					heard = heard || v.Full && v.Feed == n.store.Feed()
				}
				if !heard {
					t.Error("the new feed is not told of")
				}
			})
		})
	}
}

// A link may outlive a Replica, so its number of a pull and its versions must be greater than those of the one before.
func TestReplicaThatFollowsAnotherOnALinkIsHeard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, 2)
		defer w.end()
		n, other := w.nodes[0], w.nodes[1]
		write := func(at *node, rows int) {
			for range rows {
				at.put(state{Kind: "user", ID: fmt.Sprint(at.id, at.store.save().place)})
			}
		}
		time.Sleep(2 * time.Second)
		write(n, 100)
		for range 3 {
			n.cancel()
			<-n.done
			write(other, 10)
			n.store.open()
			n.start()
			time.Sleep(10 * time.Second)
			write(n, 10)
			time.Sleep(10 * time.Second)
			w.check("another replica")
		}
	})
}

func TestOldAcknowledgementSaysNothing(t *testing.T) {
	scripted(t, func(t *testing.T, w *world, n *node, s *script) {
		for i := range 4 * window * chunkRows {
			n.store.write(state{Kind: "message", ID: fmt.Sprint(i)})
		}
		chunks := func(want int, what string) {
			t.Helper()
			if chunks := got[*chunkFrame](s); len(chunks) != want {
				t.Errorf("%s: %d chunks, want %d", what, len(chunks), want)
			}
		}
		s.send(&pullFrame{Number: 1, Cursor: Cursor{Log: n.store.Feed()}})
		chunks(window, "asked")
		s.send(&ackFrame{1, 1 << 60})
		chunks(window, "more acknowledged than was sent")
		s.send(&ackFrame{1, window}, &ackFrame{1, 1}, &ackFrame{1, window})
		chunks(0, "what was acknowledged before")
		s.send(&ackFrame{1, 2*window - 1}, &ackFrame{1, 2 * window}, &ackFrame{1, 1})
		chunks(window, "all")
	})
}

// What is told of a peer is asked for as a whole where something between was not heard.
func TestLateVectorHidesNothing(t *testing.T) {
	scripted(t, func(t *testing.T, w *world, n *node, s *script) {
		wants := func(what string, want bool) {
			t.Helper()
			got[*vectorFrame](s)
			time.Sleep(2100 * time.Millisecond)
			wanted := false
			for _, v := range got[*vectorFrame](s) {
				wanted = wanted || v.Want
			}
			if wanted != want {
				t.Errorf("%s: asked for all: %v, want %v", what, wanted, want)
			}
		}
		behind := func(want uint64) {
			t.Helper()
			if got := n.rep.Status()[0].Behind; got != want {
				t.Errorf("behind by %d, want %d", got, want)
			}
		}
		s.send(&vectorFrame{Feed: s.feed, Since: 1, Version: 2, Vector: Vector{{8}: 7}})
		s.send(&vectorFrame{Full: true, Feed: s.feed, Version: 1, Vector: Vector{{8}: 5}})
		behind(5)
		wants("a part came before the whole", true)
		s.send(&vectorFrame{Full: true, Feed: s.feed, Version: 2, Vector: Vector{{8}: 7}})
		behind(7)
		wants("all is here", false)
		s.send(&vectorFrame{Full: true, Feed: s.feed, Version: 1, Vector: Vector{{8}: 5}})
		behind(7)
		s.send(&vectorFrame{Feed: s.feed, Vector: Vector{{8}: 8}})
		behind(8)
		wants("what has no version builds on nothing", false)

		// The place of what builds on something that was not heard says nothing yet.
		s.send(&vectorFrame{Feed: s.feed, Since: 3, Version: 4, Place: 50, Vector: Vector{}})
		wants("one between is missing", true)
		s.give(nil, Vector{{8}: 8})
		time.Sleep(10 * time.Second)
		n.rep.mu.Lock()
		defer n.rep.mu.Unlock()
		if c := n.rep.cursors[s.feed]; c.place >= 50 {
			t.Errorf("cursor at %d", c.place)
		}
	})
}

func TestVectorOfAFeedThatHasEndedIsIgnored(t *testing.T) {
	scripted(t, func(t *testing.T, w *world, n *node, s *script) {
		before := s.feed
		s.feed = Feed{10}
		s.send(&vectorFrame{Full: true, Feed: s.feed, Version: 5, Vector: Vector{s.feed: 1}})
		s.send(&vectorFrame{Full: true, Feed: before, Version: 4, Vector: Vector{before: 3}})
		s.send(&vectorFrame{Feed: before, Vector: Vector{before: 4}})
		s.send(live(s.feed, 2))
		s.give([]Row{message(s.feed, 1)}, Vector{s.feed: 1})
		n.expectTold("a-1", "a-2")
		if b := n.rep.Status()[0].Behind; b != 0 {
			t.Errorf("behind by %d rows of a feed that has ended", b)
		}
	})
}
