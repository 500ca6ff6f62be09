package chat

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"

	"snug/presence"
	"snug/store"
)

// observer tells the layer who comes and goes, and has the store keep when they were last seen. The tracker calls it
// one event at a time.
type observer struct {
	chat   *Chat
	counts *counts
	seen   *seenWriter
	stop   func()

	telling sync.Mutex // held while somebody's coming or going is looked at and told, so that the last word is true; guards recent
	recent  []PresenceEvent
	times   []time.Time // of recent

	mu      sync.Mutex // guards what follows
	places  map[ID]struct{}
	waiting map[ID]map[string]struct{} // places of people whose rows are not here yet, see maxWaiting
}

// maxWaiting is how many people whose rows are still on their way are told of as soon as these come. The others are seen when a page is opened.
const (
	// recentTime is how long a page may take from being made to hearing what changes; maxRecent is how many changes are told then.
	recentTime = 30 * time.Second
	maxRecent  = 1000

	maxWaiting       = 10_000
	maxWaitingPlaces = 20 // of each of them
)

func newObserver(c *Chat) *observer {
	o := &observer{
		chat:    c,
		places:  make(map[ID]struct{}),
		waiting: make(map[ID]map[string]struct{}),
		seen:    newSeenWriter(c.store, c.log, c.now, c.online),
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
	o.telling.Lock()
	defer o.telling.Unlock()
	o.tell(user, e)
}

// tell tells of somebody who has an account here. Of anybody else it waits for that.
func (o *observer) tell(user ID, e presence.Event) {
	ctx := context.Background() // the tracker has none to give
	lookUp, cancel := queryContext(ctx)
	defer cancel()
	names, err := o.chat.people.known(lookUp, []ID{user})
	if err != nil {
		o.chat.log.Error("name of who came or went", "error", err)
	}
	name, known := names[user]
	o.wait(user, e.Place, e.Present && !known)
	if !known {
		return
	}
	if e.Place == server {
		o.server(ctx, user, name, e)
		return
	}
	if room, ok := parseHex(e.Place); ok {
		o.room(ctx, room, name, e)
	}
}

// wait notes whether somebody's row is waited for, to tell then that they are in a place.
func (o *observer) wait(user ID, place string, waiting bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	places := o.waiting[user]
	switch {
	case !waiting:
		delete(places, place)
		if len(places) == 0 {
			delete(o.waiting, user)
		}
		return
	case places == nil && len(o.waiting) >= maxWaiting:
		return
	case places == nil:
		places = make(map[string]struct{})
		o.waiting[user] = places
	}
	if len(places) < maxWaitingPlaces {
		places[place] = struct{}{}
	}
}

// arrived tells where somebody is whose row has come.
func (o *observer) arrived(user ID) {
	o.mu.Lock()
	places := o.waiting[user]
	delete(o.waiting, user)
	o.mu.Unlock()
	if len(places) == 0 {
		return
	}
	o.telling.Lock()
	defer o.telling.Unlock()
	for place := range places {
		if o.chat.presence.Present(place, user.Hex()) {
			o.tell(user, presence.Event{Place: place, User: user.Hex(), Present: true, At: o.chat.now()})
		}
	}
}

func (o *observer) server(ctx context.Context, user ID, name string, e presence.Event) {
	event := PresenceEvent{Type: TypePresence, Username: name, IsLoggedIn: e.Present}
	if !e.Present {
		event.LastSeen = e.At.UnixMilli()
	}
	o.keep(event)
	o.seen.note(user, e.At) // of those who came too: a server that is killed does not see them go
	o.chat.send(ctx, UsersGroup, event)
}

// keep remembers what was told lately.
func (o *observer) keep(event PresenceEvent) {
	now := o.chat.now()
	old := 0
	for old < len(o.recent) && (now.Sub(o.times[old]) > recentTime || len(o.recent)-old >= maxRecent) {
		old++
	}
	o.recent, o.times = append(o.recent[old:], event), append(o.times[old:], now)
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
	if err != nil && !errors.Is(err, store.ErrNotFound) { // people of another node may be known before their room
		c.log.Error("look up a room", "room", id, "error", err)
	}
	return room, err == nil
}
