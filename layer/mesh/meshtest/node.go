package meshtest

import (
	"slices"
	"sync"
	"time"

	"snug/layer/mesh"
)

// Node is one process in the network.
type Node struct {
	net *Net
	id  string

	dead  bool             // guarded by the lock of the network
	ports map[string]*port // by name; guarded by the lock of the network
}

// ID is the id of the node.
func (n *Node) ID() string { return n.id }

// Port is the port of that name; always the same one.
func (n *Node) Port(name string) mesh.Port {
	n.net.mu.Lock()
	defer n.net.mu.Unlock()

	p := n.ports[name]
	if p == nil {
		p = &port{node: n, name: name}
		n.ports[name] = p
	}
	return p
}

// The methods below are called with the lock of the network held.

func (n *Node) stop() {
	n.dead = true
	for _, p := range n.ports {
		p.end()
	}
}

func (n *Node) each(peer string, fn func(*inbox)) {
	for _, p := range n.ports {
		if p.joined != nil {
			fn(p.joined.inbox(peer))
		}
	}
}

func (n *Node) up(peer string)   { n.each(peer, (*inbox).up) }
func (n *Node) down(peer string) { n.each(peer, (*inbox).down) }
func (n *Node) lose(peer string) { n.each(peer, (*inbox).lose) }
func (n *Node) wake(peer string) { n.each(peer, func(in *inbox) { in.wake() }) }

// port is a [mesh.Port].
type port struct {
	node   *Node
	name   string
	joined *joined // nil while nobody is; guarded by the lock of the network
}

func (p *port) Self() string { return p.node.id }

func (p *port) Join(h mesh.Handler) (leave func()) {
	net := p.node.net
	net.mu.Lock()
	defer net.mu.Unlock()

	if p.joined != nil {
		panic("meshtest: port " + p.name + " is joined already")
	}
	j := &joined{port: p, handler: h, inboxes: map[string]*inbox{}}
	if p.node.dead || net.closed {
		return func() {}
	}
	p.joined = j
	for _, pair := range net.pairsOf(p.node.id) {
		if pair.link != 0 {
			j.inbox(pair.other(p.node.id)).up()
		}
	}
	return func() {
		net.mu.Lock()
		if p.joined == j {
			p.end()
		}
		net.mu.Unlock()
		j.calls.Wait()
	}
}

// end stops the calls. The lock of the network is held.
func (p *port) end() {
	if p.joined == nil {
		return
	}
	p.joined.ended = true
	for _, in := range p.joined.inboxes {
		in.wake()
	}
	p.joined = nil
}

func (p *port) Send(peer string, frame []byte) error {
	if len(frame) > mesh.MaxFrame {
		return mesh.ErrFrameTooLarge
	}
	net := p.node.net
	net.mu.Lock()
	defer net.mu.Unlock()

	if p.node.dead || net.closed || peer == p.node.id || net.nodes[peer] == nil {
		return mesh.ErrNoPeer
	}
	pair := net.pair(p.node.id, peer)
	if pair.link == 0 {
		return mesh.ErrNoPeer
	}
	there := net.nodes[peer].ports[p.name]
	if there == nil || there.joined == nil {
		return nil // lost without notice
	}
	if !there.joined.inbox(p.node.id).push(frame, pair.from(p.node.id)) {
		pair.breakLink()
		return mesh.ErrBacklog
	}
	return nil
}

func (p *port) Peers() []string {
	net := p.node.net
	net.mu.Lock()
	defer net.mu.Unlock()

	var peers []string
	if p.node.dead {
		return nil
	}
	for _, pair := range net.pairsOf(p.node.id) {
		if pair.link != 0 {
			peers = append(peers, pair.other(p.node.id))
		}
	}
	return peers
}

// joined is a handler on a port, from Join to leave. The lock of the network guards it.
type joined struct {
	port    *port
	handler mesh.Handler
	calls   sync.WaitGroup // goroutines of the inboxes
	inboxes map[string]*inbox
	ended   bool
}

// inbox returns what waits for the handler from a peer. Its goroutine starts with it.
func (j *joined) inbox(peer string) *inbox {
	in := j.inboxes[peer]
	if in == nil {
		net := j.port.node.net
		in = &inbox{joined: j, peer: peer, changed: make(chan struct{}, 1), way: net.pair(peer, j.port.node.id).from(peer)}
		j.inboxes[peer] = in
		j.calls.Add(1)
		net.calls.Add(1)
		go in.run()
	}
	return in
}

// overhead is what a frame costs a queue besides its bytes, so that empty ones do not wait without bound.
const overhead = 64

// inbox is what waits for a handler from one peer: in this order Down, Up, and frames. The lock of the network guards it.
type inbox struct {
	joined  *joined
	peer    string
	changed chan struct{} // tells the goroutine to look again
	way     *way

	told           bool // the handler knows the peer as up
	downDue, upDue bool
	frames         []late // in the order in which they are due
	bytes          int
	lastDue        time.Time // when the newest frame is due
}

type late struct {
	frame []byte
	due   time.Time
}

func (in *inbox) up() {
	in.lose()
	in.upDue = true
	in.wake()
}

func (in *inbox) down() {
	in.lose()
	in.upDue = false
	in.downDue = in.told
	in.wake()
}

// lose forgets what is under way.
func (in *inbox) lose() { in.frames, in.bytes, in.lastDue = nil, 0, time.Time{} }

// push adds a frame, and reports whether there was room.
func (in *inbox) push(frame []byte, w *way) bool {
	if in.bytes+len(frame)+overhead > Backlog {
		return false
	}
	net := in.joined.port.node.net
	due := time.Now().Add(max(w.delay, Delay) + net.upTo(max(w.jitter, Delay/2)))
	if due.Before(in.lastDue) {
		due = in.lastDue
	}
	in.lastDue = due
	in.add(frame, due)
	if net.chance(net.double) {
		in.add(slices.Clone(frame), due) // each belongs to the handler
	}
	in.wake()
	return true
}

// add puts a frame behind those that are due no later.
func (in *inbox) add(frame []byte, due time.Time) {
	net := in.joined.port.node.net
	if net.chance(net.swap) {
		due = due.Add(net.upTo(net.late))
	}
	i := len(in.frames)
	for i > 0 && in.frames[i-1].due.After(due) {
		i--
	}
	in.frames = slices.Insert(in.frames, i, late{frame, due})
	in.bytes += len(frame) + overhead
}

// run calls the handler until it leaves.
func (in *inbox) run() {
	net := in.joined.port.node.net
	defer net.calls.Done()
	defer in.joined.calls.Done()

	net.mu.Lock()
	defer net.mu.Unlock()
	for !in.joined.ended {
		call, due := in.next()
		net.mu.Unlock()
		if call != nil {
			call()
		} else {
			in.rest(due)
		}
		net.mu.Lock()
	}
}

// wake has run look again.
func (in *inbox) wake() {
	select {
	case in.changed <- struct{}{}:
	default:
	}
}

// rest waits until wake, or until a time that is not zero. A timer with a function would begin a goroutine for each frame, and those of a test of a minute
// were more than the race detector bears well.
func (in *inbox) rest(until time.Time) {
	if until.IsZero() {
		<-in.changed
		return
	}
	timer := time.NewTimer(time.Until(until))
	defer timer.Stop()
	select {
	case <-in.changed:
	case <-timer.C:
	}
}

// next takes out what is due now. If nothing is, it tells when something will be.
func (in *inbox) next() (call func(), due time.Time) {
	h := in.joined.handler
	switch {
	case in.downDue:
		in.downDue, in.told = false, false
		return func() { h.Down(in.peer) }, time.Time{}
	case in.upDue:
		in.upDue, in.told = false, true
		return func() { h.Up(in.peer) }, time.Time{}
	case len(in.frames) == 0 || in.way.cut:
		return nil, time.Time{}
	}

	first := in.frames[0]
	if first.due.After(time.Now()) {
		return nil, first.due
	}
	in.frames = in.frames[1:]
	in.bytes -= len(first.frame) + overhead
	return func() { h.Received(in.peer, first.frame) }, time.Time{}
}
