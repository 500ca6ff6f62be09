package chat

import (
	"context"
	"errors"
	"sync"
	"time"

	"snug/layer"
	"snug/store"
)

// publishQueue is how many commits may wait to be published. When they do, the next commit waits too, and with it who
// posts: a server that cannot tell as fast as it stores slows its writers down, and neither forgets a message nor
// holds ever more of them.
const publishQueue = 64

// retryFirst and retryLast are how long the publisher waits before it asks again what could not be read.
const (
	retryFirst = 50 * time.Millisecond
	retryLast  = 5 * time.Second
)

// publisher tells the layer what the store commits. One goroutine does, in order of Place, so that every listener of a
// room gets its messages in that order.
type publisher struct {
	chat      *Chat
	queue     chan commit
	closing   chan struct{} // closed when no more commits are wanted
	done      chan struct{} // closed when the last is published
	stopWatch []func()
	closeOnce sync.Once
}

// commit is what the publisher has to tell of a commit.
type commit struct {
	rows  []store.Row
	taken []*store.Room // deleted, or not open to guests any more: these are told of before the rows
}

func newPublisher(c *Chat) *publisher {
	p := &publisher{
		chat:    c,
		queue:   make(chan commit, publishQueue),
		closing: make(chan struct{}),
		done:    make(chan struct{}),
	}
	go p.run(context.Background())
	p.stopWatch = []func(){c.store.WatchEarly(p.take), c.store.Watch(p.commit)}
	return p
}

// take is called by the store's writer before commit, and hears also of rows that the disk has failed to take: rooms are at once what they have become, as in the
// database, and who is shut out of one is told, whatever the disk does.
func (p *publisher) take(rows []store.Row) {
	var taken []*store.Room
	for _, row := range rows {
		if room, ok := row.(*store.Room); ok && p.chat.rooms.renew(room) {
			taken = append(taken, room)
		}
	}
	if len(taken) > 0 {
		p.add(commit{taken: taken})
	}
}

// commit is called by the store's writer after each commit.
func (p *publisher) commit(rows []store.Row) {
	mine := make([]store.Row, 0, len(rows))
	for _, row := range rows {
		switch row.(type) {
		case *store.Message, *store.User, *store.Room:
			mine = append(mine, row)
		}
	}
	if len(mine) > 0 {
		p.add(commit{rows: mine})
	}
}

func (p *publisher) add(c commit) {
	select {
	case p.queue <- c:
	case <-p.closing:
	}
}

func (p *publisher) close() {
	p.closeOnce.Do(func() {
		for _, stop := range p.stopWatch {
			stop()
		}
		close(p.closing)
		<-p.done
	})
}

func (p *publisher) run(ctx context.Context) {
	defer close(p.done)
	for {
		select {
		case c := <-p.queue:
			p.publish(ctx, c)
		case <-p.closing:
			for {
				select {
				case c := <-p.queue:
					p.publish(ctx, c)
				default:
					return
				}
			}
		}
	}
}

// publish takes names of people in before it tells any message, so that a message shows them as they are. Rooms were taken in before, see take.
func (p *publisher) publish(ctx context.Context, c commit) {
	for _, room := range c.taken {
		if room.Deleted {
			p.deleted(ctx, room)
		} else {
			p.chat.closed.tell(room.ID)
		}
	}
	rows := c.rows
	ids := make([]ID, 0, 2*len(rows))
	messages := 0
	for _, row := range rows {
		switch row := row.(type) {
		case *store.User:
			p.chat.people.put(row)
			for _, r := range p.chat.people.takeRenames() {
				p.chat.observer.renamed(ctx, r)
			}
			p.chat.observer.arrived(row.ID)
		case *store.Room:
			if !row.Deleted {
				p.chat.observer.counts.mark(row.ID)
			}
		case *store.Message:
			messages++
			ids = append(ids, peopleOf(row)...)
		}
	}
	if messages == 0 {
		return
	}
	names, err := p.names(ctx, ids)
	if err != nil {
		p.chat.log.Error("messages are not told: their authors are not known", "error", err)
		return
	}
	// Only looking things up is bounded in time: what is known by then is sent all the same.
	lookUp, cancel := queryContext(ctx)
	defer cancel()
	for _, row := range rows {
		if m, ok := row.(*store.Message); ok {
			p.message(ctx, lookUp, m, names)
		}
	}
}

// deleted tells those in a room, and those who look at the list of rooms, that it is gone, and then has its visits ended.
func (p *publisher) deleted(ctx context.Context, row *store.Room) {
	told := p.chat.send(ctx, RoomGroup(row.ID), GoneEvent{Type: TypeRoomGone, Room: row.Name})
	p.chat.sendMessage(ctx, RoomsGroup, told)
	p.chat.gone.tell(row.ID)
}

func (p *publisher) message(ctx, lookUp context.Context, m *store.Message, names map[ID]string) {
	if m.Target.IsZero() {
		room, err := p.room(ctx, lookUp, m.Room)
		if errors.Is(err, store.ErrNotFound) {
			return // it came from another node before its room: nobody can be in that yet
		}
		if err != nil {
			p.chat.log.Error("message is not told: its room is not known", "message", m.ID, "room", m.Room, "error", err)
			return
		}
		e := p.chat.event(lookUp, m, room.Name, names)
		e.Type = liveType(m, TypeMessage)
		p.chat.send(ctx, RoomGroup(m.Room), e)
		return
	}
	e := p.chat.event(lookUp, m, "", names)
	e.Type = liveType(m, TypePrivate)
	told := p.chat.send(ctx, UserGroup(m.Target), e)
	if confirmation := liveType(m, TypeDelivered); confirmation != e.Type {
		e.Type = confirmation
		p.chat.send(ctx, UserGroup(m.Author), e)
	} else if m.Author != m.Target {
		p.chat.sendMessage(ctx, UserGroup(m.Author), told)
	}
}

// room finds the room of a message.
func (p *publisher) room(ctx, lookUp context.Context, id ID) (room Room, err error) {
	err = p.insist(ctx, lookUp, "room of a message could not be read: trying again", func(ctx context.Context) error {
		room, err = p.chat.rooms.byID(ctx, id)
		return err
	})
	return room, err
}

// names finds the names of the authors of messages: nobody else is told later who they were.
func (p *publisher) names(ctx context.Context, ids []ID) (names map[ID]string, err error) {
	lookUp, cancel := queryContext(ctx)
	defer cancel()
	err = p.insist(ctx, lookUp, "names of authors could not be read: trying again", func(ctx context.Context) error {
		names, err = p.chat.people.names(ctx, ids)
		return err
	})
	return names, err
}

// insist looks something up. Where the store cannot be read it asks again until it can: later messages would
// move those who listen past this one, and recovery would never bring it. Meanwhile the queue fills, and who posts waits.
// Only a store that does not have it, or a Chat that closes, ends it.
func (p *publisher) insist(ctx, first context.Context, warning string, lookUp func(context.Context) error) error {
	err := lookUp(first)
	for wait := retryFirst; err != nil && !errors.Is(err, store.ErrNotFound); wait = min(2*wait, retryLast) {
		p.chat.log.Warn(warning, "wait", wait, "error", err)
		select {
		case <-time.After(wait):
		case <-p.closing:
			return err
		}
		again, cancel := queryContext(ctx)
		err = lookUp(again)
		cancel()
	}
	return err
}

// liveType is the type of the frame that tells a state of a message: fresh where it is new. A row says what it is: a
// post is never edited, and posting the same id again writes no row.
func liveType(m *store.Message, fresh string) string {
	switch {
	case m.Deleted:
		return TypeDeleted
	case !m.Edited.IsZero():
		return TypeEdited
	}
	return fresh
}

// send encodes an event once and sends it to a group. It returns what it sent, nil if the event cannot be encoded.
func (c *Chat) send(ctx context.Context, group string, event any) *layer.Message {
	m, err := layer.NewMessage(event)
	if err != nil {
		c.log.Error("encode an event", "group", group, "error", err)
		return nil
	}
	c.sendMessage(ctx, group, m)
	return m
}

func (c *Chat) sendMessage(ctx context.Context, group string, m *layer.Message) {
	if m == nil {
		return
	}
	if err := c.layer.GroupSend(ctx, group, m); err != nil {
		c.log.Error("send to a group", "group", group, "error", err)
	}
}
