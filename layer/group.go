package layer

import (
	"context"
	"slices"
	"sync/atomic"
)

// group is the members of one group. All of it is guarded by the lock of its shard.
type group struct {
	name  string
	index table[*member] // by the name of the channel

	// members is what GroupSend walks through without a lock. While a send may still do so (shared), no element is
	// changed: a member is added behind those that the send knows, and the first removal makes a copy.
	members []*member
	shared  bool
}

// member is a channel in a group.
type member struct {
	channel *channel
	group   *group
	// expires is when the membership ends, on the clock of the layer, as nanoseconds; 0 after it was discarded. Set to 0 under the channel's lock.
	expires   atomic.Int64
	inGroup   int // place in group.members, guarded by the lock of the group's shard
	inChannel int // place in channel.memberships, guarded by the lock of the channel
}

func (g *group) add(m *member) {
	m.inGroup = len(g.members)
	g.members = append(g.members, m)
	g.index.put(m.channel.name, m)
}

func (g *group) remove(m *member) {
	if g.shared || len(g.members) < cap(g.members)/4 {
		g.members = slices.Clone(g.members)
		g.shared = false
	}
	last := len(g.members) - 1
	g.members[m.inGroup] = g.members[last]
	g.members[m.inGroup].inGroup = m.inGroup
	g.members[last] = nil
	g.members = g.members[:last]
	g.index.remove(m.channel.name)
}

// GroupAdd implements [Layer].
func (m *Memory) GroupAdd(ctx context.Context, groupName, channelName string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := CheckGroup(groupName); err != nil {
		return err
	}
	if err := CheckChannel(channelName); err != nil {
		return err
	}
	first, err := m.join(groupName, channelName)
	if err != nil {
		return err
	}
	if first {
		m.tell(groupName)
	}
	return nil
}

// join makes a channel a member, and says whether it is the first one of its group.
func (m *Memory) join(groupName, channelName string) (first bool, err error) {
	s := m.groupShard(groupName)
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.groups.entries[groupName]
	if g != nil {
		if mb := g.index.entries[channelName]; mb != nil {
			mb.expires.Store(int64(m.now() + m.opts.GroupExpiry))
			return false, nil
		}
	}
	c, err := m.acquire(channelName)
	if err != nil {
		return false, err
	}
	first = g == nil
	if first {
		g = &group{name: groupName}
		s.groups.put(groupName, g)
	}
	mb := &member{channel: c, group: g, inChannel: len(c.memberships)}
	mb.expires.Store(int64(m.now() + m.opts.GroupExpiry))
	c.memberships = append(c.memberships, mb)
	c.mu.Unlock()
	g.add(mb)
	return first, nil
}

// GroupDiscard implements [Layer].
func (m *Memory) GroupDiscard(ctx context.Context, groupName, channelName string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := CheckGroup(groupName); err != nil {
		return err
	}
	if err := CheckChannel(channelName); err != nil {
		return err
	}
	if m.closed.Load() {
		return ErrClosed
	}
	m.discard(groupName, channelName)
	return nil
}

func (m *Memory) discard(groupName, channelName string) {
	if m.part(groupName, channelName) {
		m.tell(groupName)
	}
}

// part ends a membership, if there is one, and says whether it was the last one of its group.
func (m *Memory) part(groupName, channelName string) (last bool) {
	s := m.groupShard(groupName)
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.groups.entries[groupName]
	if g == nil {
		return false
	}
	mb := g.index.entries[channelName]
	return mb != nil && m.detach(s, mb)
}

// detach ends a membership, and its group and its channel if that was the last thing they held. It says whether the group has ended.
// The lock of the group's shard must be held.
func (m *Memory) detach(s *groupShard, mb *member) (last bool) {
	mb.group.remove(mb)
	last = len(mb.group.members) == 0
	if last {
		s.groups.remove(mb.group.name)
	}
	mb.channel.mu.Lock()
	mb.channel.leave(mb)
	m.release(mb.channel)
	return last
}

// GroupSend implements [Layer].
func (m *Memory) GroupSend(ctx context.Context, groupName string, msg *Message) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := CheckGroup(groupName); err != nil {
		return err
	}
	if err := msg.check(); err != nil {
		return err
	}
	if m.closed.Load() {
		return ErrClosed
	}
	m.spread(groupName, msg)
	return nil
}

// spread gives a message to the members of a group.
func (m *Memory) spread(groupName string, msg *Message) {
	now := m.now()
	for _, mb := range m.members(groupName) {
		if mb.expires.Load() <= int64(now) {
			continue
		}
		if l := mb.channel.listener.Load(); l != nil {
			m.hand(l, msg)
			continue
		}
		m.queueFor(mb, msg)
	}
}

// members returns the members of a group, to be read without a lock.
func (m *Memory) members(groupName string) []*member {
	s := m.groupShard(groupName)
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.groups.entries[groupName]
	if g == nil {
		return nil
	}
	g.shared = true
	return g.members
}

// queueFor puts a message into the channel of a member that seemed to have no listener.
func (m *Memory) queueFor(mb *member, msg *Message) {
	c := mb.channel
	now := m.now()
	c.mu.Lock()
	if mb.expires.Load() <= int64(now) {
		// It left while the send was on its way: a message put here now would lie in a channel that is gone.
		c.mu.Unlock()
		return
	}
	if l := c.listener.Load(); l != nil {
		c.mu.Unlock()
		m.hand(l, msg)
		return
	}
	expired, err := c.put(msg, now, now+m.opts.Expiry)
	owner := c.owner
	c.mu.Unlock()
	m.expired.Add(uint64(expired))
	if err != nil {
		m.missed(c.name, owner)
	}
}

// missed counts a message that a channel had no room for, and tells its owner, because no sender will.
func (m *Memory) missed(channelName string, owner *listening) {
	m.dropped.Add(1)
	if owner != nil {
		owner.Full()
		return
	}
	m.opts.OnFull(channelName)
}
