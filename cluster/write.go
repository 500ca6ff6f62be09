package cluster

import (
	"bufio"
	"errors"
	"fmt"
	"time"
)

const (
	// promptBytes is how much may wait where who sends is to write: more would keep it for too long.
	promptBytes = 8 << 10
	// promptPause is for how long nothing may have been written before: frames that come faster go out together.
	promptPause = time.Millisecond
)

// pen writes to a link. Whoever has set [link.writing] holds it: the goroutine of write, or for a moment who sends.
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
		for l.holdPen() {
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

// holdPen says whether there is something to write and nobody who does. The caller does then.
func (l *link) holdPen() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.writing || l.closed || !l.leftOver && !l.waitsLocked() {
		return false
	}
	l.writing = true
	return true
}

// dropPen is for who holds it.
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

// writeNow has who sends write what waits, without waiting for the peer. It holds the pen.
func (l *link) writeNow() {
	control, size, _ := l.take()
	leftOver, err := l.raw.inHaste(func() error { return errors.Join(l.compose(control, size), l.pen.w.Flush()) })
	l.pen.used = time.Now()
	l.dropPen(leftOver)
	if err != nil {
		l.close(fmt.Errorf("send: %w", err))
	}
}

// promptLocked says whether who sends is to write, and gives it the pen then.
func (l *link) promptLocked() bool {
	if l.raw.raw == nil || l.writing || l.leftOver || l.farewell || l.bytes+len(l.control) > promptBytes || time.Since(l.pen.used) < promptPause {
		return false
	}
	l.writing = true
	return true
}

// take moves what may be sent next to the batch: one frame of each port in turn.
func (l *link) take() (control []byte, size int, farewell bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
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
	return control, size, l.farewell && len(batch) == 0
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
