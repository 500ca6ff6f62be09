package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime/debug"
	"time"
)

// tx is one transaction of the writer. It holds the operations of one batch.
type tx struct {
	w   *writer
	now time.Time

	rows    []Row           // replicated rows written, in order of place
	before  counters        // before the transaction
	active  map[ID]struct{} // rooms where something happened
	known   map[ID]uint64   // feeds of others that this node now has further
	erased  bool            // text was deleted
	moved   bool            // a message left its room
	written int             // statements that changed something
	broken  error           // first failure of SQLite, or a panic: the transaction must go
}

func (t *tx) begin() error {
	_, err := t.exec("BEGIN IMMEDIATE")
	if err == nil {
		return nil
	}
	// A transaction that could not be ended would block all later ones.
	t.rollback()
	_, err = t.exec("BEGIN IMMEDIATE")
	return err
}

// commit writes what the batch leads to, once for all its operations, and makes
// it durable.
func (t *tx) commit() error {
	for room := range t.active {
		if err := t.write(putActivity, room); err != nil {
			return err
		}
	}
	if t.moved {
		if err := t.write(deleteInactive); err != nil {
			return err
		}
	}
	c := &t.w.counters
	if c.seq != t.before.seq || c.feed != t.before.feed && c.seq > 0 {
		if err := t.write(putFeed, c.feed, int64(c.seq)); err != nil {
			return err
		}
	}
	for feed, seq := range t.known {
		if err := t.write(putFeed, feed, int64(seq)); err != nil {
			return err
		}
	}
	if c.place != t.before.place {
		if err := t.write(putState, c.place, int64(c.clock.last)); err != nil {
			return err
		}
	}
	_, err := t.exec("COMMIT")
	return err
}

// rollback ends the transaction; SQLite may have done so by itself already.
func (t *tx) rollback() {
	_, _ = t.exec("ROLLBACK")
}

// perform runs an operation and survives its panic. Should the operation end its
// goroutine, the writer ends with it, and all who wait get [ErrClosed].
func (t *tx) perform(op *operation) (err error) {
	returned := false
	defer func() {
		if returned {
			return
		}
		p := recover()
		err = fmt.Errorf("panic: %v", p)
		t.broken = err
		t.w.logger.Error("write panicked", "doing", op.doing, "panic", p, "stack", string(debug.Stack()))
	}()
	err = op.run(t)
	returned = true
	return err
}

func (t *tx) exec(query string, args ...any) (sql.Result, error) {
	st, err := t.w.prepared(query)
	if err != nil {
		return nil, err
	}
	// Nobody's context: one caller who gives up must not stop the others' commit.
	return st.ExecContext(context.Background(), args...)
}

// write runs a statement that changes something. Its failure is never one that
// the operation can deal with.
func (t *tx) write(query string, args ...any) error {
	_, err := t.change(query, args...)
	return err
}

// change is write, and counts the rows.
func (t *tx) change(query string, args ...any) (int, error) {
	res, err := t.exec(query, args...)
	if err != nil {
		t.broken = err
		return 0, err
	}
	t.written++
	n, err := res.RowsAffected()
	return int(n), err
}

// query implements querier; it sees what the transaction has written.
func (t *tx) query(_ context.Context, query string, args ...any) (*sql.Rows, error) {
	st, err := t.w.prepared(query)
	if err != nil {
		t.broken = err
		return nil, err
	}
	rows, err := st.QueryContext(context.Background(), args...)
	if err != nil {
		t.broken = err
	}
	return rows, err
}

// sign makes h the header of the next write. h holds the header of the row to be
// replaced, or the zero Header for a new one.
func (t *tx) sign(h *Header) {
	c := &t.w.counters
	c.seq++
	c.place++
	*h = Header{
		Origin: Origin{
			Stamp: c.clock.next(t.now, h.Stamp),
			Feed:  c.feed,
			Seq:   c.seq,
		},
		Place: c.place,
		Extra: h.Extra,
	}
}

// put writes a row that has its place, and notes it for the watchers.
func (t *tx) put(r Row) error {
	t.rows = append(t.rows, r.clone())
	return r.write(t)
}

const (
	putFeed = `INSERT INTO feeds (feed, seq) VALUES (?, ?)
		ON CONFLICT (feed) DO UPDATE SET seq = excluded.seq`
	putState    = `UPDATE state SET place = ?, clock = ? WHERE id = 1`
	putActivity = `INSERT INTO activity (room, at) SELECT ?1, max(
			coalesce((SELECT posted FROM messages WHERE room = ?1 ORDER BY posted DESC LIMIT 1), 0),
			coalesce((SELECT max(created, 0) << 16 FROM rooms WHERE id = ?1), 0))
		WHERE true
		ON CONFLICT (room) DO UPDATE SET at = excluded.at WHERE at <> excluded.at`
	// The one message of a room that is not here turned out to be another's.
	deleteInactive = `DELETE FROM activity WHERE at = 0 AND room NOT IN (SELECT id FROM rooms)`
)

// absent checks that a query finds no row, and returns ErrConflict if it does.
func absent[T any, P scannable[T]](t *tx, query string, args ...any) error {
	_, err := find[T, P](t, query, args...)
	switch {
	case errors.Is(err, ErrNotFound):
		return nil
	case err != nil:
		return err
	}
	return ErrConflict
}

// find is [one] inside the transaction.
func find[T any, P scannable[T]](t *tx, query string, args ...any) (T, error) {
	return one[T, P](context.Background(), t, query, args...)
}
