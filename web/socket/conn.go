package socket

import (
	"context"
	"errors"
	"runtime/debug"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"snug/layer"
)

// Close codes of RFC 6455 section 7.4.1, as far as this package uses them.
const (
	codeUnsupported = 1003
	codeNotText     = 1007
	codeInternal    = 1011
	codeRestart     = 1012
)

const restartReason = "the server restarts"

const (
	// closeWait is how long a client may take to read what waits for it and to answer the close frame.
	closeWait = 2 * time.Second
	// closeNowWait is the same where the socket has to go: long enough for a close frame to a client that reads.
	closeNowWait = 500 * time.Millisecond
)

// controlWindow is the time of Options.MaxControls.
const controlWindow = 10 * time.Second

// ErrClosed says that the socket takes no more messages.
var ErrClosed = errors.New("socket closed")

// Info says whose socket it is.
type Info struct {
	User    string // "" for a guest
	Session string
	Address string
}

// Consumer gets what arrives on one socket.
type Consumer interface {
	// Receive gets a text message. It is called on the goroutine that reads the socket, one frame at a time, so while it
	// takes its time the client has to wait. The frame is the consumer's to keep.
	Receive(c *Conn, frame []byte)
	// Closed is called once, after the last Receive.
	Closed(c *Conn)
}

// Conn is one open socket. Its methods may be called from any goroutine, and none of them blocks.
type Conn struct {
	// What a delivery touches lies side by side, and is no pointer away: in a large room it comes from far memory each time, which was a tenth of the cost.
	out  outbox
	wire wire

	hub    *Hub
	info   Info
	ctx    context.Context
	cancel context.CancelFunc

	isSlow atomic.Bool

	// The fields below are used by the reading goroutine only.
	opening  *opening // nil when the socket is open
	consumer Consumer
	answered bool // the client's close frame was read
	controls int  // pings and pongs read since counting
	counting time.Time
}

// Info says whose socket it is.
func (c *Conn) Info() Info { return c.info }

// Context has the values of the request that opened the socket, and ends when the socket begins to close.
func (c *Conn) Context() context.Context { return c.ctx }

// Send queues a message to this socket alone. The payload must be UTF-8; it may be changed afterwards. If the outbox
// is full the socket is cut, and the error is ErrClosed, as for a socket that was closed before.
func (c *Conn) Send(payload []byte) error {
	if err := c.out.answer(textFrame(payload)); err != nil {
		if errors.Is(err, errFull) {
			c.Full()
		}
		return ErrClosed
	}
	return nil
}

// Deliver queues a message that many sockets share. It is layer.ErrChannelFull if the outbox is full, and ErrClosed if
// the socket is closed.
func (c *Conn) Deliver(m *layer.Message) error {
	err := c.out.put(m.Derived(textFrame))
	if errors.Is(err, errFull) {
		return layer.ErrChannelFull
	}
	return err
}

// Full cuts the socket: it has missed a message, and the client finds out what it missed when it comes back.
func (c *Conn) Full() {
	c.slow("outbox full")
}

// Close ends the socket with a close frame, after all that waits in the outbox. A client that has not answered
// after two seconds is cut.
func (c *Conn) Close(code int, reason string) {
	c.cancel()
	if c.out.finish(closeFrame(code, reason)) {
		time.AfterFunc(closeWait, c.cut)
	}
}

// closeNow ends the socket without sending what waits in the outbox.
func (c *Conn) closeNow(code int, reason string) {
	c.cancel()
	c.out.replace(closeFrame(code, reason))
	time.AfterFunc(closeNowWait, c.cut)
}

// cut ends the socket with no word.
func (c *Conn) cut() {
	c.cancel()
	c.out.drop()
	c.wire.cut()
}

// slow cuts a socket whose client does not read fast enough.
func (c *Conn) slow(reason string) {
	if c.isSlow.CompareAndSwap(false, true) && c.ctx.Err() == nil {
		c.hub.slow.Add(1)
		c.hub.opts.Logger.Debug("socket cut: the reader is too slow",
			"reason", reason, "user", c.info.User, "address", c.info.Address)
	}
	c.cut()
}

// control counts one ping or pong, and cuts a client that sends too many of them.
func (c *Conn) control() {
	if now := time.Now(); now.Sub(c.counting) > controlWindow {
		c.counting, c.controls = now, 0
	}
	c.controls++
	if c.controls > c.hub.opts.MaxControls && c.ctx.Err() == nil {
		c.hub.opts.Logger.Debug("socket cut: too many pings or pongs", "user", c.info.User, "address", c.info.Address)
		c.cut()
	}
}

// receive passes on a message, unless the socket is closing.
func (c *Conn) receive(frame []byte) {
	if c.ctx.Err() != nil {
		return
	}
	if !utf8.Valid(frame) {
		c.Close(codeNotText, "not UTF-8")
		return
	}

	begun := time.Now()
	c.out.ask()
	c.guard("Receive", func() { c.consumer.Receive(c, frame) })
	// The client's pongs were not read meanwhile.
	if wait := c.hub.opts.PongWait; time.Since(begun) > wait/4 {
		_ = c.wire.SetReadDeadline(time.Now().Add(wait))
	}
}

// guard calls a method of the consumer. A panic ends this socket and not the server, as one in an HTTP handler does.
func (c *Conn) guard(method string, call func()) {
	defer func() {
		if p := recover(); p != nil {
			c.hub.opts.Logger.Error("socket consumer panicked",
				"method", method, "panic", p, "user", c.info.User, "stack", string(debug.Stack()))
			c.Close(codeInternal, "internal error")
		}
	}()
	call()
}
