package store

import (
	"context"
	"errors"
	"time"
)

// Seen is when a user was last there.
type Seen struct {
	Header
	User ID
	At   time.Time
}

const seenColumns = `place, stamp, feed, seq, extra, user, at`

func (s *Seen) scan(from scanner) error {
	return from.Scan(&s.Place, &s.Stamp, &s.Feed, &s.Seq, &s.Extra, &s.User, (*timeColumn)(&s.At))
}

const (
	seenByUser  = `SELECT ` + seenColumns + ` FROM seen WHERE user = ?`
	seenByUsers = `SELECT ` + seenColumns + ` FROM seen
		WHERE user IN (SELECT unhex(value) FROM json_each(?))`
	putSeen = `INSERT INTO seen (` + seenColumns + `) VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (user) DO UPDATE SET
			place = excluded.place, stamp = excluded.stamp, feed = excluded.feed, seq = excluded.seq, extra = excluded.extra,
			at = excluded.at`
)

func (s *Seen) key() rowKey { return rowKey{kind: kindSeen, id: s.User} }
func (s *Seen) final() bool { return false }

func (s *Seen) clone() Row {
	copied := *s
	return &copied
}

func (s *Seen) write(t *tx) error {
	return t.write(putSeen, s.Place, int64(s.Stamp), s.Feed, int64(s.Seq), s.Extra, s.User, millis(s.At))
}

func (t *tx) putSeen(s *Seen) error {
	t.sign(&s.Header)
	s.At = rounded(s.At)
	return t.put(s)
}

// SetSeen notes that the user was there. An earlier time than the one known
// changes nothing.
func (s *Store) SetSeen(ctx context.Context, user ID, at time.Time) error {
	return s.writer.submit(ctx, "note last seen", func(t *tx) error {
		seen, err := find[Seen](t, seenByUser, user)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
		if err == nil && millis(at) <= millis(seen.At) {
			return nil
		}
		seen.User, seen.At = user, at
		return t.putSeen(&seen)
	})
}

// SeenByUser finds when these users were last there. Those who never were are
// left out.
func (s *Store) SeenByUser(ctx context.Context, ids []ID) (map[ID]time.Time, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	all, err := readMany[Seen](ctx, s, "read last seen", seenByUsers, idList(ids))
	if err != nil {
		return nil, err
	}
	times := make(map[ID]time.Time, len(all))
	for _, seen := range all {
		times[seen.User] = seen.At
	}
	return times, nil
}
