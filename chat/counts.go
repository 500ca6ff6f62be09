package chat

import (
	"sync"
	"time"
)

// countPause is the time between two rounds of counts: a room is told at most ten times a second, and always its last
// state.
const countPause = 100 * time.Millisecond

// counts paces the telling of how many people are in rooms. What waits is bounded by the number of rooms.
type counts struct {
	send    func(room ID)
	wake    chan struct{}
	closing chan struct{}
	done    chan struct{}

	mu    sync.Mutex // guards dirty
	dirty map[ID]struct{}
}

func newCounts(send func(room ID)) *counts {
	c := &counts{
		send:    send,
		wake:    make(chan struct{}, 1),
		closing: make(chan struct{}),
		done:    make(chan struct{}),
		dirty:   make(map[ID]struct{}),
	}
	go c.run()
	return c
}

// mark says that the count of a room may have changed.
func (c *counts) mark(room ID) {
	c.mu.Lock()
	c.dirty[room] = struct{}{}
	c.mu.Unlock()
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

func (c *counts) close() {
	close(c.closing)
	<-c.done
}

func (c *counts) run() {
	defer close(c.done)
	pause := time.NewTimer(countPause)
	defer pause.Stop()
	for {
		select {
		case <-c.wake:
		case <-c.closing:
			c.flush()
			return
		}
		c.flush()
		pause.Reset(countPause)
		select {
		case <-pause.C:
		case <-c.closing:
			c.flush()
			return
		}
	}
}

func (c *counts) flush() {
	c.mu.Lock()
	dirty := c.dirty
	c.dirty = make(map[ID]struct{})
	c.mu.Unlock()
	for room := range dirty {
		c.send(room)
	}
}
