package socket

import (
	"bufio"
	"context"
	"net"
	"net/http"

	"github.com/gorilla/websocket"
)

// Serve upgrades a request to a socket and calls open with it, which returns the consumer of what arrives. It returns
// as soon as the socket is open; what w has in its header is sent with the upgrade. A request that may not have
// a socket is answered by Options.Refuse.
//
// When open is called, CloseIf already sees the socket: a session that is still valid then cannot end without the
// socket ending too. Messages may be sent in open; nothing is received before it returns. If it
// returns nil the socket is closed, with code 1011 unless open has closed it.
func (h *Hub) Serve(w http.ResponseWriter, r *http.Request, info Info, open func(*Conn) Consumer) {
	if refused := h.admit(r, info); refused != nil {
		h.refused.Add(1)
		h.opts.Refuse(w, r, refused.status, refused.text)
		return
	}

	// The values of the request's context are good for the life of the socket, its end is not.
	ctx, cancel := context.WithCancel(context.WithoutCancel(r.Context()))
	c := &Conn{hub: h, info: info, ctx: ctx, cancel: cancel}

	// A goroutine of its own, because the one of the HTTP server holds buffers for as long as its handler runs: on an
	// idle socket they would be the largest part.
	c.opening = &opening{ResponseWriter: w, conn: c, open: open, done: make(chan struct{})}
	done := c.opening.done
	go h.run(c, r)
	<-done
}

// admit takes a place for a socket, or returns why there may not be one.
func (h *Hub) admit(r *http.Request, info Info) *refusal {
	switch {
	case !websocket.IsWebSocketUpgrade(r):
		return &refusal{http.StatusBadRequest, "this address is for WebSockets"}
	case !h.opts.CheckOrigin(r):
		return &refusal{http.StatusForbidden, "pages of another site may not connect here"}
	}

	return h.place(info)
}

// place takes one of the places that a user and an address have.
func (h *Hub) place(info Info) *refusal {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closing {
		return &refusal{http.StatusServiceUnavailable, "the server is stopping: try again in a moment"}
	}
	if refused := h.slots.take(info); refused != nil {
		return refused
	}
	h.sockets.Add(1)
	return nil
}

// Admit takes a place for a connection that is no socket and lasts as long as one, or answers with Options.Refuse why
// there is none. Shutdown waits until leave is called; who has the place ends it.
func (h *Hub) Admit(w http.ResponseWriter, r *http.Request, info Info) (leave func(), ok bool) {
	if refused := h.place(info); refused != nil {
		h.refused.Add(1)
		h.opts.Refuse(w, r, refused.status, refused.text)
		return nil, false
	}
	return func() {
		h.mu.Lock()
		h.slots.give(info)
		h.mu.Unlock()
		h.sockets.Done()
	}, true
}

// run is the life of one socket, and its reading goroutine.
func (h *Hub) run(c *Conn, r *http.Request) {
	defer h.sockets.Done()
	defer c.cancel()

	err := h.melody.HandleRequestWithKeys(c.opening, r, map[string]any{connKey: c})
	if c.opening != nil {
		h.opts.Logger.Debug("upgrade to a socket failed", "user", c.info.User, "address", c.info.Address, "error", err)
		if c.wire.Conn != nil {
			c.wire.cut()
		}
		h.forget(c) // before the client has the answer and tries again
		close(c.opening.done)
		return
	}

	c.cancel()
	c.out.drop()
	if c.consumer != nil {
		c.guard("Closed", func() { c.consumer.Closed(c) })
	}
	c.wire.settle(c.answered)
	h.forget(c)
}

// opened is called by melody when the client has the answer to its upgrade, and before anything is read.
func (c *Conn) opened() {
	o := c.opening
	c.opening = nil
	defer close(o.done)

	c.hub.add(c)
	c.guard("open", func() { c.consumer = o.open(c) })
	if c.consumer == nil {
		c.Close(codeInternal, "internal error") // does nothing if open has closed it
	}
}

// add makes an open socket known to CloseIf and Shutdown.
func (h *Hub) add(c *Conn) {
	h.mu.Lock()
	h.conns[c] = struct{}{}
	closing := h.closing
	h.mu.Unlock()

	if closing {
		c.Close(codeRestart, restartReason)
	}
}

// forget ends what admit and add began.
func (h *Hub) forget(c *Conn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.conns, c)
	h.slots.give(c.info)
}

// opening is what is needed until a socket is open. It is the http.ResponseWriter that melody gets, and gives it the
// network connection inside a wire.
type opening struct {
	http.ResponseWriter
	conn *Conn
	open func(*Conn) Consumer
	done chan struct{} // closed when the request is not needed any more
}

// Hijack implements http.Hijacker, which melody needs, for any ResponseWriter that unwraps to one.
func (o *opening) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	network, buffered, err := http.NewResponseController(o.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	c, opts := o.conn, &o.conn.hub.opts
	c.wire.open(network, opts.WriteWait, func() { c.slow("write took too long") }, c.control)
	c.out.open(&c.wire, c.hub.buffers, c.hub.drainers, opts.QueueBytes, opts.QueueFrames)
	return &c.wire, buffered, nil
}
