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
	log    ID
	place  atomic.Int64 // newest committed
	now    func() time.Time
	reader *reader
	writer *writer

	database *sql.DB // holds the connection of the writer
	unlock   func() error
	closed   atomic.Bool
	close    sync.Once
	closeErr error
}

// Open opens the database in dir, and makes both if they are not there. It
// starts a new feed. One process at a time can have it open, others get
// [ErrLocked]. The directory is made private to its owner; one that exists
// already keeps its mode, the database file is always made private.
func Open(ctx context.Context, dir string, opts Options) (*Store, error) {
	s, err := open(ctx, dir, opts)
	if err != nil {
		return nil, fmt.Errorf("open store in %s: %w", dir, explain(dir, err))
	}
	return s, nil
}

func open(ctx context.Context, dir string, opts Options) (s *Store, err error) {
	steps, err := readMigrations(migrations)
	if err != nil {
		return nil, err
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	dir, err = filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotWritable, err)
	}
	unlock, err := lockDir(filepath.Join(dir, lockFile))
	if err != nil {
		return nil, err
	}
	s = &Store{dir: dir, now: opts.Now, unlock: unlock}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.release())
		}
	}()
	path := filepath.Join(dir, databaseFile)
	if err := makePrivate(path); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotWritable, err)
	}
	conn, err := s.openWriter(ctx, path, opts.Synchronous, len(steps))
	if err != nil {
		return nil, err
	}
	if err := migrate(ctx, conn, path, steps); err != nil {
		return nil, err
	}
	w := &writer{
		conn:       conn,
		dir:        dir,
		now:        opts.Now,
		logger:     opts.Logger,
		feed:       newRandomID(),
		saved:      s.place.Store,
		queue:      make(chan *operation, queueLength),
		closing:    make(chan struct{}),
		stopped:    make(chan struct{}),
		statements: make(map[string]*sql.Stmt),
		scrub:      time.NewTimer(scrubDelay),
		scrubDelay: scrubDelay,
	}
	w.scrub.Stop()
	if s.log, w.counters, err = loadState(ctx, conn); err != nil {
		return nil, err
	}
	s.place.Store(w.counters.place)
	if s.reader, err = openReader(path); err != nil {
		return nil, err
	}
	s.writer = w
	go w.run()
	return s, nil
}

// openWriter makes the connection that writes. Settings follow one by one, when
// it is clear that the file is ours: some of them change it.
func (s *Store) openWriter(ctx context.Context, path, synchronous string, known int) (*sql.Conn, error) {
	if synchronous == "" {
		synchronous = "full"
	}
	if synchronous != "full" && synchronous != "normal" {
		return nil, fmt.Errorf("synchronous %q: want full or normal", synchronous)
	}
	connector, err := sqlite.NewConnector(dataSource(path, url.Values{"_pragma": {"busy_timeout(5000)"}}))
	if err != nil {
		return nil, err
	}
	s.database = sql.OpenDB(connector)
	s.database.SetMaxOpenConns(1)
	conn, err := s.database.Conn(ctx)
	if err != nil {
		return nil, err
	}
	if err := checkOurs(ctx, conn, known); err != nil {
		return nil, err
	}
	var mode string
	if err := conn.QueryRowContext(ctx, "PRAGMA journal_mode = WAL").Scan(&mode); err != nil {
		return nil, err
	}
	if mode != "wal" {
		return nil, fmt.Errorf("the file system of %s cannot hold a write-ahead log (journal mode stays %q)", path, mode)
	}
	for _, pragma := range []string{
		"synchronous = " + synchronous,
		"secure_delete = on",            // what is deleted is overwritten
		"wal_autocheckpoint = 1000",     // pages: about 4 MB
		"journal_size_limit = 67108864", // bytes: a log that had to grow shrinks again
		"temp_store = memory",           // nothing outside the data directory
		"cache_size = -8192",            // KiB
		"foreign_keys = off",            // rows arrive in any order
	} {
		if _, err := conn.ExecContext(ctx, "PRAGMA "+pragma); err != nil {
			return nil, fmt.Errorf("pragma %s: %w", pragma, err)
		}
	}
	return conn, nil
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
	c.clock.last = Stamp(clock)
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
		errs = append(errs, s.writer.close())
	}
	if s.database != nil {
		errs = append(errs, s.database.Close())
	}
	return errors.Join(append(errs, s.unlock())...)
}

func (s *Store) isClosed() bool { return s.closed.Load() }

// Log names this database's order of events: places of different logs cannot be
// compared. 32 hex digits.
func (s *Store) Log() string { return s.log.Hex() }

// Seq is the newest committed place in the order of events.
func (s *Store) Seq() int64 { return s.place.Load() }

// Watch has fn called after each commit that wrote replicated rows, with the
// rows in order of [Header.Place], before the writers are answered. fn runs on
// the goroutine that writes: it must be quick and must not write to the store.
// It must not change the rows, others get them too. A call that is under way
// when stop is called may still end after it.
func (s *Store) Watch(fn func([]Row)) (stop func()) {
	return s.writer.watchers.add(fn)
}

// Ready writes something and waits until it is on disk.
func (s *Store) Ready(ctx context.Context) error {
	return s.writer.submit(ctx, "write to the database", func(t *tx) error {
		return t.write(putMeta, "ready", t.now.UTC().Format(time.RFC3339))
	})
}
