package store

import (
	"context"
	"time"
)

const (
	// maxEarly is how far ahead of the clock a row may be stamped to be merged: a
	// clock that is a day wrong is somebody's mistake with a date or a time zone.
	// Such a one may have followed others, and stamp later than it shows.
	maxEarly = 24*time.Hour + maxLead
	// retryPeriod is how often the rows that wait for the clock are looked at.
	retryPeriod = time.Minute
	// retryRows is how many rows one transaction takes up again.
	retryRows = 256
	// keptDamaged and keptBytes are how many damaged rows are kept to be looked at,
	// and how much of each.
	keptDamaged = 1000
	keptBytes   = 64 << 10
)

// Aside counts what came from other nodes and is kept without being understood.
type Aside struct {
	Strange int // rows that only newer versions know; they are passed on
	Early   int // rows stamped more than a day ahead of the clock; they are passed on, and wait
	Damaged int // what was no row at all, ever
}

const (
	countStrange  = `SELECT count(*) FROM strange`
	countEarly    = `SELECT count(*) FROM early`
	countDamaged  = `SELECT coalesce(max(id), 0) FROM damaged`
	earlyByFeed   = `SELECT place FROM early WHERE feed = ? AND seq = ?`
	putEarly      = `INSERT INTO early (place, stamp, feed, seq, body) VALUES (?, ?, ?, ?, ?)`
	earlyBefore   = `SELECT place, body FROM early WHERE stamp < ? ORDER BY stamp LIMIT ?`
	deleteEarly   = `DELETE FROM early WHERE place = ?`
	putDamaged    = `INSERT INTO damaged (at, feed, seq, why, body) VALUES (?, ?, ?, ?, ?)`
	skipDamaged   = `INSERT INTO damaged (id, at, feed, seq, why, body) SELECT coalesce(max(id), 0) + ?, ?, NULL, 0, 'only counted', x'' FROM damaged`
	oldDamaged    = `DELETE FROM damaged WHERE id <= (SELECT max(id) FROM damaged) - ?`
	strangeKinds  = `SELECT place, body FROM strange WHERE kind = ? AND place > ? ORDER BY place LIMIT ?`
	forgetStrange = `DELETE FROM strange WHERE place = ?`
)

// Aside counts what is kept aside.
func (s *Store) Aside(ctx context.Context) (Aside, error) {
	var a Aside
	for query, into := range map[string]*int{countStrange: &a.Strange, countEarly: &a.Early, countDamaged: &a.Damaged} {
		n, err := readOne[number](ctx, s, "count rows set aside", query)
		if err != nil {
			return Aside{}, err
		}
		*into = int(n)
	}
	return a, nil
}

// Damaged is what came as a row and cannot be decoded.
type Damaged struct {
	Origin Origin // as far as it is known
	Body   []byte
	Why    string
}

// SetAside keeps damaged rows for somebody to look at: the latest thousand, and the
// beginning of what is long. All of them are one commit: whoever sends nothing else
// must not make this node write all the time.
func (s *Store) SetAside(ctx context.Context, rows []Damaged) error {
	if len(rows) == 0 {
		return nil
	}
	return s.writer.submit(ctx, "set rows aside", func(t *tx) error {
		// Those that would be the first to go are only counted.
		if more := len(rows) - keptDamaged; more > 0 {
			if err := t.write(skipDamaged, more, millis(t.now)); err != nil {
				return err
			}
			rows = rows[more:]
		}
		for _, r := range rows {
			body := r.Body[:min(len(r.Body), keptBytes)]
			if err := t.write(putDamaged, millis(t.now), r.Origin.Feed, int64(r.Origin.Seq), r.Why, append([]byte{}, body...)); err != nil {
				return err
			}
		}
		return t.write(oldDamaged, keptDamaged)
	})
}

// putEarly lets a row wait, and counts it if it did not wait already.
func (t *tx) putEarly(r Row) (int, error) {
	o := r.row().Origin
	places, err := many[number](context.Background(), t, earlyByFeed, o.Feed, int64(o.Seq))
	if err != nil || len(places) > 0 {
		return 0, err
	}
	return 1, t.write(putEarly, t.nextPlace(), int64(o.Stamp), o.Feed, int64(o.Seq), string(EncodeRow(r)))
}

// kept is the whole of a row that waits.
type kept struct {
	place int64
	body  string
}

func (k *kept) scan(from scanner) error { return from.Scan(&k.place, &k.body) }

// retryEarly merges the rows that have waited long enough.
func (t *tx) retryEarly() error {
	if t.now.Sub(t.w.retried).Abs() < retryPeriod {
		return nil
	}
	waiting, err := many[kept](context.Background(), t, earlyBefore, int64(StampAt(t.now.Add(maxEarly))), retryRows)
	if err != nil {
		return err
	}
	if len(waiting) < retryRows {
		t.w.retried = t.now
	}
	return t.takeUp(waiting, deleteEarly)
}

// takeUp merges rows that were kept, and removes them from where they were.
func (t *tx) takeUp(waiting []kept, remove string) error {
	var rows []Row
	for _, k := range waiting {
		r, err := DecodeRow([]byte(k.body))
		if err != nil {
			t.w.logger.Warn("a row that was set aside cannot be read", "place", k.place, "error", err)
		} else {
			rows = append(rows, r)
		}
		if err := t.write(remove, k.place); err != nil {
			return err
		}
	}
	_, err := t.merge(rows)
	return err
}

// retry merges what an older version of Snug kept as strange and this one knows.
func (s *Store) retry(ctx context.Context) error {
	for _, kind := range append(RecordKinds(), kindUser, kindSeen, kindSession, kindRoom, kindMessage) {
		for after := int64(0); ; {
			all, err := readMany[kept](ctx, s, "read strange rows", strangeKinds, kind, after, retryRows)
			if err != nil {
				return err
			}
			if len(all) == 0 {
				break
			}
			after = all[len(all)-1].place
			var known []kept
			for _, k := range all {
				r, err := DecodeRow([]byte(k.body))
				if _, strange := r.(*Strange); err == nil && !strange {
					known = append(known, k)
				}
			}
			if len(known) == 0 {
				continue
			}
			err = s.writer.submit(ctx, "merge strange rows", func(t *tx) error { return t.takeUp(known, forgetStrange) })
			if err != nil {
				return err
			}
		}
	}
	return nil
}
