package socket

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// sink is a connection that keeps what each write brought, and lets writes pass one at a time if gated.
type sink struct {
	net.Conn
	gate chan struct{} // nil: open

	mu     sync.Mutex
	writes [][]byte
	closed bool
}

func (s *sink) Write(b []byte) (int, error) {
	if s.gate != nil {
		<-s.gate
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return 0, net.ErrClosed
	}
	s.writes = append(s.writes, bytes.Clone(b))
	return len(b), nil
}

func (s *sink) SetWriteDeadline(time.Time) error { return nil }

func (s *sink) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return nil
}

func newSink(maxBytes, maxFrames int) (*sink, *outbox) {
	s := &sink{gate: make(chan struct{})}
	return s, opened(s, time.Minute, newDrainers(), maxBytes, maxFrames)
}

// opened is an outbox before a connection.
func opened(conn net.Conn, wait time.Duration, d *drainers, maxBytes, maxFrames int) *outbox {
	var w wire
	var o outbox
	w.open(conn, wait, func() {}, nil)
	o.open(&w, newBuffers(), d, maxBytes, maxFrames)
	return &o
}

func TestWaitingFramesGoOutInOneWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, o := newSink(1<<20, 1000)
		var want []byte
		put := func(size int) {
			frame := textFrame(bytes.Repeat([]byte{byte('a' + len(want)%26)}, size))
			want = append(want, frame...)
			if err := o.put(frame); err != nil {
				t.Fatal(err)
			}
		}
		put(10) // is being written
		synctest.Wait()
		for range 100 {
			put(1000) // 64 of them in one write
		}
		put(200_000) // alone
		put(10)
		put(10)
		close(s.gate)
		synctest.Wait()

		var sizes []int
		for _, w := range s.writes {
			sizes = append(sizes, len(w))
		}
		if got, want := fmt.Sprint(sizes), "[12 65260 35140 200010 24]"; got != want {
			t.Errorf("writes of %s bytes, want %s", got, want)
		}
		if !bytes.Equal(bytes.Join(s.writes, nil), want) {
			t.Error("the bytes are not those of the frames in order")
		}
		if o.frames != 0 || o.bytes != 0 || o.running {
			t.Errorf("an empty outbox counts %d frames, %d bytes, running %v", o.frames, o.bytes, o.running)
		}
	})
}

func TestOutboxIsBounded(t *testing.T) {
	for _, c := range []struct {
		name                string
		maxBytes, maxFrames int
		size, fit           int
	}{
		{"frames", 1 << 20, 10, 1, 10},
		{"bytes", 1000, 1 << 20, 100, 10},
		{"one that is larger", 10, 10, 100, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, o := newSink(c.maxBytes, c.maxFrames)
				frame := make([]byte, c.size)
				for i := range c.fit {
					if err := o.put(frame); err != nil {
						t.Fatalf("frame %d: %v", i, err)
					}
					synctest.Wait() // what is being written counts, too
				}
				if err := o.put(frame); !errors.Is(err, errFull) {
					t.Errorf("one frame too many: %v, want errFull", err)
				}
				close(s.gate)
				synctest.Wait()
				if err := o.put(frame); err != nil {
					t.Errorf("after it has emptied: %v", err)
				}
				synctest.Wait()
			})
		})
	}
}

func TestNothingFollowsTheCloseFrame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, o := newSink(1<<20, 1000)
		close(s.gate)
		_ = o.put(textFrame([]byte("a")))
		if !o.finish(closeFrame(1000, "")) || o.finish(closeFrame(1001, "")) {
			t.Error("finish did not work once")
		}
		synctest.Wait()
		if _, err := o.wire.Write([]byte{0x89, 0}); !errors.Is(err, errEnded) {
			t.Errorf("a ping after the close frame: %v, want errEnded", err)
		}
		want := append(textFrame([]byte("a")), closeFrame(1000, "")...)
		if got := bytes.Join(s.writes, nil); !bytes.Equal(got, want) {
			t.Errorf("wrote % x, want % x", got, want)
		}
	})
}

func TestReplaceForgetsWhatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, o := newSink(1<<20, 1000)
		for range 3 {
			_ = o.put(make([]byte, mostCoalesced)) // each its own write
		}
		synctest.Wait()
		_ = o.put(textFrame([]byte("waits")))
		o.replace(closeFrame(4401, ""))
		close(s.gate)
		synctest.Wait()
		if len(s.writes) != 2 || len(s.writes[0]) != mostCoalesced || !bytes.Equal(s.writes[1], closeFrame(4401, "")) {
			t.Errorf("%d writes, want the one under way and the close frame", len(s.writes))
		}
	})
}

func TestEmptyOutboxKeepsLittle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, o := newSink(1<<20, 1000)
		for range 1000 {
			_ = o.put([]byte("x"))
		}
		close(s.gate)
		synctest.Wait()
		if n := cap(o.queue) + cap(o.spare); n > 2*keptFrames {
			t.Errorf("an empty outbox keeps %d places", n)
		}
	})
}

func TestDeliveryAllocatesNothing(t *testing.T) {
	conn := &counter{written: make(chan int, 1000)}
	o := opened(conn, time.Minute, newDrainers(), 1<<20, 1000)
	frame := textFrame([]byte("hello"))
	allocs := testing.AllocsPerRun(1000, func() {
		for range 10 {
			if err := o.put(frame); err != nil {
				t.Fatal(err)
			}
		}
		for n := 0; n < 10*len(frame); {
			n += <-conn.written
		}
		for o.isRunning() { // so that each run starts a goroutine
			runtime.Gosched()
		}
	})
	if allocs >= 1 { // of ten deliveries; the pool may lose a buffer to the garbage collector
		t.Errorf("%v allocations for ten deliveries", allocs)
	}
}

func (o *outbox) isRunning() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.running
}

// counter is a connection that tells how many bytes it was given.
type counter struct {
	net.Conn
	written chan int
}

func (c *counter) Write(b []byte) (int, error) {
	c.written <- len(b)
	return len(b), nil
}

func (c *counter) SetWriteDeadline(time.Time) error { return nil }
func (c *counter) Close() error                     { return nil }
