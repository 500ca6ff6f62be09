package cluster

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net"
	"time"
)

// answer takes a TLS connection that somebody made.
func (m *Mesh) answer(c *stranger) {
	raw := patient(c, c.Conn)
	if err := raw.SetDeadline(time.Now().Add(m.opts.Timing.Handshake)); err != nil {
		raw.Close()
		return
	}
	conn := tls.Server(raw, m.tls)
	err := conn.HandshakeContext(m.ctx)
	if err != nil {
		raw.Close()
		return
	}
	if conn.ConnectionState().NegotiatedProtocol == alpnJoin {
		m.serveJoin(conn)
		raw.Close()
		return
	}
	g, err := m.answerOver(conn, raw, m.admit)
	var refused *refusedError
	if errors.As(err, &refused) {
		m.tellRefused(c.RemoteAddr(), refused)
	}
	if err != nil || g.probe || g.peer.ID == m.id { // it calls itself where a node was that is no more
		raw.Close()
		return
	}
	c.gone() // it is none any more
	m.attach(g)
}

// tellRefused logs somebody turned away, once an hour for each address and cause.
func (m *Mesh) tellRefused(from net.Addr, e *refusedError) {
	host, _, _ := net.SplitHostPort(from.String())
	m.mu.Lock()
	defer m.mu.Unlock()
	if e.kind == DuplicateID || e.kind == TroubleUndefined {
		return // the first is told where it is found out; the other is a node that calls while this one stops, and nobody's fault
	}
	if e.kind == TooManyNodes || e.kind == VersionMismatch && m.fullLocked(e.peer.ID) {
		return // which is told as a trouble of this node
	}
	if e.kind == VersionMismatch {
		r := m.recordLocked(e.peer.ID)
		m.describeLocked(r, e.peer.Name, e.peer.Addr, e.peer.Version)
		m.setTrouble(&r.reach, versionTrouble(r.label(), r.version, m.opts.Version), "id", r.id)
		return
	}
	if !m.firstLocked(string(e.kind) + " " + host) {
		return
	}
	text := "turned away a node of this cluster: it or this one has another secret, perhaps since it was replaced; on the one that was away, join again with a fresh token"
	if e.kind == WrongCluster {
		text = "turned away a node of another cluster"
	}
	m.note(slog.LevelWarn, text, "address", from.String(), "kind", string(e.kind), "its_cluster", e.theirs)
}

// firstLocked says whether something is to be logged: the first time within an hour.
func (m *Mesh) firstLocked(what string) bool {
	if len(m.said) > 1000 {
		clear(m.said)
	}
	if time.Since(m.said[what]) < time.Hour {
		return false
	}
	m.said[what] = time.Now()
	return true
}

// admit decides about somebody who proved the secret.
func (m *Mesh) admit(peer identity) answer {
	if peer.ID == m.id {
		if peer.Life == m.life {
			return answer{} // this node itself, by one of its own addresses
		}
		if m.life > peer.Life {
			m.fence(peer.Addr)
		}
		return answer{Refused: DuplicateID, Duplicate: m.Addr()}
	}
	m.mu.Lock()
	fenced, stopping, full := m.fenced.Kind != NoTrouble, m.closed || m.leaving, m.fullLocked(peer.ID)
	var l *link
	if r := m.records[peer.ID]; r != nil {
		l = r.link
	}
	m.mu.Unlock()
	switch {
	case fenced:
		return answer{Refused: DuplicateID}
	case stopping:
		return answer{Refused: TroubleUndefined}
	case full:
		return answer{Refused: TooManyNodes}
	case l == nil || l.peer.Life == peer.Life || !l.answers(m.opts.Timing.Heartbeat):
		return answer{}
	}
	// Both are there. The younger has to go, whoever of them is asking.
	m.mu.Lock()
	r := m.recordLocked(peer.ID)
	r.doubled = time.Now()
	m.setTrouble(&r.duplicate, duplicateTrouble(r.label(), l.peer.Addr, peer.Addr), "id", r.id)
	m.mu.Unlock()
	if peer.Life > l.peer.Life {
		return answer{Refused: DuplicateID, Duplicate: l.peer.Addr}
	}
	l.tell(frameDuplicate, nil)
	return answer{}
}

// fence shuts this node out, because the one at the other address has the same id and was first.
func (m *Mesh) fence(other string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fenced.Kind != NoTrouble || m.closed || m.leaving {
		return
	}
	m.setTrouble(&m.fenced, fencedTrouble(other))
	g := m.gossip
	m.gossip = nil
	for _, r := range m.records {
		r.gossip = false
	}
	for _, l := range m.linksLocked() {
		l.close(errDuplicated)
	}
	// No goodbye: it would be in the name of the other one.
	m.goLocked(g.shutdown)
}

// unfence lets this node in again, after the other one was not found any more.
func (m *Mesh) unfence() {
	if m.resume(true) {
		m.note(slog.LevelInfo, "no other machine with the same node id is there any more, taking part again")
	}
}

// resume gossips again. A node that is shut out does so only when it is pardoned.
func (m *Mesh) resume(pardoned bool) bool {
	g, err := m.startGossip()
	if err != nil {
		m.log.Error("cannot take part in the cluster again", "error", err)
		return false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed || m.leaving || m.fenced.Kind != NoTrouble && !pardoned {
		g.shutdown()
		return false
	}
	m.gossip = g
	m.fenced = Trouble{}
	m.tryAgain()
	m.changed()
	return true
}

// keepLocked starts to dial a member that has no link. Of two nodes the one with the lower id does it.
func (m *Mesh) keepLocked(r *record) {
	if !m.wantedLocked(r) || m.closed {
		return
	}
	if r.keeping {
		poke(r.kick)
		return
	}
	r.keeping = true
	m.goLocked(func() { m.keep(r) })
}

func (m *Mesh) wantedLocked(r *record) bool {
	return r.gossip && !r.left && r.link == nil && m.id < r.id && m.fenced.Kind == NoTrouble && !m.leaving && m.records[r.id] == r
}

func (m *Mesh) keep(r *record) {
	wait := m.opts.Timing.RedialMin
	m.mu.RLock()
	brief := min(r.brief, 10)
	m.mu.RUnlock()
	if brief > 1 { // whoever takes a link and drops it is not to be dialled all the time
		sleep(m.ctx, min(wait<<brief, m.opts.Timing.RedialMax))
	}
	for {
		m.mu.Lock()
		if !m.wantedLocked(r) || m.ctx.Err() != nil {
			r.keeping = false
			m.mu.Unlock()
			return
		}
		addr := r.addr
		m.mu.Unlock()

		g, err := m.greet(m.ctx, addr, false)
		switch {
		case err == nil && g.peer.ID == r.id:
			m.attach(g)
			m.mu.Lock()
			r.keeping = r.link == nil && m.wantedLocked(r) && m.ctx.Err() == nil
			again := r.keeping
			m.mu.Unlock()
			if !again {
				return
			}
		case err == nil:
			g.raw.Close() // somebody else is at the address now
		default:
			m.unreached(r.id, addr, err)
		}
		t := time.NewTimer(wait/2 + rand.N(wait))
		select {
		case <-t.C:
			wait = min(2*wait, m.opts.Timing.RedialMax)
		case <-r.kick:
			wait = m.opts.Timing.RedialMin
			// A kick says that it may be worth while, not that it is: stay at most so fast.
			sleep(m.ctx, wait/2)
		case <-m.ctx.Done():
		}
		t.Stop()
	}
}

// unreached notes why a node has no link, and fences this one if that is the reason.
func (m *Mesh) unreached(id, addr string, err error) {
	if m.ctx.Err() != nil {
		return
	}
	var refused *refusedError
	if errors.As(err, &refused) && refused.kind == DuplicateID && refused.duplicate != "" {
		if refused.peer.ID != m.id || refused.peer.Life < m.life {
			m.fence(refused.duplicate)
		}
		return
	}
	t := reachTrouble(addr, err, m.opts.Version)
	m.mu.Lock()
	defer m.mu.Unlock()
	// Of one that left, that nobody answers is as it should be. Whoever refuses is there again.
	isBack := t.Kind == WrongSecret || t.Kind == VersionMismatch
	if r := m.records[id]; r != nil && r.link == nil && (!r.left || isBack) && !m.passingLocked(r, t) {
		m.setTrouble(&r.reach, t, "node", r.label(), "id", r.id)
	}
	if s := m.seeds[addr]; s != nil {
		if s.found {
			delete(m.seeds, addr)
			return
		}
		m.setTrouble(&s.trouble, t, "address", addr)
	}
}

// passingLocked says whether it is too early to speak of a trouble: a node that is started again is away for a moment, and its peers call just then.
func (m *Mesh) passingLocked(r *record, t Trouble) bool {
	if t.Kind != PortClosed {
		return false
	}
	if r.failing.IsZero() {
		r.failing = time.Now()
	}
	return time.Since(r.failing) < m.opts.Timing.Short
}

// sleep waits, or not until the context ends.
func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
