package cluster

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// reader is a handler that counts how often it is called by the goroutine that reads the link.
type reader struct {
	*ear
	byReader, all atomic.Int64
}

func (r *reader) Received(peer string, frame []byte) {
	if strings.Contains(string(debug.Stack()), "(*link).read(") {
		r.byReader.Add(1)
	}
	r.ear.Received(peer, frame)
	r.all.Add(1)
}

func TestPromptFrameIsWrittenByWhoSendsAndHandledByWhoReads(t *testing.T) {
	t.Parallel()
	const n = 50
	h := &reader{ear: newEar()}
	a, b, pa, _ := promptPair(t, newEar(), h)
	l := a.linkTo(b)
	if !l.raw.now.Possible() || !b.linkTo(a).raw.now.Possible() {
		t.Fatal("one side does not know how to write without waiting")
	}
	gone := 0
	for i := range n {
		if err := pa.Send(b.ID(), []byte("x")); err != nil {
			t.Fatal(err)
		}
		if bytes, _ := l.queued(); bytes == 0 {
			gone++
		}
		eventually(t, 5*time.Second, func() bool { return h.all.Load() == int64(i+1) })
		time.Sleep(2 * promptPause)
	}
	// Not every one: a ping may have been written just before, or be read together with it.
	if gone < n/2 || h.byReader.Load() < n/2 {
		t.Errorf("of %d frames %d were gone when Send returned, and %d handled at once", n, gone, h.byReader.Load())
	}
}

// TestPromptSendWaitsForNobody has a peer that does not read, behind a kernel that takes little. Nobody sends any more when that is full, and no ping heals what is forgotten.
func TestPromptSendWaitsForNobody(t *testing.T) {
	t.Parallel()
	e := newEar()
	e.block = make(chan struct{})
	a, b, pa, _ := promptPair(t, newEar(), e)
	l := a.linkTo(b)
	if err := errors.Join(bottom(l.raw.Conn).SetWriteBuffer(64<<10), bottom(b.linkTo(a).raw.Conn).SetReadBuffer(64<<10)); err != nil {
		t.Fatal(err)
	}
	frame, sent, sending := make([]byte, 4<<10), 0, make(chan error, 1)
	go func() {
		var err error
		for full := false; !full && err == nil && sent < 1000; sent++ {
			time.Sleep(2 * promptPause)
			err = pa.Send(b.ID(), frame)
			l.mu.Lock()
			full = l.leftOver
			l.mu.Unlock()
		}
		sending <- err
	}()
	select {
	case err := <-sending:
		if err != nil || sent == 1000 {
			t.Fatalf("%d frames of 4 KiB were sent to who does not read: %v", sent, err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("Send waits")
	}
	close(e.block)
	eventually(t, 10*time.Second, func() bool { return e.count(a.ID(), string(frame)) == sent })
	if a.linkTo(b) != l {
		t.Error("the link broke")
	}
}

// TestPromptSendDoesNotWaitForTLS has TLS write an answer of its own to a peer that does not read.
func TestPromptSendDoesNotWaitForTLS(t *testing.T) {
	t.Parallel()
	e := newEar()
	a, b, pa, _ := promptPair(t, newEar(), e)
	l := a.linkTo(b)
	l.raw.writing.Lock()
	time.Sleep(2 * promptPause)
	sent := make(chan error, 1)
	go func() { sent <- pa.Send(b.ID(), []byte("x")) }()
	select {
	case err := <-sent:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Error("Send waits")
	}
	l.raw.writing.Unlock()
	eventually(t, 10*time.Second, func() bool { return e.count(a.ID(), "x") == 1 })
}

func bottom(c net.Conn) *net.TCPConn {
	if s, ok := c.(*stranger); ok {
		c = s.Conn
	}
	return c.(*net.TCPConn)
}

// TestHasteLosesNothing writes with and without haste to a reader that is slow.
func TestHasteLosesNothing(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	near, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer near.Close()
	far, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()

	if err := errors.Join(bottom(near).SetWriteBuffer(64<<10), bottom(far).SetReadBuffer(64<<10)); err != nil {
		t.Fatal(err)
	}
	c := patient(near, near)
	if err := c.patience(time.Minute, time.Minute); err != nil {
		t.Fatal(err)
	}
	var want, got bytes.Buffer
	read := make(chan error, 1)
	go func() {
		for {
			if _, err := io.CopyN(&got, far, 1<<20); err != nil {
				read <- err
				return
			}
			time.Sleep(time.Millisecond)
		}
	}()
	leftOvers := 0
	for i := range 300 {
		piece := bytes.Repeat([]byte{byte(i)}, 1+rand.N(256<<10))
		want.Write(piece)
		write := func() error { _, err := c.Write(piece); return err }
		leftOver, err := false, error(nil)
		switch rand.N(4) {
		case 0:
			err = write()
		case 1:
			err = c.flush()
			want.Truncate(want.Len() - len(piece))
		default:
			if !c.hurry() {
				t.Fatal("somebody else writes")
			}
			err = write()
			leftOver = c.calm()
		}
		if err != nil {
			t.Fatal(err)
		}
		if leftOver {
			leftOvers++
		}
	}
	if err := c.flush(); err != nil {
		t.Fatal(err)
	}
	near.Close()
	if err := <-read; err != io.EOF {
		t.Fatal(err)
	}
	if leftOvers == 0 {
		t.Error("the kernel took everything")
	}
	if !bytes.Equal(got.Bytes(), want.Bytes()) {
		t.Errorf("%d bytes came of %d, or others", got.Len(), want.Len())
	}
}
