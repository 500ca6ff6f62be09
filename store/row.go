package store

// Origin says who wrote a replicated row last, and when. Every replicated row
// has one; (Feed, Seq) is unique.
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
}

func (h *Header) row() *Header { return h }

// Row is a replicated row as the store hands it to watchers: *[User],
// *[Session], *[Room], *[Message] or *[Seen].
type Row interface {
	row() *Header
}

// PlaceOf tells where a row stands in the order of events.
func PlaceOf(r Row) int64 { return r.row().Place }
