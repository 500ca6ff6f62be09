package cluster

import (
	"bufio"
	"errors"
	"fmt"
	"time"
)

const (
	// promptBytes is how much may wait where who sends is to write, and how long a frame may be where who reads is to handle it: more would keep them for too long.
	promptBytes = 8 << 10
	// promptPause is for how long nothing may have been written before: frames that come faster go out together.
	promptPause = time.Millisecond
)

// pen writes to a link. Whoever has set [link.writing] has it: the goroutine of write, or for a moment who sends.
type pen struct {
	w     *bufio.Writer
	batch []outgoing
	head  []byte
	used  time.Time
}

// outgoing is a frame taken off a queue, and to whom it goes.
type outgoing struct {
	number  uint64
	payload []byte
}

// write is the goroutine that writes what may have to wait, and what nobody else does.
func (l *link) write() {
	for {
		for l.takePen() {
			if ended := l.writeAll(); ended {
				return // and nobody else writes any more
			}
		}
		select {
		case <-l.wake:
		case <-l.done:
			return
		}
	}
}

// takePen gives the pen to the goroutine of write, if there is something to write and nobody who does.
func (l *link) takePen() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.writing || l.closed || !l.leftOver && !l.waitsLocked() {
		return false
	}
	l.writing = true
	return true
}

// dropPen is for who has it. What could not be written without waiting is left over to the goroutine of write, and so is what has come meanwhile.
func (l *link) dropPen(leftOver bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.writing, l.leftOver = false, leftOver
	if leftOver || l.waitsLocked() {
		l.nudge()
	}
}

func (l *link) waitsLocked() bool { return len(l.control) > 0 || len(l.ready) > 0 || l.farewell }

// writeAll writes until nothing waits, and drops the pen. It says whether that was the last that this side has to say.
func (l *link) writeAll() (ended bool) {
	for {
		control, size, farewell := l.take()
		empty := len(control) == 0 && len(l.pen.batch) == 0
		err := l.compose(control, size)
		if empty && farewell {
			_, err = l.pen.w.Write(appendFrame(nil, frameBye, nil))
		}
		if empty && err == nil {
			err = errors.Join(l.pen.w.Flush(), l.raw.flush())
		}
		switch {
		case err != nil:
			l.close(fmt.Errorf("send: %w", err))
			return true
		case empty && farewell:
			_ = l.conn.CloseWrite() // the peer closes when it has read it
			return true
		case empty:
			l.pen.used = time.Now()
			l.dropPen(false)
			return false
		}
	}
}

// takePenLocked gives the pen to who sends, if nothing is in the way of writing at once. Then writes do not wait, until writeNow is done.
func (l *link) takePenLocked() bool {
	if l.writing || l.leftOver || l.farewell || l.bytes+len(l.control) > promptBytes || time.Since(l.pen.used) < promptPause || !l.raw.hurry() {
		return false
	}
	l.writing = true
	return true
}

// writeNow is for who sends and has the pen: it writes what was taken, without waiting for the peer.
func (l *link) writeNow(control []byte, size int) {
	err := errors.Join(l.compose(control, size), l.pen.w.Flush())
	l.pen.used = time.Now()
	l.dropPen(l.raw.calm())
	if err != nil {
		l.close(fmt.Errorf("send: %w", err))
	}
}

func (l *link) take() (control []byte, size int, farewell bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	control, size = l.takeLocked()
	return control, size, l.farewell && len(l.pen.batch) == 0
}

// takeLocked moves what may be sent next to the batch of the pen: one frame of each port in turn.
func (l *link) takeLocked() (control []byte, size int) {
	control, l.control = l.control, nil
	batch := l.pen.batch[:0]
	for size < batchBytes && len(l.ready) > 0 {
		c := l.ready[0]
		l.ready = l.ready[1:]
		c.isReady = false
		if c.head == len(c.queue) || c.remote == 0 {
			continue
		}
		f := c.queue[c.head]
		c.queue[c.head] = nil
		if c.head++; c.head == len(c.queue) {
			c.queue, c.head = c.queue[:0], 0
		}
		c.credit -= cost(f)
		size += cost(f)
		batch = append(batch, outgoing{c.remote, f})
		l.readyLocked(c)
	}
	l.pen.batch = batch
	return control, size
}

// compose puts what was taken into the buffer, which writes what does not fit.
func (l *link) compose(control []byte, size int) error {
	_, err := l.pen.w.Write(control)
	for i, o := range l.pen.batch {
		l.pen.head = appendDataHead(l.pen.head[:0], o.number, len(o.payload))
		_, headErr := l.pen.w.Write(l.pen.head)
		_, bodyErr := l.pen.w.Write(o.payload)
		err = errors.Join(err, headErr, bodyErr)
		l.pen.batch[i].payload = nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		l.bytes -= size
		l.frames -= len(l.pen.batch)
	}
	return err
}
