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

func pair(tb testing.TB, answer bool, open func(*Mesh, string) mesh.Port) (from mesh.Port, to string, near, far *echo) {
	tb.Helper()
	nodes := ring(tb, 2, calm, bare)
	near, far = newEcho(open(nodes[0].Mesh, "bench"), false), newEcho(open(nodes[1].Mesh, "bench"), answer)
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
	p, to, _, far := pair(t, false, (*Mesh).Port)
	start := time.Now()
	pump(t, p, to, far, 100_000, 300)
	t.Logf("%.0f frames/s", 100_000/time.Since(start).Seconds())
}

func BenchmarkRoundTrip(b *testing.B) {
	frame := make([]byte, 300)
	for name, open := range kinds() {
		b.Run(name, func(b *testing.B) {
			p, to, near, _ := pair(b, true, open)
			b.ReportAllocs()
			for b.Loop() {
				if err := p.Send(to, frame); err != nil {
					b.Fatal(err)
				}
				near.wait(b)
			}
		})
	}
}

func kinds() map[string]func(*Mesh, string) mesh.Port {
	return map[string]func(*Mesh, string) mesh.Port{"port": (*Mesh).Port, "prompt": (*Mesh).PromptPort}
}

func BenchmarkThroughput(b *testing.B) {
	for name, open := range kinds() {
		for _, size := range []int{300, 4 << 10, 64 << 10, 1 << 20} {
			b.Run(fmt.Sprintf("%s/%d", name, size), func(b *testing.B) {
				p, to, _, far := pair(b, false, open)
				b.SetBytes(int64(size))
				b.ReportAllocs()
				b.ResetTimer()
				pump(b, p, to, far, b.N, size)
			})
		}
	}
}
