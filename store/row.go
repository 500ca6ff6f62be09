package store

import "bytes"

// Origin says who wrote a replicated row last, and when. Every replicated row
// has one; (Feed, Seq) names the write.
type Origin struct {
	Stamp Stamp
	Feed  ID
	Seq   uint64
}

// Header is the part that all replicated rows share.
type Header struct {
	Origin
	// Place is where the row stands in this node's order of events: its number
	// grows with every write of any replicated row. It is not replicated.
	Place int64
	// Extra is what a newer version has written into the row and this one does not
	// understand: a JSON object, or empty. It is kept and passed on.
	Extra string
}

func (h *Header) row() *Header { return h }

// Row is a replicated row: *[User], *[Session], *[Room], *[Message], *[Seen],
// *[Record], or *[Strange].
type Row interface {
	row() *Header
	// key says which row this is a state of.
	key() rowKey
	// final says that no later state replaces this one, unless it is final too.
	final() bool
	clone() Row
	// write puts the row into its table as it is.
	write(t *tx) error
	// wire is the row as it travels.
	wire() any
}

// rowKey names a row among all kinds.
type rowKey struct {
	kind string
	id   ID
	name string // the ID of a strange row
}

// PlaceOf tells where a row stands in the order of events.
func PlaceOf(r Row) int64 { return r.row().Place }

// OriginOf tells who wrote a row last, and when.
func OriginOf(r Row) Origin { return r.row().Origin }

// supersedes says which of two states of a row stays: a final one before others, of a
// room that which was made first, of a ruling or an ending that which stands later, then the later stamp (of a setting the earlier), then
// the origin. What differs at all has an order, so that
// all nodes keep the same, whatever came first and however often.
func supersedes(a, b Row) bool {
	if a.final() != b.final() {
		return a.final()
	}
	if r, ok := a.(*Room); ok && !r.Created.Equal(b.(*Room).Created) {
		// It was made on two nodes that did not see each other. It stays the room of who
		// made it first: nobody comes to moderate a room by opening it where it is not known.
		return r.Created.Before(b.(*Room).Created)
	}
	if r, ok := a.(*Record); ok && (isRuling(r.Kind) || r.Kind == KindEnding) {
		if at, other := r.stands(), b.(*Record).stands(); at != other {
			return at > other
		}
	}
	x, y := a.row(), b.row()
	if x.Stamp != y.Stamp {
		later := x.Stamp > y.Stamp
		return later != (a.key().kind == KindSetting)
	}
	if c := bytes.Compare(x.Feed[:], y.Feed[:]); c != 0 {
		return c > 0
	}
	if x.Seq != y.Seq {
		return x.Seq > y.Seq
	}
	if a == b {
		return false
	}
	// Only a machine that was set back while it ran writes twice under one number.
	// Nodes that know of the end of a room and others must find the same.
	if m, ok := a.(*Message); ok {
		if c := bytes.Compare(EncodeRow(m.erased()), EncodeRow(b.(*Message).erased())); c != 0 {
			return c > 0
		}
	}
	return bytes.Compare(EncodeRow(a), EncodeRow(b)) > 0
}

// sameState says that two rows differ in nothing but who wrote them when.
func sameState(a, b Row) bool {
	a, b = a.clone(), b.clone()
	a.row().Origin, b.row().Origin = Origin{}, Origin{}
	return bytes.Equal(EncodeRow(a), EncodeRow(b))
}

// join keeps of each row the state that stays, in the order in which they came.
func join(rows []Row) []Row {
	joined := make([]Row, 0, len(rows))
	at := make(map[rowKey]int, len(rows))
	for _, r := range rows {
		i, there := at[r.key()]
		switch {
		case !there:
			at[r.key()] = len(joined)
			joined = append(joined, r)
		case supersedes(r, joined[i]):
			joined[i] = r
		}
	}
	return joined
}
