package layer_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"snug/layer"
	"snug/layer/mesh/meshtest"
)

// tally is a listener that says when it has all messages.
type tally struct{ wg sync.WaitGroup }

func (c *tally) Deliver(*layer.Message) error { c.wg.Done(); return nil }
func (c *tally) Full()                        {}

// What a message to a group costs that has members on other nodes: the sender, and all the way until they have it. The mesh in memory delays
// each frame by a fraction of a millisecond, so messages are sent in bursts, which wait together.
func BenchmarkGroupSendToOtherNodes(b *testing.B) {
	const burst = 1000
	for _, peers := range []int{1, 4} {
		b.Run(fmt.Sprintf("%d nodes", peers), func(b *testing.B) {
			net := meshtest.New(b, 1)
			all := &tally{}
			nodes := make([]*layer.Gossip, peers+1)
			for i := range nodes {
				nodes[i] = layer.NewGossip(memory(b, layer.Options{}), net.Node(meshtest.ID(i)).Port("layer"))
				defer nodes[i].Close()
				if i == 0 {
					continue
				}
				if _, err := nodes[i].Listen("line", all); err != nil {
					b.Fatal(err)
				}
				if err := nodes[i].GroupAdd(b.Context(), "room", "line"); err != nil {
					b.Fatal(err)
				}
			}
			for len(nodes[0].Nodes("room")) < peers {
				time.Sleep(time.Millisecond)
			}
			msg, ctx := hello(b), b.Context()
			b.ReportAllocs()
			left := 0
			for b.Loop() {
				if left == 0 {
					all.wg.Wait()
					left = burst
				}
				left--
				all.wg.Add(peers)
				if err := nodes[0].GroupSend(ctx, "room", msg); err != nil {
					b.Fatal(err)
				}
			}
			all.wg.Wait()
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(peers), "ns/delivery")
		})
	}
}

// What the layer of several nodes adds for a group that has members on this one only.
func BenchmarkGroupSendStaysOnTheNode(b *testing.B) {
	net := meshtest.New(b, 1)
	m := memory(b, layer.Options{})
	g := layer.NewGossip(m, net.Node(meshtest.ID(1)).Port("layer"))
	defer g.Close()
	room(b, m, 100)
	msg, ctx := hello(b), b.Context()
	b.ReportAllocs()
	for b.Loop() {
		if err := g.GroupSend(ctx, "room", msg); err != nil {
			b.Fatal(err)
		}
	}
}
