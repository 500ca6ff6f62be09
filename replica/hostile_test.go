package replica

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"snug/layer/mesh/meshtest"
)

// two runs a test with one node, a peer that lies and one that does not.
func two(t *testing.T, test func(t *testing.T, n *node, liar, honest *script)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, 1)
		defer w.end()
		n := w.nodes[0]
		n.setQuiet(true)
		var peers []*script
		for i := range 2 {
			s := &script{t: t, peer: n.id, feed: Feed{byte(8 + i)}, port: w.net.Node(meshtest.ID(8 + i)).Port("replica")}
			s.port.Join(s)
			peers = append(peers, s)
		}
		time.Sleep(meshtest.Connect + 10*time.Millisecond)
		test(t, n, peers[0], peers[1])
	})
}

// give answers the pull that a node began at a peer, and says whether there was one.
func (s *script) give(rows []Row, vector Vector) bool {
	s.t.Helper()
	pulls := got[*pullFrame](s)
	if len(pulls) == 0 {
		return false
	}
	last := pulls[len(pulls)-1]
	s.send(&chunkFrame{Number: last.Number, Place: 1, Rows: rows}, &doneFrame{Number: last.Number, Index: 1, Place: 1, Vector: vector})
	return true
}

func (s *script) wantGive(limit time.Duration, rows []Row, vector Vector) {
	s.t.Helper()
	began := time.Now()
	for !s.give(rows, vector) {
		if time.Since(began) > limit {
			s.t.Fatalf("not asked within %v", limit)
		}
		time.Sleep(time.Second)
	}
}

func TestPeerThatNeverAnswersKeepsNobodyWaiting(t *testing.T) {
	two(t, func(t *testing.T, n *node, liar, honest *script) {
		liar.send(&vectorFrame{Full: true, Feed: liar.feed, Vector: Vector{{5}: 1 << 40}})
		honest.send(&vectorFrame{Full: true, Feed: honest.feed, Vector: Vector{{7}: 1}})
		honest.wantGive(stall+5*time.Second, []Row{message(Feed{7}, 1)}, Vector{{7}: 1})
		n.expectTold("7-1")
		// Now that it is known for it, it is not asked before others, and given up soon.
		for i := range uint64(5) {
			time.Sleep(stall/2 + time.Second)
			honest.send(&vectorFrame{Feed: honest.feed, Vector: Vector{{7}: i + 2}})
			honest.wantGive(stall/5+5*time.Second, []Row{message(Feed{7}, i+2)}, Vector{{7}: i + 2})
		}
	})
}

func TestPeerThatClaimsMoreThanItGivesIsAskedLess(t *testing.T) {
	two(t, func(t *testing.T, n *node, liar, honest *script) {
		liar.send(&vectorFrame{Full: true, Feed: liar.feed, Vector: Vector{{5}: 1 << 40}})
		asked := 0
		for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
			if liar.give(nil, Vector{}) {
				asked++
			}
		}
		if asked == 0 || asked > 40 {
			t.Errorf("asked %d times in a minute", asked)
		}
		honest.send(&vectorFrame{Full: true, Feed: honest.feed, Vector: Vector{{7}: 1}})
		honest.wantGive(5*time.Second, []Row{message(Feed{7}, 1)}, Vector{{7}: 1})
	})
}

func TestNobodyKnowsMoreOfAFeedThanItsWriter(t *testing.T) {
	two(t, func(t *testing.T, n *node, liar, honest *script) {
		honest.send(&vectorFrame{Full: true, Feed: honest.feed}, live(honest.feed, 1))
		own := n.store.Feed()
		lie := Vector{{5}: 1, honest.feed: 1 << 40, own: 1 << 40}
		liar.send(&vectorFrame{Full: true, Feed: liar.feed, Vector: Vector{{5}: 1}})
		liar.wantGive(5*time.Second, []Row{message(Feed{5}, 1)}, lie)
		honest.send(live(honest.feed, 2))
		n.expectTold("9-1", "5-1", "9-2")
	})
}

func TestEndlessPullWithoutNewsGivesWay(t *testing.T) {
	two(t, func(t *testing.T, n *node, liar, honest *script) {
		liar.send(&vectorFrame{Full: true, Feed: liar.feed, Vector: Vector{{5}: 1 << 40}})
		honest.send(&vectorFrame{Full: true, Feed: honest.feed, Vector: Vector{{7}: 1}})
		garbage := make([]Row, 4096)
		for i := range garbage {
			garbage[i] = Row{Feed: Feed{5}, Seq: uint64(i + 1), Body: []byte("?")}
		}
		time.Sleep(5 * time.Second)
		chunk := &chunkFrame{Place: 1, Rows: garbage}
		for range 100 {
			if pulls := got[*pullFrame](liar); len(pulls) > 0 {
				chunk.Number, chunk.Index = pulls[0].Number, 0
			}
			liar.send(chunk)
			chunk.Index++
			if honest.give([]Row{message(Feed{7}, 1)}, Vector{{7}: 1}) {
				return
			}
		}
		t.Error("the other peer is never asked")
	})
}

// A peer that keeps a pull going with nothing, or almost nothing, keeps nobody waiting, also where others have news all the time.
func TestPullThatTricklesGivesWay(t *testing.T) {
	for _, rows := range [][]Row{nil, {{Feed: Feed{5}, Seq: 1, Body: []byte("?")}}} {
		t.Run(fmt.Sprint(len(rows), " rows"), func(t *testing.T) {
			two(t, func(t *testing.T, n *node, liar, honest *script) {
				honest.send(&vectorFrame{Full: true, Feed: honest.feed, Vector: Vector{}})
				liar.send(&vectorFrame{Full: true, Feed: liar.feed, Vector: Vector{{5}: 1 << 40}})
				honest.send(&vectorFrame{Feed: honest.feed, Vector: Vector{{7}: 1}})
				chunk := &chunkFrame{Place: 1, Rows: rows}
				for seq := range uint64(500) {
					if pulls := got[*pullFrame](liar); len(pulls) > 0 {
						chunk.Number, chunk.Index = pulls[len(pulls)-1].Number, 0
					}
					n.store.commits <- struct{}{}
					honest.send(live(honest.feed, 2*seq+1))
					honest.send(live(honest.feed, 2*seq+2)) // this and the chunk are merged at once
					liar.send(chunk)
					<-n.store.commits
					chunk.Index++
					if honest.give([]Row{message(Feed{7}, 1)}, Vector{{7}: 1}) {
						return
					}
				}
				t.Error("the other peer is never asked")
			})
		})
	}
}

func TestPullBeginsWhileLiveRowsWait(t *testing.T) {
	two(t, func(t *testing.T, n *node, busy, other *script) {
		busy.send(&vectorFrame{Full: true, Feed: busy.feed})
		other.send(&vectorFrame{Full: true, Feed: other.feed})
		n.store.commits <- struct{}{}
		busy.send(live(busy.feed, 1))
		other.send(&vectorFrame{Feed: other.feed, Vector: Vector{{7}: 1}})
		const last = 10
		for seq := uint64(2); seq <= last; seq++ {
			s := state{Kind: "message", ID: fmt.Sprint(seq), Stamp: seq, Text: strings.Repeat("x", maxBatch/3), feed: busy.feed, seq: seq}
			busy.send(&liveFrame{Feed: busy.feed, First: seq, Bodies: [][]byte{s.row().Body}})
		}
		<-n.store.commits
		time.Sleep(time.Second)
		if pulls := got[*pullFrame](other); len(pulls) != 1 || pulls[0].Vector[busy.feed] == last {
			t.Errorf("%d pulls, want one before all is merged that waits", len(pulls))
		}
	})
}

func TestAllIsToldOnceATick(t *testing.T) {
	scripted(t, func(t *testing.T, w *world, n *node, s *script) {
		s.send(&vectorFrame{Full: true, Feed: s.feed})
		got[*vectorFrame](s)
		for range 100 { // in 10 s
			s.send(&vectorFrame{Want: true, Feed: s.feed}, &vectorFrame{Want: true, Feed: s.feed})
		}
		full := 0
		for _, v := range got[*vectorFrame](s) {
			if v.Full {
				full++
			}
		}
		if full < 4 || full > 6 {
			t.Errorf("told all %d times in 5 ticks", full)
		}
	})
}

func TestNewFeedsBecomeSeldom(t *testing.T) {
	two(t, func(t *testing.T, n *node, liar, _ *script) {
		for end := time.Now().Add(24 * time.Hour); time.Now().Before(end); time.Sleep(10 * time.Second) {
			liar.send(&vectorFrame{Full: true, Feed: liar.feed, Vector: Vector{n.store.Feed(): 1 << 40}})
		}
		if feeds := n.rep.Stats().NewFeeds; feeds == 0 || feeds > 12 {
			t.Errorf("%d new feeds in a day", feeds)
		}
	})
}

func TestFeedsAreBounded(t *testing.T) {
	two(t, func(t *testing.T, n *node, liar, honest *script) {
		const each = maxFeeds/4 + 1
		liar.send(&vectorFrame{Full: true, Feed: liar.feed})
		for part := range uint32(6) {
			v := Vector{}
			for i := range uint32(each) {
				var f Feed
				binary.BigEndian.PutUint32(f[4:], part*each+i+1)
				v[f] = 1
			}
			liar.send(&vectorFrame{Feed: liar.feed, Vector: v})
			for range 10 {
				if liar.give(nil, v) {
					break
				}
				time.Sleep(time.Second)
			}
		}
		n.rep.mu.Lock()
		claimed, known := len(n.rep.peers[liar.port.Self()].vector), len(n.rep.known)
		n.rep.mu.Unlock()
		if claimed > maxFeeds || known > maxFeeds {
			t.Errorf("%d feeds of a peer, and %d here; at most %d", claimed, known, maxFeeds)
		}
		if n.rep.Stats().BadFrames == 0 {
			t.Error("nothing is counted")
		}
	})
}

func TestFramesHaveLimits(t *testing.T) {
	t.Parallel()
	many := &liveFrame{Feed: Feed{1}, First: 1, Bodies: make([][]byte, maxRows+1)}
	rows := &chunkFrame{Number: 1, Rows: make([]Row, maxRows+1)}
	for i := range rows.Rows {
		rows.Rows[i].Seq = 1
	}
	for name, f := range map[string]frame{
		"rows live":            many,
		"rows of a pull":       rows,
		"number of a row":      &liveFrame{Feed: Feed{1}, First: maxSeq + 1, Bodies: [][]byte{{}}},
		"number in the vector": &vectorFrame{Vector: Vector{{1}: maxSeq + 1}},
	} {
		if _, err := decode(encode(f)); err == nil {
			t.Errorf("%s: too many are taken", name)
		}
	}
}
