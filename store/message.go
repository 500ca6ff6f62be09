package store

import (
	"context"
	"errors"
	"time"
)

// Message is something said in a room or to one person. Deleted is sticky, and
// a deleted message has no text.
type Message struct {
	Header
	ID      ID
	Room    ID // the room, or the conversation ([PairID]) of a private message
	Author  ID
	Target  ID // the other person of a private message, else zero
	Posted  Stamp
	Text    string
	Edited  time.Time // zero: never
	Deleted bool
	Hook    string // the name of the webhook that posted it, whose ID the author is; empty: a person did
}

const messageColumns = `place, stamp, feed, seq, extra, id, room, author, target, posted, text, edited, deleted, hook`

func (m *Message) scan(from scanner) error {
	return from.Scan(&m.Place, &m.Stamp, &m.Feed, &m.Seq, &m.Extra,
		&m.ID, &m.Room, &m.Author, &m.Target, &m.Posted, &m.Text, (*timeColumn)(&m.Edited), &m.Deleted, &m.Hook)
}

const (
	messageByID  = `SELECT ` + messageColumns + ` FROM messages WHERE id = ?`
	messagesByID = `SELECT ` + messageColumns + ` FROM messages
		WHERE id IN (SELECT unhex(value) FROM json_each(?))`
	putMessage = `INSERT INTO messages (` + messageColumns + `)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET
			place = excluded.place, stamp = excluded.stamp, feed = excluded.feed, seq = excluded.seq, extra = excluded.extra,
			room = excluded.room, author = excluded.author, target = excluded.target, posted = excluded.posted,
			text = excluded.text, edited = excluded.edited, deleted = excluded.deleted, hook = excluded.hook`
	putConversation = `INSERT INTO conversations (user, other, posted, message) VALUES (?, ?, ?, ?)
		ON CONFLICT (user, other) DO UPDATE SET posted = excluded.posted, message = excluded.message
		WHERE (excluded.posted, excluded.message) > (posted, message)`
)

func (t *tx) putMessage(m *Message) error {
	t.sign(&m.Header)
	m.Edited = rounded(m.Edited)
	if m.Posted == 0 {
		m.Posted = m.Stamp
	}
	if m.Deleted {
		m.Text, m.Extra = "", ""
		t.erased = true
	}
	return t.put(m)
}

func (m *Message) key() rowKey { return rowKey{kind: kindMessage, id: m.ID} }
func (m *Message) final() bool { return m.Deleted }

func (m *Message) clone() Row {
	copied := *m
	return &copied
}

func (m *Message) write(t *tx) error {
	return t.write(putMessage, m.Place, int64(m.Stamp), m.Feed, int64(m.Seq), m.Extra,
		m.ID, m.Room, m.Author, m.Target, int64(m.Posted), m.Text, millis(m.Edited), m.Deleted, m.Hook)
}

// PostMessage stores a message, with a new ID if it has none, and posted now if
// it does not say when. A private message is of the conversation [PairID].
// created is false if the same author has posted this ID in this room before: the
// stored message is returned, so that a sender who got no answer may repeat. The
// same ID from another author or in another room is ErrConflict.
func (s *Store) PostMessage(ctx context.Context, m Message) (stored Message, created bool, err error) {
	m.Header = Header{}
	if m.ID.IsZero() {
		m.ID = NewID()
	}
	if !m.Target.IsZero() {
		m.Room = PairID(m.Author, m.Target)
	}
	// Not results: the writer may still set them when the caller has given up.
	var got Message
	var isNew bool
	err = s.writer.submit(ctx, "post message", func(t *tx) (err error) {
		got, err = find[Message](t, messageByID, m.ID)
		isNew = errors.Is(err, ErrNotFound)
		if !isNew {
			if err == nil && (got.Author != m.Author || got.Room != m.Room) {
				return ErrConflict
			}
			return err
		}
		if m.Target.IsZero() {
			if err := t.roomOpen(m.Room); err != nil {
				return err
			}
		}
		got = m
		return t.post(&got)
	})
	if err != nil {
		return Message{}, false, err
	}
	return got, isNew, nil
}

// post writes a new message and what follows from it.
func (t *tx) post(m *Message) error {
	if err := t.putMessage(m); err != nil {
		return err
	}
	if m.Target.IsZero() {
		t.touch(m.Room)
		return nil
	}
	if err := t.write(putConversation, m.Author, m.Target, int64(m.Posted), m.ID); err != nil {
		return err
	}
	return t.write(putConversation, m.Target, m.Author, int64(m.Posted), m.ID)
}

// UpdateMessage changes a message as [Store.UpdateUser] changes a user. Only text,
// edit time and deletion change; what is deleted stays deleted and has no text.
func (s *Store) UpdateMessage(ctx context.Context, id ID, change func(*Message) error) (Message, error) {
	var updated Message
	err := s.writer.submit(ctx, "update message", func(t *tx) error {
		old, err := find[Message](t, messageByID, id)
		if err != nil {
			return err
		}
		m := old
		if err := change(&m); err != nil {
			return err
		}
		if m.Target.IsZero() {
			if err := t.roomOpen(old.Room); err != nil {
				return err
			}
		}
		changed := old
		changed.Text, changed.Edited, changed.Deleted = m.Text, m.Edited, m.Deleted || old.Deleted
		err = t.putMessage(&changed)
		updated = changed
		return err
	})
	if err != nil {
		return Message{}, err
	}
	return updated, nil
}

// MessageByID finds a message, or ErrNotFound.
func (s *Store) MessageByID(ctx context.Context, id ID) (Message, error) {
	return readOne[Message](ctx, s, "read message", messageByID, id)
}
