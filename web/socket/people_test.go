package socket

import (
	"bytes"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// kernel is a connection that can be written to without waiting, as one of TCP on Linux, and keeps when each write was over.
type kernel struct {
	sink
	at    []time.Duration
	begun time.Time
	half  int // how many of the next writes that do not wait are taken by half
}

func (k *kernel) Write(b []byte) (int, error) { return k.take(b), nil }

func (k *kernel) take(b []byte) int {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.writes = append(k.writes, bytes.Clone(b))
	k.at = append(k.at, time.Since(k.begun))
	return len(b)
}

// takeNow is take for a write that does not wait.
func (k *kernel) takeNow(b []byte) int {
	if k.half > 0 {
		k.half--
		b = b[:len(b)/2]
	}
	return k.take(b)
}

// raw stands for the system calls of a kernel, which are made in send.
type raw struct {
	takes time.Duration
}

func (r raw) Control(send func(fd uintptr)) error {
	time.Sleep(r.takes)
	send(0)
	return nil
}

func (raw) Read(func(uintptr) bool) error  { return nil }
func (raw) Write(func(uintptr) bool) error { return nil }

// got is what was written, as [frames@when frames@when].
func (k *kernel) got() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	var all []string
	for i, w := range k.writes {
		all = append(all, fmt.Sprintf("%s@%v", w, k.at[i]))
	}
	return fmt.Sprint(all)
}

// people are outboxes of one line with one drainer, which takes a while for each.
type people struct {
	*drainers
	boxes   []*outbox
	kernels []*kernel
}

func newPeople(n int, takes time.Duration) *people {
	p := &people{drainers: newDrainers()}
	p.most = 1
	begun := time.Now()
	for range n {
		k := &kernel{begun: begun}
		o := opened(k, time.Minute, p.drainers, 1<<20, 1000)
		o.wire.now.Open(raw{takes}, func(_ uintptr, b []byte) int { return k.takeNow(b) })
		p.boxes, p.kernels = append(p.boxes, o), append(p.kernels, k)
	}
	return p
}

// put puts a frame for some of them, none of whom is being written to.
func (p *people) put(t *testing.T, frame string, to ...*outbox) {
	t.Helper()
	for _, o := range to {
		if !o.mu.TryLock() { // would wait for ever: in a bubble no time passes for who waits for a lock
			t.Fatal("it is being written to")
		}
		o.mu.Unlock()
		if err := o.put([]byte(frame)); err != nil {
			t.Fatal(err)
		}
	}
}

// expect compares what was written to each of them.
func (p *people) expect(t *testing.T, want func(i int) string) {
	t.Helper()
	for i, k := range p.kernels {
		if got := k.got(); got != want(i) {
			t.Fatalf("to number %d were written %s, want %s", i, got, want(i))
		}
	}
}

// idle checks that nobody works or waits any more.
func (p *people) idle(t *testing.T) {
	t.Helper()
	synctest.Wait()
	if p.running != 0 || p.waiting != 0 || p.first != nil || p.resting {
		t.Errorf("%d drainers, %d wait, resting %t", p.running, p.waiting, p.resting)
	}
	for i, o := range p.boxes {
		if o.running || o.lined || o.frames != 0 {
			t.Errorf("number %d: running %t, lined %t, %d frames", i, o.running, o.lined, o.frames)
		}
	}
}

// until lets the time of a bubble come to a moment between two writes.
func until(begun time.Time, at time.Duration) { time.Sleep(time.Until(begun.Add(at))) }
