package chat

import (
	"maps"
	"slices"
	"sync"
)

// roomNews tells who wants to know what has happened to rooms.
type roomNews struct {
	mu   sync.Mutex
	told map[int]func(room ID) // guarded by mu
	next int                   // guarded by mu; key of the next told
}

// OnRoomDeleted has fn called after a room was deleted, on whichever node, and after its group was told. Calls come one at
// a time, on the goroutine that publishes, so fn must be quick.
func (c *Chat) OnRoomDeleted(fn func(room ID)) (stop func()) { return c.gone.add(fn) }

// OnRoomClosed is [Chat.OnRoomDeleted] for rooms that are not open to guests any more.
func (c *Chat) OnRoomClosed(fn func(room ID)) (stop func()) { return c.closed.add(fn) }

func (d *roomNews) add(fn func(room ID)) (stop func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.told == nil {
		d.told = make(map[int]func(ID))
	}
	key := d.next
	d.next++
	d.told[key] = fn
	return func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		delete(d.told, key)
	}
}

func (d *roomNews) tell(room ID) {
	d.mu.Lock()
	told := slices.Collect(maps.Values(d.told))
	d.mu.Unlock()
	for _, fn := range told {
		fn(room)
	}
}
