package cluster

import (
	"bufio"
	"errors"
	"fmt"
)

// outgoing is a frame taken off a queue, and to whom it goes.
type outgoing struct {
	number  uint64
	payload []byte
}

// take moves what may be sent next to batch: one frame of each port in turn.
func (l *link) take(batch []outgoing) (control []byte, more []outgoing, size int, farewell bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	control, l.control = l.control, nil
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
	return control, batch, size, l.farewell && len(batch) == 0
}

func (l *link) write() {
	w := bufio.NewWriterSize(l.conn, 32<<10)
	var batch []outgoing
	var head []byte
	for {
		control, more, size, farewell := l.take(batch[:0])
		batch = more
		_, err := w.Write(control)
		for i, o := range batch {
			head = appendDataHead(head[:0], o.number, len(o.payload))
			_, headErr := w.Write(head)
			_, bodyErr := w.Write(o.payload)
			err = errors.Join(err, headErr, bodyErr)
			batch[i].payload = nil
		}
		l.mu.Lock()
		if !l.closed {
			l.bytes -= size
			l.frames -= len(batch)
		}
		l.mu.Unlock()
		idle := len(control) == 0 && len(batch) == 0
		if idle && farewell {
			_, err = w.Write(appendFrame(nil, frameBye, nil))
		}
		if idle && err == nil {
			err = w.Flush()
		}
		if err != nil {
			l.close(fmt.Errorf("send: %w", err))
			return
		}
		if !idle {
			continue
		}
		if farewell {
			_ = l.conn.CloseWrite() // the peer closes when it has read it
			return
		}
		select {
		case <-l.wake:
		case <-l.done:
			return
		}
	}
}
