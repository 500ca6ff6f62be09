package store

import (
	"context"
	"slices"
)

// Conversation is the private talk with one other person.
type Conversation struct {
	Other ID
	Last  Message
}

func (c *Conversation) scan(from scanner) error {
	m := &c.Last
	return from.Scan(&c.Other, &m.Place, &m.Stamp, &m.Feed, &m.Seq, &m.Extra,
		&m.ID, &m.Room, &m.Author, &m.Target, &m.Posted, &m.Text, (*timeColumn)(&m.Edited), &m.Deleted, &m.Hook)
}

const (
	newestMessages = `SELECT ` + messageColumns + ` FROM messages
		WHERE room = ? ORDER BY posted DESC, id DESC LIMIT ?`
	messagesBefore = `SELECT ` + messageColumns + ` FROM messages
		WHERE room = ? AND (posted, id) < (?, ?) ORDER BY posted DESC, id DESC LIMIT ?`
	messagesAfter = `SELECT ` + messageColumns + ` FROM messages
		WHERE room = ? AND (posted, id) > (?, ?) ORDER BY posted, id LIMIT ?`
	messagesSince = `SELECT ` + messageColumns + ` FROM messages
		WHERE room = ? AND place > ? ORDER BY place LIMIT ?`
	// Two walks, each along its own index and no further than the limit.
	privateSince = `SELECT ` + messageColumns + ` FROM messages WHERE place IN (
			SELECT place FROM (SELECT place FROM messages
				WHERE author = ?1 AND target IS NOT NULL AND place > ?2 ORDER BY place LIMIT ?3)
			UNION ALL
			SELECT place FROM (SELECT place FROM messages
				WHERE target = ?1 AND target IS NOT NULL AND place > ?2 ORDER BY place LIMIT ?3))
		ORDER BY place LIMIT ?3`
	conversationsOf = `SELECT c.other, m.place, m.stamp, m.feed, m.seq, m.extra,
			m.id, m.room, m.author, m.target, m.posted, m.text, m.edited, m.deleted, m.hook
		FROM conversations AS c JOIN messages AS m ON m.id = c.message
		WHERE c.user = ? ORDER BY c.posted DESC, c.message DESC LIMIT ?`
	conversationsAfter = `SELECT c.other, m.place, m.stamp, m.feed, m.seq, m.extra,
			m.id, m.room, m.author, m.target, m.posted, m.text, m.edited, m.deleted, m.hook
		FROM conversations AS c JOIN messages AS m ON m.id = c.message
		WHERE c.user = ? AND (c.posted, c.message) < (?, ?) ORDER BY c.posted DESC, c.message DESC LIMIT ?`
	newestPlace = `SELECT place FROM state WHERE id = 1`
)

// History gives up to limit messages of a room or conversation that were posted
// before the one named, or the newest if that is zero; oldest first. more says
// that there are older ones. ErrNotFound: there is no such message in that room.
func (s *Store) History(ctx context.Context, room, before ID, limit int) (msgs []Message, more bool, err error) {
	err = s.read(ctx, "read history", func(q querier) error {
		msgs, more, err = history(ctx, q, room, before, limit)
		return err
	})
	return msgs, more, err
}

func history(ctx context.Context, q querier, room, before ID, limit int) (msgs []Message, more bool, err error) {
	if limit <= 0 {
		return nil, false, nil
	}
	if before.IsZero() {
		msgs, err = many[Message](ctx, q, newestMessages, room, limit+1)
	} else {
		var mark Message
		mark, err = one[Message](ctx, q, messageByID, before)
		if err == nil && mark.Room != room {
			err = ErrNotFound
		}
		if err != nil {
			return nil, false, err
		}
		msgs, err = many[Message](ctx, q, messagesBefore, room, int64(mark.Posted), mark.ID, limit+1)
	}
	if err != nil {
		return nil, false, err
	}
	if more = len(msgs) > limit; more {
		msgs = msgs[:limit]
	}
	slices.Reverse(msgs)
	return msgs, more, nil
}

// HistoryAfter is [Store.History] in the other direction: up to limit messages that
// were posted after the one named, oldest first. more says that there are newer ones.
func (s *Store) HistoryAfter(ctx context.Context, room, after ID, limit int) (msgs []Message, more bool, err error) {
	if limit <= 0 {
		return nil, false, nil
	}
	err = s.read(ctx, "read history", func(q querier) error {
		mark, err := one[Message](ctx, q, messageByID, after)
		if err == nil && mark.Room != room {
			err = ErrNotFound
		}
		if err != nil {
			return err
		}
		msgs, err = many[Message](ctx, q, messagesAfter, room, int64(mark.Posted), mark.ID, limit+1)
		return err
	})
	if more = len(msgs) > limit; more {
		msgs = msgs[:limit]
	}
	return msgs, more, err
}

// Latest gives the newest messages as [Store.History] does, and the place up to
// which they are complete: [Store.Since] that place gives what came later.
func (s *Store) Latest(ctx context.Context, room ID, limit int) (msgs []Message, more bool, seq int64, err error) {
	seq, err = s.readAt(ctx, "read newest messages", newestMessages, func(q querier) error {
		msgs, more, err = history(ctx, q, room, ID{}, limit)
		return err
	})
	if err != nil {
		return nil, false, 0, err
	}
	return msgs, more, seq, nil
}

// Since gives the messages of a room or conversation that were posted, edited or
// deleted after that place, in their newest state and in order of place, and the
// place up to which they are complete unless there are limit of them. Whoever asks
// for one more than needed sees whether there are more.
func (s *Store) Since(ctx context.Context, room ID, after int64, limit int) (msgs []Message, seq int64, err error) {
	return s.since(ctx, "read changes", messagesSince, room, after, limit)
}

// PrivateSince is [Store.Since] over all private messages from or to a user.
func (s *Store) PrivateSince(ctx context.Context, user ID, after int64, limit int) (msgs []Message, seq int64, err error) {
	return s.since(ctx, "read private changes", privateSince, user, after, limit)
}

func (s *Store) since(ctx context.Context, doing, query string, whose ID, after int64, limit int) (msgs []Message, seq int64, err error) {
	seq, err = s.readAt(ctx, doing, query, func(q querier) error {
		msgs, err = many[Message](ctx, q, query, whose, after, max(limit, 0))
		return err
	})
	if err != nil {
		return nil, 0, err
	}
	return msgs, seq, nil
}

// readAt runs a query on one state of the database, and gives the newest place in
// that state. It can be greater than [Store.Seq]: readers see a commit while the
// writer still tidies up after it.
func (s *Store) readAt(ctx context.Context, doing, query string, fn func(querier) error) (seq int64, err error) {
	err = s.reader.snapshot(ctx, []string{newestPlace, query}, func(q querier) error {
		newest, err := one[number](ctx, q, newestPlace)
		if err != nil {
			return err
		}
		seq = int64(newest)
		return fn(q)
	})
	return seq, s.readError(ctx, doing, err)
}

// Conversations lists up to limit of those whom a user has private messages with, the
// latest first: those whose last message is older than the one named, or all if that
// is zero. ErrNotFound: the user has no such message.
func (s *Store) Conversations(ctx context.Context, user, after ID, limit int) ([]Conversation, error) {
	if limit <= 0 {
		return nil, nil
	}
	if after.IsZero() {
		return readMany[Conversation](ctx, s, "list conversations", conversationsOf, user, limit)
	}
	var list []Conversation
	err := s.read(ctx, "list conversations", func(q querier) error {
		mark, err := one[Message](ctx, q, messageByID, after)
		if err == nil && (mark.Target.IsZero() || (mark.Author != user && mark.Target != user)) {
			err = ErrNotFound
		}
		if err != nil {
			return err
		}
		list, err = many[Conversation](ctx, q, conversationsAfter, user, int64(mark.Posted), mark.ID, limit)
		return err
	})
	return list, err
}
