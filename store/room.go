package store

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Room is a place to talk. Its ID follows from its key and life, see [RoomLifeID].
// Deleted is sticky, and there is nothing in a deleted room.
type Room struct {
	Header
	ID      ID
	Name    string
	Key     string
	Creator ID
	Created time.Time
	Guests  bool // people without an account may enter
	Life    int  // how many rooms of this key were deleted before it
	Deleted bool
}

const roomColumns = `place, stamp, feed, seq, extra, id, name, key, creator, created, guests, life, deleted`

func (r *Room) scan(from scanner) error {
	return from.Scan(&r.Place, &r.Stamp, &r.Feed, &r.Seq, &r.Extra,
		&r.ID, &r.Name, &r.Key, &r.Creator, (*timeColumn)(&r.Created), &r.Guests, &r.Life, &r.Deleted)
}

const (
	roomByID  = `SELECT ` + roomColumns + ` FROM rooms WHERE id = ?`
	roomsByID = `SELECT ` + roomColumns + ` FROM rooms
		WHERE id IN (SELECT unhex(value) FROM json_each(?))`
	roomsByRecent = `SELECT r.place, r.stamp, r.feed, r.seq, r.extra, r.id, r.name, r.key, r.creator, r.created, r.guests, r.life, r.deleted
		FROM activity AS a CROSS JOIN rooms AS r ON r.id = a.room
		WHERE r.deleted = 0 ORDER BY a.at DESC, r.place DESC LIMIT ?`
	roomsByKey = `SELECT ` + roomColumns + ` FROM rooms WHERE key > ? AND deleted = 0 ORDER BY key, life LIMIT ?`
	roomByKey  = `SELECT ` + roomColumns + ` FROM rooms WHERE key = ? ORDER BY life DESC LIMIT 1`
	putRoom    = `INSERT INTO rooms (` + roomColumns + `)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET
			place = excluded.place, stamp = excluded.stamp, feed = excluded.feed, seq = excluded.seq, extra = excluded.extra,
			name = excluded.name, key = excluded.key, created = excluded.created, creator = excluded.creator, guests = excluded.guests,
			life = excluded.life, deleted = excluded.deleted`
)

func (r *Room) key() rowKey { return rowKey{kind: kindRoom, id: r.ID} }
func (r *Room) final() bool { return r.Deleted }

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
		r.ID, r.Name, r.Key, r.Creator, millis(r.Created), r.Guests, r.Life, r.Deleted)
}

// OpenRoom finds the room with that key, or makes it as given. ErrGone: the last one of
// that key was deleted, see [Store.ReopenRoom].
func (s *Store) OpenRoom(ctx context.Context, r Room) (room Room, created bool, err error) {
	// Most rooms exist already: a read spares them the wait for a commit.
	room, err = s.RoomByKey(ctx, r.Key)
	if !errors.Is(err, ErrNotFound) || errors.Is(err, ErrGone) {
		return room, false, err
	}
	return s.makeRoom(ctx, r, func(Room) (int, error) { return 0, ErrGone })
}

// ReopenRoom is OpenRoom, but makes another room where the last one was deleted.
func (s *Store) ReopenRoom(ctx context.Context, r Room) (room Room, created bool, err error) {
	return s.makeRoom(ctx, r, func(last Room) (int, error) {
		if last.Life >= maxLife {
			return 0, ErrGone
		}
		return last.Life + 1, nil
	})
}

// makeRoom makes a room where there is none. Where there was one, gone says which life
// comes next.
func (s *Store) makeRoom(ctx context.Context, r Room, gone func(last Room) (life int, err error)) (room Room, created bool, err error) {
	// Not results: the writer may still set them when the caller has given up.
	var got Room
	var isNew bool
	err = s.writer.submit(ctx, "open room", func(t *tx) (err error) {
		life := 0
		got, err = find[Room](t, roomByKey, r.Key)
		switch {
		case errors.Is(err, ErrNotFound):
		case err != nil:
			return err
		case !got.Deleted:
			isNew = false
			return nil
		default:
			if life, err = gone(got); err != nil {
				return err
			}
		}
		isNew, got = true, r
		got.Header, got.ID, got.Life, got.Deleted = Header{}, RoomLifeID(r.Key, life), life, false
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
// creation time do not change. One that was deleted is ErrGone. If nothing is changed nothing is written.
func (s *Store) UpdateRoom(ctx context.Context, id ID, change func(*Room) error) (Room, error) {
	var updated Room
	err := s.writer.submit(ctx, "update room", func(t *tx) error {
		old, err := find[Room](t, roomByID, id)
		if err != nil {
			return err
		}
		if old.Deleted {
			return ErrGone
		}
		r := old
		if err := change(&r); err != nil {
			return err
		}
		r.Header, r.ID, r.Key, r.Created, r.Life, r.Deleted = old.Header, old.ID, old.Key, old.Created, old.Life, false
		if updated = r; r == old {
			return nil // or it would undo what is changed meanwhile on a node that is away
		}
		err = t.putRoom(&r)
		updated = r
		return err
	})
	if err != nil {
		return Room{}, err
	}
	return updated, nil
}

// RoomByKey finds the room of a key, or ErrNotFound, or ErrGone if the last one was
// deleted.
func (s *Store) RoomByKey(ctx context.Context, key string) (Room, error) {
	r, err := readOne[Room](ctx, s, "read room", roomByKey, key)
	if err == nil && r.Deleted {
		return Room{}, fmt.Errorf("read room: %w", ErrGone)
	}
	return r, err
}

// RoomByID finds a room, also one that was deleted, or ErrNotFound.
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
