package cluster

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"snug/layer/mesh"
)

// echo answers frames, or counts them.
type echo struct {
	port   mesh.Port
	answer bool
	count  atomic.Int64
	got    chan struct{}
	ups    atomic.Int64
	again  chan struct{} // closed with the second link: what was on the first is lost
}

func newEcho(port mesh.Port, answer bool) *echo {
	return &echo{port: port, answer: answer, got: make(chan struct{}, 1), again: make(chan struct{})}
}

func (e *echo) Up(string) {
	if e.ups.Add(1) == 2 {
		close(e.again)
	}
}

func (e *echo) Down(string) {}

func (e *echo) Received(peer string, frame []byte) {
	e.count.Add(1)
	if e.answer {
		_ = e.port.Send(peer, frame)
	}
	select {
	case e.got <- struct{}{}:
	default:
	}
}

func pair(tb testing.TB, answer bool) (from mesh.Port, to string, near, far *echo) {
	tb.Helper()
	nodes := ring(tb, 2, calm)
	near, far = newEcho(nodes[0].Port("bench"), false), newEcho(nodes[1].Port("bench"), answer)
	tb.Cleanup(near.port.Join(near))
	tb.Cleanup(far.port.Join(far))
	eventually(tb, 5*time.Second, func() bool { return len(near.port.Peers()) == 1 && len(far.port.Peers()) == 1 })
	return near.port, nodes[1].ID(), near, far
}

// wait is until a frame has come.
func (e *echo) wait(tb testing.TB) {
	tb.Helper()
	select {
	case <-e.got:
	case <-e.again:
		tb.Fatal("the link broke")
	}
}

// pump sends n frames as fast as the receiver takes them, with less than a queue under way.
func pump(tb testing.TB, p mesh.Port, to string, far *echo, n, size int) {
	tb.Helper()
	frame := make([]byte, size)
	limit := int64(min(4096, maxQueue/2/(size+frameCost)))
	for i := range int64(n) {
		for i-far.count.Load() >= limit {
			far.wait(tb)
		}
		if err := p.Send(to, frame); err != nil {
			tb.Fatal(err)
		}
	}
	for far.count.Load() < int64(n) {
		far.wait(tb)
	}
}

func TestHundredThousandFrames(t *testing.T) {
	p, to, _, far := pair(t, false)
	start := time.Now()
	pump(t, p, to, far, 100_000, 300)
	t.Logf("%.0f frames/s", 100_000/time.Since(start).Seconds())
}

func BenchmarkRoundTrip(b *testing.B) {
	p, to, near, _ := pair(b, true)
	frame := make([]byte, 300)
	b.ReportAllocs()
	for b.Loop() {
		if err := p.Send(to, frame); err != nil {
			b.Fatal(err)
		}
		near.wait(b)
	}
}

func BenchmarkThroughput(b *testing.B) {
	for _, size := range []int{300, 4 << 10, 64 << 10, 1 << 20} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			p, to, _, far := pair(b, false)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			b.ResetTimer()
			pump(b, p, to, far, b.N, size)
		})
	}
}
