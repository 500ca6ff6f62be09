package chat

import (
	"context"
	"maps"
	"sync"

	"snug/presence"
)

// observer tells the layer who comes and goes, and has the store keep when they were last seen. The tracker calls it
// one event at a time.
type observer struct {
	chat   *Chat
	counts *counts
	seen   *seenWriter
	stop   func()

	mu     sync.Mutex // guards what follows
	places map[ID]struct{}
}

func newObserver(c *Chat) *observer {
	o := &observer{
		chat:   c,
		places: make(map[ID]struct{}),
		seen:   newSeenWriter(c.store, c.log, c.now, c.online),
	}
	o.counts = newCounts(o.sendCount)
	o.stop = c.presence.Watch(o.observe)
	return o
}

// close sends the counts and stores the times that wait.
func (o *observer) close() {
	o.stop()
	o.counts.close()
	o.seen.close()
}

// occupied returns the rooms that have people in them; the map is the caller's.
func (o *observer) occupied() map[ID]struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	return maps.Clone(o.places)
}

func (o *observer) observe(e presence.Event) {
	user, ok := parseHex(e.User)
	if !ok {
		return
	}
	ctx := context.Background() // the tracker has none to give
	lookUp, cancel := queryContext(ctx)
	defer cancel()
	names, err := o.chat.people.names(lookUp, []ID{user})
	if err != nil {
		o.chat.log.Error("name of who came or went", "error", err)
	}
	if e.Place == server {
		o.server(ctx, user, names[user], e)
		return
	}
	if room, ok := parseHex(e.Place); ok {
		o.room(ctx, room, names[user], e)
	}
}

func (o *observer) server(ctx context.Context, user ID, name string, e presence.Event) {
	event := PresenceEvent{Type: TypePresence, Username: name, IsLoggedIn: e.Present}
	if !e.Present {
		event.LastSeen = e.At.UnixMilli()
	}
	o.seen.note(user, e.At) // of those who came too: a server that is killed does not see them go
	o.chat.send(ctx, UsersGroup, event)
}

func (o *observer) room(ctx context.Context, id ID, name string, e presence.Event) {
	o.mu.Lock()
	if e.Present {
		o.places[id] = struct{}{}
	} else if o.chat.presence.Count(e.Place) == 0 {
		delete(o.places, id)
	}
	o.mu.Unlock()
	o.counts.mark(id)

	room, ok := o.chat.knownRoom(ctx, id)
	if !ok {
		return
	}
	event := RoomEvent{Type: TypeJoin, Room: room.Name, User: name}
	if !e.Present {
		event.Type = TypeLeave
	}
	o.chat.send(ctx, RoomGroup(id), event)
}

// sendCount tells how many people are in a room now.
func (o *observer) sendCount(id ID) {
	ctx := context.Background()
	if room, ok := o.chat.knownRoom(ctx, id); ok {
		o.chat.send(ctx, RoomsGroup, CountEvent{Type: TypeRoom, Room: room.Name, Users: o.chat.presence.Count(id.Hex())})
	}
}

// knownRoom is a room that something happened in; it is nearly always in the cache.
func (c *Chat) knownRoom(ctx context.Context, id ID) (Room, bool) {
	lookUp, cancel := queryContext(ctx)
	defer cancel()
	room, err := c.rooms.byID(lookUp, id)
	if err != nil {
		c.log.Error("look up a room", "room", id, "error", err)
	}
	return room, err == nil
}
