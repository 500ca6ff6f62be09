package store

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// Cursor is how far this node has read the order of events of another.
type Cursor struct {
	// Log names that order: it is the [Store.Log] of the other node, so its running feed in hex. A node that is restored from a
	// backup gives the same places again, under another name.
	Log   string
	Place int64
}

// keptCursors is how many orders of events are remembered. Each start of another
// node begins one.
const keptCursors = 256

const (
	feedSeqs     = `SELECT feed, seq FROM feeds`
	someFeedSeqs = `SELECT feed, seq FROM feeds WHERE feed IN (SELECT unhex(value) FROM json_each(?))`
	deleteFeed   = `DELETE FROM feeds WHERE feed = ?`
	cursorOf     = `SELECT place FROM cursors WHERE log = ?`
	putCursor    = `INSERT INTO cursors (log, place, used) VALUES (?, ?, ?)
		ON CONFLICT (log) DO UPDATE SET place = excluded.place, used = excluded.used`
	deleteCursors = `DELETE FROM cursors`
	oldCursors    = `DELETE FROM cursors WHERE log IN (SELECT log FROM cursors ORDER BY used DESC LIMIT -1 OFFSET ?)`
)

// feedSeq is how far a feed is known.
type feedSeq struct {
	feed ID
	seq  int64
}

func (f *feedSeq) scan(from scanner) error { return from.Scan(&f.feed, &f.seq) }

// loadFeeds reads how far the feeds are known, at the start.
func loadFeeds(ctx context.Context, conn *sql.Conn) (map[ID]uint64, error) {
	rows, err := conn.QueryContext(ctx, feedSeqs)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	known := make(map[ID]uint64)
	for rows.Next() {
		var f feedSeq
		if err := f.scan(rows); err != nil {
			return nil, err
		}
		known[f.feed] = uint64(f.seq)
	}
	return known, rows.Err()
}

// Feed is the running feed: the one whose numbers local writes get.
func (s *Store) Feed() ID { return *s.feed.Load() }

// Number is the newest number of the running feed; 0 if it has none yet. A new feed goes on from that of the old one.
func (s *Store) Number() uint64 { return s.number.Load() }

// NewFeed gives up the running feed for a new one. It is for a machine that was set
// back while it ran, and so has used numbers that others know by other rows. All
// rows of the old feed go over to the new one, and the old one is forgotten with all
// cursors, so that each side gets what it lacks of the other. Whoever is reading
// another node's rows must begin anew: a vector asked for before must not be adopted.
func (s *Store) NewFeed(ctx context.Context) error {
	return s.writer.submit(ctx, "open a new feed", func(t *tx) error {
		c := &t.w.counters
		old := c.feed
		c.feed = feedAfter(old)
		for _, query := range []string{
			`UPDATE users SET feed = ? WHERE feed = ?`,
			`UPDATE seen SET feed = ? WHERE feed = ?`,
			`UPDATE sessions SET feed = ? WHERE feed = ?`,
			`UPDATE rooms SET feed = ? WHERE feed = ?`,
			`UPDATE messages SET feed = ? WHERE feed = ?`,
			`UPDATE records SET feed = ? WHERE feed = ?`,
		} {
			if err := t.write(query, c.feed, old); err != nil {
				return err
			}
		}
		for _, r := range t.rows {
			if h := r.row(); h.Feed == old {
				h.Feed = c.feed
			}
		}
		if err := t.write(deleteFeed, old); err != nil {
			return err
		}
		// Whoever remembers a place under the old name may have it from before the machine was set back: nothing goes on from there.
		if err := t.write(putLog, c.feed); err != nil {
			return err
		}
		// What others have of it may lie before the places that they were read up to.
		return t.write(deleteCursors)
	})
}

// feedAfter makes the ID of a feed that rows of an older one go over to: a greater
// one. They keep their stamps, and what they superseded of equal stamp they must
// supersede under their new origin too, for it is known not to be lacking.
func feedAfter(old ID) ID {
	id := newRandomID()
	if bytes.Compare(id[:], old[:]) < 0 {
		binary.BigEndian.PutUint64(id[:8], binary.BigEndian.Uint64(old[:8])+1)
	}
	return id
}

// Vector tells how far this node has each feed, and its newest place, both of one
// moment.
func (s *Store) Vector(ctx context.Context) (vector map[ID]uint64, place int64, err error) {
	err = s.reader.snapshot(ctx, []string{feedSeqs, newestPlace}, func(q querier) error {
		feeds, err := many[feedSeq](ctx, q, feedSeqs)
		if err != nil {
			return err
		}
		newest, err := one[number](ctx, q, newestPlace)
		if err != nil {
			return err
		}
		place = int64(newest)
		vector = make(map[ID]uint64, len(feeds))
		for _, f := range feeds {
			vector[f.feed] = uint64(f.seq)
		}
		return nil
	})
	if err != nil {
		return nil, 0, s.readError(ctx, "read vector", err)
	}
	return vector, place, nil
}

// Known tells how far this node has some feeds.
func (s *Store) Known(ctx context.Context, feeds []ID) (map[ID]uint64, error) {
	some, err := readMany[feedSeq](ctx, s, "read vector", someFeedSeqs, idList(feeds))
	known := make(map[ID]uint64, len(some))
	for _, f := range some {
		known[f.feed] = uint64(f.seq)
	}
	return known, err
}

// Adopt notes that this node has all that a vector says, and how far it has read
// the order of events of the node that gave it. All rows up to that place, and not
// covered by what was known before, must be merged; then what the vector covers
// besides has been replaced by later writes.
func (s *Store) Adopt(ctx context.Context, vector map[ID]uint64, cursor Cursor) error {
	for feed, seq := range vector {
		if feed.IsZero() || seq > math.MaxInt64 {
			return fmt.Errorf("adopt a vector: feed %s has no number %d", feed, seq)
		}
	}
	return s.writer.submit(ctx, "adopt a vector", func(t *tx) error {
		if err := t.retryEarly(); err != nil {
			return err
		}
		if err := t.putCursor(cursor); err != nil {
			return err
		}
		for feed, seq := range vector {
			t.know(feed, seq)
		}
		return nil
	})
}

// Cursor is the place up to which an order of events was read; 0 if it never was.
func (s *Store) Cursor(ctx context.Context, log string) (int64, error) {
	place, err := readOne[number](ctx, s, "read cursor", cursorOf, log)
	if errors.Is(err, ErrNotFound) {
		return 0, nil
	}
	return int64(place), err
}

// SaveCursor notes how far the order of events of another node was read.
func (s *Store) SaveCursor(ctx context.Context, cursor Cursor) error {
	return s.writer.submit(ctx, "save cursor", func(t *tx) error { return t.putCursor(cursor) })
}

func (t *tx) putCursor(c Cursor) error {
	if err := t.write(putCursor, c.Log, c.Place, millis(t.now)); err != nil {
		return err
	}
	return t.write(oldCursors, keptCursors)
}
