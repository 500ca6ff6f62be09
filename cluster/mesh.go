package cluster

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// ErrClosed means that the Mesh was closed, or has left.
var ErrClosed = errors.New("cluster: closed")

// Mesh is this node's part in a cluster. Its methods may be called from any goroutine.
type Mesh struct {
	opts      Options
	protocols protocolRange
	log       *slog.Logger
	id        string
	life      uint64
	ip        address // where others reach it
	port      int
	choice    func(net.IP) bool // what address it may take by itself; nil: it is told
	keys      *keys
	cert      tls.Certificate
	tls       *tls.Config
	url       atomic.Pointer[string] // where browsers find it; nil: nowhere yet
	socket    *socket
	news      *newsQueue
	invites   *invites
	lookup    func(ctx context.Context, host string) ([]net.IPAddr, error)

	ctx     context.Context // ends with Close
	cancel  context.CancelFunc
	wg      sync.WaitGroup
	rejoin  chan struct{} // something changed: try again soon
	change  chan struct{} // Members may have changed
	lines   chan line     // to be logged
	saving  sync.Mutex    // held while peers.json is written
	turning sync.Mutex    // held while a rotation goes a step on

	mu         sync.RWMutex // guards the fields below, and all of each record and of each port
	gossip     *gossip      // nil while shut out
	records    map[string]*record
	seeds      map[string]*seed
	ports      map[string]*port
	lastNumber uint64
	watchers   map[int]func()
	lastWatch  int
	fenced     Trouble
	conflict   Trouble // of our own address
	elsewhere  expected
	crowded    Trouble // there are too many others
	ails       Trouble // nothing can be stored here
	said       map[string]time.Time
	reviewed   time.Time // last; awake is when it was late, because this process had stood still
	awake      time.Time
	dirty      bool // records are to be saved
	leaving    bool
	left       time.Time // since when it is leaving
	closed     bool
}

// Open starts taking part in the cluster whose secret is in opts.Dir, until Close. It does not wait for other nodes.
func Open(ctx context.Context, opts Options) (*Mesh, error) {
	opts = opts.withDefaults()
	ks, err := loadKeys(opts.Dir)
	if err != nil {
		return nil, err
	}
	id, err := nodeID(opts.Dir)
	if err != nil {
		return nil, fmt.Errorf("read the id of this node: %w", err)
	}
	cert, err := certificate()
	if err != nil {
		return nil, err
	}
	m := &Mesh{
		opts: opts, protocols: opts.protocols, log: opts.Logger, id: id, keys: ks, cert: cert,
		life:     newLife(opts.Now()),
		tls:      serverTLS(cert),
		news:     newNewsQueue(),
		invites:  newInvites(),
		lookup:   net.DefaultResolver.LookupIPAddr,
		rejoin:   make(chan struct{}, 1),
		change:   make(chan struct{}, 1),
		lines:    make(chan line, maxLines),
		records:  map[string]*record{},
		seeds:    map[string]*seed{},
		ports:    map[string]*port{},
		watchers: map[int]func(){},
		said:     map[string]time.Time{},
	}
	if err := m.loadPeers(); err != nil {
		return nil, err
	}
	for _, s := range opts.Seeds {
		m.seeds[withPort(s)] = &seed{since: time.Now()}
	}
	tcp, udp, err := listen(opts.Bind)
	if err != nil {
		return nil, err
	}
	m.socket = newSocket(tcp, udp, opts.network, m.log, opts.Timing.Handshake, m.answer)
	ip, port, err := m.advertise(ctx)
	if err != nil {
		tcp.Close()
		udp.Close()
		return nil, err
	}
	m.ip.set(ip)
	m.port = port
	m.ctx, m.cancel = context.WithCancel(context.WithoutCancel(ctx))
	if m.gossip, err = m.startGossip(); err != nil {
		m.cancel()
		tcp.Close()
		udp.Close()
		return nil, err
	}
	m.start()
	return m, nil
}

func (m *Mesh) start() {
	m.Port(controlPort).Join(controlHandler{m}) // until Close
	m.socket.start()
	m.wg.Go(m.run)
	m.wg.Go(m.rejoinLoop)
	m.wg.Go(m.watchLoop)
	m.wg.Go(m.logLoop)
	if m.choice != nil {
		m.wg.Go(m.moveLoop)
	}
	if m.opts.Discover {
		m.wg.Go(m.discoverLoop)
	}
	m.log.Info("cluster started", "node", m.id, "name", m.opts.Name, "address", m.Addr())
}

func (o Options) withDefaults() Options {
	o.Timing = o.Timing.withDefaults()
	if o.Bind == "" {
		o.Bind = "0.0.0.0"
	}
	o.Bind = withPort(o.Bind)
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Ails == nil {
		o.Ails = func() TroubleKind { return NoTrouble }
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Name == "" {
		o.Name, _ = os.Hostname()
	}
	o.Name, o.Version = tidyName(o.Name), tidyName(o.Version)
	if o.protocols == (protocolRange{}) {
		o.protocols = spoken()
	}
	if o.network == nil {
		o.network = realNetwork{}
	}
	return o
}

// ID is the id of this node.
func (m *Mesh) ID() string { return m.id }

// Addr is where others reach this node, as host:port.
func (m *Mesh) Addr() string { return net.JoinHostPort(m.ip.get().String(), strconv.Itoa(m.port)) }

// Cluster is the id of the cluster. It is no secret.
func (m *Mesh) Cluster() string { return m.keys.cluster }

// Key derives a 32-byte key for a purpose from the secret in use. It is another one after a rotation.
func (m *Mesh) Key(purpose string) []byte {
	_, primary := m.keys.held()
	return useKey(primary, purpose)
}

// Leave says goodbye: the others then know that this node left and did not die. After it, only Close is of use.
func (m *Mesh) Leave(ctx context.Context) error {
	m.mu.Lock()
	if m.closed || m.leaving {
		m.mu.Unlock()
		return ErrClosed
	}
	m.leaving, m.left = true, time.Now()
	g := m.gossip
	links := m.linksLocked()
	m.mu.Unlock()

	for _, l := range links {
		l.goodbye()
	}
	patience := 5 * time.Second
	if end, ok := ctx.Deadline(); ok {
		patience = min(patience, time.Until(end))
	}
	var err error
	if g != nil {
		err = g.leave(max(patience, time.Millisecond))
	}
	t := time.NewTimer(patience)
	defer t.Stop()
	for _, l := range links {
		select {
		case <-l.done:
		case <-t.C:
			return errors.Join(err, errors.New("not everybody has heard the goodbye"))
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		}
	}
	return err
}

// Close ends taking part. Without Leave before it, it is to the others as if the node had died. Handlers are not called any more when it
// returns, so it waits for those that are running.
func (m *Mesh) Close() error {
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		return nil
	}
	m.closed = true
	g := m.gossip
	links := m.linksLocked()
	var stop []func()
	for _, p := range m.ports {
		if j := p.cur; j != nil {
			stop = append(stop, func() { p.leave(j) })
		}
	}
	for _, r := range m.records {
		r.stopTimer()
	}
	m.mu.Unlock()

	m.cancel()
	for _, l := range links {
		l.close(errClosing)
	}
	for _, leave := range stop {
		leave()
	}
	if g != nil {
		g.shutdown()
	}
	m.socket.close()
	m.wg.Wait()
	err := m.savePeers()
	m.log.Info("cluster ended")
	return err
}

func (m *Mesh) linksLocked() []*link {
	var links []*link
	for _, r := range m.records {
		if r.link != nil {
			links = append(links, r.link)
		}
	}
	return links
}

// goLocked runs fn on a goroutine that Close waits for; m.mu is held for writing.
func (m *Mesh) goLocked(fn func()) {
	if !m.closed {
		m.wg.Go(fn)
	}
}

// Watch has fn called, soon after something in Members changed, on a goroutine of the Mesh. It may call the Mesh, and must not block long.
func (m *Mesh) Watch(fn func()) (stop func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lastWatch++
	n := m.lastWatch
	m.watchers[n] = fn
	return func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.watchers, n)
	}
}

func (m *Mesh) watchLoop() {
	for {
		select {
		case <-m.change:
		case <-m.ctx.Done():
			return
		}
		m.mu.RLock()
		fns := make([]func(), 0, len(m.watchers))
		for _, fn := range m.watchers {
			fns = append(fns, fn)
		}
		m.mu.RUnlock()
		for _, fn := range fns {
			fn()
		}
	}
}

func (m *Mesh) changed() { poke(m.change) }

// tryAgain wakes the rejoin loop.
func (m *Mesh) tryAgain() { poke(m.rejoin) }

func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
