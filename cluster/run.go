package cluster

import (
	"errors"
	"log/slog"
	"net"
	"time"
)

// run takes what memberlist tells, and looks after what time changes.
func (m *Mesh) run() {
	t := time.NewTicker(m.opts.Timing.Heartbeat / 2)
	defer t.Stop()
	refused := false // the disk has not taken the list of peers, and the log says so
	for {
		select {
		case <-m.news.ready:
			for _, n := range m.news.take() {
				m.hear(n)
			}
		case <-t.C:
		case <-m.ctx.Done():
			return
		}
		m.examine()
		m.mu.Lock()
		m.reviewLocked()
		dirty := m.dirty
		m.dirty = false
		m.mu.Unlock()
		if !dirty {
			continue
		}
		err := m.savePeers()
		if err != nil { // again with the next tick
			m.mu.Lock()
			m.dirty = true
			m.mu.Unlock()
		}
		if err != nil && !refused {
			m.log.Error("cannot save the addresses of the other nodes, and tries on: see who owns the data directory, and whether its disk is full or fails", "error", err)
		}
		refused = err != nil
	}
}

func (m *Mesh) hear(n news) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch n.kind {
	case newsJoin, newsUpdate:
		mt, err := decodeMeta(n.meta)
		if err != nil || m.gossip == nil || m.fullLocked(n.id) {
			return
		}
		r := m.recordLocked(n.id)
		m.describeLocked(r, mt.Name, n.addr, mt.Version)
		r.at, r.url = n.addr, mt.URL
		m.backLocked(r)
		if !r.gossip {
			r.gossip, r.since = true, n.at
		}
		m.keepLocked(r)
		m.tryAgain()
	case newsLeave:
		if r := m.records[n.id]; r != nil {
			r.gossip, r.since = false, n.at
			if r.link == nil {
				m.goneLocked(r)
			}
			m.tryAgain()
		}
	case newsConflict:
		m.conflictLocked(n)
	case newsRefused:
		mt, err := decodeMeta(n.meta)
		if err != nil || m.fullLocked(n.id) {
			return
		}
		r := m.recordLocked(n.id)
		m.describeLocked(r, mt.Name, n.addr, mt.Version)
		m.setTrouble(&r.reach, versionTrouble(r.label(), mt.Version, m.opts.Version), "id", r.id)
	case newsAck:
		if r := m.records[n.id]; r != nil {
			r.acked = n.at
		}
	}
	m.changed()
}

// conflictLocked is when memberlist hears of one id at two addresses: a node that came back elsewhere before it was missed, which passes,
// or a duplicate, which the rejoin loop finds by asking.
func (m *Mesh) conflictLocked(n news) {
	if n.id == m.id {
		m.expectedLocked(n)
		m.suspectLocked(n.other)
	}
	m.tryAgain()
}

// expected is since when other nodes have our id at another address, and when that was heard last.
type expected struct{ since, last time.Time }

// expectedLocked notes it, and tells of it once it does not pass by itself: the others believe a new address when the old one has been silent for a while.
func (m *Mesh) expectedLocked(n news) {
	if m.elsewhere.since.IsZero() {
		m.elsewhere.since = n.at
	}
	m.elsewhere.last = n.at
	if n.at.Sub(m.elsewhere.since) > 10*m.opts.Timing.Short {
		m.setTrouble(&m.conflict, movedTrouble(n.other))
	}
}

// suspectLocked has the rejoin loop ask at an address where somebody with our id may be. That nobody answers there is as it should be.
func (m *Mesh) suspectLocked(addr string) {
	if host, port, err := splitAddr(addr); err == nil && net.ParseIP(host) != nil && port != 0 && m.seeds[addr] == nil {
		m.seeds[addr] = &seed{since: time.Now(), node: m.id, found: true}
	}
}

// attach makes a connection the link to its peer.
func (m *Mesh) attach(g *greeting) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed || m.leaving || m.fenced.Kind != NoTrouble || m.fullLocked(g.peer.ID) {
		g.raw.Close()
		return
	}
	r := m.recordLocked(g.peer.ID)
	m.describeLocked(r, g.peer.Name, g.peer.Addr, g.peer.Version)
	old := r.link
	l := newLink(m, g)
	r.link, r.linked = l, time.Now()
	m.backLocked(r)
	r.stopTimer()
	m.setTrouble(&r.reach, Trouble{})
	r.failing = time.Time{}
	if old != nil {
		old.close(errReplaced)
	}
	for _, p := range m.ports {
		if p.cur != nil {
			p.openOn(l)
		}
	}
	l.start()
	m.note(slog.LevelDebug, "link is up", "node", r.label(), "id", r.id)
	m.tryAgain()
	m.changed()
}

// detach is called when a link has ended.
func (m *Mesh) detach(l *link) {
	why := l.why()
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.records[l.peer.ID]
	if r == nil || r.link != l {
		return
	}
	r.link, r.lost = nil, time.Now()
	if r.brief++; time.Since(r.linked) > m.opts.Timing.RedialMax {
		r.brief = 0
	}
	m.note(slog.LevelDebug, "link is down", "node", r.label(), "id", r.id, "because", why)
	m.changed()
	if m.closed {
		return
	}
	if errors.Is(why, errBye) || errors.Is(why, errForgotten) || errors.Is(why, errDuplicated) || m.leaving {
		m.goneLocked(r)
	} else {
		r.timer = time.AfterFunc(m.opts.Timing.Down, func() {
			m.mu.Lock()
			defer m.mu.Unlock()
			if r.link == nil && !m.closed {
				m.goneLocked(r)
			}
		})
	}
	m.keepLocked(r)
	m.tryAgain()
}

// goneLocked tells the ports that a peer is gone.
func (m *Mesh) goneLocked(r *record) {
	r.stopTimer()
	for _, p := range m.ports {
		if p.cur == nil {
			continue
		}
		if ln := p.cur.lanes[r.id]; ln != nil {
			ln.down()
		}
	}
}

// bye is when a peer says that it leaves.
func (m *Mesh) bye(l *link) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if r := m.records[l.peer.ID]; r != nil && r.link == l {
		r.left, m.dirty = true, true
	}
}

// measured looks at the clock of a peer.
func (m *Mesh) measured(l *link) {
	s, ok := l.clock.best()
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.records[l.peer.ID]
	if !ok || r == nil || r.link != l {
		return
	}
	var t Trouble
	if s.diff.Abs() > maxClockDiff {
		t = clockTrouble(r.label(), s.diff)
		if r.clock.Kind == t.Kind {
			t = r.clock // the words would change with each measurement
		}
	}
	m.setTrouble(&r.clock, t, "id", r.id)
}
