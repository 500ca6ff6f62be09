package socket

import (
	"runtime"
	"sync"
)

// drainTurn is how many outboxes a drainer empties before others may have its core, and for how many one drainer is enough. They
// take it about a third of a millisecond.
const drainTurn = 64

// drainers empty the outboxes that have something to write, the one first that has waited longest. They are a few goroutines, as
// many as can run at the same time, because starting one for each outbox costs a fifth of a delivery. They never wait for a
// connection, so none holds up another. Without anything to do they end.
type drainers struct {
	most int
	work func() // d.run, made once

	mu      sync.Mutex // guards the fields below, and outbox.next
	first   *outbox
	last    *outbox
	waiting int
	running int
}

func newDrainers() *drainers {
	d := &drainers{most: runtime.GOMAXPROCS(0)}
	d.work = d.run
	return d
}

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
	if d.running < d.most && d.running*drainTurn < d.waiting {
		d.running++
		go d.work()
	}
}

// take returns the first outbox of the line; nil ends run.
func (d *drainers) take() *outbox {
	d.mu.Lock()
	defer d.mu.Unlock()
	o := d.first
	if o == nil {
		d.running--
		return nil
	}
	d.first, o.next = o.next, nil
	d.waiting--
	return o
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
