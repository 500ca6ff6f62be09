package socket

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"snug/layer"
)

func TestShutdownEndsWith1012(t *testing.T) {
	k := onTCP(t, Options{}, nil)
	var clients []*websocket.Conn
	var recs []*recorder
	for range 20 {
		client, rec := k.dial(t, "")
		_ = rec.conn.Send([]byte("last words"))
		clients, recs = append(clients, client), append(recs, rec)
	}
	done := make(chan error, 1)
	go func() { done <- k.hub.Shutdown(context.Background()) }()
	for _, client := range clients {
		expectFrame(t, client, "last words")
		expectClose(t, client, codeRestart)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	for _, rec := range recs {
		if !rec.ended() {
			t.Error("Shutdown returned before Closed")
		}
	}
	if status, _ := k.refused(t, "", nil); status != http.StatusServiceUnavailable {
		t.Errorf("status %d after Shutdown, want 503", status)
	}
}

func TestShutdownCutsWhoDoesNotAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := onPipes(t, Options{}, nil)
		k.dial(t, "") // nobody reads
		begun := time.Now()
		if err := k.hub.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		if took := time.Since(begun); took != 2*time.Second {
			t.Errorf("took %v, want 2s", took)
		}
	})
}

func TestShutdownObeysItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := onPipes(t, Options{}, nil)
		_, rec := k.dial(t, "") // nobody reads
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := k.hub.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v, want the context's", err)
		}
		synctest.Wait()
		if !rec.ended() {
			t.Error("the socket was not cut")
		}
	})
}

func TestCloseIfEndsThoseThatMatch(t *testing.T) {
	k := onTCP(t, Options{}, nil)
	ada1, rec1 := k.dial(t, "session=1")
	ada2, rec2 := k.dial(t, "session=1")
	grace, graceRec := k.dial(t, "session=2")

	if n := k.hub.CloseIf(func(i Info) bool { return i.Session == "1" }, 4401, "logged out"); n != 2 {
		t.Errorf("closed %d sockets, want 2", n)
	}
	for _, rec := range []*recorder{rec1, rec2} {
		if err := rec.conn.Send([]byte("secret")); !errors.Is(err, ErrClosed) {
			t.Errorf("Send after CloseIf: %v, want ErrClosed", err)
		}
	}
	for _, client := range []*websocket.Conn{ada1, ada2} {
		if reason := expectClose(t, client, 4401); reason != "logged out" {
			t.Errorf("reason %q", reason)
		}
	}
	rec1.waitClosed(t)
	rec2.waitClosed(t)

	_ = graceRec.conn.Send([]byte("still here"))
	expectFrame(t, grace, "still here")
}

func TestCloseIfDoesNotSendWhatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := onPipes(t, Options{}, nil)
		client, rec := k.dial(t, "")
		_ = rec.conn.Send([]byte("on its way"))
		synctest.Wait()
		for range 100 {
			_ = rec.conn.Send([]byte("secret"))
		}
		k.hub.CloseIf(func(Info) bool { return true }, 4401, "")
		expectFrame(t, client, "on its way")
		expectClose(t, client, 4401)
	})
}

func TestCloseIfCutsAStuckReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := onPipes(t, Options{}, nil)
		_, rec := k.dial(t, "") // nobody reads
		for range 100 {
			_ = rec.conn.Send([]byte("stuck"))
		}
		synctest.Wait()
		begun := time.Now()
		k.hub.CloseIf(func(Info) bool { return true }, 4401, "")
		if took := time.Since(begun); took != 0 {
			t.Errorf("CloseIf took %v", took)
		}
		<-rec.closed
		if took := time.Since(begun); took != closeNowWait {
			t.Errorf("the socket lived for %v, want %v", took, closeNowWait)
		}
	})
}

// TestCloseIfCutsAStuckReaderOverTLS: TLS wants to say goodbye when it is closed, which full buffers do not let it.
func TestCloseIfCutsAStuckReaderOverTLS(t *testing.T) {
	hub := NewHub(Options{})
	defer func() { _ = hub.Shutdown(context.Background()) }()
	opened := make(chan *recorder, 1)
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hub.Serve(w, r, Info{}, func(c *Conn) Consumer {
			rec := &recorder{conn: c, closed: make(chan struct{})}
			opened <- rec
			return rec
		})
	}))
	defer server.Close()
	dialer := websocket.Dialer{TLSClientConfig: server.Client().Transport.(*http.Transport).TLSClientConfig}
	client, _, err := dialer.Dial("wss"+strings.TrimPrefix(server.URL, "https"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	rec := <-opened
	_ = rec.conn.Send(make([]byte, 32<<20)) // more than any buffer between us
	begun := time.Now()
	hub.CloseIf(func(Info) bool { return true }, 4401, "")
	rec.waitClosed(t)
	if took := time.Since(begun); took > 3*time.Second {
		t.Errorf("the socket lived for %v", took)
	}
}

func TestSlowReaderIsCutAndOthersGetEverything(t *testing.T) {
	const total, window = 2000, 200
	ctx := context.Background()
	memory := layer.NewMemory(layer.Options{})
	defer memory.Close()
	k := onTCP(t, Options{QueueFrames: window}, nil)

	var readers []*websocket.Conn
	for i := range 6 {
		client, rec := k.dial(t, "")
		channel := fmt.Sprintf("socket%d", i)
		stop, err := memory.Listen(channel, rec.conn)
		if err != nil {
			t.Fatal(err)
		}
		defer stop()
		if err := memory.GroupAdd(ctx, "room", channel); err != nil {
			t.Fatal(err)
		}
		if i > 0 {
			readers = append(readers, client)
			continue
		}
		// The first one reads nothing, and the system keeps little for it.
		if err := errors.Join(
			client.NetConn().(*net.TCPConn).SetReadBuffer(4096),
			rec.conn.wire.Conn.(*net.TCPConn).SetWriteBuffer(4096),
		); err != nil {
			t.Fatal(err)
		}
	}

	// Those that read allow half a window at a time.
	var wg sync.WaitGroup
	ready := make(chan struct{}, len(readers)*total)
	for _, client := range readers {
		wg.Go(func() {
			for i := range total {
				_, frame, err := client.ReadMessage()
				if err != nil {
					t.Errorf("read message %d: %v", i, err)
					return
				}
				if !bytes.HasPrefix(frame, fmt.Appendf(nil, `{"n":%d,`, i)) {
					t.Errorf("got %.40s, want number %d", frame, i)
					return
				}
				if i%(window/2) == window/2-1 {
					ready <- struct{}{}
				}
			}
		})
	}
	padding := strings.Repeat("x", 1000)
	for i := range total {
		m, err := layer.NewMessage(map[string]any{"type": "count", "n": i, "padding": padding})
		if err != nil {
			t.Fatal(err)
		}
		if err := memory.GroupSend(ctx, "room", m); err != nil {
			t.Fatal(err)
		}
		if i%(window/2) == window/2-1 {
			for range readers {
				select {
				case <-ready:
				case <-time.After(patience):
					t.Fatal("a reader is stuck")
				}
			}
		}
	}
	wg.Wait()
	waitFor(t, func() bool { return k.hub.Count() == len(readers) })
	if got := k.hub.Stats().Slow; got != 1 {
		t.Errorf("%d sockets were cut, want 1", got)
	}
}

// TestPingsAndDataDoNotInterleave sends random sizes while melody pings all the time and answers pings of the client.
func TestPingsAndDataDoNotInterleave(t *testing.T) {
	const total, window = 5000, 1000
	k := onTCP(t, Options{PingPeriod: 20 * time.Microsecond, QueueBytes: 64 << 20, MaxControls: math.MaxInt}, nil)
	client, rec := k.dial(t, "")
	client.SetReadLimit(1 << 20)
	pings := 0
	client.SetPingHandler(func(string) error {
		pings++
		return client.WriteControl(websocket.PongMessage, nil, farFuture())
	})

	sums := make(chan [32]byte, total)
	allowed := make(chan struct{}, total)
	go func() {
		random := rand.New(rand.NewPCG(1, 2))
		for i := range total {
			if i >= window {
				<-allowed
			}
			size := random.IntN(300)
			if i%100 == 0 {
				size = random.IntN(100_000)
			}
			payload := []byte(strings.Repeat("z", size))
			sums <- sha256.Sum256(payload)
			send := rec.conn.Send
			if i%2 == 0 {
				send = func(payload []byte) error { return rec.conn.out.put(textFrame(payload)) } // as Deliver does
			}
			if err := send(payload); err != nil {
				t.Errorf("send %d: %v", i, err)
				return
			}
			if i%10 == 0 {
				_ = client.WriteControl(websocket.PingMessage, []byte("ping"), farFuture())
			}
		}
	}()
	for i := range total {
		_ = client.SetReadDeadline(farFuture())
		_, payload, err := client.ReadMessage()
		if err != nil {
			t.Fatalf("read %d: %v", i, err)
		}
		if sha256.Sum256(payload) != <-sums {
			t.Fatalf("frame %d of %d bytes is not what was sent", i, len(payload))
		}
		allowed <- struct{}{}
	}
	if pings == 0 {
		t.Error("no ping came")
	}
}
