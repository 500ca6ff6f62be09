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
