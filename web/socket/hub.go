package socket

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/gorilla/websocket"
	"github.com/olahol/melody"
)

// readBuffer is enough for most frames and costs memory on each socket.
const readBuffer = 1024

// writeBuffer is for melody's control frames alone, and is shared.
const writeBuffer = 256

// connKey is where a melody session keeps its Conn.
const connKey = "conn"

// Hub holds the open sockets. Its methods may be called from any goroutine.
type Hub struct {
	opts     Options
	melody   *melody.Melody
	buffers  *buffers
	drainers *drainers
	slow     atomic.Uint64
	refused  atomic.Uint64
	empty    chan struct{} // closed when the hub is shut down and the last socket has ended

	mu      sync.Mutex // guards the fields below
	conns   map[*Conn]struct{}
	slots   slots
	closing bool

	sockets sync.WaitGroup // added to under mu while not closing
}

// NewHub returns a Hub without sockets. It runs one goroutine until Shutdown.
func NewHub(opts Options) *Hub {
	opts = opts.withDefaults()

	h := &Hub{
		opts:     opts,
		melody:   melody.New(),
		buffers:  newBuffers(),
		drainers: newDrainers(),
		empty:    make(chan struct{}),
		conns:    map[*Conn]struct{}{},
		slots:    newSlots(opts.Total, opts.PerUser, opts.PerAddress),
	}
	*h.melody.Config = melody.Config{
		WriteWait:         opts.WriteWait,
		PongWait:          opts.PongWait,
		PingPeriod:        opts.PingPeriod,
		MaxMessageSize:    opts.MaxFrame,
		MessageBufferSize: 1, // nothing is written through melody
	}
	*h.melody.Upgrader = websocket.Upgrader{
		ReadBufferSize:  readBuffer,
		WriteBufferSize: writeBuffer,
		WriteBufferPool: &sync.Pool{},
		CheckOrigin:     func(*http.Request) bool { return true }, // Serve has checked
		Error: func(w http.ResponseWriter, r *http.Request, status int, reason error) {
			opts.Refuse(w, r, status, reason.Error())
		},
	}
	h.melody.HandleConnect(func(s *melody.Session) {
		s.Request = nil // would keep the HTTP server's buffers
		connOf(s).opened()
	})
	h.melody.HandleMessage(func(s *melody.Session, frame []byte) {
		connOf(s).receive(frame)
	})
	h.melody.HandlePong(func(s *melody.Session) { connOf(s).control() })
	h.melody.HandleMessageBinary(func(s *melody.Session, _ []byte) {
		connOf(s).Close(codeUnsupported, "only text frames are understood")
	})
	h.melody.HandleError(func(s *melody.Session, err error) {
		var closed *websocket.CloseError
		if errors.As(err, &closed) && closed.Code != websocket.CloseAbnormalClosure {
			connOf(s).answered = true
		}
	})
	return h
}

func connOf(s *melody.Session) *Conn { return s.MustGet(connKey).(*Conn) }

// Count returns how many sockets are open.
func (h *Hub) Count() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.conns)
}

// Stats are counts since the start.
type Stats struct {
	Slow    uint64 // sockets cut because their reader was too slow
	Refused uint64 // requests refused by a limit, the origin or the shutdown
}

// Stats returns the counts since the start.
func (h *Hub) Stats() Stats {
	return Stats{Slow: h.slow.Load(), Refused: h.refused.Load()}
}

// CloseIf ends all sockets that match, at once: what waits for them is not sent, and what they send is not received
// any more. They get the close frame if they read it within half a second. It returns how many there were, without
// waiting. match must be quick, and must not call the Hub.
func (h *Hub) CloseIf(match func(Info) bool, code int, reason string) int {
	h.mu.Lock()
	var found []*Conn
	for c := range h.conns {
		if match(c.info) {
			found = append(found, c)
		}
	}
	h.mu.Unlock()

	for _, c := range found {
		c.closeNow(code, reason)
	}
	return len(found)
}

// Shutdown refuses new sockets, ends all others with code 1012, and returns when every Closed has returned. Clients
// that do not answer are cut after two seconds, or when the context ends, which also ends the waiting.
func (h *Hub) Shutdown(ctx context.Context) error {
	h.mu.Lock()
	first := !h.closing
	h.closing = true
	conns := make([]*Conn, 0, len(h.conns))
	for c := range h.conns {
		conns = append(conns, c)
	}
	h.mu.Unlock()

	if first {
		h.drainers.close()
		go h.closeEmpty()
	}
	for _, c := range conns {
		c.Close(codeRestart, restartReason)
	}
	select {
	case <-h.empty:
		return nil
	case <-ctx.Done():
		for _, c := range conns {
			c.cut()
		}
		return fmt.Errorf("wait for sockets to close: %w", ctx.Err())
	}
}

// closeEmpty ends melody's goroutine. Only without sockets, because others would wait for it for ever.
func (h *Hub) closeEmpty() {
	h.sockets.Wait()
	_ = h.melody.Close()
	close(h.empty)
}
