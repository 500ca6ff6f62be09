package store

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// maxLife bounds [Room.Life]: nobody deletes a room and makes it anew that often.
const maxLife = 1 << 20

// ErrGone means that there was a room, and it was deleted. It is an ErrNotFound too.
var ErrGone = fmt.Errorf("it was deleted: %w", ErrNotFound)

const (
	roomDeleted = `SELECT count(*) FROM rooms WHERE id = ? AND deleted <> 0`
	// eraseMessages takes away what [Message.erased] does. The rows stay, with their
	// origins: which state of a message stays must not depend on what was known of its
	// room when it came.
	eraseMessages = `UPDATE messages SET text = '', edited = 0, hook = '', extra = ''
		WHERE room = ? AND (text <> '' OR edited <> 0 OR hook <> '' OR extra <> '')`
)

// RoomLifeID is the ID of a room under a key that had as many others before it, all
// of them deleted. Two nodes that do not see each other make the same one.
func RoomLifeID(key string, life int) ID {
	if life == 0 {
		return RoomID(key)
	}
	return hashID(fmt.Sprintf("room\x00%s\x00%d", key, life))
}

// DeleteRoom deletes a room and erases all its messages, those too that other nodes
// have taken in and this one has not seen yet. It is final. ErrGone: it was deleted
// before.
func (s *Store) DeleteRoom(ctx context.Context, id ID) (Room, error) {
	var deleted Room
	err := s.writer.submit(ctx, "delete room", func(t *tx) error {
		old, err := find[Room](t, roomByID, id)
		if err != nil {
			return err
		}
		if old.Deleted {
			return ErrGone
		}
		r := old
		r.Creator, r.Guests, r.Deleted, r.Extra = ID{}, false, true, ""
		if err := t.putRoom(&r); err != nil {
			return err
		}
		deleted = r
		return t.eraseRoom(id)
	})
	if err != nil {
		return Room{}, err
	}
	return deleted, nil
}

// eraseRoom takes away what was said in a room that is deleted.
func (t *tx) eraseRoom(id ID) error {
	n, err := t.change(eraseMessages, id)
	t.erased = t.erased || n > 0
	return err
}

// roomOpen checks that something may be said in a room: one that this node does not
// know yet may be on its way, but one that was deleted does not come back.
func (t *tx) roomOpen(id ID) error {
	n, err := find[number](t, roomDeleted, id)
	if err == nil && n > 0 {
		err = ErrGone
	}
	return err
}

// inDeletedRoom gives a row as it is kept: a message of a deleted room without what it
// says.
func (t *tx) inDeletedRoom(r Row) (Row, error) {
	m, ok := r.(*Message)
	if !ok || !m.Target.IsZero() {
		return r, nil
	}
	err := t.roomOpen(m.Room)
	if errors.Is(err, ErrGone) {
		return m.erased(), nil
	}
	return r, err
}

// erased is the message as it is kept when its room is deleted.
func (m *Message) erased() *Message {
	e := *m
	e.Text, e.Edited, e.Hook, e.Extra = "", time.Time{}, "", ""
	return &e
}
