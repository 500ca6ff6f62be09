package layer

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// channel exists while it has something to hold: an unread message, a receiver that waits, a listener or a membership.
type channel struct {
	name     string
	capacity int

	// listener takes the messages, once those that were here before it are delivered. Changed under mu, read without.
	listener atomic.Pointer[listening]

	mu          sync.Mutex // guards what follows, and is taken after the lock of a shard
	queue       queue
	waiting     []chan *Message // one for each Receive, the oldest first; each with room for the one message that it gets
	owner       *listening      // a listener, from before it gets the old messages until the memberships are gone
	memberships []*member
}

// listening makes the listener of a channel something that an atomic pointer can point to.
type listening struct{ Listener }

// idle says whether the channel has nothing to hold. Its lock must be held.
func (c *channel) idle() bool {
	return c.queue.len() == 0 && len(c.waiting) == 0 && c.owner == nil && len(c.memberships) == 0
}

// put gives a message to who waits longest, or queues it. The channel's lock must be held. It never blocks: each waiting
// receiver has room for its message.
func (c *channel) put(m *Message, now, expires time.Duration) (expired int, err error) {
	if len(c.waiting) > 0 {
		first := c.waiting[0]
		c.waiting = slices.Delete(c.waiting, 0, 1)
		first <- m
		return 0, nil
	}
	expired = c.queue.expire(now)
	if c.queue.len() >= c.capacity {
		return expired, ErrChannelFull
	}
	c.queue.push(item{message: m, expires: expires})
	return expired, nil
}

// forget takes a receiver out of those who wait, and says whether it still was among them. If not, it has a message.
// The channel's lock must be held.
func (c *channel) forget(receiver chan *Message) bool {
	i := slices.Index(c.waiting, receiver)
	if i < 0 {
		return false
	}
	c.waiting = slices.Delete(c.waiting, i, i+1)
	return true
}

// leave takes a membership out of the list and marks it as over. The channel's lock must be held.
func (c *channel) leave(m *member) {
	m.expires.Store(0)
	last := len(c.memberships) - 1
	c.memberships[m.inChannel] = c.memberships[last]
	c.memberships[m.inChannel].inChannel = m.inChannel
	c.memberships[last] = nil
	c.memberships = c.memberships[:last]
	if last == 0 {
		c.memberships = nil
	}
}

// queue is the unread messages of a channel. All messages live equally long, so the oldest is the first to expire.
type queue struct {
	items []item
	head  int // where the oldest is
}

type item struct {
	message *Message
	expires time.Duration
}

func (q *queue) len() int { return len(q.items) - q.head }

func (q *queue) push(it item) {
	// Moving only when half of the space is free keeps the cost of a push constant on average.
	if len(q.items) == cap(q.items) && q.head > q.len() {
		n := copy(q.items, q.items[q.head:])
		clear(q.items[n:])
		q.items, q.head = q.items[:n], 0
	}
	q.items = append(q.items, it)
}

func (q *queue) pop() *Message {
	m := q.items[q.head].message
	q.items[q.head] = item{}
	q.head++
	if q.head == len(q.items) {
		q.items, q.head = q.items[:0], 0
	}
	return m
}

// expire drops what nobody has read in time and says how much that was.
func (q *queue) expire(now time.Duration) int {
	n := 0
	for q.len() > 0 && q.items[q.head].expires <= now {
		q.pop()
		n++
	}
	return n
}
