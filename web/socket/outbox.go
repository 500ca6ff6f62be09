package socket

import (
	"errors"
	"slices"
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
// never changed.
//
// A frame puts the outbox in the line of the drainers, where others may join it until one of them calls flush. What cannot wait
// for that, what cannot be written without waiting (TLS) and what the kernel does not take now is written by a goroutine of
// its own in run, which ends when there is nothing more. All take from the front of the same queue, and never two of them at once.
type outbox struct {
	wire      *wire
	buffers   *buffers
	drainers  *drainers
	maxBytes  int
	maxFrames int
	drain     func() // o.run, made once, because making it anew for each goroutine would allocate

	// The lock of the drainers guards these.
	next *outbox // behind this one in the line
	pass uint64  // in which it was taken out of the line last

	mu      sync.Mutex // guards the fields below
	queue   [][]byte   // not yet written by flush, or taken by run
	spare   [][]byte   // what becomes queue when run takes it
	frames  int        // in queue or taken, and not yet written
	bytes   int        // of them
	lined   bool       // it is in the line of the drainers
	running bool       // run is running or about to: nobody else writes
	asking  bool       // the next frame waits for nothing
	void    bool       // what run has taken is not to be written any more
	state   outboxState
}

type outboxState int

const (
	outboxOpen    outboxState = iota
	outboxClosing             // the last frame is a close frame; takes no more
	outboxDropped             // takes no more, writes no more
)

// open makes a new outbox ready for use.
func (o *outbox) open(w *wire, b *buffers, d *drainers, maxBytes, maxFrames int) {
	o.wire, o.buffers, o.drainers, o.maxBytes, o.maxFrames = w, b, d, maxBytes, maxFrames
	o.drain = o.run
}

// put adds a frame. A frame of any size fits in an empty outbox.
func (o *outbox) put(frame []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.accept(frame)
}

// answer is put for a frame that does not wait in the line. Nor does the next one then, if the client has asked: an acknowledgement
// comes before the message that it is about.
func (o *outbox) answer(frame []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	asked := o.asking
	o.asking = true
	err := o.accept(frame)
	o.asking = asked
	return err
}

// ask says that the client waits for the next shared frame. It is not known which one answers it; most often the next does, and one write
// more for each frame of a client is little beside what the frame itself costs.
func (o *outbox) ask() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.asking = true
}

// accept is put. The lock is held.
func (o *outbox) accept(frame []byte) error {
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
	o.state, o.asking = outboxClosing, true
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
	o.state, o.asking = outboxClosing, true
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
	asked := o.asking
	o.asking = false
	switch {
	case o.running:
	case asked, o.frames > o.maxFrames/2, o.bytes > o.maxBytes/2: // none is to be full because of the line
		o.start()
	case !o.lined:
		o.lined = true
		o.drainers.add(o)
	}
}

// start has run write what waits. The lock is held.
func (o *outbox) start() {
	o.running = true
	go o.drain()
}

// flush is the turn of an outbox in the line: it writes what waits as far as the kernel takes it now, and leaves the rest to run.
// The lock is held, because none of these writes waits for anything.
func (o *outbox) flush() {
	o.mu.Lock()
	defer o.mu.Unlock()

	o.lined = false
	switch {
	case o.running:
		return
	case !o.wire.now.Possible() && len(o.queue) > 0:
		o.start()
		return
	}
	for done := 0; ; {
		if done == len(o.queue) {
			o.queue = emptied(o.queue)
			return
		}
		n, size := portion(o.queue[done:])
		taken, wait := o.try(o.queue[done:done+n], size)
		if taken {
			done += n
			o.frames -= n
			o.bytes -= size
		}
		if wait {
			o.queue = slices.Delete(o.queue, 0, done)
			o.start()
			return
		}
	}
}

// run writes what waits until nothing does. A write that fails cuts the connection, so that the reading side ends and
// drops the outbox.
func (o *outbox) run() {
	_, _ = o.wire.write(nil, false) // what a write of flush has left over
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
		o.queue, o.spare = emptied(o.queue), emptied(o.spare)
		return nil
	}
	batch := o.queue
	o.queue, o.spare = o.spare, nil
	o.void = false
	return batch
}

// emptied is the place of frames that are written, for others, unless it is large.
func emptied(frames [][]byte) [][]byte {
	if cap(frames) > keptFrames {
		return nil
	}
	clear(frames)
	return frames[:0]
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

// write sends frames of size bytes in one write.
func (o *outbox) write(frames [][]byte, size int) {
	together, buffer := o.join(frames, size)
	_, _ = o.wire.write(together, endsInClose(frames))
	o.buffers.put(buffer)
}

// try is write without waiting; see wire.try.
func (o *outbox) try(frames [][]byte, size int) (taken, wait bool) {
	together, buffer := o.join(frames, size)
	taken, wait = o.wire.try(together, endsInClose(frames))
	o.buffers.put(buffer)
	return taken, wait
}

// join puts frames of size bytes behind one another, in a buffer that is given back when they are written. One frame is not
// copied, and has no buffer.
func (o *outbox) join(frames [][]byte, size int) (together []byte, buffer *[]byte) {
	if len(frames) == 1 {
		return frames[0], nil
	}
	buffer = o.buffers.get(size)
	together = (*buffer)[:0]
	for _, frame := range frames {
		together = append(together, frame...)
	}
	return together, buffer
}

func endsInClose(frames [][]byte) bool { return isClose(frames[len(frames)-1][0]) }

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
	switch {
	case buffer == nil:
	case cap(*buffer) == fewCoalesced:
		b.small.Put(buffer)
	default:
		b.large.Put(buffer)
	}
}
