package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// dataSource is the URI of the database file with SQLite's parameters. A path
// may hold any character, so it is escaped.
func dataSource(path string, params url.Values) string {
	slashed := filepath.ToSlash(path)
	if !strings.HasPrefix(slashed, "/") { // a drive letter
		slashed = "/" + slashed
	}
	u := url.URL{Scheme: "file", Path: slashed, RawQuery: params.Encode()}
	return u.String()
}

// explain turns what SQLite and the system report into the errors of this package.
func explain(dir string, err error) error {
	if errors.Is(err, syscall.ENOSPC) {
		return fmt.Errorf("%w: %w", ErrDiskFull, err)
	}
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return err
	}
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_FULL:
		return fmt.Errorf("%w: %w", ErrDiskFull, err)
	case sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN:
		if diskIsFull(dir) {
			return fmt.Errorf("%w: %w", ErrDiskFull, err)
		}
		switch e.Code() {
		case sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_FSYNC, sqlite3.SQLITE_IOERR_DIR_FSYNC, sqlite3.SQLITE_IOERR_TRUNCATE, sqlite3.SQLITE_IOERR_SHMSIZE:
			return fmt.Errorf("%w: %w", ErrNotWritable, err)
		}
	case sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT:
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	case sqlite3.SQLITE_BUSY:
		return fmt.Errorf("%w: %w", ErrBusy, err)
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM:
		return fmt.Errorf("%w: %w", ErrNotWritable, err)
	}
	return err
}

// explainOpen is explain for a store that could not be opened: that a disk fails has nothing to do with who may write there.
func explainOpen(dir string, err error) error {
	err = explain(dir, err)
	var e *sqlite.Error
	fails := errors.Is(err, syscall.EIO) || errors.As(err, &e) && e.Code()&0xff == sqlite3.SQLITE_IOERR
	if !fails || errors.Is(err, ErrDiskFull) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrFailing, err)
}

// querier is where a query runs: the readers, a read transaction, the writer.
type querier interface {
	query(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

type scanner interface {
	Scan(dest ...any) error
}

// scannable is a *T that can fill itself from a row of the columns it names.
type scannable[T any] interface {
	*T
	scan(from scanner) error
}

// many runs a query for any number of rows.
func many[T any, P scannable[T]](ctx context.Context, q querier, query string, args ...any) ([]T, error) {
	rows, err := q.query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []T
	for rows.Next() {
		var t T
		if err := P(&t).scan(rows); err != nil {
			return nil, err
		}
		all = append(all, t)
	}
	return all, rows.Err()
}

// one runs a query for one row, and returns ErrNotFound if there is none.
func one[T any, P scannable[T]](ctx context.Context, q querier, query string, args ...any) (T, error) {
	var t T
	rows, err := q.query(ctx, query, args...)
	if err != nil {
		return t, err
	}
	defer rows.Close()
	if !rows.Next() {
		if err := rows.Err(); err != nil {
			return t, err
		}
		return t, ErrNotFound
	}
	if err := P(&t).scan(rows); err != nil {
		return t, err
	}
	return t, rows.Err()
}

// number is a row of one integer column.
type number int64

func (n *number) scan(from scanner) error { return from.Scan((*int64)(n)) }

// text is a row of one text column.
type text string

func (t *text) scan(from scanner) error { return from.Scan((*string)(t)) }

// Times are stored as milliseconds since 1970; 0 is the zero time.

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// rounded is t as it comes back from the database.
func rounded(t time.Time) time.Time {
	return timeOf(millis(t))
}

func timeOf(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// timeColumn scans milliseconds into a time.
type timeColumn time.Time

func (t *timeColumn) Scan(src any) error {
	ms, ok := src.(int64)
	if !ok {
		return fmt.Errorf("time column holds %T, want an integer", src)
	}
	*t = timeColumn(timeOf(ms))
	return nil
}

// idList is a JSON array of hex digits, for queries over many IDs at once.
func idList(ids []ID) string {
	var b strings.Builder
	b.Grow(2 + len(ids)*35)
	b.WriteByte('[')
	for i, id := range ids {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteByte('"')
		b.WriteString(id.Hex())
		b.WriteByte('"')
	}
	b.WriteByte(']')
	return b.String()
}
