package socket

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"runtime"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"snug/layer"
)

// tcpPair returns an outbox on a TCP connection with small buffers, and the other end.
func tcpPair(tb testing.TB, d *drainers) (*outbox, net.Conn) {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer l.Close()
	reader, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		tb.Fatal(err)
	}
	conn, err := l.Accept()
	if err != nil {
		tb.Fatal(err)
	}
	shrink(tb, conn)
	shrink(tb, reader)
	o := opened(conn, patience, d, 1<<30, 1<<20)
	tb.Cleanup(func() {
		o.wire.cut()
		_ = reader.Close()
	})
	return o, reader
}

func shrink(tb testing.TB, conn net.Conn) {
	tb.Helper()
	tcp := conn.(*net.TCPConn)
	if err := tcp.SetWriteBuffer(8 << 10); err != nil {
		tb.Fatal(err)
	}
	if err := tcp.SetReadBuffer(64 << 10); err != nil {
		tb.Fatal(err)
	}
}

// fill puts frames until the kernel takes no more, and returns their bytes. They have no round size, so that the kernel takes a part of one.
func fill(tb testing.TB, o *outbox) (all []byte) {
	tb.Helper()
	for n := 0; !o.stuck(); n++ {
		frame := textFrame(bytes.Repeat([]byte{byte('a' + n%26)}, 1+n*7919%30_000))
		all = append(all, frame...)
		if err := o.put(frame); err != nil {
			tb.Fatal(err)
		}
	}
	return all
}

// stuck reports whether a write is waiting for the reader.
func (o *outbox) stuck() bool {
	if o.wire.writing.TryLock() {
		o.wire.writing.Unlock()
		return false
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.bytes > 1<<20
}

func TestWholeFramesWhereTheKernelTakesAPart(t *testing.T) {
	o, reader := tcpPair(t, newDrainers())
	want := fill(t, o)
	// A control frame must find its place between two frames.
	written := make(chan error, 1)
	go func() {
		_, err := o.wire.Write([]byte{0x89, 0})
		written <- err
	}()
	got := make([]byte, len(want)+2)
	if _, err := io.ReadFull(reader, got); err != nil {
		t.Fatal(err)
	}
	if err := <-written; err != nil {
		t.Errorf("the control frame: %v", err)
	}
	at := 0
	for at < len(want) && want[at] == got[at] {
		at++
	}
	if !bytes.Equal(got[at:at+2], []byte{0x89, 0}) || !bytes.Equal(got[at+2:], want[at:]) {
		t.Fatalf("from byte %d of %d on it is not what was put", at, len(want))
	}
	if end := starts(want); !end[at] {
		t.Errorf("the control frame is at byte %d, inside of another frame", at)
	}
	waitFor(t, func() bool { return !o.isRunning() })
	if o.frames != 0 || o.bytes != 0 || len(o.wire.rest) != 0 {
		t.Errorf("an empty outbox counts %d frames, %d bytes; %d bytes are left of one", o.frames, o.bytes, len(o.wire.rest))
	}
}

// starts are the places where frames start, and the end of the last.
func starts(frames []byte) map[int]bool {
	all := map[int]bool{0: true}
	for at := 0; at < len(frames); all[at] = true {
		switch n := int(frames[at+1]); n {
		case 126:
			at += 4 + int(frames[at+2])<<8 + int(frames[at+3])
		default:
			at += 2 + n
		}
	}
	return all
}

func TestNothingFollowsACloseFrameOfWhichTheKernelTookAPart(t *testing.T) {
	o, reader := tcpPair(t, newDrainers())
	closing := closeFrame(1000, "good night")
	w := o.wire
	w.writing.Lock()
	w.rest, w.ended = closing[4:], true // as try leaves it
	w.writing.Unlock()
	if _, err := w.Write([]byte{0x89, 0}); err == nil {
		t.Error("a ping follows a close frame")
	}
	if taken, wait := w.try([]byte("x"), false); !taken || wait {
		t.Errorf("try while the rest waits: %v, %v", taken, wait)
	}
	o.run()
	got := make([]byte, len(closing)-4)
	if _, err := io.ReadFull(reader, got); err != nil || !bytes.Equal(got, closing[4:]) {
		t.Errorf("read %q, %v, want the rest of the close frame", got, err)
	}
	if taken, wait := w.try([]byte("x"), false); !taken || wait {
		t.Errorf("try after the close frame: %v, %v", taken, wait)
	}
}

func TestClosingSendsTheWholeCloseFrameOfWhichTheKernelTookAPart(t *testing.T) {
	for _, answered := range []bool{false, true} {
		o, reader := tcpPair(t, newDrainers())
		closing := closeFrame(1000, "good night")
		w := o.wire
		w.writing.Lock()
		w.rest, w.ended = closing[4:], true // as try leaves it, before run comes to it
		w.writing.Unlock()
		settled := make(chan struct{})
		go func() {
			w.settle(answered)
			close(settled)
		}()
		if err := reader.SetReadDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(reader); err != nil || !bytes.Equal(got, closing[4:]) {
			t.Errorf("answered %t: read %q, %v, want the rest of the close frame", answered, got, err)
		}
		if err := reader.Close(); err != nil {
			t.Error(err)
		}
		<-settled
	}
}

func TestTryGoesBehindTheRest(t *testing.T) {
	o, reader := tcpPair(t, newDrainers())
	o.wire.rest = []byte("first,")
	if taken, wait := o.wire.try([]byte("then"), false); taken || !wait {
		t.Errorf("try while a rest waits: %v, %v", taken, wait)
	}
	if _, err := o.wire.write([]byte("then"), false); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len("first,then"))
	if _, err := io.ReadFull(reader, got); err != nil || string(got) != "first,then" {
		t.Errorf("read %q, %v", got, err)
	}
}

func TestFullConnectionHoldsUpNoOther(t *testing.T) {
	d := newDrainers()
	d.most = 1
	full, _ := tcpPair(t, d)
	fill(t, full)
	for n := range 10 {
		other, reader := tcpPair(t, d)
		frame := textFrame(fmt.Append(nil, "hello ", n))
		if err := other.put(frame); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, len(frame))
		if err := reader.SetReadDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(reader, got); err != nil || !bytes.Equal(got, frame) {
			t.Fatalf("read %q, %v", got, err)
		}
	}
	full.wire.cut()
	waitFor(t, func() bool { return !full.isRunning() })
}

func TestDrainersAreFewAndEnd(t *testing.T) {
	d := newDrainers()
	d.most = 2
	boxes := make([]*outbox, 10*drainTurn)
	for i := range boxes {
		boxes[i], _ = tcpPair(t, d)
	}
	d.mu.Lock() // so that none of them is taken yet
	for _, o := range boxes {
		o.queue, o.lined = append(o.queue, []byte("hello")), true
	}
	d.mu.Unlock()
	for _, o := range boxes {
		d.add(o)
		d.mu.Lock()
		running := d.running
		d.mu.Unlock()
		if running > 2 {
			t.Fatalf("%d drainers", running)
		}
	}
	waitFor(t, func() bool {
		d.mu.Lock()
		defer d.mu.Unlock()
		return d.running == 0
	})
	for i, o := range boxes {
		if o.isRunning() || len(o.queue) > 0 {
			t.Fatalf("outbox %d is not empty", i)
		}
	}
	if d.waiting != 0 || d.first != nil {
		t.Errorf("%d wait", d.waiting)
	}
}

func TestOneDrainerStartsForEachShareOfTheLine(t *testing.T) {
	d := newDrainers()
	d.most, d.work = 3, func() {} // nobody takes anything
	for n := 1; n <= 5*drainShare; n++ {
		d.add(&outbox{})
		if want := min((n+drainShare-1)/drainShare, 3); d.running != want {
			t.Fatalf("%d drainers for %d outboxes that wait, want %d", d.running, n, want)
		}
	}
}

func TestDeliveryOnTCPAllocatesNothing(t *testing.T) {
	o, reader := tcpPair(t, newDrainers())
	frame := textFrame([]byte("hello"))
	got := make([]byte, len(frame))
	allocs := testing.AllocsPerRun(1000, func() {
		if err := o.put(frame); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(reader, got); err != nil {
			t.Fatal(err)
		}
	})
	if allocs >= 1 {
		t.Errorf("%v allocations for a delivery", allocs)
	}
}

// TestStuckReaderOnTCPIsCut has a reader that lets the kernel's buffers fill.
func TestStuckReaderOnTCPIsCut(t *testing.T) {
	for name, opts := range map[string]Options{
		"outbox full":         {QueueBytes: 100_000},
		"write took too long": {WriteWait: 50 * time.Millisecond, QueueBytes: 1 << 30, QueueFrames: 1 << 30},
	} {
		t.Run(name, func(t *testing.T) {
			k := onTCP(t, opts, nil)
			client, rec := k.dial(t, "")
			shrink(t, rec.conn.wire.Conn)
			shrink(t, client.NetConn())
			_, reads := k.dial(t, "")
			m, err := layer.NewMessage(map[string]string{"type": "x", "text": string(bytes.Repeat([]byte("x"), 10_000))})
			if err != nil {
				t.Fatal(err)
			}
			for rec.conn.Context().Err() == nil {
				if err := rec.conn.Deliver(m); err != nil && rec.conn.Context().Err() == nil {
					rec.conn.Full()
				}
				runtime.Gosched()
			}
			rec.waitClosed(t)
			if got := k.hub.Stats().Slow; got != 1 {
				t.Errorf("%d slow sockets were counted, want 1", got)
			}
			if reads.ended() {
				t.Error("another socket was cut, too")
			}
		})
	}
}

// TestBusySocketKeepsOrder has several senders, pings that come all the time, and a reader that is slow at first.
func TestBusySocketKeepsOrder(t *testing.T) {
	k := onTCP(t, Options{PingPeriod: time.Millisecond, PongWait: patience, QueueBytes: 1 << 30, QueueFrames: 1 << 30}, nil)
	client, rec := k.dial(t, "")
	shrink(t, rec.conn.wire.Conn)
	const senders, each = 4, 2000
	for s := range senders {
		go func() {
			for n := range each {
				frame := fmt.Appendf(nil, "%d %d %s", s, n, bytes.Repeat([]byte("x"), n%500))
				if s%2 == 0 {
					_ = rec.conn.Send(frame)
				} else {
					_ = rec.conn.out.put(textFrame(frame)) // as Deliver does
				}
			}
		}()
	}
	next := [senders]int{}
	for range senders * each {
		kind, frame, err := client.ReadMessage()
		if err != nil || kind != websocket.TextMessage {
			t.Fatal(kind, err)
		}
		var s, n int
		if _, err := fmt.Sscanf(string(frame), "%d %d", &s, &n); err != nil || next[s] != n {
			t.Fatalf("sender %d: number %d, %v, want %d", s, n, err, next[s])
		}
		next[s]++
	}
}
