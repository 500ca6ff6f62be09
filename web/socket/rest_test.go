package socket

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

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

// An acknowledgement comes before the message that it is about, which is what the client has asked for, too.
func TestAnAnswerLeavesAtOnceWhatIsShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPeople(100, oneWrite)
		begun := time.Now()
		p.put(t, "a", p.boxes...)
		soon := 100*oneWrite + oneWrite/2 // while the line rests
		until(begun, soon)
		p.boxes[0].ask()
		for _, o := range p.boxes[:2] { // the second has not asked
			if err := o.answer([]byte("ack")); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		p.put(t, "b", p.boxes[:2]...)
		synctest.Wait()
		p.put(t, "c", p.boxes[:2]...)
		until(begun, time.Second)
		for i, want := range []string{
			fmt.Sprintf("[a@%v ack@%v b@%v c@%v]", oneWrite, soon, soon, 202*oneWrite),
			fmt.Sprintf("[a@%v ack@%v bc@%v]", 2*oneWrite, soon, 201*oneWrite),
		} {
			if got := p.kernels[i].got(); got != want {
				t.Errorf("to number %d were written %s, want %s", i, got, want)
			}
		}
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
		_ = rec.conn.out.put(textFrame([]byte("me, as all hear it")))
		expectFrame(t, posts, "me, as all hear it")
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
