package socket

import (
	"errors"
	"sync"
)

const (
	// mostCoalesced is how many bytes of waiting frames go out in one write, in a buffer from a pool.
	mostCoalesced = 64 << 10
	// fewCoalesced is the size of the smaller buffers, for the few frames that wait usually. A stuck reader holds on to
	// its buffer, so it should be no larger than needed.
	fewCoalesced = 8 << 10
	// keptFrames is how many places for frames an empty outbox keeps.
	keptFrames = 64
)

var errFull = errors.New("socket: outbox full")

// outbox holds the frames that wait to be written to one connection. Frames are shared with other connections and
// never changed. A goroutine writes them while there are any, and ends when there are none.
type outbox struct {
	wire      *wire
	buffers   *buffers
	maxBytes  int
	maxFrames int
	drain     func() // o.run, made once, because making it anew for each goroutine would allocate

	mu      sync.Mutex // guards the fields below
	queue   [][]byte   // not yet taken by run
	spare   [][]byte   // what becomes queue when run takes it
	frames  int        // in queue or taken, and not yet written
	bytes   int        // of them
	running bool       // run is running, or about to
	void    bool       // what run has taken is not to be written any more
	state   outboxState
}

type outboxState int

const (
	outboxOpen    outboxState = iota
	outboxClosing             // the last frame is a close frame; takes no more
	outboxDropped             // takes no more, writes no more
)

func newOutbox(w *wire, b *buffers, maxBytes, maxFrames int) *outbox {
	o := &outbox{wire: w, buffers: b, maxBytes: maxBytes, maxFrames: maxFrames}
	o.drain = o.run
	return o
}

// put adds a frame. A frame of any size fits in an empty outbox.
func (o *outbox) put(frame []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()

	if o.state != outboxOpen {
		return ErrClosed
	}
	if o.frames > 0 && (o.frames >= o.maxFrames || o.bytes+len(frame) > o.maxBytes) {
		return errFull
	}
	o.add(frame)
	return nil
}

// finish adds the close frame, after which nothing is taken. It reports whether the outbox was open.
func (o *outbox) finish(closeFrame []byte) bool {
	o.mu.Lock()
	defer o.mu.Unlock()

	if o.state != outboxOpen {
		return false
	}
	o.state = outboxClosing
	o.add(closeFrame)
	return true
}

// replace puts the close frame in place of all that waits, after which nothing is taken.
func (o *outbox) replace(closeFrame []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()

	if o.state == outboxDropped {
		return
	}
	o.state = outboxClosing
	o.queue = nil
	o.void = true
	o.add(closeFrame)
}

// drop forgets what waits.
func (o *outbox) drop() {
	o.mu.Lock()
	defer o.mu.Unlock()

	o.state = outboxDropped
	o.queue, o.spare = nil, nil
	o.void = true
}

// add queues a frame and sees that it will be written. The lock is held.
func (o *outbox) add(frame []byte) {
	o.queue = append(o.queue, frame)
	o.frames++
	o.bytes += len(frame)
	if !o.running {
		o.running = true
		go o.drain()
	}
}

// run writes what waits until nothing does. A write that fails cuts the connection, so that the reading side ends and
// drops the outbox.
func (o *outbox) run() {
	for batch := o.take(nil); batch != nil; batch = o.take(batch) {
		for rest := batch; len(rest) > 0; {
			n, size := portion(rest)
			if !o.wanted() {
				break
			}
			o.write(rest[:n], size)
			o.written(n, size)
			rest = rest[n:]
		}
		clear(batch)
	}
}

// take gives back the place of the last batch, for frames to come, and returns all that waits; nil ends run.
func (o *outbox) take(last [][]byte) [][]byte {
	o.mu.Lock()
	defer o.mu.Unlock()

	if last != nil && o.state != outboxDropped {
		o.spare = last[:0]
	}
	if len(o.queue) == 0 {
		o.running = false
		if cap(o.queue) > keptFrames {
			o.queue = nil
		}
		if cap(o.spare) > keptFrames {
			o.spare = nil
		}
		return nil
	}
	batch := o.queue
	o.queue, o.spare = o.spare, nil
	o.void = false
	return batch
}

// wanted reports whether what run has taken is still to be written.
func (o *outbox) wanted() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return !o.void
}

func (o *outbox) written(frames, bytes int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.frames -= frames
	o.bytes -= bytes
}

// write sends frames of size bytes in one write. One frame is written without copying it.
func (o *outbox) write(frames [][]byte, size int) {
	last := isClose(frames[len(frames)-1][0])
	if len(frames) == 1 {
		_, _ = o.wire.write(frames[0], last)
		return
	}

	buffer := o.buffers.get(size)
	together := (*buffer)[:0]
	for _, frame := range frames {
		together = append(together, frame...)
	}
	_, _ = o.wire.write(together, last)
	o.buffers.put(buffer)
}

// portion says how many of the frames go out in the next write, and how many bytes they are.
func portion(frames [][]byte) (n, size int) {
	n, size = 1, len(frames[0])
	for n < len(frames) && size+len(frames[n]) <= mostCoalesced {
		size += len(frames[n])
		n++
	}
	return n, size
}

// buffers are where frames are put together, shared by all connections of a hub.
type buffers struct {
	small, large sync.Pool // of *[]byte
}

func newBuffers() *buffers {
	return &buffers{
		small: sync.Pool{New: func() any { b := make([]byte, 0, fewCoalesced); return &b }},
		large: sync.Pool{New: func() any { b := make([]byte, 0, mostCoalesced); return &b }},
	}
}

func (b *buffers) get(size int) *[]byte {
	if size <= fewCoalesced {
		return b.small.Get().(*[]byte)
	}
	return b.large.Get().(*[]byte)
}

func (b *buffers) put(buffer *[]byte) {
	if cap(*buffer) == fewCoalesced {
		b.small.Put(buffer)
		return
	}
	b.large.Put(buffer)
}
