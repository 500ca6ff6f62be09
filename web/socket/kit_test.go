package socket

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds what a test waits for in real time; it is never waited in full.
const patience = 20 * time.Second

// kit is a hub behind an HTTP server. The query of a request says who opens the socket.
type kit struct {
	hub    *Hub
	dialer websocket.Dialer
	url    string
	opened chan *recorder // each socket, in the order of opening
}

// recorder is a consumer that keeps what it gets.
type recorder struct {
	conn    *Conn
	receive func(c *Conn, frame []byte) // nil: only keep
	frames  chan string
	closed  chan struct{}

	mu      sync.Mutex
	endings int
}

func (r *recorder) Receive(c *Conn, frame []byte) {
	if r.ended() {
		panic("Receive after Closed")
	}
	if r.receive != nil {
		r.receive(c, frame)
		return
	}
	r.frames <- string(frame)
}

func (r *recorder) Closed(*Conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.endings++
	if r.endings > 1 {
		panic("Closed twice")
	}
	close(r.closed)
}

func (r *recorder) ended() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.endings > 0
}

// waitClosed waits for the end of the socket.
func (r *recorder) waitClosed(tb testing.TB) {
	tb.Helper()
	select {
	case <-r.closed:
	case <-time.After(patience):
		tb.Fatal("Closed was not called")
	}
}

// onTCP starts a kit on a real port.
func onTCP(tb testing.TB, opts Options, receive func(*Conn, []byte)) *kit {
	tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	return start(tb, listener, websocket.Dialer{}, opts, receive)
}

// onPipes starts a kit on connections in memory, which have no buffers, and which synctest understands.
func onPipes(tb testing.TB, opts Options, receive func(*Conn, []byte)) *kit {
	tb.Helper()
	p := &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
	return start(tb, p, websocket.Dialer{NetDialContext: p.dial}, opts, receive)
}

func start(tb testing.TB, listener net.Listener, dialer websocket.Dialer, opts Options, receive func(*Conn, []byte)) *kit {
	tb.Helper()
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	k := &kit{
		hub:    NewHub(opts),
		dialer: dialer,
		url:    "ws://" + listener.Addr().String() + "/",
		opened: make(chan *recorder, 10_000),
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		info := Info{User: q.Get("user"), Session: q.Get("session"), Address: q.Get("address")}
		k.hub.Serve(w, r, info, func(c *Conn) Consumer {
			rec := &recorder{conn: c, receive: receive, frames: make(chan string, 100), closed: make(chan struct{})}
			k.opened <- rec
			return rec
		})
	})}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(listener)
	}()
	tb.Cleanup(func() {
		_ = server.Close()
		<-served
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := k.hub.Shutdown(ctx); err != nil {
			tb.Errorf("shutdown: %v", err)
		}
		if n := k.hub.Count(); n != 0 {
			tb.Errorf("%d sockets are left after Shutdown", n)
		}
		k.hub.mu.Lock()
		defer k.hub.mu.Unlock()
		if s := k.hub.slots; len(s.users)+len(s.addresses) != 0 {
			tb.Errorf("places are left after Shutdown: %v %v", s.users, s.addresses)
		}
	})
	return k
}

// dial opens a socket, and returns both of its ends.
func (k *kit) dial(tb testing.TB, query string) (*websocket.Conn, *recorder) {
	tb.Helper()
	client, answer, err := k.dialer.Dial(k.url+"?"+query, nil)
	if err != nil {
		tb.Fatalf("open a socket: %v, answer %v", err, answer)
	}
	tb.Cleanup(func() { _ = client.Close() })
	return client, <-k.opened
}

// refused asks for a socket and returns the answer that refuses it.
func (k *kit) refused(tb testing.TB, query string, header http.Header) (status int, text string) {
	tb.Helper()
	client, answer, err := k.dialer.Dial(k.url+"?"+query, header)
	if err == nil {
		_ = client.Close()
		tb.Fatal("a socket was opened")
	}
	if answer == nil {
		tb.Fatalf("no answer: %v", err)
	}
	defer answer.Body.Close()
	body := make([]byte, 1000)
	n, _ := answer.Body.Read(body)
	return answer.StatusCode, string(body[:n])
}

// expectFrame reads one text frame.
func expectFrame(tb testing.TB, client *websocket.Conn, want string) {
	tb.Helper()
	_ = client.SetReadDeadline(time.Now().Add(patience))
	kind, got, err := client.ReadMessage()
	if err != nil {
		tb.Fatalf("read: %v, want %q", err, want)
	}
	if kind != websocket.TextMessage || string(got) != want {
		tb.Fatalf("got %q (kind %d), want %q", got, kind, want)
	}
}

// expectClose reads until the end, which must be a close frame with that code.
func expectClose(tb testing.TB, client *websocket.Conn, code int) string {
	tb.Helper()
	_ = client.SetReadDeadline(time.Now().Add(patience))
	for {
		_, _, err := client.ReadMessage()
		if err == nil {
			continue
		}
		var closed *websocket.CloseError
		if !errors.As(err, &closed) || closed.Code != code {
			tb.Fatalf("the socket ended with %v, want code %d", err, code)
		}
		return closed.Text
	}
}

// drain reads and forgets in the background, answering pings, until the socket ends.
func drain(client *websocket.Conn) {
	go func() {
		for {
			if _, _, err := client.ReadMessage(); err != nil {
				return
			}
		}
	}()
}

// pipes is a network in memory.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case p.conns <- far:
		return near, nil
	case <-p.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.conns:
		return conn, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *pipes) Addr() net.Addr { return pipeAddr{} }

type pipeAddr struct{}

func (pipeAddr) Network() string { return "pipe" }
func (pipeAddr) String() string  { return "pipe" }

func farFuture() time.Time { return time.Now().Add(patience) }

// waitFor waits for a state that nothing announces.
func waitFor(tb testing.TB, reached func() bool) {
	tb.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for end := time.After(patience); !reached(); {
		select {
		case <-tick.C:
		case <-end:
			tb.Fatal("the state was not reached")
		}
	}
}
