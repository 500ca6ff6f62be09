package cluster

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
	"time"
)

// rejoinLoop tries for ever to reach all nodes that were ever seen. memberlist gives up a node for good about half a minute after it died, so
// without this no cut of a network longer than that would ever heal.
//
// An address is first asked who is there, over a link that is given up at once. That tells the causes of trouble apart, and spares memberlist
// the addresses where no member is.
func (m *Mesh) rejoinLoop() {
	eager := time.Now() // since then it goes faster
	for {
		missing := m.round()
		t := m.opts.Timing
		wait := t.RejoinMin + rand.N(t.RejoinMax-t.RejoinMin+1)
		if missing && time.Since(eager) < 6*t.RejoinMin {
			wait = t.RejoinMin/5 + rand.N(t.RejoinMin/5+1)
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-m.rejoin:
			eager = time.Now()
			sleep(m.ctx, t.RejoinMin/10) // several things change at once
		case <-m.ctx.Done():
		}
		timer.Stop()
		if m.ctx.Err() != nil {
			return
		}
	}
}

// target is an address to ask.
type target struct {
	addr string
	id   string // who should be there; "" for a seed
}

// round asks once at each address of somebody who is missing.
func (m *Mesh) round() (missing bool) {
	targets := m.targets()
	var wg sync.WaitGroup
	var mu sync.Mutex // guards the two below
	found, doubled := 0, 0
	slots := make(chan struct{}, 16)
	for _, t := range targets {
		wg.Go(func() {
			slots <- struct{}{}
			ok := m.try(t)
			<-slots
			mu.Lock()
			defer mu.Unlock()
			if ok == tryFound {
				found++
			}
			if ok == tryDoubled {
				doubled++
			}
		})
	}
	wg.Wait()
	m.mu.RLock()
	fenced := m.fenced.Kind != NoTrouble
	m.mu.RUnlock()
	if fenced && doubled == 0 && found > 0 {
		m.unfence()
	}
	return len(targets) > 0
}

func (m *Mesh) targets() []target {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.leaving {
		return nil
	}
	whole := map[string]bool{} // addresses of those who need nothing
	var list []target
	for _, r := range m.records {
		switch {
		case r.gossip && r.link != nil:
			whole[r.addr] = true
		case r.addr != "":
			list = append(list, target{r.addr, r.id})
		}
	}
	known := map[string]bool{}
	for _, t := range list {
		known[t.addr] = true
	}
	for addr, s := range m.seeds {
		r := m.records[s.node]
		// A seed whose node was found is that node's business, unless the node is missing: then it may have returned there.
		if (r == nil || !r.gossip || r.link == nil) && !whole[addr] && !known[addr] && (s.node != m.id || !m.elsewhere.since.IsZero()) {
			list = append(list, target{addr: addr})
		}
	}
	return list
}

type tried int

const (
	tryNothing tried = iota
	tryFound         // a node of this cluster
	tryDoubled       // one that told of a duplicate
)

// try asks at an address, and joins who is there.
func (m *Mesh) try(t target) tried {
	ctx, cancel := context.WithTimeout(m.ctx, 2*m.opts.Timing.Handshake)
	defer cancel()
	addrs, err := m.resolve(ctx, t.addr)
	if err != nil {
		m.unreached(t.id, t.addr, err)
		return tryNothing
	}
	result := tryNothing
	probe := !m.overdue(t.id)
	for i, addr := range addrs {
		g, err := m.greet(ctx, addr, probe)
		if err != nil {
			if isDuplicate(err) {
				result = tryDoubled
			}
			if i == len(addrs)-1 || result == tryDoubled {
				m.unreached(t.id, t.addr, err)
			}
			continue
		}
		if probe || g.peer.ID != t.id {
			g.raw.Close()
		} else {
			m.attach(g)
		}
		m.met(t, g.peer, addr)
		return tryFound
	}
	return result
}

// overdue says whether a member should long have dialled this node. It may be that it cannot, and that this one can.
func (m *Mesh) overdue(id string) bool {
	m.mu.RLock()
	defer m.mu.RUnlock()
	r := m.records[id]
	limit := 3 * m.opts.Timing.Down
	return r != nil && r.gossip && r.link == nil && id < m.id && m.fenced.Kind == NoTrouble &&
		time.Since(r.lost) > limit && time.Since(r.since) > limit
}

func isDuplicate(err error) bool {
	e, ok := err.(*refusedError) //nolint:errorlint // greet does not wrap it
	return ok && e.kind == DuplicateID
}

// met is after somebody of this cluster answered at an address.
func (m *Mesh) met(t target, peer identity, addr string) {
	m.mu.Lock()
	if s := m.seeds[t.addr]; s != nil {
		s.node = peer.ID
		m.setTrouble(&s.trouble, Trouble{})
		m.changed()
	}
	g := m.gossip
	r := m.records[peer.ID]
	if r != nil && r.id == t.id && !(r.gossip && m.id < r.id) {
		m.setTrouble(&r.reach, Trouble{})
	}
	need := r == nil || !r.gossip || r.link == nil
	m.mu.Unlock()
	if peer.ID == m.id || g == nil || !need {
		return
	}
	if err := g.join(addr); err != nil {
		m.log.Debug("gossip could not join", "address", addr, "error", err)
	}
}

// resolve gives the IP addresses of host:port. memberlist is never given a name: it asks DNS for it in a way of its own.
func (m *Mesh) resolve(ctx context.Context, addr string) ([]string, error) {
	host, port, err := splitAddr(addr)
	if err != nil {
		return nil, err
	}
	if net.ParseIP(host) != nil {
		return []string{addr}, nil
	}
	ips, err := m.lookup(ctx, host)
	if err != nil {
		return nil, fmt.Errorf("look up %s: %w", host, err)
	}
	var addrs []string
	for _, ip := range ips {
		addrs = append(addrs, net.JoinHostPort(ip.String(), strconv.Itoa(port)))
	}
	return addrs, nil
}

// withPort adds the usual port to an address that has none.
func withPort(addr string) string {
	if _, _, err := net.SplitHostPort(addr); err == nil {
		return addr
	}
	host := addr
	if len(host) > 1 && host[0] == '[' && host[len(host)-1] == ']' {
		host = host[1 : len(host)-1]
	}
	return net.JoinHostPort(host, strconv.Itoa(DefaultPort))
}
