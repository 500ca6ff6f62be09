package web

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"snug/chat"
	"snug/layer"
)

const (
	// maxHeld bounds what may happen in a room while a new socket reads who is there and what was said.
	maxHeld = 1000
	// newsTime is how long after its user_list a socket may still hear of a coming or going from before it. That
	// is the way from the presence tracker to here, which takes much less.
	newsTime = time.Second
)

// door is the listener of a tutorial socket, and lets through what clients of the tutorial know. Until it is opened it
// holds frames back, so that user_list and history come first. What these two have told already it leaves out, for
// events come a little later than what they are about is seen in the room.
type door struct {
	next    layer.Listener // the socket
	settled atomic.Bool    // nothing is held back or left out any more

	mu     sync.Mutex
	opened bool
	held   []*layer.Message
	here   []string // who is in the room by what this socket was told; nil once that is not kept any more
	told   int64    // the place in the order of events up to which messages are told; -1 when that has been passed
}

// chatFrames are the types that clients of the tutorial know.
func chatFrames(kind string) bool {
	switch kind {
	case chat.TypeMessage, chat.TypePrivate, chat.TypeDelivered, chat.TypeJoin, chat.TypeLeave:
		return true
	}
	return false
}

// Deliver implements layer.Listener.
func (d *door) Deliver(m *layer.Message) error {
	if !chatFrames(m.Type()) {
		return nil
	}
	if d.settled.Load() {
		return d.next.Deliver(m)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.opened {
		return d.pass(m)
	}
	if len(d.held) >= maxHeld {
		return layer.ErrChannelFull
	}
	d.held = append(d.held, m)
	return nil
}

// Full implements layer.Listener.
func (d *door) Full() { d.next.Full() }

// open lets news through from now on: after a list of who is here, and messages up to a place in the order of events.
func (d *door) open(here []string, told int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.opened, d.here, d.told = true, here, told
	for _, m := range d.held {
		if d.pass(m) != nil {
			d.next.Full()
			break
		}
	}
	d.held = nil
	// The list is as long as the room is full, and each socket has one: it is kept only for as long as it is needed.
	time.AfterFunc(newsTime, d.forget)
}

func (d *door) forget() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.here = nil
	d.settle()
}

// settle opens the way for good when nothing needs to be looked at. The lock is held.
func (d *door) settle() {
	if d.here == nil && d.told < 0 {
		d.settled.Store(true)
	}
}

// pass delivers what is news. The lock is held.
func (d *door) pass(m *layer.Message) error {
	if !d.news(m) {
		return nil
	}
	return d.next.Deliver(m)
}

func (d *door) news(m *layer.Message) bool {
	switch m.Type() {
	case chat.TypeMessage:
		return d.newMessage(m)
	case chat.TypeJoin, chat.TypeLeave:
		return d.newPresence(m)
	}
	return true
}

// newMessage relies on messages being published in the order of events.
func (d *door) newMessage(m *layer.Message) bool {
	if d.told < 0 {
		return true
	}
	var event chat.Event
	if m.Decode(&event) == nil && event.Seq <= d.told {
		return false
	}
	d.told = -1
	d.settle()
	return true
}

func (d *door) newPresence(m *layer.Message) bool {
	var event chat.RoomEvent
	if d.here == nil || m.Decode(&event) != nil {
		return true
	}
	at := slices.Index(d.here, event.User)
	if m.Type() == chat.TypeJoin {
		if at >= 0 {
			return false
		}
		d.here = append(d.here, event.User)
		return true
	}
	if at < 0 {
		return false
	}
	d.here = slices.Delete(d.here, at, at+1)
	return true
}
