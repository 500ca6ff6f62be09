//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"snug/chat"
	"snug/layer"
	"snug/layer/mesh"
	"snug/layer/mesh/meshtest"
	"snug/presence"
	"snug/replica"
	"snug/store"
)

const (
	growthText    = 200                    // characters of a message
	growthPause   = 10 * time.Millisecond  // between two messages in the whole cluster
	growthSettled = 100 * time.Millisecond // how exactly it is told when all is equal
	growthRooms   = 10                     // of each person, who is alone in them
)

// growthSize is what is simulated.
type growthSize struct{ nodes, people, messages int }

// growthFigures are what came of it. Bytes are those given to the links, without what goes around them.
type growthFigures struct {
	size growthSize

	come     traffic       // everybody came online and into their rooms
	rest     traffic       // a minute in which nobody does anything
	message  traffic       // all messages, without what goes at rest
	cpu      time.Duration // for them, of all nodes
	healed   traffic       // after a cut of a minute while people wrote, without what goes at rest
	whole    time.Duration // from the end of the cut until all is equal
	missed   int           // rows that nodes lacked after the cut, all together
	joined   traffic       // a node came that had nothing
	complete time.Duration // until it had everything
	rows     int           // that it got
}

// traffic is what went over all links, in both directions.
type traffic struct{ rows, state, frames float64 }

func (t traffic) bytes() float64 { return t.rows + t.state }

// less takes away what goes at rest in that time.
func (t traffic) less(minute traffic, d time.Duration) traffic {
	part := d.Minutes()
	return traffic{t.rows - part*minute.rows, t.state - part*minute.state, t.frames - part*minute.frames}
}

// over divides.
func (t traffic) over(n float64) traffic { return traffic{t.rows / n, t.state / n, t.frames / n} }

// wire is about what goes over cables for it, if every frame goes alone: with the head of a link's frame, a TLS record, the headers of TCP, IP and Ethernet,
// and an acknowledgement that comes back without anything else.
func (t traffic) wire() float64 {
	const head = 5
	return t.bytes() + t.frames*(head+record+2*packet)
}

const (
	packet = 66 // TCP, IP and Ethernet
	record = 22 // TLS
)

// underneath is what package cluster and memberlist send a second beside all that, computed: of each link two heartbeats and two answers in three seconds, with their
// acknowledgements; two probes over UDP; and two comparisons of all that memberlist knows in five seconds, each a connection of its own.
func underneath(nodes float64) float64 {
	const (
		heartbeats = (11 + 29 + 2*(record+packet) + packet) / 1.5
		probes     = 2 * 182
		connection = 400
		state      = 200 // of a node
	)
	return (nodes-1)*heartbeats + probes + 2.0/5*(connection+nodes*state)
}

// growth is nodes in one process, of the same parts as real ones: their stores are files, their links are in memory, and their time is that of the test.
type growth struct {
	t     *testing.T
	net   *meshtest.Net
	nodes []*growthNode

	rows, state, frames atomic.Int64 // sent so far
}

type growthNode struct {
	id       string
	rows     rows
	replica  *replica.Replica
	groups   *layer.Gossip
	presence *presence.Tracker
	stop     func()
}

// meter counts what goes through a port.
type meter struct {
	mesh.Port
	bytes, frames *atomic.Int64
}

func (m meter) Send(peer string, frame []byte) error {
	m.bytes.Add(int64(len(frame)))
	m.frames.Add(1)
	return m.Port.Send(peer, frame)
}

// add starts a node that has nothing.
func (g *growth) add() *growthNode {
	n := &growthNode{id: meshtest.ID(len(g.nodes) + 1), rows: openRows(g.t)}
	machine := g.net.Node(n.id)
	port := func(name string, bytes *atomic.Int64) mesh.Port { return meter{machine.Port(name), bytes, &g.frames} }
	n.replica = replica.New(port("replica", &g.rows), n.rows, replica.Options{})
	n.groups = layer.NewGossip(layer.NewMemory(layer.Options{}), port("layer", &g.state))
	n.presence = presence.New(presence.Options{Port: port("presence", &g.state)})
	unwatch := n.rows.store.WatchEarly(n.rows.committed(n.replica))
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- n.replica.Run(ctx) }()
	n.stop = func() {
		unwatch()
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			g.t.Error(err)
		}
		n.presence.Close()
		if err := n.groups.Close(); err != nil {
			g.t.Error(err)
		}
	}
	g.nodes = append(g.nodes, n)
	return n
}

// come brings somebody online here, and into rooms where they are alone: what a socket of Snug's own protocol does.
func (n *growthNode) come(t *testing.T) {
	ctx := t.Context()
	channel, err := n.groups.NewChannel(ctx, "socket")
	if err != nil {
		t.Fatal(err)
	}
	user := store.NewID()
	n.presence.Enter("", user.Hex())
	groups := []string{chat.UserGroup(user)}
	for range growthRooms {
		room := store.NewID()
		groups = append(groups, chat.RoomGroup(room), chat.TypingGroup(room))
		n.presence.Enter(room.Hex(), user.Hex())
	}
	for _, group := range groups {
		if err := n.groups.GroupAdd(ctx, group, channel); err != nil {
			t.Fatal(err)
		}
	}
}

func (n *growthNode) post(t *testing.T) {
	m := store.Message{ID: store.NewID(), Room: store.RoomID("lobby"), Author: store.ID{1}, Text: strings.Repeat("x", growthText)}
	if _, _, err := n.rows.store.PostMessage(t.Context(), m); err != nil {
		t.Fatal(err)
	}
}

// talk posts in turn on all nodes, a hundred messages a second, and returns how long it took.
func (g *growth) talk(messages int) time.Duration {
	begin := time.Now()
	for i := range messages {
		g.nodes[i%len(g.nodes)].post(g.t)
		time.Sleep(growthPause)
	}
	return time.Since(begin)
}

// sent is what went since the last call.
func (g *growth) sent() traffic {
	return traffic{float64(g.rows.Swap(0)), float64(g.state.Swap(0)), float64(g.frames.Swap(0))}
}

// equal waits until all nodes have the same rows and know it, and returns how long that took.
func (g *growth) equal() time.Duration {
	g.t.Helper()
	begin := time.Now()
	for !g.isEqual() {
		if time.Since(begin) > time.Minute {
			g.t.Fatal("the nodes are not equal after a minute")
		}
		time.Sleep(growthSettled)
	}
	return time.Since(begin)
}

func (g *growth) isEqual() bool {
	first, _, err := g.nodes[0].rows.Vector(g.t.Context())
	if err != nil {
		g.t.Fatal(err)
	}
	for _, n := range g.nodes[1:] {
		vector, _, err := n.rows.Vector(g.t.Context())
		if err != nil {
			g.t.Fatal(err)
		}
		if !vector.Covers(first) || !first.Covers(vector) {
			return false
		}
	}
	return true
}

// simulateGrowth lets nodes of a size live through what is counted.
func simulateGrowth(t *testing.T, size growthSize) (f growthFigures) {
	t.Helper()
	const minute = time.Minute
	f.size = size
	synctest.Test(t, func(t *testing.T) {
		g := &growth{t: t, net: meshtest.New(t, 1)}
		defer func() {
			for _, n := range g.nodes {
				n.stop()
			}
			g.net.Close()
		}()
		for range size.nodes {
			g.add()
		}
		time.Sleep(minute) // to find each other
		g.sent()

		for i := range size.people {
			g.nodes[i%len(g.nodes)].come(t)
		}
		time.Sleep(minute)
		f.come = g.sent()

		time.Sleep(minute)
		f.rest = g.sent()
		f.come = f.come.less(f.rest, minute)

		before := processorTime(t)
		lasted := g.talk(size.messages)
		lasted += g.equal()
		f.cpu = processorTime(t) - before
		f.message = g.sent().less(f.rest, lasted)

		f.missed = g.cut(minute)
		g.sent()
		f.whole = g.equal()
		time.Sleep(minute - f.whole)
		f.healed = g.sent().less(f.rest, minute)

		late := g.add()
		f.complete = g.equal()
		time.Sleep(minute - f.complete)
		f.joined = g.sent().less(f.rest, minute)
		f.rows = len(late.rows.messages(t))
	})
	return f
}

// cut parts the nodes in the middle, has people write on both sides, and returns how many rows nodes lack when it ends. Links are back within a moment then.
func (g *growth) cut(d time.Duration) (missed int) {
	var side []string
	for _, n := range g.nodes[:len(g.nodes)/2] {
		side = append(side, n.id)
	}
	g.net.Split(side...)
	messages := 0
	for begin := time.Now(); time.Since(begin) < d; messages++ {
		g.nodes[messages%len(g.nodes)].post(g.t)
		time.Sleep(10 * growthPause)
	}
	for i := range messages {
		if i%len(g.nodes) < len(side) {
			missed += len(g.nodes) - len(side)
		} else {
			missed += len(side)
		}
	}
	g.net.HealAll()
	return missed
}

func (s rows) messages(t *testing.T) []store.Message {
	t.Helper()
	all, _, err := s.store.Since(t.Context(), store.RoomID("lobby"), 0, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// processorTime is what this process has used.
func processorTime(t *testing.T) time.Duration {
	t.Helper()
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// TestGrowth holds what docs/scaling.md says of how cost grows. With SNUG_GROWTH=1 it simulates more nodes and people, and prints the tables that stand there.
func TestGrowth(t *testing.T) {
	if os.Getenv("SNUG_GROWTH") != "" {
		var all []growthFigures
		for _, size := range []growthSize{
			{5, 10, 1000}, {5, 100, 1000}, {2, 1000, 1000}, {3, 1000, 1000}, {5, 1000, 1000}, {10, 1000, 1000}, {20, 1000, 1000}, {30, 1000, 1000},
		} {
			all = append(all, simulateGrowth(t, size))
		}
		t.Log("\n" + growthTables(all))
		return
	}
	pair := simulateGrowth(t, growthSize{2, 20, 40})
	five := simulateGrowth(t, growthSize{5, 20, 40})
	crowd := simulateGrowth(t, growthSize{5, 200, 40})
	near := func(a, b, part float64) bool { return a < b*(1+part) && b < a*(1+part) }
	if a, b := five.rest.bytes(), crowd.rest.bytes(); !near(a, b, 0.1) {
		t.Errorf("at rest, a minute has %.0f bytes with 20 people and %.0f with 200: it must not depend on them", a, b)
	}
	if a, b := pair.rest.bytes()/pair.links(), five.rest.bytes()/five.links(); !near(a, b, 0.1) {
		t.Errorf("at rest, a minute has %.0f bytes on each link of two nodes and %.0f on each of five", a, b)
	}
	for _, f := range []growthFigures{pair, five, crowd} {
		sent := f.message.over(float64(f.size.messages) * f.others())
		if sent.rows < growthText || sent.rows > 3*growthText || sent.frames > 3 {
			t.Errorf("%+v: a message is %.0f bytes in %.1f frames to each other node: it must go there once", f.size, sent.rows, sent.frames)
		}
		if per := f.healed.rows / float64(f.missed); per > 1.2*sent.rows || f.whole > 2*time.Second {
			t.Errorf("%+v: after a cut, each missed row took %.0f bytes, and all of them %s", f.size, per, f.whole)
		}
		if per := f.joined.rows / float64(f.rows); per > 1.2*sent.rows || f.complete > 2*time.Second || f.rows < f.size.messages {
			t.Errorf("%+v: a new node took %.0f bytes and %s for each of %d rows", f.size, per, f.complete, f.rows)
		}
		if per := f.come.state / (float64(f.size.people) * f.others()); !near(per, pair.come.state/float64(pair.size.people), 0.1) {
			t.Errorf("%+v: who comes costs %.0f bytes to each other node", f.size, per)
		}
	}
}

func (f growthFigures) others() float64 { return float64(f.size.nodes - 1) }
func (f growthFigures) links() float64  { return float64(f.size.nodes) * f.others() } // in one direction

// growthTables are those of docs/scaling.md.
func growthTables(all []growthFigures) string {
	var rest, talk, trouble strings.Builder
	fmt.Fprintln(&rest, "| nodes | people online | rooms | frames a second | bytes in them | on the cable | with all that is underneath |\n|---|---|---|---|---|---|---|")
	fmt.Fprintln(&talk, "| nodes | a message, to each other node | frames | on all links together | CPU, on each node | who comes online and into ten rooms, to each other node |\n|---|---|---|---|---|---|")
	fmt.Fprintln(&trouble, "| nodes | equal after a cut | for each row that a node had missed | who is where, on all links together | a new node is equal | for each of its rows | who is where |\n|---|---|---|---|---|---|---|")
	for _, f := range all {
		nodes := float64(f.size.nodes)
		idle := f.rest.over(nodes * 60)
		fmt.Fprintf(&rest, "| %d | %d | %d | %.1f | %.0f | %.2f kB/s | %.1f kB/s |\n",
			f.size.nodes, f.size.people, f.size.people*growthRooms, idle.frames, idle.bytes(), idle.wire()/1e3, (idle.wire()+underneath(nodes))/1e3)
		if f.size.people < 1000 {
			continue // the same again
		}
		m := f.message.over(float64(f.size.messages))
		fmt.Fprintf(&talk, "| %d | %.0f B | %.1f | %.1f kB | %.2f ms | %.0f B |\n", f.size.nodes, m.rows/f.others(), m.frames/f.others(), m.rows/1e3,
			float64(f.cpu.Microseconds())/1e3/float64(f.size.messages)/nodes, f.come.state/float64(f.size.people)/f.others())
		fmt.Fprintf(&trouble, "| %d | %.1f s | %.0f B | %.1f MB | %.1f s | %.0f B | %.1f MB |\n", f.size.nodes, f.whole.Seconds(), f.healed.rows/float64(f.missed), f.healed.state/1e6,
			f.complete.Seconds(), f.joined.rows/float64(f.rows), f.joined.state/1e6)
	}
	return rest.String() + "\n" + talk.String() + "\n" + trouble.String()
}
