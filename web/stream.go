package web

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"snug/chat"
	"snug/layer"
)

const (
	// streamBeat is the time between comments on a stream on which nothing happens, so that both ends and what stands
	// between them know that it lives.
	streamBeat = 20 * time.Second
	// streamWrite is how long a reader may take for one write before it is cut, as on a socket.
	streamWrite = 10 * time.Second
	// streamLast is how long a reader may take that is told why the stream ends.
	streamLast = 500 * time.Millisecond
	// streamRetry is when a client should come back that was cut.
	streamRetry = 2 * time.Second
	// defaultStreamBytes and defaultStreamFrames bound what waits for a slow reader, where no limit says otherwise.
	defaultStreamBytes  = 1 << 20
	defaultStreamFrames = 4096
)

var errStreamClosed = errors.New("stream closed")

// connection is what a peer needs of its client's end: a socket, or a stream of events.
type connection interface {
	Context() context.Context
	Send(payload []byte) error
	Deliver(m *layer.Message) error
	Close(code int, reason string)
}

// stream is one open answer of server-sent events. It hears what its groups are told as a socket does, in a queue that
// is bounded; the goroutine of the request writes.
type stream struct {
	ctx    context.Context
	cancel context.CancelFunc
	out    http.ResponseWriter
	log    string // of the order of events
	most   struct{ bytes, frames int }
	wake   chan struct{} // has room for one: there is something in the queue, or the end

	mu    sync.Mutex // guards what follows
	queue []streamed
	bytes int
	over  bool   // takes no more
	last  []byte // what to say at the end; nil: the reader is cut
}

// streamed is one event that waits.
type streamed struct {
	seq  int64 // its place in the order of events, 0 if it has none
	body []byte
}

func newStream(w http.ResponseWriter, r *http.Request, log string, limits Limits) *stream {
	st := &stream{out: w, log: log, wake: make(chan struct{}, 1)}
	st.ctx, st.cancel = context.WithCancel(r.Context())
	st.most.bytes, st.most.frames = limits.QueueBytes, limits.QueueFrames
	if st.most.bytes <= 0 {
		st.most.bytes = defaultStreamBytes
	}
	if st.most.frames <= 0 {
		st.most.frames = defaultStreamFrames
	}
	return st
}

// Context ends when the stream does.
func (st *stream) Context() context.Context { return st.ctx }

// Deliver implements layer.Listener. Who is typing is for screens.
func (st *stream) Deliver(m *layer.Message) error {
	if m.Type() == chat.TypeTyping {
		return nil
	}
	var place struct {
		Seq int64 `json:"seq"`
	}
	if placed(m.Type()) {
		if err := m.Decode(&place); err != nil {
			return err
		}
	}
	return st.put(streamed{place.Seq, st.frame(m.Type(), place.Seq, m.Bytes())})
}

// placed reports whether events of a type have a place in the order of events, after which a client can go on.
func placed(kind string) bool {
	switch kind {
	case chat.TypeMessage, chat.TypePrivate, chat.TypeDelivered, chat.TypeEdited, chat.TypeDeleted:
		return true
	}
	return false
}

// frame is an event as it is written. An event without a place has no id, so that a client keeps the last one.
func (st *stream) frame(kind string, seq int64, body []byte) []byte {
	var b bytes.Buffer
	if seq > 0 {
		fmt.Fprintf(&b, "id: %s\n", cursor{st.log, seq})
	}
	b.WriteString("event: " + kind + "\ndata: ")
	if bytes.ContainsAny(body, "\r\n") && json.Compact(&b, body) != nil {
		return nil // it is JSON: a message of the layer always is
	}
	if !bytes.ContainsAny(body, "\r\n") {
		b.Write(body)
	}
	b.WriteString("\n\n")
	return b.Bytes()
}

// put queues an event. One of any size fits in an empty queue.
func (st *stream) put(e streamed) error {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.over {
		return errStreamClosed
	}
	if len(st.queue) > 0 && (len(st.queue) >= st.most.frames || st.bytes+len(e.body) > st.most.bytes) {
		return layer.ErrChannelFull
	}
	st.queue = append(st.queue, e)
	st.bytes += len(e.body)
	st.rouse()
	return nil
}

func (st *stream) rouse() {
	select {
	case st.wake <- struct{}{}:
	default:
	}
}

// Full implements layer.Listener: the stream has missed an event. It is cut, and the client finds out what it missed when it comes back.
func (st *stream) Full() { st.end(nil) }

// Send queues a frame of our own to this client alone.
func (st *stream) Send(payload []byte) error {
	m, err := layer.ParseMessage(payload)
	if err != nil {
		return err
	}
	err = st.put(streamed{0, st.frame(m.Type(), 0, m.Bytes())})
	if errors.Is(err, layer.ErrChannelFull) {
		st.Full()
	}
	return err
}

// endFrame tells why a stream ends: the codes are those with which sockets close.
type endFrame struct {
	Type   string `json:"type"`
	Code   int    `json:"code"`
	Reason string `json:"reason"`
}

// Close ends the stream with a word why. What waits is not sent: it may be for a person who has just logged out.
func (st *stream) Close(code int, reason string) {
	body, err := json.Marshal(endFrame{"end", code, reason})
	if err != nil {
		body = nil // three plain fields can always be encoded
	}
	st.end(st.frame("end", 0, body))
}

// end takes nothing more, and frees the writer where a reader holds it up.
func (st *stream) end(last []byte) {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.over {
		return
	}
	st.over, st.last, st.queue = true, last, nil
	wait := streamLast
	if last == nil {
		wait = 0
	}
	// With the lock, so that it cannot come after leave, when the connection is another request's. It does not wait. A writer
	// that cannot have a deadline is not stuck either.
	_ = http.NewResponseController(st.out).SetWriteDeadline(time.Now().Add(wait))
	st.cancel()
}

// leave is for the goroutine of the request before it returns: nobody touches the answer after it.
func (st *stream) leave() {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.over, st.queue = true, nil
	st.cancel()
}

// take returns what waits, and whether the stream is over.
func (st *stream) take() (events []streamed, last []byte, over bool) {
	st.mu.Lock()
	defer st.mu.Unlock()
	events = st.queue
	st.queue, st.bytes = nil, 0
	return events, st.last, st.over
}

// run writes events until the client goes or the stream is ended. Those with a place up to told are told already.
func (st *stream) run(told int64) {
	beat := time.NewTicker(streamBeat)
	defer beat.Stop()
	for {
		select {
		case <-st.wake:
		case <-beat.C:
			if st.write([]byte(":\n\n")) != nil {
				return
			}
			continue
		case <-st.ctx.Done():
		}
		events, last, over := st.take()
		if over {
			st.say(last)
			return
		}
		if st.ctx.Err() != nil {
			return
		}
		var b bytes.Buffer
		for _, e := range events {
			if e.seq == 0 || e.seq > told {
				b.Write(e.body)
			}
		}
		if b.Len() > 0 && st.write(b.Bytes()) != nil {
			return
		}
	}
}

// write sends bytes at once, or fails when the reader takes too long.
func (st *stream) write(p []byte) error {
	control := http.NewResponseController(st.out)
	if err := st.arm(control); err != nil {
		return err
	}
	if _, err := st.out.Write(p); err != nil {
		return err
	}
	return control.Flush()
}

// arm sets the deadline of a write, unless the stream has ended meanwhile and has one of its own.
func (st *stream) arm(control *http.ResponseController) error {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.over {
		return errStreamClosed
	}
	return control.SetWriteDeadline(time.Now().Add(streamWrite))
}

// say writes the last words.
func (st *stream) say(last []byte) {
	if last == nil {
		return
	}
	if _, err := st.out.Write(last); err == nil {
		_ = http.NewResponseController(st.out).Flush() // it is over either way
	}
}
