package socket

import (
	"runtime"
	"sync"
	"time"
)

const (
	// drainTurn is how many outboxes a drainer empties before others may have its core. They take it about a third of a
	// millisecond. A line in which no more than these wait never rests.
	drainTurn = 64
	// drainShare is for how many waiting outboxes one drainer is enough: about as many as it empties while another starts.
	drainShare = 4
	// mostRest is how long the line rests at most: about as long as one core needs for a thousand outboxes, and less than anybody
	// notices.
	mostRest = 5 * time.Millisecond
)

// drainers empty the outboxes that have something to write, the one first that has waited longest. They are a few goroutines, as
// many as can run at the same time, because starting one for each outbox costs a fifth of a delivery. They never wait for a
// connection, so none holds up another. Without anything to do they end.
//
// A write costs the same for one frame as for many, so where there is a crowd, frames are given time to gather. A pass of the
// drainers ends when the line is empty, or comes to an outbox that the pass has emptied. If more than drainTurn waited at any
// time in it, the line rests for as long as it took. Meanwhile others have the core, those who read what people post among
// them: Go's scheduler looks for what has arrived from the network only when it has nothing else to do.
type drainers struct {
	most    int
	work    func()        // d.run, made once
	closing chan struct{} // closed when the line is to rest no more

	mu      sync.Mutex // guards the fields below, and next and pass of each outbox
	first   *outbox
	last    *outbox
	waiting int
	running int       // one of them also while the line rests
	crowded time.Time // since when this pass is crowded; zero while it is not
	pass    uint64    // how many crowded ones there were, with this one
	resting bool      // or about to, when those that still work are done: nothing is taken
}

func newDrainers() *drainers {
	d := &drainers{most: runtime.GOMAXPROCS(0), closing: make(chan struct{})}
	d.work = d.run
	return d
}

// close ends the rest, and there is no other. It must be called once.
func (d *drainers) close() { close(d.closing) }

// add puts an outbox at the end of the line. It must not be in it. Its lock is held.
func (d *drainers) add(o *outbox) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.first == nil {
		d.first = o
	} else {
		d.last.next = o
	}
	d.last = o
	d.waiting++
	if !d.resting {
		d.start()
	}
}

// start sees that there are enough drainers for those that wait. The lock is held.
func (d *drainers) start() {
	if d.waiting > drainTurn && d.crowded.IsZero() {
		d.crowded = time.Now()
		d.pass++
	}
	for d.running < d.most && d.running*drainShare < d.waiting {
		d.running++
		go d.work()
	}
}

func (d *drainers) run() {
	for n := 1; ; n++ {
		o := d.take()
		if o == nil {
			return
		}
		o.flush()
		if n%drainTurn == 0 {
			runtime.Gosched()
		}
	}
}

// take returns the first outbox of the line; nil ends run. The last drainer out of a crowded pass rests first.
func (d *drainers) take() *outbox {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.crowded.IsZero() && (d.first == nil || d.first.pass == d.pass) {
		d.resting = true
	}
	if d.resting && d.running == 1 {
		d.rest()
	}
	o := d.first
	if o == nil || d.resting {
		d.running--
		return nil
	}
	d.first, o.next = o.next, nil
	d.waiting--
	o.pass = d.pass
	return o
}

// rest waits, and begins another pass. The lock is held, but not meanwhile.
func (d *drainers) rest() {
	enough := time.NewTimer(min(time.Since(d.crowded), mostRest))
	d.mu.Unlock()
	select {
	case <-enough.C:
	case <-d.closing:
		enough.Stop()
	}
	d.mu.Lock()
	d.resting, d.crowded = false, time.Time{}
	d.start()
}
