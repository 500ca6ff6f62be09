package cluster

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"snug/layer/mesh"
)

// port implements mesh.Port over the links of a Mesh.
//
// A port is open on a link while somebody has joined it on both ends; so Up comes when the second one has, and Down
// when one has left it, as well as when links come and peers go.
type port struct {
	m    *Mesh
	name string

	// m.mu guards these.
	cur    *joined // nil: nobody has joined
	prompt bool    // see [Mesh.PromptPort]
}

// joined is a handler from Join to leave.
type joined struct {
	handler mesh.Handler
	number  uint64 // of this join, on all links; never used again
	prompt  bool   // the goroutine that reads a link may call the handler
	lanes   map[string]*lane
	stopped atomic.Bool
	running sync.WaitGroup
}

// Port gives the port of this name, of at most 64 bytes, the same on all nodes. Asking twice gives the same one.
func (m *Mesh) Port(name string) mesh.Port {
	if name == "" || len(name) > maxPortName {
		panic(fmt.Sprintf("cluster: %q cannot be the name of a port", name))
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.ports[name]
	if p == nil {
		p = &port{m: m, name: name}
		m.ports[name] = p
	}
	return p
}

// PromptPort is Port for frames whose time counts and a handler that never blocks. On Linux, a frame that finds the link idle is written by the goroutine that
// sends it, and where it is short it is given to the handler by the one that reads the link; so what is sent pays for a system call, and a handler that blocks holds up all ports
// of the peer. It panics if the port is joined already. The other nodes need not know.
func (m *Mesh) PromptPort(name string) mesh.Port {
	p := m.Port(name).(*port)
	m.mu.Lock()
	defer m.mu.Unlock()
	if p.cur != nil {
		panic(fmt.Sprintf("cluster: port %q is joined already", name))
	}
	p.prompt = true
	return p
}

func (p *port) Self() string { return p.m.id }

// Join panics if there is a handler already.
func (p *port) Join(h mesh.Handler) (leave func()) {
	m := p.m
	m.mu.Lock()
	defer m.mu.Unlock()
	if p.cur != nil {
		panic(fmt.Sprintf("cluster: port %q is joined already", p.name))
	}
	m.lastNumber++
	j := &joined{handler: h, number: m.lastNumber, prompt: p.prompt, lanes: map[string]*lane{}}
	p.cur = j
	for _, r := range m.records {
		if r.link != nil {
			p.openOn(r.link)
		}
	}
	return sync.OnceFunc(func() { p.leave(j) })
}

func (p *port) leave(j *joined) {
	m := p.m
	m.mu.Lock()
	if p.cur == j {
		p.cur = nil
	}
	for _, r := range m.records {
		if r.link != nil {
			r.link.closePort(p.name, j.number)
		}
	}
	j.stopped.Store(true)
	for _, ln := range j.lanes {
		ln.stop()
	}
	m.mu.Unlock()
	j.running.Wait()
}

// openOn opens the port on a link; m.mu is held.
func (p *port) openOn(l *link) {
	ln := p.cur.lanes[l.peer.ID]
	if ln == nil {
		ln = &lane{peer: l.peer.ID, to: p.cur}
		p.cur.lanes[l.peer.ID] = ln
	}
	l.openPort(p.name, p.cur.number, ln)
}

// Send is part of mesh.Port.
func (p *port) Send(peer string, frame []byte) error {
	if len(frame) > mesh.MaxFrame {
		return mesh.ErrFrameTooLarge
	}
	p.m.mu.RLock()
	r := p.m.records[peer]
	var l *link
	if r != nil {
		l = r.link
	}
	p.m.mu.RUnlock()
	if l == nil {
		return mesh.ErrNoPeer
	}
	return l.send(p.name, frame)
}

// Peers is part of mesh.Port.
func (p *port) Peers() []string {
	p.m.mu.RLock()
	defer p.m.mu.RUnlock()
	peers := []string{}
	for _, id := range slices.Sorted(maps.Keys(p.m.records)) {
		if l := p.m.records[id].link; l != nil && l.isOpen(p.name) {
			peers = append(peers, id)
		}
	}
	return peers
}

// openPort opens a port that was joined here.
func (l *link) openPort(name string, number uint64, ln *lane) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	c := l.channelLocked(name)
	c.local, c.prompt = number, ln.to.prompt
	in := &inbound{link: l, number: number, lane: ln}
	l.inbound[number] = in
	if c.remote != 0 {
		ln.up(in)
	}
	l.tellLocked(frameOpen, []byte(name), number)
}

// closePort shuts a port that was left here.
func (l *link) closePort(name string, number uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.inbound, number)
	if c := l.channels[name]; c != nil {
		c.local = 0
		l.emptyLocked(c)
	}
	l.tellLocked(frameShut, nil, number)
}

func (l *link) isOpen(name string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.channels[name]
	return !l.closed && c != nil && c.local != 0 && c.remote != 0
}

// opened is when the peer joined a port.
func (l *link) opened(name string, number uint64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if name == "" || len(name) > maxPortName || number == 0 {
		return fmt.Errorf("%w: port %.80q opened as %d", errFrame, name, number)
	}
	if l.channels[name] == nil && len(l.channels) >= maxPorts {
		return fmt.Errorf("%w: more than %d ports", errFrame, maxPorts)
	}
	if l.closed {
		return nil // a newer link may be there already
	}
	c := l.channelLocked(name)
	l.emptyLocked(c)
	c.remote, c.credit = number, window
	if in := l.inbound[c.local]; in != nil {
		in.lane.up(in)
	}
	return nil
}

// shut is when the peer left a port.
func (l *link) shut(number uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.channels {
		if l.closed || c.remote != number || number == 0 {
			continue
		}
		c.remote = 0
		l.emptyLocked(c)
		if in := l.inbound[c.local]; in != nil {
			in.lane.down()
		}
	}
}

// lane brings to a handler what comes from one peer, one at a time: it has a goroutine while there is something, unless the one that reads the link does it.
type lane struct {
	peer string
	to   *joined

	mu      sync.Mutex // guards the fields below
	current *inbound   // frames of others are late, and dropped
	isUp    bool       // the last of Up and Down that was queued
	queue   []event
	busy    bool
	stopped bool
}

type event struct {
	kind  eventKind
	from  *inbound
	frame []byte
}

type eventKind byte

const (
	eventUp eventKind = iota
	eventFrame
	eventDown
)

// up begins anew: what the handler has not yet been told of before is void by that, and not told. So nothing piles up however
// often links break while the handler is stuck.
func (ln *lane) up(in *inbound) {
	ln.mu.Lock()
	defer ln.mu.Unlock()
	clear(ln.queue)
	ln.queue = ln.queue[:0]
	ln.current, ln.isUp = in, true
	ln.pushLocked(event{kind: eventUp})
}

// data brings a frame. The caller may call the handler itself if it has no other for now.
func (ln *lane) data(in *inbound, frame []byte, last bool) {
	e := event{kind: eventFrame, from: in, frame: frame}
	ln.mu.Lock()
	switch {
	case ln.current != in || ln.stopped || ln.to.stopped.Load():
		ln.mu.Unlock()
	case !last || ln.busy || !ln.to.prompt || len(frame) > promptBytes:
		ln.pushLocked(e)
		ln.mu.Unlock()
	default:
		ln.busy = true
		ln.to.running.Add(1)
		ln.mu.Unlock()
		ln.call(e)
		ln.rest()
	}
}

// rest is when who reads the link has called the handler: what has come meanwhile is brought by a goroutine.
func (ln *lane) rest() {
	defer ln.to.running.Done()
	ln.mu.Lock()
	defer ln.mu.Unlock()
	ln.busy = false
	if len(ln.queue) > 0 && !ln.stopped {
		ln.startLocked()
	}
}

func (ln *lane) down() {
	ln.mu.Lock()
	defer ln.mu.Unlock()
	ln.current = nil
	if ln.isUp {
		ln.isUp = false
		ln.pushLocked(event{kind: eventDown})
	}
}

// stop says that no call may begin any more; one may still be under way.
func (ln *lane) stop() {
	ln.mu.Lock()
	defer ln.mu.Unlock()
	ln.stopped = true
}

func (ln *lane) pushLocked(e event) {
	ln.queue = append(ln.queue, e)
	if !ln.busy && !ln.stopped {
		ln.startLocked()
	}
}

func (ln *lane) startLocked() {
	ln.busy = true
	ln.to.running.Go(ln.run)
}

func (ln *lane) run() {
	var batch []event
	for {
		ln.mu.Lock()
		clear(batch)
		batch, ln.queue = ln.queue, batch[:0]
		if len(batch) == 0 || ln.to.stopped.Load() {
			ln.busy = false
			ln.mu.Unlock()
			return
		}
		ln.mu.Unlock()
		for _, e := range batch {
			if ln.to.stopped.Load() {
				break
			}
			ln.call(e)
		}
	}
}

func (ln *lane) call(e event) {
	switch e.kind {
	case eventUp:
		ln.to.handler.Up(ln.peer)
	case eventFrame:
		n := cost(e.frame) // before the handler owns it
		ln.to.handler.Received(ln.peer, e.frame)
		e.from.took(n)
	case eventDown:
		ln.to.handler.Down(ln.peer)
	}
}
