package layer

import (
	"context"
	"time"
)

// Expired things are invisible at once; the sweeper only gives their memory back. Looking every half minute costs
// nothing that can be measured, and bounds what channels without a reader hold to what comes in a minute and a half.
const (
	slowestSweep = 30 * time.Second
	fastestSweep = 10 * time.Millisecond
)

// sweep clears away what has expired, again and again, until the layer is closed.
func (m *Memory) sweep() {
	defer close(m.swept)
	every := min(m.opts.Expiry, m.opts.GroupExpiry) / 2
	ticker := time.NewTicker(max(fastestSweep, min(every, slowestSweep)))
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			m.sweepGroups(func(mb *member) bool { return mb.expires.Load() <= int64(m.now()) })
			m.sweepChannels(func(q *queue) { m.expired.Add(uint64(q.expire(m.now()))) })
		case <-m.closing:
			return
		}
	}
}

// Flush implements [Layer]. What is sent or added meanwhile may stay or go.
func (m *Memory) Flush(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if m.closed.Load() {
		return ErrClosed
	}
	m.sweepGroups(func(*member) bool { return true })
	m.sweepChannels(func(q *queue) { *q = queue{} })
	return nil
}

// sweepGroups ends the memberships that over approves.
func (m *Memory) sweepGroups(over func(*member) bool) {
	for i := range m.groups {
		s := &m.groups[i]
		var gone []string
		s.mu.Lock()
		for _, g := range s.groups.entries {
			// From the end, because the last takes the place of the one removed.
			for j := len(g.members) - 1; j >= 0; j-- {
				if mb := g.members[j]; over(mb) && m.detach(s, mb) {
					gone = append(gone, g.name)
				}
			}
		}
		s.mu.Unlock()
		m.tell(gone...)
	}
}

// sweepChannels clears the queues, and forgets the channels that have nothing left to hold.
func (m *Memory) sweepChannels(clean func(*queue)) {
	for i := range m.channels {
		s := &m.channels[i]
		s.mu.Lock()
		for name, c := range s.channels.entries {
			c.mu.Lock()
			clean(&c.queue)
			if c.idle() {
				s.channels.remove(name)
			}
			c.mu.Unlock()
		}
		s.mu.Unlock()
	}
}
