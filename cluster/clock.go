package cluster

import (
	"sync"
	"time"
)

// clock measures the round trip to a peer, and how far its wall clock is from ours, as NTP does: by four times of one ping, of the last
// ones that with the shortest round trip.
type clock struct {
	now func() time.Time // wall

	mu      sync.Mutex // guards the fields below
	pings   [8]sentPing
	next    int
	samples [8]sample
	count   int
}

type sentPing struct {
	wall uint64
	at   time.Time // has the monotonic clock, which nobody sets
}

type sample struct{ rtt, diff time.Duration }

func newClock(now func() time.Time) *clock { return &clock{now: now} }

func (c *clock) wall() uint64 { return uint64(c.now().UnixNano()) }

// ping notes that one is sent now, and gives the time to put into it.
func (c *clock) ping() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := sentPing{wall: c.wall(), at: time.Now()}
	c.pings[c.next] = p
	c.next = (c.next + 1) % len(c.pings)
	return p.wall
}

// pong takes the answer to a ping; received and answered are by the clock of the peer.
func (c *clock) pong(sent, received, answered uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	back := c.wall()
	for i, p := range c.pings {
		if p.wall != sent || p.at.IsZero() {
			continue
		}
		c.pings[i] = sentPing{}
		s := sample{
			rtt:  max(1, time.Since(p.at)-time.Duration(answered-received)),
			diff: (time.Duration(received-sent) + time.Duration(answered-back)) / 2,
		}
		c.samples[c.count%len(c.samples)] = s
		c.count++
		return
	}
}

// best is the measurement least disturbed; ok is false before the first.
func (c *clock) best() (s sample, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range min(c.count, len(c.samples)) {
		if i == 0 || c.samples[i].rtt < s.rtt {
			s = c.samples[i]
		}
	}
	return s, c.count > 0
}
