package store

import (
	"context"
	"errors"
	"time"
)

// Room is a place to talk. Its ID follows from its key, see [RoomID].
type Room struct {
	Header
	ID      ID
	Name    string
	Key     string
	Creator ID
	Created time.Time
	Guests  bool // people without an account may enter
}

const roomColumns = `place, stamp, feed, seq, extra, id, name, key, creator, created, guests`

func (r *Room) scan(from scanner) error {
	return from.Scan(&r.Place, &r.Stamp, &r.Feed, &r.Seq, &r.Extra,
		&r.ID, &r.Name, &r.Key, &r.Creator, (*timeColumn)(&r.Created), &r.Guests)
}

const (
	roomByID  = `SELECT ` + roomColumns + ` FROM rooms WHERE id = ?`
	roomsByID = `SELECT ` + roomColumns + ` FROM rooms
		WHERE id IN (SELECT unhex(value) FROM json_each(?))`
	roomsByRecent = `SELECT r.place, r.stamp, r.feed, r.seq, r.extra, r.id, r.name, r.key, r.creator, r.created, r.guests
		FROM activity AS a JOIN rooms AS r ON r.id = a.room
		ORDER BY a.at DESC, r.place DESC LIMIT ?`
	roomsByKey = `SELECT ` + roomColumns + ` FROM rooms WHERE key > ? ORDER BY key LIMIT ?`
	putRoom    = `INSERT INTO rooms (` + roomColumns + `)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET
			place = excluded.place, stamp = excluded.stamp, feed = excluded.feed, seq = excluded.seq, extra = excluded.extra,
			name = excluded.name, key = excluded.key, created = excluded.created, creator = excluded.creator, guests = excluded.guests`
)

func (r *Room) key() rowKey { return rowKey{kind: kindRoom, id: r.ID} }
func (r *Room) final() bool { return false }

func (r *Room) clone() Row {
	copied := *r
	return &copied
}

func (t *tx) putRoom(r *Room) error {
	t.sign(&r.Header)
	r.Created = rounded(r.Created)
	return t.put(r)
}

func (r *Room) write(t *tx) error {
	return t.write(putRoom, r.Place, int64(r.Stamp), r.Feed, int64(r.Seq), r.Extra,
		r.ID, r.Name, r.Key, r.Creator, millis(r.Created), r.Guests)
}

// OpenRoom finds the room with that key, or makes it as given. Its ID is always
// [RoomID] of the key.
func (s *Store) OpenRoom(ctx context.Context, r Room) (room Room, created bool, err error) {
	r.Header, r.ID = Header{}, RoomID(r.Key)
	// Most rooms exist already: a read spares them the wait for a commit.
	room, err = s.RoomByID(ctx, r.ID)
	if !errors.Is(err, ErrNotFound) {
		return room, false, err
	}
	// Not results: the writer may still set them when the caller has given up.
	var got Room
	var isNew bool
	err = s.writer.submit(ctx, "open room", func(t *tx) (err error) {
		got, err = find[Room](t, roomByID, r.ID)
		isNew = errors.Is(err, ErrNotFound)
		if !isNew {
			return err
		}
		got = r
		err = t.putRoom(&got)
		t.touch(got.ID)
		return err
	})
	if err != nil {
		return Room{}, false, err
	}
	return got, isNew, nil
}

// touch notes that something happened in the room; see [tx.commit].
func (t *tx) touch(room ID) {
	if t.active == nil {
		t.active = make(map[ID]struct{})
	}
	t.active[room] = struct{}{}
}

// UpdateRoom changes a room as [Store.UpdateUser] changes a user. ID, key and
// creation time do not change.
func (s *Store) UpdateRoom(ctx context.Context, id ID, change func(*Room) error) (Room, error) {
	var updated Room
	err := s.writer.submit(ctx, "update room", func(t *tx) error {
		old, err := find[Room](t, roomByID, id)
		if err != nil {
			return err
		}
		r := old
		if err := change(&r); err != nil {
			return err
		}
		r.Header, r.ID, r.Key, r.Created = old.Header, old.ID, old.Key, old.Created
		err = t.putRoom(&r)
		updated = r
		return err
	})
	if err != nil {
		return Room{}, err
	}
	return updated, nil
}

// RoomByKey finds a room, or ErrNotFound.
func (s *Store) RoomByKey(ctx context.Context, key string) (Room, error) {
	return s.RoomByID(ctx, RoomID(key))
}

// RoomByID finds a room, or ErrNotFound.
func (s *Store) RoomByID(ctx context.Context, id ID) (Room, error) {
	return readOne[Room](ctx, s, "read room", roomByID, id)
}

// Rooms lists rooms, those first where somebody posted last; a room without
// messages counts from its making.
func (s *Store) Rooms(ctx context.Context, limit int) ([]Room, error) {
	if limit <= 0 {
		return nil, nil
	}
	return readMany[Room](ctx, s, "list rooms", roomsByRecent, limit)
}

// RoomsByKey lists rooms in the order of their keys, those behind one.
func (s *Store) RoomsByKey(ctx context.Context, after string, limit int) ([]Room, error) {
	if limit <= 0 {
		return nil, nil
	}
	return readMany[Room](ctx, s, "list rooms", roomsByKey, after, limit)
}
