package store

import (
	"context"
	"errors"
	"time"
)

// againDelay is between two tries to write, where nothing can be written and nobody tries. A disk that is full is not asked for more than a row.
const againDelay = 10 * time.Second

// Trouble is why nothing can be stored now: [ErrDiskFull], [ErrLost], [ErrFailing], [ErrNotWritable] or [ErrBusy]. It is nil while the disk takes what is
// written, as far as anything was.
func (s *Store) Trouble() error { return s.writer.why() }

func (w *writer) why() error {
	if why := w.trouble.Load(); why != nil {
		return *why
	}
	return nil
}

// report notes that nothing can be stored, or that it can be again, and says each once in the log, with what to do. It does not do so for each write that is
// refused: those who wrote are told, and try again.
func (w *writer) report(err error) {
	const until = "; until then nobody can post here, and no restart is needed afterwards"
	var why error
	todo := ""
	switch {
	case err == nil && w.isUnsure(): // only merges were written, which wait for nothing
		return
	case err == nil:
		if w.trouble.Swap(nil) != nil {
			w.logger.Info("the disk takes what is written again")
		}
		return
	case errors.Is(err, ErrLost):
		if !errors.Is(w.why(), ErrLost) {
			w.trouble.Store(&ErrLost)
			w.logger.Error("the disk has lost what it failed to take: mend or replace it, and restart Snug, which then goes on with what is safe; until then nobody can post here", "data", w.dir, "error", err)
		}
		return
	case errors.Is(err, ErrDiskFull):
		why, todo = ErrDiskFull, "the disk is full: free some space"+until
	case errors.Is(err, ErrFailing):
		why, todo = ErrFailing, "the disk fails, and nobody here is told of what it did not take: see what the system's log says of it, and mend or replace it; until then nobody can post here, and afterwards a restart is needed only if the next line asks for one"
	case errors.Is(err, ErrNotWritable):
		why, todo = ErrNotWritable, "the data directory cannot be written: see who owns it, and what the system's log says of the disk"+until
	case errors.Is(err, ErrBusy):
		why, todo = ErrBusy, "another program holds the database: end what works on snug.db"+until
	default: // it is the write's own fault
		return
	}
	w.mend.Reset(againDelay)
	if w.trouble.Swap(&why) == nil {
		w.logger.Error(todo, "data", w.dir, "error", err)
	}
}

// tryAgain looks whether the disk takes what is written again, so that this is known where nobody writes.
func (w *writer) tryAgain() {
	if errors.Is(w.why(), ErrDiskFull) && diskIsFull(w.dir) { // what is left may be enough for this, and for nobody
		w.mend.Reset(againDelay)
		return
	}
	try := func(t *tx) error { return t.write(putMeta, "ready", NewID().String()) }
	if w.isUnsure() { // the log is to be mended, and not to grow
		try = func(*tx) error { return nil }
	}
	w.commit([]*operation{{ctx: context.Background(), doing: "try the disk", run: try, done: make(chan error, 1)}})
}
