package cluster

import (
	"errors"
	"net"
	"sync/atomic"
)

var errMoved = errors.New("this machine has another address")

// address is where a node is. It may change while it runs.
type address struct{ ip atomic.Pointer[net.IP] }

func (a *address) set(ip net.IP) { a.ip.Store(&ip) }
func (a *address) get() net.IP   { return *a.ip.Load() }

// moveLoop looks now and then whether this machine still has the address that others are told. Only a node that chose it by itself does.
func (m *Mesh) moveLoop() {
	for m.ctx.Err() == nil {
		sleep(m.ctx, m.opts.Timing.RejoinMin)
		if ip := m.ip.get(); !has(ip) {
			m.move(ip, m.ownIP())
		}
	}
}

// has says whether this machine has an address. If it does not say, nothing has changed.
func has(ip net.IP) bool {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return true
	}
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok && n.IP.Equal(ip) {
			return true
		}
	}
	return false
}

// move begins anew at another address, as if this node had been started there: only its links' ports stay joined. A machine that has no address on a network
// now stays what it was, until it has.
func (m *Mesh) move(from, to net.IP) {
	if to.IsLoopback() || to.Equal(from) || !has(to) {
		return
	}
	m.log.Info("this machine has another address, which other nodes are told from now on", "address", to.String(), "was", from.String())
	m.ip.set(to)
	m.mu.Lock()
	g := m.gossip
	m.gossip = nil
	for _, r := range m.records {
		r.gossip = false
	}
	links := m.linksLocked()
	m.mu.Unlock()
	for _, l := range links {
		l.close(errMoved)
	}
	if g == nil { // shut out, or ending
		return
	}
	g.shutdown()
	for !m.resume(false) && !m.ending() {
		sleep(m.ctx, m.opts.Timing.RejoinMin)
	}
}

// ending says whether it is of no use to try again: this node leaves, or is shut out.
func (m *Mesh) ending() bool {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.closed || m.leaving || m.fenced.Kind != NoTrouble
}
