package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"runtime"
	"sync/atomic"
	"time"
)

const (
	// queueLength is how many operations wait for the writer. Behind them callers
	// wait for a place, so that a slow disk slows them instead of eating memory.
	queueLength = 1024
	// maxBatch is how many operations one commit takes. It bounds how long the
	// first of them waits, and what a failing one makes the others repeat.
	maxBatch = 256
	// scrubDelay is how long deleted text may stay in the write-ahead log.
	scrubDelay = time.Second
	// mendDelay is between two tries to bring to the disk what it has failed to take, where nobody writes meanwhile.
	mendDelay = time.Second
	// maxUntold is how many rows wait for a disk that fails until watchers hear of them all the same.
	maxUntold = 1 << 14
	// movePages is how long the log may grow until SQLite moves it into the database after a commit: about 4 MB.
	movePages = 1000
)

// counters are what the writer gives out. A rolled-back transaction puts them back.
type counters struct {
	clock clock
	feed  ID // the running one
	seq   uint64
	place int64
}

// writer owns the one connection that writes. All operations pass through its
// queue; what waits there together is committed together.
type writer struct {
	conn   *sql.Conn
	dir    string
	now    func() time.Time
	logger *slog.Logger
	saved  func(counters) // there was a commit
	log    *logFile       // nil: nobody waits for the disk

	queue   chan *operation
	closing chan struct{} // closed: take no more
	stopped chan struct{} // closed: the goroutine has ended

	// Owned by the goroutine.
	counters   counters
	lives      []life        // of earlier processes
	known      map[ID]uint64 // how far this node has the feeds of others
	retried    time.Time     // when early rows were last looked at
	statements map[string]*sql.Stmt
	scrub      *time.Timer
	untold     []Row // the disk has failed to take them, or stand behind such rows: watchers hear of them when it has them
	mend       *time.Timer
	careful    bool // SQLite moves nothing by itself

	trouble atomic.Pointer[error] // why the disk does not take what is written, as the log says, too; nil: it does

	early, watchers watchers
}

func startWriter(conn *sql.Conn, dir string, last counters, lives []life, known map[ID]uint64, opts Options, log *logFile, saved func(counters)) *writer {
	if opts.Synchronous == "normal" {
		log = nil
	}
	w := &writer{
		conn:       conn,
		dir:        dir,
		now:        opts.Now,
		logger:     opts.Logger,
		saved:      saved,
		log:        log,
		queue:      make(chan *operation, queueLength),
		closing:    make(chan struct{}),
		stopped:    make(chan struct{}),
		counters:   last,
		lives:      lives,
		known:      known,
		statements: make(map[string]*sql.Stmt),
		scrub:      time.NewTimer(scrubDelay),
		mend:       time.NewTimer(mendDelay),
	}
	w.scrub.Stop()
	w.mend.Stop()
	go w.run()
	return w
}

// operation is one write that somebody waits for.
type operation struct {
	ctx   context.Context
	doing string
	run   func(*tx) error
	merge bool // of rows that others have: it need not be on disk when it is done
	done  chan error
}

// submit queues a write and waits until it is on disk. run may be called again
// if the transaction it was part of had to be repeated; when it returns an error
// it must not have written anything.
func (w *writer) submit(ctx context.Context, doing string, run func(*tx) error) error {
	return w.wait(&operation{ctx: ctx, doing: doing, run: run, done: make(chan error, 1)})
}

// submitMerge is submit, but waits for the commit only.
func (w *writer) submitMerge(ctx context.Context, doing string, run func(*tx) error) error {
	return w.wait(&operation{ctx: ctx, doing: doing, run: run, merge: true, done: make(chan error, 1)})
}

func (w *writer) wait(op *operation) error {
	ctx, doing := op.ctx, op.doing
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	select {
	case <-w.closing: // select picks at random: a closed store must not accept
		return fmt.Errorf("%s: %w", doing, ErrClosed)
	default:
	}
	select {
	case w.queue <- op:
	case <-w.closing:
		return fmt.Errorf("%s: %w", doing, ErrClosed)
	case <-w.stopped:
		return fmt.Errorf("%s: %w", doing, ErrClosed)
	case <-ctx.Done():
		return fmt.Errorf("%s: %w", doing, ctx.Err())
	}
	select {
	case err := <-op.done:
		return err
	case <-ctx.Done():
		return fmt.Errorf("%s: %w", doing, ctx.Err())
	case <-w.stopped:
		select {
		case err := <-op.done:
			return err
		default:
			return fmt.Errorf("%s: %w", doing, ErrClosed)
		}
	}
}

// run commits what is queued until closing, then the rest of it.
func (w *writer) run() {
	defer close(w.stopped)
	for {
		select {
		case op := <-w.queue:
			w.commit(w.gather(op))
		case <-w.scrub.C:
			w.scrubLog()
		case <-w.mend.C:
			w.tryAgain()
		case <-w.closing:
			for {
				select {
				case op := <-w.queue:
					w.commit(w.gather(op))
				default:
					return
				}
			}
		}
	}
}

// gather takes what waits behind first, and waits for nothing more.
func (w *writer) gather(first *operation) []*operation {
	// Those whom the last commit has just answered are about to write again: let
	// them, or every second batch would hold only the quickest of them.
	runtime.Gosched()
	batch := []*operation{first}
	for len(batch) < maxBatch {
		select {
		case op := <-w.queue:
			batch = append(batch, op)
		default:
			return batch
		}
	}
	return batch
}

// commit answers every operation of the batch. If something unexpected stops
// the transaction, each gets one of its own, so that only the culprit fails.
func (w *writer) commit(batch []*operation) {
	results, err := w.transact(batch)
	switch {
	case err == nil:
		for i, op := range batch {
			op.done <- results[i]
		}
	case len(batch) == 1:
		batch[0].done <- err
	default:
		if w.why() == nil {
			w.logger.Warn("commit repeated one write at a time", "writes", len(batch), "error", err)
		}
		for i := range batch {
			w.commit(batch[i : i+1])
		}
	}
}

// transact runs the operations in one transaction and tells the watchers. With
// an error nothing has changed; otherwise each operation has its own result. If what is
// committed cannot be brought to the disk, that is the result of all, and the rows stay:
// who tries again finds them.
func (w *writer) transact(batch []*operation) (results []error, err error) {
	before := w.counters
	t := &tx{w: w, now: w.now(), before: before}
	unsure := w.isUnsure()
	refuse := func(doing string, err error) ([]error, error) {
		err = fmt.Errorf("%s: %w", doing, explain(w.dir, err))
		w.report(err)
		return nil, err
	}
	if errors.Is(w.why(), ErrLost) { // nothing but a restart helps: what is written now would only be lost with it
		return refuse(batch[0].doing, fmt.Errorf("%w: %w", ErrFailing, ErrLost))
	}
	if unsure && !w.careful {
		if err := w.moveByItself(false); err != nil {
			return refuse(batch[0].doing, err)
		}
	}
	if err := t.begin(); err != nil {
		return refuse(batch[0].doing, err)
	}
	undo := func(doing string, err error) ([]error, error) {
		t.rollback()
		w.counters = before
		return refuse(doing, err)
	}
	results = make([]error, len(batch))
	for i, op := range batch {
		if err := op.ctx.Err(); err != nil {
			results[i] = fmt.Errorf("%s: %w", op.doing, err)
			continue
		}
		written := t.written
		if err := t.perform(op); err != nil {
			if t.broken != nil || t.written > written {
				return undo(op.doing, err)
			}
			results[i] = fmt.Errorf("%s: %w", op.doing, explain(w.dir, err))
		}
	}
	if err := t.commit(); err != nil {
		return undo(batch[0].doing, err)
	}
	maps.Copy(w.known, t.known)
	w.saved(w.counters)
	if t.erased {
		w.scrub.Reset(scrubDelay)
	}
	if len(t.rows) > 0 {
		w.early.call(w.logger, t.rows)
	}
	err = w.secure(batch)
	if err != nil {
		err = fmt.Errorf("%w: %w", ErrFailing, explain(w.dir, err))
		for i, op := range batch {
			if !op.merge { // also of those that found done what they wanted: it is no safer
				results[i] = fmt.Errorf("%s: %w", op.doing, err)
			}
		}
	}
	if err != nil || t.written > 0 || unsure { // what writes nothing says nothing of the disk
		w.report(err)
	}
	w.tell(t.rows)
	return results, nil
}

// tell has the watchers hear of rows, unless the disk has failed to take them or rows before them. Whoever wrote those was told that they are not stored, and must
// not see them in the room as if they were; nor must anybody else here, for they may be gone after a power cut. They are heard of, in order, when they are on the disk.
func (w *writer) tell(rows []Row) {
	waited := len(w.untold) > 0
	rows = append(w.untold, rows...)
	if w.isUnsure() && len(rows) <= maxUntold {
		w.untold = rows
		w.mend.Reset(mendDelay)
		return
	}
	if w.untold = nil; waited {
		w.logger.Info("people here are told what had to wait for the disk", "rows", len(rows))
	}
	if len(rows) > 0 {
		w.watchers.call(w.logger, rows)
	}
}

// prepared gives a statement of the writing connection.
func (w *writer) prepared(query string) (*sql.Stmt, error) {
	if st, ok := w.statements[query]; ok {
		return st, nil
	}
	st, err := w.conn.PrepareContext(context.Background(), query)
	if err != nil {
		return nil, err
	}
	w.statements[query] = st
	return st, nil
}

// stop waits for the queue to be written.
func (w *writer) stop() {
	close(w.closing)
	<-w.stopped
	w.scrub.Stop()
	w.mend.Stop()
}
