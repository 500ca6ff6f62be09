package socket

import (
	"bytes"
	"net"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/gorilla/websocket"
)

func TestTextFrameHeader(t *testing.T) {
	for _, c := range []struct {
		size   int
		header []byte
	}{
		{0, []byte{0x81, 0}},
		{1, []byte{0x81, 1}},
		{125, []byte{0x81, 125}},
		{126, []byte{0x81, 126, 0, 126}},
		{65535, []byte{0x81, 126, 0xff, 0xff}},
		{65536, []byte{0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0}},
	} {
		body := bytes.Repeat([]byte("x"), c.size)
		if got := textFrame(body); !bytes.Equal(got, append(c.header, body...)) {
			t.Errorf("frame of %d bytes begins with % x, want % x", c.size, got[:min(len(got), 10)], c.header)
		}
	}
}

// FuzzTextFrame reads our frames with gorilla.
func FuzzTextFrame(f *testing.F) {
	for _, size := range []int{0, 1, 125, 126, 127, 65535, 65536, 70000} {
		f.Add([]byte("a"), size)
		f.Add([]byte("ü\x00"), size)
	}
	server, client := rawPair(f)
	f.Fuzz(func(t *testing.T, pattern []byte, size int) {
		if len(pattern) == 0 || size < 0 || size > 1<<20 {
			t.Skip()
		}
		body := bytes.Repeat(pattern, size/len(pattern)+1)[:size]
		go func() { _, _ = server.Write(textFrame(body)) }()
		kind, got, err := client.ReadMessage()
		if err != nil {
			t.Fatal(err)
		}
		if kind != websocket.TextMessage || !bytes.Equal(got, body) {
			t.Fatalf("gorilla read %d bytes of kind %d, want %d bytes", len(got), kind, len(body))
		}
	})
}

func FuzzCloseFrame(f *testing.F) {
	f.Add(1012, "the server restarts")
	f.Add(1000, "")
	f.Add(4401, strings.Repeat("ü", 100))
	f.Add(1008, strings.Repeat("x", 123))
	f.Add(1008, strings.Repeat("x", 124))
	f.Fuzz(func(t *testing.T, code int, reason string) {
		if code < 3000 || code > 4999 || !utf8.ValidString(reason) {
			t.Skip() // what nobody may send
		}
		server, client := rawPair(t)
		go func() { _, _ = server.Write(closeFrame(code, reason)) }()
		go func() { _, _ = server.Read(make([]byte, 200)) }()
		_, _, err := client.ReadMessage()
		closed, ok := err.(*websocket.CloseError)
		if !ok || closed.Code != code || !strings.HasPrefix(reason, closed.Text) || len(reason)-len(closed.Text) > max(0, len(reason)-maxReason+3) {
			t.Fatalf("gorilla read %v", err)
		}
	})
}

// rawPair returns a gorilla client and the network connection on the other side, after the upgrade.
func rawPair(tb testing.TB) (net.Conn, *websocket.Conn) {
	tb.Helper()
	p := &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
	upgraded := make(chan net.Conn, 1)
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		up := websocket.Upgrader{}
		conn, err := up.Upgrade(w, r, nil)
		if err != nil {
			tb.Errorf("upgrade: %v", err)
			return
		}
		upgraded <- conn.NetConn()
	})}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(p)
	}()
	dialer := websocket.Dialer{NetDialContext: p.dial}
	client, _, err := dialer.Dial("ws://pipe/", nil)
	if err != nil {
		tb.Fatal(err)
	}
	conn := <-upgraded
	tb.Cleanup(func() {
		_ = client.Close()
		_ = conn.Close()
		_ = server.Close()
		<-served
	})
	return conn, client
}
