package store

// Strange is a row that only a newer version understands: of a kind, or of a
// version of a kind, that this one does not know. It is kept and passed on.
type Strange struct {
	Header
	Kind  string
	ID    string
	Final bool
	Body  string // the whole row as it travels
}

const strangeColumns = `place, stamp, feed, seq, kind, id, final, body`

func (x *Strange) scan(from scanner) error {
	return from.Scan(&x.Place, &x.Stamp, &x.Feed, &x.Seq, &x.Kind, &x.ID, &x.Final, &x.Body)
}

const (
	strangeByID = `SELECT ` + strangeColumns + ` FROM strange WHERE kind = ? AND id = ?`
	putStrange  = `INSERT INTO strange (` + strangeColumns + `) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (kind, id) DO UPDATE SET
			place = excluded.place, stamp = excluded.stamp, feed = excluded.feed, seq = excluded.seq,
			final = excluded.final, body = excluded.body`
)

func (x *Strange) key() rowKey { return rowKey{kind: "?" + x.Kind, name: x.ID} }
func (x *Strange) final() bool { return x.Final }

func (x *Strange) clone() Row {
	copied := *x
	return &copied
}

func (x *Strange) write(t *tx) error {
	return t.write(putStrange, x.Place, int64(x.Stamp), x.Feed, int64(x.Seq), x.Kind, x.ID, x.Final, x.Body)
}
