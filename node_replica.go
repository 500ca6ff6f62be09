package main

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"

	"snug/replica"
	"snug/store"
)

// rows is the store as package replica knows it, which neither knows what rows say nor needs to.
type rows struct {
	store  *store.Store
	logger *slog.Logger
}

var _ replica.Store = rows{}

// Feed implements [replica.Store].
func (s rows) Feed() replica.Feed { return replica.Feed(s.store.Feed()) }

// Vector implements [replica.Store].
func (s rows) Vector(ctx context.Context) (replica.Vector, int64, error) {
	known, place, err := s.store.Vector(ctx)
	vector := make(replica.Vector, len(known))
	for feed, seq := range known {
		vector[replica.Feed(feed)] = seq
	}
	return vector, place, err
}

// RowsAfter implements [replica.Store].
func (s rows) RowsAfter(ctx context.Context, place int64, skip replica.Vector, limit int) ([]replica.Row, int64, bool, error) {
	found, next, end, err := s.store.RowsAfter(ctx, place, vectorOf(skip), limit)
	return encodeRows(found), next, end, err
}

// Merge implements [replica.Store]. A row that cannot be read is kept aside and known no further: what is behind it in its feed comes by a pull,
// at the end of which all of it is known.
func (s rows) Merge(ctx context.Context, all []replica.Row) (replica.Merged, error) {
	var merged replica.Merged
	readable := make([]store.Row, 0, len(all))
	var damaged []store.Damaged
	for _, r := range all {
		row, err := readRow(r)
		if err == nil {
			readable = append(readable, row)
			continue
		}
		damaged = append(damaged, store.Damaged{Origin: store.Origin{Feed: store.ID(r.Feed), Seq: r.Seq}, Body: r.Body, Why: err.Error()})
	}
	if merged.Aside = len(damaged); merged.Aside > 0 {
		last := damaged[len(damaged)-1]
		s.logger.Warn("rows of another node cannot be read, and are kept aside",
			"rows", len(damaged), "feed", last.Origin.Feed, "seq", last.Origin.Seq, "error", last.Why)
	}
	err := s.store.SetAside(ctx, damaged)
	if err != nil {
		return merged, err
	}
	if merged.Applied, err = s.store.Merge(ctx, readable); err != nil {
		return merged, err
	}
	feeds := make(map[store.ID]bool, 1)
	for _, r := range all {
		feeds[store.ID(r.Feed)] = true
	}
	known, err := s.store.Known(ctx, slices.Collect(maps.Keys(feeds)))
	merged.Known = make(replica.Vector, len(known))
	for feed, seq := range known {
		merged.Known[replica.Feed(feed)] = seq
	}
	return merged, err
}

// Sync implements [replica.Store].
func (s rows) Sync(ctx context.Context) error { return s.store.Sync(ctx) }

// Adopt implements [replica.Store].
func (s rows) Adopt(ctx context.Context, vector replica.Vector, cursor replica.Cursor) error {
	return s.store.Adopt(ctx, vectorOf(vector), cursorOf(cursor))
}

// Cursor implements [replica.Store].
func (s rows) Cursor(ctx context.Context, log replica.Feed) (int64, error) {
	return s.store.Cursor(ctx, log.String())
}

// SaveCursor implements [replica.Store].
func (s rows) SaveCursor(ctx context.Context, cursor replica.Cursor) error {
	return s.store.SaveCursor(ctx, cursorOf(cursor))
}

// NewFeed implements [replica.Store]. The store signs all rows of the old feed anew, also those that peers are sure to have: they get them twice,
// which is no harm, and it happens to a machine once in its life.
func (s rows) NewFeed(ctx context.Context, _ uint64) error { return s.store.NewFeed(ctx) }

// committed hands rows that were written here to the replica. It runs on the goroutine that writes the store.
func (s rows) committed(r *replica.Replica) func([]store.Row) {
	news := s.news()
	return func(all []store.Row) {
		if own := news(all); len(own) > 0 {
			r.Committed(own)
		}
	}
}

// news picks the rows that this node wrote, each once. A row that is only told of anew, because what follows from it has changed (a name, what was decided of an
// account), keeps its number: peers have it, and must not get it between those that follow each other.
func (s rows) news() func([]store.Row) []replica.Row {
	last := s.store.Number() // a new feed goes on from it
	return func(all []store.Row) []replica.Row {
		return slices.DeleteFunc(s.own(all), func(row replica.Row) bool {
			again := row.Seq <= last
			last = max(last, row.Seq)
			return again
		})
	}
}

// own are the rows that this node wrote.
func (s rows) own(all []store.Row) []replica.Row {
	feed := s.store.Feed()
	own := make([]store.Row, 0, len(all))
	for _, row := range all {
		if store.OriginOf(row).Feed == feed {
			own = append(own, row)
		}
	}
	return encodeRows(own)
}

func encodeRows(all []store.Row) []replica.Row {
	encoded := make([]replica.Row, len(all))
	for i, row := range all {
		o := store.OriginOf(row)
		encoded[i] = replica.Row{Feed: replica.Feed(o.Feed), Seq: o.Seq, Body: store.EncodeRow(row)}
	}
	return encoded
}

// readRow reads a row, which must be the one that it is said to be.
func readRow(r replica.Row) (store.Row, error) {
	row, err := store.DecodeRow(r.Body)
	if err != nil {
		return nil, err
	}
	if o := store.OriginOf(row); replica.Feed(o.Feed) != r.Feed || o.Seq != r.Seq {
		return nil, fmt.Errorf("it says to be number %d of feed %s", o.Seq, o.Feed)
	}
	return row, nil
}

func vectorOf(v replica.Vector) map[store.ID]uint64 {
	vector := make(map[store.ID]uint64, len(v))
	for feed, seq := range v {
		vector[store.ID(feed)] = seq
	}
	return vector
}

func cursorOf(c replica.Cursor) store.Cursor {
	return store.Cursor{Log: c.Log.String(), Place: c.Place}
}
