package layer

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"
)

// shards is how many locks the channels and the groups are spread over, so that senders on several cores rarely meet.
const shards = 64

// Memory is a [Layer] within one process. Make it with [NewMemory] and close it when it is no longer used.
type Memory struct {
	opts    Options
	started time.Time
	seed    maphash.Seed

	channels [shards]channelShard
	groups   [shards]groupShard // locked before a shard of channels, where both are needed

	// watcher hears of each group that got its first member or lost its last one; nil if nobody wants to know.
	watcher atomic.Pointer[func(group string)]

	dropped atomic.Uint64
	expired atomic.Uint64

	closing chan struct{} // closed when Close begins
	closed  atomic.Bool   // true when Close begins
	swept   chan struct{} // closed by the sweeper when it has ended
	once    sync.Once     // for Close
}

type channelShard struct {
	mu       sync.Mutex // guards channels
	channels table[*channel]
}

type groupShard struct {
	mu     sync.Mutex // guards groups, and the groups in it
	groups table[*group]
}

var _ Layer = (*Memory)(nil)

// NewMemory returns a layer for this process. It has one goroutine, which clears away what has expired, until it is closed.
func NewMemory(opts Options) *Memory {
	m := &Memory{
		opts:    opts.withDefaults(),
		started: time.Now(),
		seed:    maphash.MakeSeed(),
		closing: make(chan struct{}),
		swept:   make(chan struct{}),
	}
	go m.sweep()
	return m
}

// Close ends the layer: who waits in Receive gets [ErrClosed], as does every call afterwards; listeners get nothing more
// once the sends that are under way have ended; all messages and groups are forgotten. Closing again does nothing.
func (m *Memory) Close() error {
	m.once.Do(func() {
		m.closed.Store(true)
		close(m.closing)
		<-m.swept
		m.sweepGroups(func(*member) bool { return true })
		for i := range m.channels {
			m.channels[i].close()
		}
	})
	return nil
}

// close takes off the listeners, and forgets all.
func (s *channelShard) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.channels.entries {
		c.mu.Lock()
		c.listener.Store(nil)
		c.queue = queue{}
		c.mu.Unlock()
	}
	s.channels = table[*channel]{}
}

// now is the time on the layer's own clock, which no change of the computer's clock moves. The first instant is 1, so that 0 is always past.
func (m *Memory) now() time.Duration { return time.Since(m.started) + 1 }

func (m *Memory) channelShard(name string) *channelShard {
	return &m.channels[maphash.String(m.seed, name)%shards]
}

func (m *Memory) groupShard(name string) *groupShard {
	return &m.groups[maphash.String(m.seed, name)%shards]
}

// acquire returns the channel of that name, made if there is none, with its lock held. Who acquired it calls release,
// unless it left something in the channel.
func (m *Memory) acquire(name string) (*channel, error) {
	s := m.channelShard(name)
	s.mu.Lock()
	defer s.mu.Unlock()
	if m.closed.Load() {
		return nil, ErrClosed
	}
	c := s.channels.entries[name]
	if c == nil {
		c = &channel{name: name, capacity: m.opts.capacityOf(name)}
		s.channels.put(name, c)
	}
	c.mu.Lock()
	return c, nil
}

// release unlocks a channel and forgets it if it has nothing to hold.
func (m *Memory) release(c *channel) {
	idle := c.idle()
	c.mu.Unlock()
	if !idle {
		return
	}
	s := m.channelShard(c.name)
	s.mu.Lock()
	defer s.mu.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.idle() && s.channels.entries[c.name] == c {
		s.channels.remove(c.name)
	}
}

// NewChannel implements [Layer].
func (m *Memory) NewChannel(ctx context.Context, prefix string) (string, error) {
	return m.newChannel(ctx, prefix, rand.Text())
}

func (m *Memory) newChannel(ctx context.Context, prefix, suffix string) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	if m.closed.Load() {
		return "", ErrClosed
	}
	if err := CheckGroup(prefix); err != nil {
		return "", fmt.Errorf("prefix of a new channel: %w", err)
	}
	name := prefix + "!" + suffix
	if err := CheckChannel(name); err != nil {
		return "", fmt.Errorf("prefix of a new channel: %w", err)
	}
	return name, nil
}

// Send implements [Layer].
func (m *Memory) Send(ctx context.Context, channelName string, msg *Message) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := CheckChannel(channelName); err != nil {
		return err
	}
	if err := msg.check(); err != nil {
		return err
	}
	if _, err := m.deliver(channelName, msg); err != nil {
		return fmt.Errorf("send to channel %q: %w", channelName, err)
	}
	return nil
}

// deliver puts a message at the end of a channel or hands it to the listener, and returns who owns the channel, if anybody listens.
func (m *Memory) deliver(channelName string, msg *Message) (owner *listening, err error) {
	c, err := m.acquire(channelName)
	if err != nil {
		return nil, err
	}
	if l := c.listener.Load(); l != nil {
		c.mu.Unlock()
		return l, l.Deliver(msg)
	}
	now := m.now()
	expired, err := c.put(msg, now, now+m.opts.Expiry)
	owner = c.owner
	m.release(c)
	m.expired.Add(uint64(expired))
	return owner, err
}

// accept delivers a message whose sender is out of reach: what the sender would be told, the owner of the channel is told instead.
func (m *Memory) accept(channelName string, msg *Message) {
	owner, err := m.deliver(channelName, msg)
	switch {
	case err == nil, errors.Is(err, ErrClosed):
	case errors.Is(err, ErrChannelFull):
		m.missed(channelName, owner)
	default:
		m.dropped.Add(1)
	}
}

// Receive implements [Layer].
func (m *Memory) Receive(ctx context.Context, channelName string) (*Message, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := CheckChannel(channelName); err != nil {
		return nil, err
	}
	c, err := m.acquire(channelName)
	if err != nil {
		return nil, err
	}
	if c.owner != nil {
		c.mu.Unlock()
		return nil, fmt.Errorf("receive from channel %q: %w", channelName, ErrInUse)
	}
	m.expired.Add(uint64(c.queue.expire(m.now())))
	if c.queue.len() > 0 {
		msg := c.queue.pop()
		m.release(c)
		return msg, nil
	}
	receiver := make(chan *Message, 1)
	c.waiting = append(c.waiting, receiver)
	c.mu.Unlock()
	return m.wait(ctx, c, receiver)
}

// wait returns the one message that comes to a receiver, or why none came.
func (m *Memory) wait(ctx context.Context, c *channel, receiver chan *Message) (*Message, error) {
	var why error
	select {
	case msg := <-receiver:
		return msg, nil
	case <-ctx.Done():
		why = ctx.Err()
	case <-m.closing:
		why = ErrClosed
	}
	c.mu.Lock()
	waited := c.forget(receiver)
	m.release(c)
	if !waited {
		// A message came at the same moment, and nobody else will ever get it.
		return <-receiver, nil
	}
	return nil, why
}

// hand gives a message of a group to a listener.
func (m *Memory) hand(l Listener, msg *Message) {
	err := l.Deliver(msg)
	if err == nil {
		return
	}
	m.dropped.Add(1)
	if errors.Is(err, ErrChannelFull) {
		l.Full()
	}
}

// Stats counts what the layer holds. It looks at each channel, so it is for a page of metrics and not for every message.
func (m *Memory) Stats() Stats {
	st := Stats{Dropped: m.dropped.Load(), Expired: m.expired.Load()}
	for i := range m.groups {
		s := &m.groups[i]
		s.mu.Lock()
		st.Groups += len(s.groups.entries)
		for _, g := range s.groups.entries {
			st.Members += len(g.members)
		}
		s.mu.Unlock()
	}
	for i := range m.channels {
		s := &m.channels[i]
		s.mu.Lock()
		st.Channels += len(s.channels.entries)
		for _, c := range s.channels.entries {
			c.mu.Lock()
			st.Messages += c.queue.len()
			c.mu.Unlock()
		}
		s.mu.Unlock()
	}
	return st
}
