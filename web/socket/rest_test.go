package socket

import (
	"bytes"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
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
		o.wire.raw = raw{takes}
		o.wire.send = func(uintptr) { o.wire.sent = k.takeNow(o.wire.trying) }
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

const oneWrite = 20 * time.Microsecond // of a kernel of the tests below

func TestFewNeverRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPeople(drainTurn, oneWrite)
		begun := time.Now()
		p.put(t, "a", p.boxes...)
		until(begun, 10*oneWrite+oneWrite/2)
		p.put(t, "b", p.boxes[:10]...) // more than drainTurn are written to, but no more wait
		until(begun, (drainTurn+10)*oneWrite+oneWrite/2)
		p.put(t, "c", p.boxes[0])
		until(begun, time.Second)
		p.expect(t, func(i int) string {
			a, b := time.Duration(i+1)*oneWrite, time.Duration(drainTurn+i+1)*oneWrite
			switch {
			case i == 0:
				return fmt.Sprintf("[a@%v b@%v c@%v]", a, b, time.Duration(drainTurn+11)*oneWrite+oneWrite/2)
			case i < 10:
				return fmt.Sprintf("[a@%v b@%v]", a, b)
			}
			return fmt.Sprintf("[a@%v]", a)
		})
		p.idle(t)
	})
}

func TestFramesGatherWhileACrowdRests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPeople(100, oneWrite)
		begun := time.Now()
		p.put(t, "a", p.boxes...)
		for i, frame := range []string{"b", "c", "d"} {
			until(begun, 100*oneWrite+time.Duration(i+1)*oneWrite)
			p.put(t, frame, p.boxes...)
		}
		until(begun, time.Second)
		p.put(t, "e", p.boxes[99]) // the crowd is gone
		until(begun, time.Second+2*oneWrite)
		p.put(t, "f", p.boxes[99])
		until(begun, time.Minute)
		p.expect(t, func(i int) string {
			crowd := fmt.Sprintf("a@%v bcd@%v", time.Duration(i+1)*oneWrite, time.Duration(200+i+1)*oneWrite)
			if i == 99 {
				return fmt.Sprintf("[%s e@%v f@%v]", crowd, time.Second+oneWrite, time.Second+3*oneWrite)
			}
			return "[" + crowd + "]"
		})
		p.idle(t)
	})
}

func TestAllDrainersRestAndGoOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPeople(200, oneWrite)
		p.most = 2
		begun := time.Now()
		p.put(t, "a", p.boxes...)
		until(begun, 100*oneWrite+oneWrite/2)
		p.put(t, "b", p.boxes...)
		until(begun, time.Second)
		p.expect(t, func(i int) string {
			pair := time.Duration(i/2 + 1)
			return fmt.Sprintf("[a@%v b@%v]", pair*oneWrite, (200+pair)*oneWrite)
		})
		p.idle(t)
	})
}

func TestRestIsShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPeople(100, time.Millisecond)
		begun := time.Now()
		p.put(t, "a", p.boxes...)
		until(begun, 101*time.Millisecond)
		p.put(t, "b", p.boxes[0])
		until(begun, time.Second)
		if got, want := p.kernels[0].got(), fmt.Sprintf("[a@1ms b@%v]", 101*time.Millisecond+mostRest); got != want {
			t.Errorf("written %s, want %s", got, want)
		}
		p.idle(t)
	})
}

func TestPassEndsWhereItBegan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPeople(100, oneWrite)
		begun := time.Now()
		p.put(t, "a", p.boxes[:90]...)
		until(begun, 50*oneWrite+oneWrite/2)
		p.put(t, "b", p.boxes[1:40]...) // the line is not empty before they are in it again; number 0 may have been first of all, before there was a crowd
		p.put(t, "a", p.boxes[90:]...)  // too late
		until(begun, 100*oneWrite)
		p.put(t, "c", p.boxes[1:40]...)
		until(begun, time.Second)
		p.expect(t, func(i int) string {
			a, again := time.Duration(i+1)*oneWrite, time.Duration(2*90+i)*oneWrite
			switch {
			case i == 0, i >= 40 && i < 90:
				return fmt.Sprintf("[a@%v]", a)
			case i < 40:
				return fmt.Sprintf("[a@%v bc@%v]", a, again)
			}
			return fmt.Sprintf("[a@%v]", again-50*oneWrite)
		})
		p.idle(t)
	})
}

func TestWhoAsksIsAnsweredAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPeople(100, oneWrite)
		begun := time.Now()
		p.put(t, "a", p.boxes...)

		until(begun, 10*oneWrite+oneWrite/2) // while others are written to
		p.boxes[99].ask()
		p.put(t, "b", p.boxes[99])

		until(begun, 100*oneWrite+oneWrite/2) // while the line rests
		p.boxes[1].ask()
		p.put(t, "b", p.boxes[1:3]...)
		synctest.Wait()
		p.put(t, "c", p.boxes[1:3]...) // nobody has asked for it
		if err := p.boxes[3].answer([]byte("b")); err != nil {
			t.Fatal(err)
		}
		p.boxes[4].finish([]byte("close"))
		p.boxes[5].replace([]byte("close"))

		until(begun, 110*oneWrite) // while they wait in the line
		p.boxes[2].ask()
		p.put(t, "d", p.boxes[2])

		until(begun, time.Second)
		soon, later := 100*oneWrite+oneWrite/2, 2*99*oneWrite // for number 99 nothing was left to write in its turn
		p.expect(t, func(i int) string {
			a := time.Duration(i+1) * oneWrite
			switch i {
			case 1:
				return fmt.Sprintf("[a@%v b@%v c@%v]", a, soon, later+oneWrite)
			case 2:
				return fmt.Sprintf("[a@%v bcd@%v]", a, 110*oneWrite)
			case 3:
				return fmt.Sprintf("[a@%v b@%v]", a, soon)
			case 4, 5:
				return fmt.Sprintf("[a@%v close@%v]", a, soon)
			case 99:
				return fmt.Sprintf("[ab@%v]", 10*oneWrite+oneWrite/2)
			}
			return fmt.Sprintf("[a@%v]", a)
		})
		p.idle(t)
	})
}

func TestHalfFullOutboxWaitsForNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPeople(100, oneWrite)
		p.boxes[0].maxFrames, p.boxes[1].maxBytes = 10, 10
		begun := time.Now()
		p.put(t, "a", p.boxes...)
		until(begun, 100*oneWrite+oneWrite/2)
		for range 6 {
			p.put(t, "b", p.boxes[0])
		}
		p.put(t, "bbbbbb", p.boxes[1])
		until(begun, time.Second)
		for i, k := range p.kernels[:2] {
			if got, want := k.got(), fmt.Sprintf("[a@%v bbbbbb@%v]", time.Duration(i+1)*oneWrite, 100*oneWrite+oneWrite/2); got != want {
				t.Errorf("number %d: written %s, want %s", i, got, want)
			}
		}
		p.idle(t)
	})
}

func TestClientThatFloodsHasOneGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, o := newSink(1<<20, 1000)
		runs := 0
		o.drain = func() {
			runs++
			o.run()
		}
		for range 100 {
			o.ask()
			if err := o.put([]byte("x")); err != nil {
				t.Fatal(err)
			}
		}
		close(s.gate)
		synctest.Wait()
		if runs != 1 {
			t.Errorf("%d goroutines write", runs)
		}
	})
}

func TestShutdownEndsARest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := onPipes(t, Options{}, nil)
		client, rec := k.dial(t, "")
		d := k.hub.drainers
		rest(d)
		if err := rec.conn.out.put(textFrame([]byte("first"))); err != nil {
			t.Fatal(err)
		}
		expectFrame(t, client, "first")
		synctest.Wait()
		begun := time.Now()
		if err := rec.conn.out.put(textFrame([]byte("while it rests"))); err != nil {
			t.Fatal(err)
		}
		done := make(chan error)
		go func() { done <- k.hub.Shutdown(t.Context()) }()
		expectFrame(t, client, "while it rests")
		expectClose(t, client, codeRestart)
		if err := <-done; err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if took := time.Since(begun); took != 0 || d.running != 0 {
			t.Errorf("it took %v, and %d drainers are left", took, d.running)
		}
		rest(d)
		if d.add(&rec.conn.out); time.Since(begun) != 0 {
			t.Error("the line rests after Shutdown")
		}
		synctest.Wait()
		if d.running != 0 {
			t.Error("the line rests after Shutdown")
		}
	})
}

// rest has the line rest when it is empty next, as if it had been crowded.
func rest(d *drainers) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.crowded = time.Now().Add(-time.Hour)
	d.pass++
}

func TestNothingForOneSocketAloneWaitsForARest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := onPipes(t, Options{}, func(c *Conn, frame []byte) {
			if string(frame) == "all" {
				_ = c.out.put(textFrame([]byte("what all hear"))) // as Deliver does
				return
			}
			_ = c.Send(frame)
		})
		posts, rec := k.dial(t, "")
		ends, _ := k.dial(t, "session=1")
		rest(k.hub.drainers)
		_ = rec.conn.out.put(textFrame([]byte("first")))
		expectFrame(t, posts, "first")
		synctest.Wait()

		begun := time.Now()
		if err := posts.WriteMessage(1, []byte("all")); err != nil {
			t.Fatal(err)
		}
		expectFrame(t, posts, "what all hear")
		if err := posts.WriteMessage(1, []byte("me")); err != nil {
			t.Fatal(err)
		}
		expectFrame(t, posts, "me")
		_ = rec.conn.Send([]byte("more"))
		expectFrame(t, posts, "more")
		k.hub.CloseIf(func(i Info) bool { return i.Session == "1" }, 4401, "")
		expectClose(t, ends, 4401)
		if took := time.Since(begun); took != 0 {
			t.Errorf("it took %v", took)
		}
		synctest.Wait() // so that what was sent before is written
		_ = rec.conn.out.put(textFrame([]byte("what others say")))
		expectFrame(t, posts, "what others say")
		if took := time.Since(begun); took != mostRest {
			t.Errorf("what others say came after %v, want %v", took, mostRest)
		}
	})
}

// TestCrowdKeepsOrder has several senders, several drainers and people who ask all the time.
func TestCrowdKeepsOrder(t *testing.T) {
	const senders, each = 4, 100
	p := newPeople(3*drainTurn, 0)
	p.most = 4
	var wg sync.WaitGroup
	for s := range senders {
		wg.Go(func() {
			for n := range each {
				for i, o := range p.boxes {
					if (i+n+s)%7 == 0 {
						o.ask()
					}
					if err := o.put([]byte{byte(s), byte(n)}); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	waitFor(t, func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		return p.running == 0
	})
	for i, k := range p.kernels {
		waitFor(t, func() bool { return !p.boxes[i].isRunning() })
		k.mu.Lock()
		all := bytes.Join(k.writes, nil)
		k.mu.Unlock()
		if len(all) != 2*senders*each {
			t.Fatalf("number %d got %d bytes, want %d", i, len(all), 2*senders*each)
		}
		next := [senders]byte{}
		for ; len(all) > 0; all = all[2:] {
			if next[all[0]] != all[1] {
				t.Fatalf("number %d got %d of sender %d, want %d", i, all[1], all[0], next[all[0]])
			}
			next[all[0]]++
		}
	}
}

// step is something that happens to one of a few outboxes in one line, or to the line.
type step struct {
	Do string
	To int
	N  int
}

func drawStep(t *rapid.T) step {
	return step{
		Do: rapid.SampledFrom([]string{"put", "put", "put", "answer", "ask", "take half", "crowd", "wait"}).Draw(t, "do"),
		To: rapid.IntRange(0, 3).Draw(t, "to"),
		N:  rapid.IntRange(1, 5).Draw(t, "n"),
	}
}

func TestFramesAreWrittenWholeAndInOrder(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		steps := rapid.SliceOfN(rapid.Custom(drawStep), 1, 60).Draw(rt, "steps")
		var problem string
		synctest.Test(t, func(*testing.T) { problem = runSteps(steps) })
		if problem != "" {
			rt.Fatal(problem)
		}
	})
}

// runSteps does the steps, and returns what was not written as it was put.
func runSteps(steps []step) string {
	p := newPeople(4, 0)
	p.most = 2
	want := make([][]byte, len(p.boxes))
	for n, s := range steps {
		o, k := p.boxes[s.To], p.kernels[s.To]
		frame := fmt.Appendf(nil, "<%d of %d>", n, s.N)
		switch s.Do {
		case "put":
			want[s.To] = append(want[s.To], frame...)
			_ = o.put(frame)
		case "answer":
			want[s.To] = append(want[s.To], frame...)
			_ = o.answer(frame)
		case "ask":
			o.ask()
		case "take half":
			o.mu.Lock()
			k.half = s.N
			o.mu.Unlock()
		case "crowd":
			rest(p.drainers)
		case "wait":
			time.Sleep(time.Duration(s.N) * time.Millisecond)
		}
	}
	time.Sleep(time.Minute)
	synctest.Wait()
	for i, o := range p.boxes {
		if got := bytes.Join(p.kernels[i].writes, nil); !bytes.Equal(got, want[i]) {
			return fmt.Sprintf("number %d: written %q, want %q", i, got, want[i])
		}
		if o.running || o.lined || o.frames != 0 || o.bytes != 0 {
			return fmt.Sprintf("number %d: running %t, lined %t, %d frames, %d bytes", i, o.running, o.lined, o.frames, o.bytes)
		}
	}
	if p.running != 0 || p.waiting != 0 {
		return fmt.Sprintf("%d drainers, %d wait", p.running, p.waiting)
	}
	return ""
}
