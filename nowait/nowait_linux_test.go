package nowait_test

import (
	"crypto/tls"
	"io"
	"net"
	"runtime"
	"testing"

	"snug/nowait"
)

func TestOnlyBareTCPIsWrittenToPastItsConnection(t *testing.T) {
	for name, conn := range map[string]net.Conn{
		"TLS": tls.Client(&net.TCPConn{}, &tls.Config{}), "wrapped": struct{ *net.TCPConn }{}, "none": &net.TCPConn{},
	} {
		if nowait.Raw(conn) != nil {
			t.Errorf("%s: what a connection does with its bytes would be left out", name)
		}
	}
}

// TestTakesWhatThereIsRoomFor fills a connection that nobody reads, and reads it.
func TestTakesWhatThereIsRoomFor(t *testing.T) {
	near, far := dial(t)
	var w nowait.Writer
	w.Open(nowait.Raw(near), nowait.Send)
	if !w.Possible() {
		t.Fatal("not possible over TCP")
	}
	block, total := make([]byte, 1<<20), 0
	for {
		n := w.Write(block)
		total += n
		if n < len(block) {
			break
		}
	}
	if total == 0 {
		t.Fatal("an empty connection took nothing")
	}
	if w.Write(block) != 0 {
		t.Error("a full connection took more")
	}
	if n, err := io.CopyN(io.Discard, far, int64(total)); err != nil {
		t.Errorf("%d of %d bytes came: %v", n, total, err)
	}
	if err := far.Close(); err != nil {
		t.Fatal(err)
	}
	for w.Write(block) != 0 { // until it is known here
		runtime.Gosched()
	}
}

func dial(t *testing.T) (near, far net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if near, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { near.Close() })
	if far, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { far.Close() })
	return near, far
}
