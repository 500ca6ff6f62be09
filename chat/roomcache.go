package chat

import (
	"context"
	"sync"

	"snug/store"
)

// maxCachedRooms bounds the rooms that are held; a room takes about 300 bytes.
const maxCachedRooms = 10_000

// rooms holds rooms by key and by ID, so that posting asks no query. It is kept current by the publisher, and by
// whoever reads a row: of two states of a room the one with the later place stays. Whoever looks for one that was
// deleted gets store.ErrGone.
type rooms struct {
	store *store.Store

	mu   sync.RWMutex // guards what follows
	ids  map[ID]*cachedRoom
	keys map[string]*cachedRoom
}

type cachedRoom struct {
	Room
	key     string
	place   int64
	life    int
	deleted bool
}

func newRooms(st *store.Store) *rooms {
	return &rooms{store: st, ids: make(map[ID]*cachedRoom), keys: make(map[string]*cachedRoom)}
}

// put takes the row in, and returns the newest state of the room that it knows.
func (r *rooms) put(row *store.Room) Room {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.putLocked(row).Room
}

// renew is put for what was just committed, and says whether it takes the room from somebody: it is deleted, or guests who could read it cannot any more. Of a
// room that is not held, nothing is known of before: the next who asks reads the row.
func (r *rooms) renew(row *store.Room) (taken bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	old := r.ids[row.ID]
	r.putLocked(row)
	switch {
	case row.Deleted:
		return true
	case row.Guests || old == nil:
		return false
	}
	return old.Guests || old.place >= row.Place // somebody was quicker to read it
}

func (r *rooms) putLocked(row *store.Room) *cachedRoom {
	old := r.ids[row.ID]
	if old != nil && old.place >= row.Place {
		return old
	}
	if old == nil && len(r.ids) >= maxCachedRooms {
		r.evict()
	}
	room := &cachedRoom{
		Room: Room{ID: row.ID, Name: row.Name, Creator: row.Creator, Created: row.Created, Guests: row.Guests},
		key:  row.Key, place: row.Place, life: row.Life, deleted: row.Deleted,
	}
	r.ids[row.ID] = room
	switch now := r.keys[row.Key]; {
	case row.Deleted && now != nil && now.ID == row.ID:
		delete(r.keys, row.Key) // the store knows whether there is another by now
	case !row.Deleted && (now == nil || now.life <= row.Life):
		r.keys[row.Key] = room
	}
	return room
}

// evict drops any one room: with so many of them, one that is used is read again soon enough.
func (r *rooms) evict() {
	for id, room := range r.ids {
		delete(r.ids, id)
		if r.keys[room.key] == room {
			delete(r.keys, room.key)
		}
		return
	}
}

func (r *rooms) byKey(ctx context.Context, key string) (Room, error) {
	r.mu.RLock()
	room := r.keys[key]
	r.mu.RUnlock()
	if room != nil {
		return room.Room, nil
	}
	row, err := r.store.RoomByKey(ctx, key)
	if err != nil {
		return Room{}, err
	}
	return r.put(&row), nil
}

func (r *rooms) byID(ctx context.Context, id ID) (Room, error) {
	r.mu.RLock()
	room := r.ids[id]
	r.mu.RUnlock()
	switch {
	case room != nil && room.deleted:
		return Room{}, store.ErrGone
	case room != nil:
		return room.Room, nil
	}
	row, err := r.store.RoomByID(ctx, id)
	if err != nil {
		return Room{}, err
	}
	found := r.put(&row)
	if row.Deleted {
		return Room{}, store.ErrGone
	}
	return found, nil
}
