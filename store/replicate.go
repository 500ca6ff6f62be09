package store

import (
	"context"
	"errors"
)

// Cursor is how far this node has read another's order of events.
type Cursor struct {
	Log   string // names the order: the [Store.Feed] of the other node, in hex
	Place int64
}

var errSoon = errors.New("not built yet")

// Feed is the running feed: the one that local writes are counted in.
func (s *Store) Feed() ID { return s.writer.feed }

// NewFeed opens a new running feed.
func (s *Store) NewFeed(ctx context.Context) error { return errSoon }

// Vector tells how far this node has each feed, and its newest place.
func (s *Store) Vector(ctx context.Context) (vector map[ID]uint64, place int64, err error) {
	return nil, 0, errSoon
}

// RowsAfter gives rows of all kinds behind a place, without those that skip covers.
func (s *Store) RowsAfter(ctx context.Context, place int64, skip map[ID]uint64, limit int) (rows []Row, next int64, end bool, err error) {
	return nil, 0, false, errSoon
}

// Merge joins rows of other nodes with those that are here.
func (s *Store) Merge(ctx context.Context, rows []Row) (applied int, err error) { return 0, errSoon }

// Adopt takes over what another node knows.
func (s *Store) Adopt(ctx context.Context, vector map[ID]uint64, cursor Cursor) error { return errSoon }

// Cursor is the saved place in another node's order of events, 0 if there is none.
func (s *Store) Cursor(ctx context.Context, log string) (int64, error) { return 0, errSoon }

// SaveCursor notes a place in another node's order of events.
func (s *Store) SaveCursor(ctx context.Context, cursor Cursor) error { return errSoon }

// Fingerprint is a hash of all replicated rows.
func (s *Store) Fingerprint(ctx context.Context) (string, error) { return "", errSoon }

// MaxRow bounds an encoded row, in bytes.
const MaxRow = 1 << 20

// Strange is a row of a kind that this version does not know.
type Strange struct {
	Header
	Kind  string
	ID    string
	Final bool
	Body  string
}

// EncodeRow gives the form in which rows travel between nodes.
func EncodeRow(r Row) []byte { return nil }

// DecodeRow reads what [EncodeRow] writes.
func DecodeRow(body []byte) (Row, error) { return nil, errSoon }

// OriginOf tells who wrote a row last, and when.
func OriginOf(r Row) Origin { return r.row().Origin }

// SetAside keeps a row that cannot be read, for a person to look at.
func (s *Store) SetAside(ctx context.Context, origin Origin, body []byte, why string) error {
	return errSoon
}

// Aside counts the rows that are kept but not shown.
type Aside struct {
	Strange int // of kinds that only newer versions know
	Early   int // stamped more than a day ahead of the clock
	Damaged int
}

// Aside counts the rows that are kept but not shown.
func (s *Store) Aside(ctx context.Context) (Aside, error) { return Aside{}, errSoon }
