package cluster

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"snug/layer/mesh"
)

const (
	// linkBuffer is for reading; a TLS record has at most 16 KiB.
	linkBuffer = 64 << 10
	// batchBytes is how much is taken off the queues before looking at them again, so how long a ping waits.
	batchBytes = 64 << 10
	// maxQueue is how many bytes may wait for one peer; what does not fit drops the link.
	maxQueue = 8 << 20
	// window is how many bytes may be under way to a port or wait in it; then the sender keeps the rest, and other ports go on.
	window = 2 << 20
	// frameCost is added to the length of each frame wherever bytes are counted, so that empty frames are not free.
	frameCost = 64
	// maxPorts is how many port names a peer may open.
	maxPorts = 64
	// maxControl is how many bytes of answers may wait: more means that the peer asks and does not read.
	maxControl = 256 << 10
	// silence is after how many heartbeats without a byte a link is dropped; stuck the same for a write of one record.
	silence, stuck = 3, 10
)

var (
	errBacklog    = errors.New("too much waits to be sent")
	errReplaced   = errors.New("replaced by a newer link")
	errBye        = errors.New("it left")
	errClosing    = errors.New("this node closes")
	errForgotten  = errors.New("forgotten")
	errDuplicated = errors.New("another machine has the same id")
)

// link is a connection to a peer that proved the secret.
type link struct {
	m     *Mesh
	peer  identity
	conn  *tls.Conn
	raw   *patientConn
	r     *bufio.Reader
	clock *clock
	heard atomic.Int64 // when anything came last, Unix nanoseconds
	wake  chan struct{}
	done  chan struct{}
	pen   pen // of who has set writing

	mu       sync.Mutex // guards the fields below
	writing  bool       // somebody writes
	leftOver bool       // the last who wrote would have had to wait
	control  []byte     // frames that go before all others
	channels map[string]*channel
	inbound  map[uint64]*inbound
	ready    []*channel // have something to send, and credit for it
	bytes    int        // of payload that waits
	frames   int
	waiting  []chan struct{} // for the next pong
	farewell bool
	closed   bool
	reason   error
}

// channel is what a link knows of a port.
type channel struct {
	name          string
	local, remote uint64 // numbers under which the port is open here and there; 0: it is not
	prompt        bool   // see [Mesh.PromptPort]
	credit        int    // bytes that may be sent; below zero after a frame larger than it
	queue         [][]byte
	head          int // of queue
	isReady       bool
}

func newLink(m *Mesh, g *greeting) *link {
	l := &link{
		m: m, peer: g.peer, conn: g.conn, raw: g.raw, r: g.r,
		clock:    newClock(m.opts.Now),
		wake:     make(chan struct{}, 1),
		done:     make(chan struct{}),
		pen:      pen{w: bufio.NewWriterSize(g.conn, 32<<10)},
		channels: map[string]*channel{},
		inbound:  map[uint64]*inbound{},
	}
	l.heard.Store(time.Now().UnixNano())
	return l
}

// start begins to read and write. The link must be known to the mesh already.
func (l *link) start() {
	hb := l.m.opts.Timing.Heartbeat
	if err := l.raw.patience(silence*hb, stuck*hb); err != nil {
		l.close(err)
	}
	l.m.wg.Go(l.write)
	l.m.wg.Go(l.heart)
	l.m.wg.Go(func() {
		err := l.read()
		l.close(err)
		l.m.detach(l)
	})
}

// close ends the link at once. The raw connection is closed, not the TLS one: that would wait behind a stuck write.
func (l *link) close(why error) {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return
	}
	l.closed, l.reason = true, why
	l.ready, l.control = nil, nil
	for _, c := range l.channels {
		c.queue = nil
	}
	l.bytes, l.frames = 0, 0
	l.mu.Unlock()
	close(l.done)
	l.raw.Close()
}

func (l *link) why() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.reason
}

func (l *link) queued() (bytes, frames int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.bytes, l.frames
}

// silent says whether a heartbeat is overdue.
func (l *link) silent() bool {
	return time.Since(time.Unix(0, l.heard.Load())) > 2*l.m.opts.Timing.Heartbeat
}

func (l *link) heart() {
	t := time.NewTicker(l.m.opts.Timing.Heartbeat)
	defer t.Stop()
	for {
		l.ping()
		select {
		case <-t.C:
		case <-l.done:
			return
		}
	}
}

func (l *link) ping() { l.tell(framePing, nil, l.clock.ping()) }

// answers says whether the peer is there now.
func (l *link) answers(patience time.Duration) bool {
	pong := make(chan struct{})
	l.mu.Lock()
	l.waiting = append(l.waiting, pong)
	l.mu.Unlock()
	l.ping()
	t := time.NewTimer(patience)
	defer t.Stop()
	select {
	case <-pong:
		return true
	case <-l.done:
	case <-t.C:
	}
	return false
}

// tell sends a frame that is not for a port.
func (l *link) tell(kind byte, tail []byte, numbers ...uint64) {
	l.mu.Lock()
	over := len(l.control) > maxControl
	if !over {
		l.tellLocked(kind, tail, numbers...)
	}
	l.mu.Unlock()
	if over {
		l.close(errBacklog)
	}
}

func (l *link) tellLocked(kind byte, tail []byte, numbers ...uint64) {
	if !l.closed {
		l.control = appendFrame(l.control, kind, tail, numbers...)
		l.nudge()
	}
}

func (l *link) nudge() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// goodbye says that this node leaves, after all that waits, and that nothing follows.
func (l *link) goodbye() {
	l.mu.Lock()
	l.farewell = true
	l.mu.Unlock()
	l.nudge()
}

// send queues a frame for a port.
func (l *link) send(port string, frame []byte) error {
	l.mu.Lock()
	c := l.channels[port]
	if l.closed || c == nil || c.remote == 0 || c.local == 0 {
		l.mu.Unlock()
		return mesh.ErrNoPeer
	}
	if l.bytes+cost(frame) > maxQueue {
		l.mu.Unlock()
		l.close(errBacklog)
		return mesh.ErrBacklog
	}
	c.queue = append(c.queue, frame)
	l.bytes += cost(frame)
	l.frames++
	l.readyLocked(c)
	if c.prompt && l.takePenLocked() {
		control, size := l.takeLocked()
		l.mu.Unlock()
		l.writeNow(control, size)
		return nil
	}
	l.mu.Unlock()
	l.nudge()
	return nil
}

func (l *link) readyLocked(c *channel) {
	if !c.isReady && c.credit > 0 && c.head < len(c.queue) {
		c.isReady = true
		l.ready = append(l.ready, c)
	}
}

// emptyLocked throws away what waits for a port.
func (l *link) emptyLocked(c *channel) {
	for _, f := range c.queue[c.head:] {
		l.bytes -= cost(f)
		l.frames--
	}
	c.queue, c.head = nil, 0
}

// cost is what a frame counts in queues and windows.
func cost(frame []byte) int { return len(frame) + frameCost }

func (l *link) channelLocked(name string) *channel {
	c := l.channels[name]
	if c == nil {
		c = &channel{name: name}
		l.channels[name] = c
	}
	return c
}

func (l *link) read() error {
	for {
		kind, body, err := readFrame(l.r, maxBody)
		if err != nil {
			return err
		}
		l.heard.Store(time.Now().UnixNano())
		if kind == frameData {
			err = l.data(body)
		} else {
			err = l.hearControl(kind, body)
		}
		if err != nil {
			return err
		}
	}
}

func (l *link) data(body []byte) error {
	num, payload, err := number(body)
	if err != nil {
		return err
	}
	if len(payload) > mesh.MaxFrame {
		return fmt.Errorf("%w: %d bytes of payload", errFrame, len(payload))
	}
	l.mu.Lock()
	in := l.inbound[num]
	l.mu.Unlock()
	if in == nil {
		return nil // was shut while this was under way
	}
	return in.put(payload, l.r.Buffered() == 0)
}
