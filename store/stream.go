package store

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
)

const (
	// streamScan is how many rows are looked at in one query.
	streamScan = 1024
	// streamFetch is how many are read whole at once, and streamBytes how much text
	// ends an answer before its limit does.
	streamFetch = 128
	streamBytes = 2 << 20
)

// placed is where a row stands, without the row.
type placed struct {
	table int // of tables
	place int64
	feed  ID
	seq   uint64
}

func (p *placed) scan(from scanner) error {
	return from.Scan(&p.table, &p.place, &p.feed, &p.seq)
}

const placesAfter = `SELECT * FROM (
		SELECT * FROM (SELECT 0, place, feed, seq FROM users WHERE place > ?1 ORDER BY place LIMIT ?2) UNION ALL
		SELECT * FROM (SELECT 1, place, feed, seq FROM seen WHERE place > ?1 ORDER BY place LIMIT ?2) UNION ALL
		SELECT * FROM (SELECT 2, place, feed, seq FROM sessions WHERE place > ?1 ORDER BY place LIMIT ?2) UNION ALL
		SELECT * FROM (SELECT 3, place, feed, seq FROM rooms WHERE place > ?1 ORDER BY place LIMIT ?2) UNION ALL
		SELECT * FROM (SELECT 4, place, feed, seq FROM messages WHERE place > ?1 ORDER BY place LIMIT ?2) UNION ALL
		SELECT * FROM (SELECT 5, place, feed, seq FROM records WHERE place > ?1 ORDER BY place LIMIT ?2) UNION ALL
		SELECT * FROM (SELECT 6, place, feed, seq FROM strange WHERE place > ?1 ORDER BY place LIMIT ?2) UNION ALL
		SELECT * FROM (SELECT 7, place, feed, seq FROM early WHERE place > ?1 ORDER BY place LIMIT ?2)
	) ORDER BY place LIMIT ?2`

const atPlaces = ` WHERE place IN (SELECT value FROM json_each(?))`

// table is how rows are read whole, by their places.
type table struct {
	query string
	read  func(ctx context.Context, q querier, query string, args ...any) ([]Row, error)
}

// tables are all that hold replicated rows, numbered as in placesAfter.
func tables() []table {
	return []table{
		{`SELECT ` + userColumns + ` FROM users`, readRows[User]},
		{`SELECT ` + seenColumns + ` FROM seen`, readRows[Seen]},
		{`SELECT ` + sessionColumns + ` FROM sessions`, readRows[Session]},
		{`SELECT ` + roomColumns + ` FROM rooms`, readRows[Room]},
		{`SELECT ` + messageColumns + ` FROM messages`, readRows[Message]},
		{`SELECT ` + recordColumns + ` FROM records`, readRows[Record]},
		{`SELECT ` + strangeColumns + ` FROM strange`, readRows[Strange]},
		{`SELECT place, body FROM early`, readKept},
	}
}

func readRows[T any, P scannableRow[T]](ctx context.Context, q querier, query string, args ...any) ([]Row, error) {
	all, err := many[T, P](ctx, q, query, args...)
	rows := make([]Row, len(all))
	for i := range all {
		rows[i] = P(&all[i])
	}
	return rows, err
}

func readKept(ctx context.Context, q querier, query string, args ...any) ([]Row, error) {
	all, err := many[kept](ctx, q, query, args...)
	if err != nil {
		return nil, err
	}
	var rows []Row
	for _, k := range all {
		r, err := DecodeRow([]byte(k.body))
		if err != nil {
			return nil, err
		}
		r.row().Place = k.place
		rows = append(rows, r)
	}
	return rows, nil
}

// RowsAfter gives rows of all kinds behind a place, in order of place, without
// those that the vector skip covers: up to limit, or fewer if they are large. next
// is the place to go on from; end says that nothing is behind it now. A row that is
// written again moves to a later place, so whoever goes on to the end misses none.
func (s *Store) RowsAfter(ctx context.Context, place int64, skip map[ID]uint64, limit int) (rows []Row, next int64, end bool, err error) {
	if limit <= 0 {
		return nil, place, false, nil
	}
	queries := []string{placesAfter}
	for _, table := range tables() {
		queries = append(queries, table.query+atPlaces)
	}
	next = place
	err = s.reader.snapshot(ctx, queries, func(q querier) error {
		for len(rows) == 0 && !end {
			var lacking []placed
			if lacking, next, end, err = lackingAfter(ctx, q, next, skip, limit); err != nil {
				return err
			}
			if rows, err = fetch(ctx, q, lacking); err != nil {
				return err
			}
			if len(rows) < len(lacking) {
				next, end = PlaceOf(rows[len(rows)-1]), false
			}
		}
		return nil
	})
	if err != nil {
		return nil, place, false, s.readError(ctx, "read rows", err)
	}
	return rows, next, end, nil
}

// lackingAfter looks at the next places for rows that the vector does not cover.
func lackingAfter(ctx context.Context, q querier, place int64, skip map[ID]uint64, limit int) (lacking []placed, next int64, end bool, err error) {
	window := max(streamScan, limit)
	all, err := many[placed](ctx, q, placesAfter, place, window)
	if err != nil {
		return nil, place, false, err
	}
	for _, p := range all {
		place = p.place
		if p.seq <= skip[p.feed] {
			continue
		}
		if lacking = append(lacking, p); len(lacking) == limit {
			return lacking, place, false, nil
		}
	}
	return lacking, place, len(all) < window, nil
}

// fetch reads rows whole, from the first until it is enough.
func fetch(ctx context.Context, q querier, wanted []placed) ([]Row, error) {
	var rows []Row
	size := 0
	for part := range slices.Chunk(wanted, streamFetch) {
		places := make([][]int64, len(tables()))
		for _, p := range part {
			places[p.table] = append(places[p.table], p.place)
		}
		start := len(rows)
		for i, table := range tables() {
			if len(places[i]) == 0 {
				continue
			}
			some, err := table.read(ctx, q, table.query+atPlaces, placeList(places[i]))
			if err != nil {
				return nil, err
			}
			rows = append(rows, some...)
		}
		slices.SortFunc(rows[start:], func(a, b Row) int { return cmp.Compare(PlaceOf(a), PlaceOf(b)) })
		for _, r := range rows[start:] {
			size += rowSize(r)
		}
		if size > streamBytes {
			break
		}
	}
	return rows, nil
}

// rowSize is about how much memory the texts of a row take.
func rowSize(r Row) int {
	size := len(r.row().Extra)
	switch r := r.(type) {
	case *Message:
		size += len(r.Text)
	case *Record:
		size += len(r.Key) + len(r.Body)
	case *Strange:
		size += len(r.Body)
	}
	return size
}

// placeList is a JSON array, for queries over many places at once.
func placeList(places []int64) string {
	var b strings.Builder
	b.WriteByte('[')
	for i, place := range places {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(strconv.FormatInt(place, 10))
	}
	b.WriteByte(']')
	return b.String()
}
