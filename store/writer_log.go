package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// secure brings the log to the disk if one of the batch waits for that.
func (w *writer) secure(batch []*operation) error {
	waits := func(op *operation) bool { return !op.merge }
	if w.log == nil || !slices.ContainsFunc(batch, waits) {
		return nil
	}
	err := w.log.flush()
	if !errors.Is(err, errUnsure) {
		return err
	}
	// All that the log holds goes into the database, and a new one begins.
	busy, err := w.emptyLog()
	switch {
	case err != nil:
		return err
	case busy:
		return ErrBusy
	}
	w.log.mended()
	return w.moveByItself(true)
}

// moveByItself says whether SQLite may move a long log into the database after a commit: not while the log may be other than what was written to it.
func (w *writer) moveByItself(may bool) error {
	pages := 0
	if may {
		pages = movePages
	}
	if _, err := w.conn.ExecContext(context.Background(), fmt.Sprint("PRAGMA wal_autocheckpoint = ", pages)); err != nil {
		return err
	}
	w.careful = !may
	return nil
}

// scrubLog empties the write-ahead log, where text that was deleted is still to
// be read. A reader in the middle of something makes it try again later.
func (w *writer) scrubLog() {
	busy, err := w.emptyLog()
	if err != nil {
		w.logger.Warn("deleted text not yet scrubbed from the log", "error", err)
	}
	if busy || err != nil && !errors.Is(err, ErrLost) { // of which there is no end
		w.scrub.Reset(scrubDelay)
	}
}

// emptyLog moves all that the log holds into the database, unless a reader is busy with it.
func (w *writer) emptyLog() (busy bool, err error) {
	if err := w.checkLog(); err != nil {
		return false, err
	}
	ctx := context.Background()
	_, err = w.conn.ExecContext(ctx, "PRAGMA busy_timeout = 0") // writes must not wait for readers
	if err == nil {
		busy, err = w.moveLog()
		_, errBack := w.conn.ExecContext(ctx, "PRAGMA busy_timeout = 5000")
		err = errors.Join(err, errBack)
	}
	return busy, err
}

// moveLog has SQLite move the log into the database.
func (w *writer) moveLog() (busy bool, err error) {
	var inUse, frames, moved int
	err = w.conn.QueryRowContext(context.Background(), "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&inUse, &frames, &moved)
	return inUse != 0, err
}

// isUnsure says whether the log may be other than what was written to it.
func (w *writer) isUnsure() bool { return w.log != nil && w.log.isUnsure() }

// checkLog is called before the log is moved into the database: after a failure, it may not be what was written.
func (w *writer) checkLog() error {
	if !w.isUnsure() {
		return nil
	}
	return w.log.check()
}

// finish empties the write-ahead log, after stop. An error means that it must not get into the database: SQLite
// would move it there when the last connection is closed.
func (w *writer) finish() error {
	for _, st := range w.statements {
		st.Close()
	}
	if err := w.checkLog(); err != nil {
		return err
	}
	if _, err := w.moveLog(); err != nil {
		// What is in the log is as safe as what is in the database.
		w.logger.Warn("write-ahead log left as it is", "error", err)
	}
	return nil
}
