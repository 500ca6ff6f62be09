package socket

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"snug/layer"
)

func TestFramesAreReceivedInOrder(t *testing.T) {
	k := onTCP(t, Options{}, nil)
	client, rec := k.dial(t, "")
	go func() {
		for i := range 500 {
			if client.WriteMessage(websocket.TextMessage, fmt.Append(nil, i)) != nil {
				return
			}
		}
	}()
	for i := range 500 {
		if got := <-rec.frames; got != fmt.Sprint(i) {
			t.Fatalf("received %s, want %d", got, i)
		}
	}
}

func TestFragmentedMessageIsReceivedWhole(t *testing.T) {
	k := onTCP(t, Options{}, nil)
	client, rec := k.dial(t, "")
	w, err := client.NextWriter(websocket.TextMessage)
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Repeat("many fragments ", 2000) // gorilla sends one for each 4 KiB
	for part := range strings.SplitAfterSeq(want, "s ") {
		if _, err := w.Write([]byte(part)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if got := <-rec.frames; got != want {
		t.Errorf("received %d bytes, want %d", len(got), len(want))
	}
}

func TestLargeFramesAreSent(t *testing.T) {
	k := onTCP(t, Options{}, nil)
	client, rec := k.dial(t, "")
	client.SetReadLimit(2 << 20)
	large := fmt.Sprintf(`{"type":"large","x":%q}`, strings.Repeat("x", layer.MaxMessage-100))
	m, err := layer.ParseMessage([]byte(large))
	if err != nil {
		t.Fatal(err)
	}
	if err := rec.conn.Deliver(m); err != nil {
		t.Fatal(err)
	}
	expectFrame(t, client, large)
	if err := rec.conn.Send([]byte("after")); err != nil {
		t.Fatal(err)
	}
	expectFrame(t, client, "after")
}

func TestTooLargeFrameEndsWith1009(t *testing.T) {
	k := onTCP(t, Options{}, nil)
	other, otherRec := k.dial(t, "")
	client, rec := k.dial(t, "")
	go func() { _ = client.WriteMessage(websocket.TextMessage, make([]byte, 1<<20)) }()
	expectClose(t, client, websocket.CloseMessageTooBig)
	rec.waitClosed(t)

	_ = otherRec.conn.Send([]byte("still here"))
	expectFrame(t, other, "still here")
}

func TestBinaryFrameEndsWith1003(t *testing.T) {
	k := onTCP(t, Options{}, nil)
	client, rec := k.dial(t, "")
	_ = client.WriteMessage(websocket.BinaryMessage, []byte("{}"))
	expectClose(t, client, codeUnsupported)
	rec.waitClosed(t)
}

func TestInvalidTextEndsWith1007(t *testing.T) {
	k := onTCP(t, Options{}, nil)
	client, rec := k.dial(t, "")
	_ = client.WriteMessage(websocket.TextMessage, []byte("\xff"))
	expectClose(t, client, codeNotText)
	rec.waitClosed(t)
}

func TestUnmaskedFrameEndsWith1002(t *testing.T) {
	k := onTCP(t, Options{}, nil)
	client, rec := k.dial(t, "")
	_, _ = client.NetConn().Write(textFrame([]byte("{}")))
	expectClose(t, client, websocket.CloseProtocolError)
	rec.waitClosed(t)
}

func TestCloseOfTheClientIsAnswered(t *testing.T) {
	k := onTCP(t, Options{}, nil)
	client, rec := k.dial(t, "")
	_ = client.WriteControl(websocket.CloseMessage, closeFrame(4000, "bye")[2:], farFuture())
	expectClose(t, client, 4000)
	rec.waitClosed(t)
	<-rec.conn.Context().Done()
	if err := rec.conn.Send([]byte("late")); !errors.Is(err, ErrClosed) {
		t.Errorf("Send to a closed socket: %v, want ErrClosed", err)
	}
}

func TestCloseSendsWhatWaitsAndReceivesNoMore(t *testing.T) {
	var received int
	k := onTCP(t, Options{}, func(c *Conn, _ []byte) {
		received++
		for i := range 100 {
			_ = c.Send(fmt.Append(nil, i))
		}
		c.Close(1008, "too much")
		c.Close(1000, "once is enough")
		if err := c.Send([]byte("late")); !errors.Is(err, ErrClosed) {
			t.Errorf("Send after Close: %v, want ErrClosed", err)
		}
	})
	client, rec := k.dial(t, "")
	for range 50 {
		_ = client.WriteMessage(websocket.TextMessage, []byte("{}"))
	}
	for i := range 100 {
		expectFrame(t, client, fmt.Sprint(i))
	}
	if reason := expectClose(t, client, 1008); reason != "too much" {
		t.Errorf("reason %q", reason)
	}
	rec.waitClosed(t)
	if received != 1 {
		t.Errorf("received %d frames, want 1", received)
	}
}

func TestPanicEndsOneSocketOnly(t *testing.T) {
	var log bytes.Buffer
	k := onTCP(t, Options{Logger: slog.New(slog.NewTextHandler(&log, nil))}, func(_ *Conn, frame []byte) {
		panic("bad " + string(frame))
	})
	other, otherRec := k.dial(t, "")
	client, rec := k.dial(t, "")
	_ = client.WriteMessage(websocket.TextMessage, []byte("luck"))
	expectClose(t, client, codeInternal)
	rec.waitClosed(t)
	if !strings.Contains(log.String(), "bad luck") {
		t.Errorf("the panic is not in the log: %s", &log)
	}

	_ = otherRec.conn.Send([]byte("still here"))
	expectFrame(t, other, "still here")
}

func TestAnsweringClientStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := onPipes(t, Options{}, nil)
		client, rec := k.dial(t, "")
		drain(client)
		time.Sleep(24 * time.Hour)
		if rec.ended() {
			t.Error("the socket ended")
		}
	})
}

func TestHalfOpenSocketEndsAfterPongWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := onPipes(t, Options{}, nil)
		client, rec := k.dial(t, "")
		client.SetPingHandler(func(string) error { return nil })
		drain(client)

		begun := time.Now()
		<-rec.closed
		if took := time.Since(begun); took != 45*time.Second {
			t.Errorf("ended after %v, want 45s", took)
		}
	})
}

func TestLongReceiveDoesNotEndTheSocket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := onPipes(t, Options{}, func(c *Conn, frame []byte) {
			time.Sleep(time.Minute)
			_ = c.Send(frame)
		})
		client, rec := k.dial(t, "")
		// A pipe has no buffer: a pong waits there until it is read.
		client.SetPingHandler(func(string) error {
			go func() { _ = client.WriteControl(websocket.PongMessage, nil, time.Now().Add(time.Hour)) }()
			return nil
		})
		go func() {
			_ = client.WriteMessage(websocket.TextMessage, []byte("1"))
			_ = client.WriteMessage(websocket.TextMessage, []byte("2"))
		}()
		for _, want := range []string{"1", "2"} {
			_, got, err := client.ReadMessage()
			if err != nil || string(got) != want {
				t.Fatalf("got %q, %v, want %q", got, err, want)
			}
		}
		drain(client)
		time.Sleep(time.Hour)
		if rec.ended() {
			t.Error("the socket ended")
		}
	})
}

func TestWriteThatTakesTooLongCutsTheSocket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		k := onPipes(t, Options{Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))}, nil)
		_, rec := k.dial(t, "") // nobody reads
		begun := time.Now()
		_ = rec.conn.Send([]byte("one"))
		_ = rec.conn.Send([]byte("two"))
		<-rec.closed
		if took := time.Since(begun); took != 10*time.Second {
			t.Errorf("cut after %v, want 10s", took)
		}
		synctest.Wait()
		if got := k.hub.Stats().Slow; got != 1 {
			t.Errorf("%d slow sockets were counted, want 1", got)
		}
		if got := strings.Count(log.String(), "too slow"); got != 1 {
			t.Errorf("logged %d times, want once: %s", got, &log)
		}
	})
}

func TestFullOutboxRefusesAndFullCuts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := onPipes(t, Options{QueueFrames: 3}, nil)
		_, rec := k.dial(t, "") // nobody reads
		m, err := layer.NewMessage(map[string]string{"type": "x"})
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if err := rec.conn.Deliver(m); err != nil {
				t.Fatal(err)
			}
		}
		if err := rec.conn.Deliver(m); !errors.Is(err, layer.ErrChannelFull) {
			t.Errorf("Deliver to a full outbox: %v, want ErrChannelFull", err)
		}
		if rec.conn.Context().Err() != nil {
			t.Error("Deliver ended the socket by itself")
		}
		rec.conn.Full()
		rec.conn.Full()
		synctest.Wait()
		if !rec.ended() {
			t.Error("Full did not cut the socket")
		}
		if err := rec.conn.Deliver(m); !errors.Is(err, ErrClosed) {
			t.Errorf("Deliver to a cut socket: %v, want ErrClosed", err)
		}
		if got := k.hub.Stats().Slow; got != 1 {
			t.Errorf("%d slow sockets were counted, want 1", got)
		}
	})
}

func TestSendToAFullOutboxCuts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := onPipes(t, Options{QueueBytes: 1000}, nil)
		_, rec := k.dial(t, "") // nobody reads
		if err := rec.conn.Send(make([]byte, 2000)); err != nil {
			t.Fatalf("a frame larger than the bound was refused by an empty outbox: %v", err)
		}
		if err := rec.conn.Send([]byte("x")); !errors.Is(err, ErrClosed) {
			t.Errorf("Send to a full outbox: %v, want ErrClosed", err)
		}
		synctest.Wait()
		if !rec.ended() {
			t.Error("the socket was not cut")
		}
	})
}

func TestOpenMayRefuse(t *testing.T) {
	hub := NewHub(Options{Logger: slog.New(slog.DiscardHandler)})
	defer func() { _ = hub.Shutdown(t.Context()) }()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hub.Serve(w, r, Info{}, func(c *Conn) Consumer {
			switch r.URL.Path {
			case "/refuse":
				c.Close(4000, "no")
			case "/panic":
				panic("no")
			}
			return nil
		})
	}))
	defer server.Close()

	for path, code := range map[string]int{"/refuse": 4000, "/panic": codeInternal, "/forget": codeInternal} {
		client, _, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(server.URL, "http")+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		_ = client.WriteMessage(websocket.TextMessage, []byte("hello"))
		expectClose(t, client, code)
		_ = client.Close()
	}
	waitFor(t, func() bool { return hub.Count() == 0 })
}
