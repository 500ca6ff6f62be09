package layer_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"snug/layer"
	"snug/layer/mesh/meshtest"
)

func TestGroupMessageCrossesOnceToEachNodeWithMembers(t *testing.T) {
	nodes(t, 4, layer.Options{}, func(w *world) {
		var logs []*notes
		for node, members := range []int{2, 3, 1, 0} {
			for i := range members {
				channel := fmt.Sprintf("socket!%d", i)
				logs = append(logs, w.listen(node, channel))
				w.add(node, "room", channel)
			}
		}
		w.add(3, "other", "socket")
		pass()

		w.groupSend(0, "room", 1)
		pass()
		for _, l := range logs {
			l.want(w, 1)
		}
		for from, port := range w.ports {
			for to := range w.nodes {
				want := 0
				if from == 0 && (to == 1 || to == 2) {
					want = 1
				}
				if got := port.take(meshtest.ID(to)); got != want {
					w.Errorf("%d frames from node %d to node %d, want %d", got, from, to, want)
				}
			}
		}
		// And from a node without members.
		w.groupSend(3, "room", 2, 3)
		pass()
		for _, l := range logs {
			l.want(w, 2, 3)
		}
		for to, want := range []int{2, 2, 2, 0} {
			if got := w.ports[3].take(meshtest.ID(to)); got != want {
				w.Errorf("%d frames to node %d, want %d", got, to, want)
			}
		}
		if st := w.nodes[3].Traffic(); st != (layer.Traffic{Sent: 6}) {
			w.Errorf("traffic %+v, want 6 frames sent", st)
		}
		if st := w.nodes[1].Traffic(); st != (layer.Traffic{Received: 3}) {
			w.Errorf("traffic %+v, want 3 frames received", st)
		}
	})
}

func TestNothingCrossesWhenTheLastMemberOfANodeIsGone(t *testing.T) {
	for what, leave := range map[string]func(w *world, stop func()){
		"discarded":         func(w *world, _ func()) { w.check(w.nodes[1].GroupDiscard(w.Context(), "room", "line")) },
		"stopped to listen": func(_ *world, stop func()) { stop() },
		"flushed":           func(w *world, _ func()) { w.check(w.nodes[1].Flush(w.Context())) },
		"expired":           func(*world, func()) { time.Sleep(time.Hour + time.Minute) },
		"closed":            func(w *world, _ func()) { w.check(w.nodes[1].Close()) },
	} {
		t.Run(what, func(t *testing.T) {
			nodes(t, 2, layer.Options{GroupExpiry: time.Hour}, func(w *world) {
				stop, err := w.nodes[1].Listen("line", &notes{})
				w.check(err)
				w.add(1, "room", "line")
				pass()
				if got := w.nodes[0].Nodes("room"); !slices.Equal(got, []string{meshtest.ID(1)}) {
					w.Errorf("nodes of the room are %q, want the other one", got)
				}
				w.groupSend(0, "room", 1)
				leave(w, stop)
				pass()
				if got := w.nodes[0].Nodes("room"); len(got) > 0 {
					w.Errorf("nodes of the room are %q, want none", got)
				}
				w.groupSend(0, "room", 2)
				if got := w.ports[0].take(meshtest.ID(1)); got != 1 {
					w.Errorf("%d frames crossed, want the one from before", got)
				}
			})
		})
	}
}

func TestGossipGoesOnFromWhatTheMemoryHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := meshtest.New(t, 1)
		ctx := t.Context()
		var two [2]*layer.Gossip
		for i := range two {
			m := layer.NewMemory(layer.Options{})
			if err := m.GroupAdd(ctx, "room", "line"); err != nil {
				t.Fatal(err)
			}
			node := net.Node(meshtest.ID(i))
			two[i] = layer.NewGossip(m, node.Port("layer"))
			defer two[i].Close()
		}
		time.Sleep(time.Second)
		if err := two[0].GroupSend(ctx, "room", hello(t)); err != nil {
			t.Fatal(err)
		}
		for i := range two {
			if _, err := two[i].Receive(ctx, "line"); err != nil {
				t.Error(err)
			}
			if got, want := two[i].Nodes("room"), []string{meshtest.ID(i), meshtest.ID(1 - i)}; !slices.Equal(got, want) {
				t.Errorf("nodes of the room are %q, want %q", got, want)
			}
		}
	})
}

func TestLocalLayerStaysOnTheNode(t *testing.T) {
	nodes(t, 2, layer.Options{}, func(w *world) {
		here, there := w.listen(0, "line"), w.listen(1, "line")
		// Who joins through the local layer is a member for all.
		w.check(w.nodes[0].Local().GroupAdd(w.Context(), "room", "line"))
		w.check(w.nodes[1].Local().GroupAdd(w.Context(), "room", "line"))
		pass()
		w.check(w.nodes[0].Local().GroupSend(w.Context(), "room", number(w, 1)))
		pass()
		here.want(w, 1)
		there.want(w)
		w.groupSend(0, "room", 2)
		pass()
		here.want(w, 2)
		there.want(w, 2)
	})
}

func TestFlushForgetsOwnNodeOnly(t *testing.T) {
	nodes(t, 2, layer.Options{}, func(w *world) {
		w.add(0, "room", "line")
		w.add(1, "room", "line")
		pass()
		w.groupSend(0, "room", 1)
		pass()
		w.check(w.nodes[0].Flush(w.Context()))
		w.groupSend(0, "room", 2)
		pass()
		if st := w.nodes[0].Stats(); st != (layer.Stats{}) {
			w.Errorf("the flushed node holds %+v, want nothing", st)
		}
		if st := w.nodes[1].Stats(); st.Messages != 2 || st.Members != 1 {
			w.Errorf("the other node holds %+v, want a member with two messages", st)
		}
	})
}

func TestGossipHearsOfMembersThatComeAndGoAtOnce(t *testing.T) {
	const rounds, channels = 30, 8
	nodes(t, 2, layer.Options{}, func(w *world) {
		// Each round ends with the room as it should be known, whatever order the changes before were seen in.
		for round := range rounds {
			var wg sync.WaitGroup
			for i := range channels {
				wg.Go(func() {
					channel := fmt.Sprintf("line.%d", i)
					for range 50 {
						w.check(w.nodes[1].GroupAdd(w.Context(), "room", channel))
						w.check(w.nodes[1].GroupDiscard(w.Context(), "room", channel))
					}
					if round%2 == 0 && i == 0 {
						w.check(w.nodes[1].GroupAdd(w.Context(), "room", channel))
					}
				})
			}
			wg.Wait()
			pass()
			if got := len(w.nodes[0].Nodes("room")); got != (round+1)%2 {
				w.Fatalf("round %d: %d nodes have members, want %d", round, got, (round+1)%2)
			}
			w.check(w.nodes[1].GroupDiscard(w.Context(), "room", "line.0"))
		}
	})
}
