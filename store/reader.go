package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"runtime"
	"sync"

	"modernc.org/sqlite"
)

// reader is a pool of connections that cannot write. Reads go beside the writer:
// each sees the last commit, and none waits for the next.
type reader struct {
	db         *sql.DB
	statements sync.Map // query text -> *sql.Stmt, prepared at first use
}

func openReader(path string) (*reader, error) {
	connector, err := sqlite.NewConnector(dataSource(path, url.Values{
		"mode": {"ro"},
		"_pragma": {
			"busy_timeout(5000)",
			"query_only(1)",
			"temp_store(MEMORY)",
		},
	}))
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(connector)
	// More than there are cores gains nothing; a few more keep short reads from
	// waiting behind a long one.
	connections := max(4, runtime.GOMAXPROCS(0))
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	return &reader{db: db}, nil
}

func (r *reader) query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	st, err := r.prepared(ctx, query)
	if err != nil {
		return nil, err
	}
	return st.QueryContext(ctx, args...)
}

func (r *reader) prepared(ctx context.Context, query string) (*sql.Stmt, error) {
	if st, ok := r.statements.Load(query); ok {
		return st.(*sql.Stmt), nil
	}
	st, err := r.db.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	if earlier, ok := r.statements.LoadOrStore(query, st); ok {
		st.Close()
		return earlier.(*sql.Stmt), nil
	}
	return st, nil
}

// snapshot runs fn on one state of the database. The queries of fn are named, to
// be prepared before: to prepare takes a connection, and all of them may be held by
// snapshots that would wait for one.
func (r *reader) snapshot(ctx context.Context, queries []string, fn func(querier) error) error {
	statements := make(map[string]*sql.Stmt, len(queries))
	for _, query := range queries {
		st, err := r.prepared(ctx, query)
		if err != nil {
			return err
		}
		statements[query] = st
	}
	tx, err := r.db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return err
	}
	defer tx.Rollback()
	return fn(snapshot{tx, statements})
}

type snapshot struct {
	tx         *sql.Tx
	statements map[string]*sql.Stmt
}

func (s snapshot) query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	st, ok := s.statements[query]
	if !ok {
		return s.tx.QueryContext(ctx, query, args...)
	}
	return s.tx.StmtContext(ctx, st).QueryContext(ctx, args...)
}

func (r *reader) close() error {
	r.statements.Range(func(_, st any) bool {
		st.(*sql.Stmt).Close()
		return true
	})
	return r.db.Close()
}

// read runs a read and words its error.
func (s *Store) read(ctx context.Context, doing string, fn func(querier) error) error {
	return s.readError(ctx, doing, fn(s.reader))
}

func (s *Store) readError(ctx context.Context, doing string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrNotFound):
		return fmt.Errorf("%s: %w", doing, err)
	case s.isClosed():
		return fmt.Errorf("%s: %w", doing, ErrClosed)
	case ctx.Err() != nil:
		return fmt.Errorf("%s: %w", doing, ctx.Err())
	}
	return fmt.Errorf("%s: %w", doing, explain(s.dir, err))
}

func readOne[T any, P scannable[T]](ctx context.Context, s *Store, doing, query string, args ...any) (T, error) {
	t, err := one[T, P](ctx, s.reader, query, args...)
	if err != nil {
		var none T
		return none, s.readError(ctx, doing, err)
	}
	return t, nil
}

func readMany[T any, P scannable[T]](ctx context.Context, s *Store, doing, query string, args ...any) ([]T, error) {
	all, err := many[T, P](ctx, s.reader, query, args...)
	if err != nil {
		return nil, s.readError(ctx, doing, err)
	}
	return all, nil
}
