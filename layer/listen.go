package layer

import (
	"fmt"
	"sync"
)

// Listen implements [Layer].
func (m *Memory) Listen(channelName string, l Listener) (stop func(), err error) {
	if err := CheckChannel(channelName); err != nil {
		return nil, err
	}
	c, err := m.acquire(channelName)
	if err != nil {
		return nil, err
	}
	if c.owner != nil || len(c.waiting) > 0 {
		c.mu.Unlock()
		return nil, fmt.Errorf("listen to channel %q: %w", channelName, ErrInUse)
	}
	c.owner = &listening{l}
	m.expired.Add(uint64(c.queue.expire(m.now())))
	// Only when the channel is empty do senders see the listener: no message may overtake those that wait.
	for c.queue.len() > 0 {
		msg := c.queue.pop()
		c.mu.Unlock()
		m.hand(l, msg)
		c.mu.Lock()
	}
	defer c.mu.Unlock()
	if m.closed.Load() {
		return nil, ErrClosed
	}
	c.queue = queue{}
	c.listener.Store(c.owner)
	return sync.OnceFunc(func() { m.unlisten(c) }), nil
}

// unlisten takes the memberships away before the listener, so that no send leaves a message in a channel that nobody reads.
func (m *Memory) unlisten(c *channel) {
	c.mu.Lock()
	for len(c.memberships) > 0 {
		last := c.memberships[len(c.memberships)-1]
		c.mu.Unlock()
		m.discard(last.group.name, c.name)
		c.mu.Lock()
	}
	c.listener.Store(nil)
	c.owner = nil
	m.release(c)
}
