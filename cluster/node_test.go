package cluster

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"snug/layer/mesh"
)

// quick is Timing for tests: what takes seconds outside takes tenths here. Only nobody is silent before a machine that is busy, or stands still for a
// moment, has had its time.
func quick() Timing {
	return Timing{
		Heartbeat: 2 * time.Second, Down: 400 * time.Millisecond, Handshake: 10 * time.Second,
		RedialMin: 20 * time.Millisecond, RedialMax: 200 * time.Millisecond,
		RejoinMin: 200 * time.Millisecond, RejoinMax: 500 * time.Millisecond,
		Probe: 200 * time.Millisecond, Gossip: 20 * time.Millisecond, PushPull: 300 * time.Millisecond,
		Reclaim: 50 * time.Millisecond, Stream: time.Second, Discovery: time.Second, Short: 400 * time.Millisecond,
	}
}

// alert is for tests that cut a network: who is silent is soon given up, and so is whoever only was slow.
func alert(o *Options) {
	o.Timing.Heartbeat, o.Timing.Handshake = 200*time.Millisecond, 2*time.Second
}

// calm is for tests in which nobody goes: on a busy machine a node is slow, and must not seem to be gone.
func calm(o *Options) {
	t := &o.Timing
	t.Heartbeat, t.Down, t.Probe, t.Short = 5*time.Second, 10*time.Second, 2*time.Second, 10*time.Second
}

// node is a Mesh in a test, its directory, and the network around it.
type node struct {
	*Mesh
	dir    string
	faults *faults
	tb     testing.TB
}

// newDir makes a data directory with the secret.
func newDir(tb testing.TB, s Secret) string {
	tb.Helper()
	dir := tb.TempDir()
	if err := writePrivate(filepath.Join(dir, secretFile), s[:]); err != nil {
		tb.Fatal(err)
	}
	return dir
}

func open(tb testing.TB, dir string, change ...func(*Options)) *node {
	tb.Helper()
	f := &faults{blocked: map[string]bool{}}
	level := slog.LevelWarn
	if os.Getenv("CLUSTER_DEBUG") != "" {
		level = slog.LevelDebug
	}
	opts := Options{
		Dir: dir, Bind: "127.0.0.1:0", Name: filepath.Base(filepath.Dir(dir)) + filepath.Base(dir), Version: "1", Timing: quick(), network: f,
		Logger: slog.New(slog.NewTextHandler(tb.Output(), &slog.HandlerOptions{Level: level})),
	}
	for _, c := range change {
		c(&opts)
	}
	m, err := Open(tb.Context(), opts)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { m.Close() })
	return &node{Mesh: m, dir: dir, faults: f, tb: tb}
}

func seeds(nodes ...*node) func(*Options) {
	return func(o *Options) {
		for _, n := range nodes {
			o.Seeds = append(o.Seeds, n.Addr())
		}
	}
}

// ring opens n nodes that see one another, by ascending id.
func ring(tb testing.TB, n int, change ...func(*Options)) []*node {
	tb.Helper()
	s := NewSecret()
	var nodes []*node
	for range n {
		nodes = append(nodes, open(tb, newDir(tb, s), append(change, seeds(nodes...))...))
	}
	slices.SortFunc(nodes, func(a, b *node) int { return slices.Compare([]byte(a.ID()), []byte(b.ID())) })
	whole(tb, nodes...)
	return nodes
}

// whole waits until each node has all others alive.
func whole(tb testing.TB, nodes ...*node) {
	tb.Helper()
	eventually(tb, 15*time.Second, func() bool {
		for _, a := range nodes {
			for _, b := range nodes {
				if a != b && (a.see(b.ID()).State != Alive || a.see(b.ID()).Addr != b.Addr() || !a.gossips(b)) {
					return false
				}
			}
		}
		return true
	})
}

func (n *node) see(id string) Member {
	for _, m := range n.Members() {
		if m.ID == id {
			return m
		}
	}
	return Member{}
}

// gossips says whether memberlist, too, has the other one where it is.
func (n *node) gossips(o *node) bool {
	n.mu.RLock()
	defer n.mu.RUnlock()
	r := n.records[o.ID()]
	return r != nil && r.gossip && r.at == o.Addr()
}

// linkTo is the link to another one, or nil.
func (n *node) linkTo(o *node) *link {
	n.mu.RLock()
	defer n.mu.RUnlock()
	if r := n.records[o.ID()]; r != nil {
		return r.link
	}
	return nil
}

// eventually waits for what must come. It counts its own looks and not the time of day: a machine that stands still for a while runs no nodes meanwhile either.
func eventually(tb testing.TB, limit time.Duration, cond func() bool) {
	tb.Helper()
	const interval = 10 * time.Millisecond
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for left := limit; !cond(); left -= interval {
		if left <= 0 {
			tb.Fatalf("not within %s", limit)
		}
		<-tick.C
	}
}

// never says that something stays as it is for a while.
func never(tb testing.TB, limit time.Duration, cond func() bool) {
	tb.Helper()
	end := time.NewTimer(limit)
	defer end.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		if cond() {
			tb.Fatal("happened")
		}
		select {
		case <-end.C:
			return
		case <-tick.C:
		}
	}
}

// ear is a Handler that remembers.
type ear struct {
	mu     sync.Mutex
	heard  map[string][]string // peer: "up", "down", or a frame
	block  chan struct{}       // Received waits for it, if not nil
	inside map[string]bool
	broken string
}

func newEar() *ear { return &ear{heard: map[string][]string{}, inside: map[string]bool{}} }

func (e *ear) enter(peer, what string) {
	e.mu.Lock()
	if e.inside[peer] {
		e.broken = "two calls at once for " + peer
	}
	e.inside[peer] = true
	e.heard[peer] = append(e.heard[peer], what)
	e.mu.Unlock()
}

func (e *ear) exit(peer string) {
	e.mu.Lock()
	e.inside[peer] = false
	e.mu.Unlock()
}

func (e *ear) Up(peer string)   { e.enter(peer, "up"); e.exit(peer) }
func (e *ear) Down(peer string) { e.enter(peer, "down"); e.exit(peer) }
func (e *ear) Received(peer string, frame []byte) {
	e.enter(peer, string(frame))
	if e.block != nil {
		<-e.block
	}
	e.exit(peer)
}

func (e *ear) from(peer string) []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.heard[peer])
}

// last is whether a peer is up or down now, or the last frame from it.
func (e *ear) last(peer string) string {
	heard := e.from(peer)
	if len(heard) == 0 {
		return ""
	}
	return heard[len(heard)-1]
}

// up waits until a peer is up, and tells all that was heard of it until then.
func (e *ear) up(tb testing.TB, peer string) []string {
	tb.Helper()
	eventually(tb, 5*time.Second, func() bool { return e.last(peer) == "up" })
	return e.from(peer)
}

func (e *ear) count(peer, what string) int {
	n := 0
	for _, h := range e.from(peer) {
		if h == what {
			n++
		}
	}
	return n
}

// listen joins a port with an ear.
func (n *node) listen(port string) (mesh.Port, *ear) {
	n.tb.Helper()
	e := newEar()
	p := n.Port(port)
	leave := p.Join(e)
	n.tb.Cleanup(func() {
		leave()
		if e.broken != "" {
			n.tb.Error(e.broken)
		}
	})
	return p, e
}

// faults is a network that can be cut for one node: nothing goes to the blocked addresses, and nothing comes over connections made to them.
type faults struct {
	mu      sync.Mutex
	blocked map[string]bool
	noUDP   bool
	noTCP   bool // out of this node
}

func cut(a, b *node)  { a.faults.set(b.Addr(), true); b.faults.set(a.Addr(), true) }
func heal(a, b *node) { a.faults.set(b.Addr(), false); b.faults.set(a.Addr(), false) }

func (f *faults) set(addr string, blocked bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.blocked[addr] = blocked
}

func (f *faults) is(addr string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.blocked[addr]
}

func (f *faults) pass(addr string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return !f.noUDP && !f.blocked[addr]
}

func (f *faults) dial(ctx context.Context, addr string) (net.Conn, error) {
	f.mu.Lock()
	noTCP := f.noTCP
	f.mu.Unlock()
	if noTCP || f.is(addr) {
		<-ctx.Done()
		return nil, fmt.Errorf("dial %s: %w", addr, ctx.Err())
	}
	c, err := realNetwork{}.dial(ctx, addr)
	if err != nil {
		return nil, err
	}
	return &faultyConn{Conn: c, f: f, addr: addr}, nil
}

type faultyConn struct {
	net.Conn
	f    *faults
	addr string
}

func (c *faultyConn) Write(p []byte) (int, error) {
	if c.f.is(c.addr) {
		return len(p), nil
	}
	return c.Conn.Write(p)
}

func (c *faultyConn) Read(p []byte) (int, error) {
	for {
		n, err := c.Conn.Read(p)
		if err != nil || !c.f.is(c.addr) {
			return n, err
		}
	}
}
