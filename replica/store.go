package replica

import (
	"context"
	"encoding/hex"
	"maps"
)

// Feed is the id of a feed: one life of one writer.
type Feed [16]byte

func (f Feed) String() string { return hex.EncodeToString(f[:]) }

// Row is a replicated row in the form in which it travels.
type Row struct {
	Feed Feed
	Seq  uint64 // counts the rows of the feed, from 1, without gaps
	Body []byte // what it says is the business of the store
}

// Vector tells for each feed how far somebody has it.
type Vector map[Feed]uint64

// Covers reports whether v has at least all of w.
func (v Vector) Covers(w Vector) bool { return w.ahead(v, nil) == 0 }

// ahead counts what v has and w does not, without one feed if that is given.
func (v Vector) ahead(w Vector, without *Feed) (rows uint64) {
	for feed, seq := range v {
		if seq > w[feed] && (without == nil || feed != *without) {
			rows += seq - w[feed]
		}
	}
	return rows
}

// beyond counts the feeds that v has and w does not.
func (v Vector) beyond(w Vector) (feeds int) {
	for feed := range v {
		if _, ok := w[feed]; !ok {
			feeds++
		}
	}
	return feeds
}

// room reports whether a feed may be known. Where there are as many as can be, only those that are.
func (v Vector) room(feed Feed) bool {
	return v[feed] > 0 || len(v) < maxFeeds
}

// raise takes over what w has and v does not.
func (v Vector) raise(w Vector) {
	for feed, seq := range w {
		if seq > v[feed] {
			v[feed] = seq
		}
	}
}

func (v Vector) clone() Vector {
	if v == nil {
		return Vector{}
	}
	return maps.Clone(v)
}

// Cursor is how far this node has read another's order of events.
type Cursor struct {
	Log   Feed // names the order: the running feed of the other node
	Place int64
}

// Merged is what became of rows that were merged.
type Merged struct {
	Applied int    // changed something here
	Aside   int    // could not be read, and are kept aside
	Known   Vector // how far the feeds of these rows are known now
}

// Store is what a node keeps. All that it changes is on disk when the method returns, but for what is merged.
type Store interface {
	// Feed is the running feed, which local writes are counted in. It also names the order of places: a database that was restored, or
	// set back, counts places anew under a new feed.
	Feed() Feed
	// Vector tells how far this node has each feed, and its newest place, both at one moment. Of each row up to
	// the number for its feed, the store has that state or a later one.
	Vector(ctx context.Context) (Vector, int64, error)
	// RowsAfter gives up to limit rows behind a place in order of place, each in its newest state, without those that skip
	// covers. All up to the place next have been looked at, and end says that there were no more at that moment. It may give
	// fewer rows than there are, even none, without being at the end.
	RowsAfter(ctx context.Context, place int64, skip Vector, limit int) (rows []Row, next int64, end bool, err error)
	// Merge joins rows with those that are here, in the order given. A row that continues its feed, whose number follows the known one, makes that number
	// known; no other does. A row that cannot be read is kept aside, given out by RowsAfter like all others, and
	// counts as known in the same way. People are told of a row only if its content is news.
	//
	// A crash of the process must not take the rows away, a power cut may: then those of the last moments, and what the vector says of them.
	Merge(ctx context.Context, rows []Row) (Merged, error)
	// Sync returns when all that was merged before is on disk. It is called while other methods run.
	Sync(ctx context.Context) error
	// Adopt raises what is known to at least the vector, and saves the cursor with it.
	Adopt(ctx context.Context, vector Vector, cursor Cursor) error
	// Cursor is the place saved for that order of events, 0 if there is none.
	Cursor(ctx context.Context, log Feed) (int64, error)
	// SaveCursor notes a place in another node's order of events.
	SaveCursor(ctx context.Context, cursor Cursor) error
	// NewFeed opens a new running feed, because the machine was set back while it ran. The rows of the old one behind the number sure are
	// signed anew: in their order they become the first of the new feed, with the stamps that they have. The old feed is then known up to sure. All cursors
	// are forgotten: a row that is signed anew may lose against itself under the old signature, which then has to come once more.
	NewFeed(ctx context.Context, sure uint64) error
}
