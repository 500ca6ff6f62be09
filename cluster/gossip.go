package cluster

import (
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/memberlist"
)

// gossip is one run of memberlist: from its start until the node leaves, closes, or is shut out as a duplicate.
type gossip struct {
	list  *memberlist.Memberlist
	ring  *memberlist.Keyring
	news  *newsQueue
	mu    sync.Mutex // guards left and orders Leave before Shutdown: the other way round panics
	ended bool
}

// news is what memberlist told, copied: its callbacks run under its lock, so they must neither block nor ask it anything.
type news struct {
	kind  newsKind
	id    string
	addr  string
	other string // conflict: the other address; refused: why
	meta  []byte
	at    time.Time
}

type newsKind int

const (
	newsJoin  newsKind = iota
	newsLeave          // left or dead: memberlist does not say which (Node.State is never set), the farewell on the link does
	newsUpdate
	newsConflict
	newsRefused // another protocol
	newsAck     // of a probe over UDP
)

// newsQueue is unbounded because memberlist cannot wait; it holds at most what a few nodes say between two turns of one goroutine.
type newsQueue struct {
	mu    sync.Mutex // guards list
	list  []news
	ready chan struct{}
}

func newNewsQueue() *newsQueue { return &newsQueue{ready: make(chan struct{}, 1)} }

func (q *newsQueue) push(n news) {
	n.at = time.Now()
	q.mu.Lock()
	q.list = append(q.list, n)
	q.mu.Unlock()
	select {
	case q.ready <- struct{}{}:
	default:
	}
}

func (q *newsQueue) take() []news {
	q.mu.Lock()
	defer q.mu.Unlock()
	list := q.list
	q.list = nil
	return list
}

// startGossip starts memberlist, knowing nobody yet.
func (m *Mesh) startGossip() (*gossip, error) {
	all, primary := m.keys.held()
	ring, err := memberlist.NewKeyring(nil, primary.secret.Key("gossip"))
	if err != nil {
		return nil, err
	}
	for _, k := range all {
		if err := ring.AddKey(k.secret.Key("gossip")); err != nil {
			return nil, err
		}
	}
	g := &gossip{ring: ring, news: m.news}
	d := &delegate{self: m.id, news: m.news, speaks: m.protocols, meta: m.meta, rumours: rumours{heard: map[string]time.Time{}}}

	ip := m.ip.get()
	c := memberlist.DefaultLANConfig()
	c.Name = m.id
	c.Label = m.keys.cluster
	c.Transport = m.socket.attach(m.ctx, ip, m.port)
	c.AdvertiseAddr, c.AdvertisePort = ip.String(), m.port
	c.BindPort = m.port
	c.Keyring = ring
	c.EnableCompression = false
	c.Logger = newLibraryLog(m.log)
	c.Delegate, c.Events, c.Conflict, c.Alive, c.Ping = d, d, d, d, d
	t := m.opts.Timing
	c.TCPTimeout = t.Stream
	c.ProbeInterval, c.ProbeTimeout = t.Probe, t.Probe/2
	c.GossipInterval = t.Gossip
	c.PushPullInterval = t.PushPull
	c.DeadNodeReclaimTime = t.Reclaim
	c.GossipToTheDeadTime = 30 * t.Probe
	// Three nodes lose a member 4 s after its last sign of life, with these; more need a second opinion, or 9 s.
	c.SuspicionMult, c.SuspicionMaxTimeoutMult = 3, 3
	if g.list, err = memberlist.Create(c); err != nil {
		c.Transport.Shutdown()
		return nil, fmt.Errorf("start gossip: %w", err)
	}
	return g, nil
}

// join exchanges everything with the node at the address.
func (g *gossip) join(addr string) error {
	_, err := g.list.Join([]string{addr})
	return err
}

// leave says goodbye to somebody, who tells the others.
func (g *gossip) leave(timeout time.Duration) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.ended {
		return nil
	}
	return g.list.Leave(timeout)
}

// update has the others hear what this node says of itself now.
func (g *gossip) update() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.ended {
		_ = g.list.UpdateNode(time.Millisecond) // the error is that it did not arrive everywhere within that time, for which nobody waits
	}
}

func (g *gossip) shutdown() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.ended = true
	_ = g.list.Shutdown() // never fails
}

// setKeys gives memberlist the keys held now. It must not take out a key from the middle of the ring: memberlist does that in place,
// under the eyes of those who decrypt with it. The last one is safe.
func (g *gossip) setKeys(all []key, primary key) error {
	want := make([][]byte, 0, len(all))
	for _, k := range all {
		b := k.secret.Key("gossip")
		want = append(want, b)
		if err := g.ring.AddKey(b); err != nil {
			return err
		}
	}
	if err := g.ring.UseKey(primary.secret.Key("gossip")); err != nil {
		return err
	}
	for {
		have := g.ring.GetKeys()
		last := have[len(have)-1]
		if len(have) == 1 || slices.ContainsFunc(want, func(w []byte) bool { return string(w) == string(last) }) {
			return nil // keys are dropped all but one, so the unwanted are last
		}
		if err := g.ring.RemoveKey(last); err != nil {
			return err
		}
	}
}

// delegate is all that memberlist calls.
type delegate struct {
	self   string
	news   *newsQueue
	speaks protocolRange
	meta   func() meta

	rumours rumours
}

func (d *delegate) NodeMeta(int) []byte             { return d.meta().encode() }
func (d *delegate) NotifyMsg([]byte)                {}
func (d *delegate) GetBroadcasts(int, int) [][]byte { return nil }
func (d *delegate) LocalState(bool) []byte          { return nil }
func (d *delegate) MergeRemoteState([]byte, bool)   {}
func (d *delegate) NotifyJoin(n *memberlist.Node)   { d.tell(newsJoin, n) }
func (d *delegate) NotifyLeave(n *memberlist.Node)  { d.tell(newsLeave, n) }
func (d *delegate) NotifyUpdate(n *memberlist.Node) { d.tell(newsUpdate, n) }
func (d *delegate) AckPayload() []byte              { return nil }
func (d *delegate) tell(k newsKind, n *memberlist.Node) {
	if n.Name == d.self {
		return
	}
	d.news.push(news{
		kind: k, id: n.Name, addr: nodeAddr(n), meta: slices.Clone(n.Meta),
	})
}

// NotifyConflict is told of an id at two addresses.
func (d *delegate) NotifyConflict(existing, other *memberlist.Node) {
	d.news.push(news{kind: newsConflict, id: existing.Name, addr: nodeAddr(existing), other: nodeAddr(other)})
}

// NotifyAlive refuses nodes that speak no protocol of ours, and what cannot be a node of ours.
func (d *delegate) NotifyAlive(n *memberlist.Node) error {
	if !validID(n.Name) {
		return fmt.Errorf("%.40q is not the id of a node", n.Name)
	}
	if n.Name == d.self {
		return nil
	}
	m, err := decodeMeta(n.Meta)
	if err != nil {
		return err
	}
	if !d.rumours.believe(n.Name, time.Now()) {
		return fmt.Errorf("more than %d nodes", maxNodes)
	}
	if d.speaks.common(m.Protocol) == 0 {
		d.news.push(news{kind: newsRefused, id: n.Name, addr: nodeAddr(n), meta: slices.Clone(n.Meta)})
		return fmt.Errorf("no protocol in common")
	}
	return nil
}

// NotifyPingComplete is told of an answer to a UDP probe, and only of those.
func (d *delegate) NotifyPingComplete(n *memberlist.Node, _ time.Duration, _ []byte) {
	d.news.push(news{kind: newsAck, id: n.Name})
}

func nodeAddr(n *memberlist.Node) string {
	return net.JoinHostPort(n.Addr.String(), fmt.Sprint(n.Port))
}
