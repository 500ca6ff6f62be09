package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"modernc.org/sqlite"
)

const (
	databaseFile = "snug.db"
	lockFile     = "snug.lock"
)

// Options change how a store is opened. The zero value is what most want.
type Options struct {
	Now    func() time.Time // time.Now if nil
	Logger *slog.Logger     // silent if nil
	// Synchronous is "full" (also if empty): a write that returned survives a
	// power cut. Or "normal": it survives a crash of Snug, but a power cut may
	// take the last moments with it.
	Synchronous string
}

// Store is an open database. All methods may be called at once from many goroutines.
type Store struct {
	dir    string
	lives  []life        // of earlier processes, the latest last
	place  atomic.Int64  // newest committed
	number atomic.Uint64 // of the running feed, newest committed
	feed   atomic.Pointer[ID]
	reader *reader
	writer *writer
	wal    *logFile

	database *sql.DB
	conn     *sql.Conn // the only one of database; the writer's
	unlock   func() error
	closed   atomic.Bool
	close    sync.Once
	closeErr error
}

// Exists reports whether there is a database in dir.
func Exists(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, databaseFile))
	return err == nil
}

// Open opens the database in dir, and makes both if they are not there. It
// starts a new feed. One process at a time can have it open, others get
// [ErrLocked]. The directory is made private to its owner; one that exists
// already keeps its mode, the database file is always made private.
func Open(ctx context.Context, dir string, opts Options) (*Store, error) {
	s, err := open(ctx, dir, opts)
	if err != nil {
		return nil, fmt.Errorf("open store in %s: %w", dir, explainOpen(dir, err))
	}
	return s, nil
}

func open(ctx context.Context, dir string, opts Options) (*Store, error) {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	if opts.Synchronous != "" && opts.Synchronous != "full" && opts.Synchronous != "normal" {
		return nil, fmt.Errorf("synchronous %q: want full or normal", opts.Synchronous)
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotWritable, err)
	}
	_ = syncDir(filepath.Dir(dir)) // as far as it may be read: dir may be new
	unlock, err := lockDir(filepath.Join(dir, lockFile))
	if err != nil {
		return nil, err
	}
	s := &Store{dir: dir, unlock: unlock}
	if err := s.start(ctx, opts); err != nil {
		return nil, errors.Join(err, s.release())
	}
	return s, nil
}

// start opens the file and sets the writer going.
func (s *Store) start(ctx context.Context, opts Options) error {
	steps, err := readMigrations(migrations)
	if err != nil {
		return err
	}
	path := filepath.Join(s.dir, databaseFile)
	if err := makePrivate(path); err != nil {
		return fmt.Errorf("%w: %w", ErrNotWritable, err)
	}
	if err := s.connect(ctx, path, len(steps)); err != nil {
		return err
	}
	if err := migrate(ctx, s.conn, path, steps); err != nil {
		return err
	}
	log, last, err := loadState(ctx, s.conn)
	if err != nil {
		return err
	}
	if s.lives, err = beginLife(ctx, s.conn, log, last); err != nil {
		return err
	}
	known, err := loadFeeds(ctx, s.conn)
	if err != nil {
		return err
	}
	if s.reader, err = openReader(path); err != nil {
		return err
	}
	if s.wal, err = openLog(path); err != nil {
		return err
	}
	// SQLite syncs the entry of a log that it makes. One that is there may be of a process that did not come so far.
	if err := syncDir(s.dir); err != nil {
		return err
	}
	if _, err := s.conn.ExecContext(ctx, "PRAGMA synchronous = normal"); err != nil {
		return err
	}
	s.saved(last)
	s.writer = startWriter(s.conn, s.dir, last, s.lives, known, opts, s.wal, s.saved)
	return s.retry(ctx)
}

// saved publishes what the last commit has reached.
func (s *Store) saved(c counters) {
	s.place.Store(c.place)
	s.number.Store(c.seq)
	if feed := s.feed.Load(); feed == nil || *feed != c.feed {
		s.feed.Store(&c.feed)
	}
}

// connect makes the connection that writes. Settings follow one by one, when it
// is clear that the file is ours: some of them change it.
func (s *Store) connect(ctx context.Context, path string, known int) error {
	connector, err := sqlite.NewConnector(dataSource(path, url.Values{"_pragma": {"busy_timeout(5000)"}}))
	if err != nil {
		return err
	}
	s.database = sql.OpenDB(connector)
	s.database.SetMaxOpenConns(1)
	if s.conn, err = s.database.Conn(ctx); err != nil {
		return err
	}
	if err := checkOurs(ctx, s.conn, known); err != nil {
		return err
	}
	var mode string
	if err := s.conn.QueryRowContext(ctx, "PRAGMA journal_mode = WAL").Scan(&mode); err != nil {
		return err
	}
	if mode != "wal" {
		return fmt.Errorf("the file system of %s cannot hold a write-ahead log (journal mode stays %q)", path, mode)
	}
	for _, pragma := range []string{
		"synchronous = full",        // until all is open: from then on, see logFile
		"fullfsync = on",            // on a Mac a sync leaves it in the disk's own memory otherwise,
		"checkpoint_fullfsync = on", // and the log would be overwritten before the database has it
		"secure_delete = on",        // what is deleted is overwritten
		fmt.Sprint("wal_autocheckpoint = ", movePages),
		"journal_size_limit = 67108864", // bytes: a log that had to grow shrinks again
		"temp_store = memory",           // nothing outside the data directory
		"cache_size = -8192",            // KiB
		"foreign_keys = off",            // rows arrive in any order
	} {
		if _, err := s.conn.ExecContext(ctx, "PRAGMA "+pragma); err != nil {
			return fmt.Errorf("pragma %s: %w", pragma, err)
		}
	}
	return nil
}

// makePrivate makes the file if it is not there, and sees that only its owner
// can read it. SQLite gives the files beside it the same mode.
func makePrivate(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		// Not opened here: closing it would drop SQLite's locks, if there are any.
		return os.Chmod(path, 0o600)
	}
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), syncDir(filepath.Dir(path)))
}

// syncDir makes a new directory entry survive a power cut.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	// Some systems cannot sync a directory, and need not.
	_ = d.Sync()
	return d.Close()
}

// loadState reads where the last process stopped.
func loadState(ctx context.Context, conn *sql.Conn) (log ID, c counters, err error) {
	var clock int64
	err = conn.QueryRowContext(ctx, `SELECT log, place, clock FROM state WHERE id = 1`).Scan(&log, &c.place, &clock)
	if errors.Is(err, sql.ErrNoRows) {
		log = newRandomID()
		_, err = conn.ExecContext(ctx, `INSERT INTO state (id, log, place, clock) VALUES (1, ?, 0, 0)`, log)
	}
	c.clock.last, c.feed = Stamp(clock), newRandomID()
	return log, c, err
}

// Close writes what is queued, empties the write-ahead log into the database and
// lets other processes have it. Later calls return the result of the first.
func (s *Store) Close() error {
	s.close.Do(func() {
		s.closed.Store(true)
		s.closeErr = s.release()
	})
	return s.closeErr
}

// release gives back what open has taken, as far as it came.
func (s *Store) release() error {
	var errs []error
	if s.writer != nil {
		s.writer.stop()
	}
	if s.reader != nil { // before the writer: a read keeps the log from being emptied
		errs = append(errs, s.reader.close())
	}
	if s.writer != nil {
		if err := s.writer.finish(); err != nil {
			return errors.Join(append(errs, fmt.Errorf("close the database: %w", err), s.unlock())...) // the connections end with the process
		}
	}
	if s.wal != nil { // SQLite removes it with the last connection
		errs = append(errs, s.wal.close())
	}
	if s.conn != nil {
		errs = append(errs, s.conn.Close())
	}
	if s.database != nil {
		errs = append(errs, s.database.Close())
	}
	return errors.Join(append(errs, s.unlock())...)
}

func (s *Store) isClosed() bool { return s.closed.Load() }

// Seq is the newest committed place in the order of events.
func (s *Store) Seq() int64 { return s.place.Load() }

// Watch has fn called after each commit that wrote replicated rows, with the
// rows in order of [Header.Place], before the writers are answered. What was written
// here is on disk then; what was merged need not be. Where the disk has failed to take
// rows, these and all behind them are told when it has them. fn runs on
// the goroutine that writes: it must be quick and must not write to the store.
// It must not change the rows, others get them too. A call that is under way
// when stop is called may still end after it.
func (s *Store) Watch(fn func([]Row)) (stop func()) {
	return s.writer.watchers.add(fn)
}

// WatchEarly is [Store.Watch] for those who may hear of rows that a power cut could
// still take away here. It comes before all that Watch calls.
func (s *Store) WatchEarly(fn func([]Row)) (stop func()) {
	return s.writer.early.add(fn)
}

// Sync returns when all that was merged before is on disk, too. A store that is
// opened with "normal" promises that of nothing.
func (s *Store) Sync(ctx context.Context) error {
	if s.writer.log == nil {
		return nil
	}
	if s.isClosed() {
		return fmt.Errorf("sync: %w", ErrClosed)
	}
	err := s.wal.flush()
	switch {
	case errors.Is(err, errUnsure):
		return s.writer.submit(ctx, "sync", func(*tx) error { return nil }) // which mends the log first
	case err != nil:
		return fmt.Errorf("sync: %w: %w", ErrFailing, explain(s.dir, err))
	}
	return nil
}

// Ready writes something and waits until it is on disk.
func (s *Store) Ready(ctx context.Context) error {
	return s.writer.submit(ctx, "write to the database", func(t *tx) error {
		// Always another value: SQLite does not write a row that stays as it is.
		return t.write(putMeta, "ready", NewID().String())
	})
}
