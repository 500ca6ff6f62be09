package socket

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"snug/nowait"
)

const (
	// settleWait is how long the peer may take to answer a close frame that ended the reading, before the connection is
	// closed. Closing with unread bytes would reset the connection, and the peer might never see why.
	settleWait = time.Second
	// settleBytes is how much of what the peer still sends is thrown away meanwhile.
	settleBytes = 4 << 20
)

var errEnded = errors.New("socket: the close frame is sent")

// wire is the network connection under one WebSocket. melody reads from it and writes control frames to it, the outbox
// writes the data; the wire sees to it that their frames never interleave, that nothing follows a close frame, and
// that the connection can be cut while a write is stuck.
type wire struct {
	net.Conn
	wait time.Duration // for one write
	slow func()        // called when a write took longer
	pong func()        // called before a pong is written, on the goroutine that has read the ping

	now nowait.Writer // for try, which has the lock

	writing sync.Mutex // held during a write, to keep frames whole; guards the fields below
	ended   bool       // the close frame is written
	armed   time.Time  // when the deadline for writing was set
	rest    []byte     // of frames that try has written a part of: goes out before anything else

	cutting sync.Once
}

// open makes a new wire ready for use.
func (w *wire) open(conn net.Conn, wait time.Duration, slow, pong func()) {
	w.Conn, w.wait, w.slow, w.pong = conn, wait, slow, pong
	w.now.Open(nowait.Raw(conn), nowait.Send)
}

// Write is for melody, which writes each control frame (and the answer to the upgrade) whole.
func (w *wire) Write(frame []byte) (int, error) {
	if len(frame) > 0 && frame[0] == finPong {
		w.pong()
	}
	return w.write(frame, len(frame) > 0 && isClose(frame[0]))
}

// write sends one or more whole frames; last says that a close frame is the last of them. After an error the
// connection is cut, because a part of a frame may be on its way.
func (w *wire) write(frames []byte, last bool) (int, error) {
	w.writing.Lock()
	defer w.writing.Unlock()

	if w.ended && len(frames) > 0 {
		return 0, errEnded
	}
	w.ended = w.ended || last
	if len(w.rest) > 0 {
		if _, err := w.push(w.rest); err != nil {
			return 0, err
		}
		w.rest = nil
	}
	if len(frames) == 0 {
		return 0, nil
	}
	return w.push(frames)
}

// push writes until all is written. The lock is held.
func (w *wire) push(b []byte) (int, error) {
	// Setting the deadline costs about a tenth of a write, so it serves the writes that follow soon, too.
	if now := time.Now(); now.Sub(w.armed) > w.wait/8 {
		if err := w.Conn.SetWriteDeadline(now.Add(w.wait)); err != nil {
			return 0, err
		}
		w.armed = now
	}
	n, err := w.Conn.Write(b)
	if err != nil {
		if errors.Is(err, os.ErrDeadlineExceeded) {
			w.slow()
		}
		w.cut()
	}
	return n, err
}

// try is write as far as it need not wait for the kernel or for another write. taken says that the frames are written or will
// be, or never can be; wait, that a call of write is needed, which may wait and finds out what is wrong.
func (w *wire) try(frames []byte, last bool) (taken, wait bool) {
	if !w.writing.TryLock() {
		return false, true
	}
	defer w.writing.Unlock()

	switch {
	case w.ended:
		return true, false
	case len(w.rest) > 0:
		return false, true
	}
	sent := w.now.Write(frames)
	if sent == 0 {
		return false, true
	}
	w.ended = last
	if sent < len(frames) {
		w.rest = bytes.Clone(frames[sent:])
		return true, true
	}
	return true, false
}

// SetWriteDeadline does nothing: each write has its own deadline, and one that melody sets for its control frame would
// hit whatever the outbox writes at that moment.
func (w *wire) SetWriteDeadline(time.Time) error { return nil }

// SetDeadline sets the deadline for reading only.
func (w *wire) SetDeadline(t time.Time) error { return w.Conn.SetReadDeadline(t) }

// Close is called by melody when it has read the last frame. Where the close frame is sent, settle does the closing.
func (w *wire) Close() error {
	w.writing.Lock()
	ended := w.ended
	w.writing.Unlock()

	if !ended {
		w.cut()
	}
	return nil
}

// settle closes the connection after the last frame was read, in a way that lets the peer read our close frame, all of it: the
// kernel may have taken only a part. answered says that the peer's close frame was read.
func (w *wire) settle(answered bool) {
	defer w.cut()

	w.writing.Lock()
	ended := w.ended
	w.writing.Unlock()
	if !ended {
		return
	}
	if _, err := w.write(nil, false); err != nil || answered {
		return
	}
	if err := w.Conn.SetReadDeadline(time.Now().Add(settleWait)); err != nil {
		return
	}
	if half, ok := w.Conn.(interface{ CloseWrite() error }); ok && half.CloseWrite() != nil {
		return
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(w.Conn, settleBytes))
}

// cut closes the network connection now: reads and writes under way end with an error.
func (w *wire) cut() {
	w.cutting.Do(func() {
		conn := w.Conn
		// TLS would first wait for a place in the full buffers to say goodbye.
		if layered, ok := conn.(interface{ NetConn() net.Conn }); ok {
			conn = layered.NetConn()
		}
		_ = conn.Close()
	})
}
