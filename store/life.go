package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// life is an earlier process that wrote this database, or this one as it was when a copy of its files was made: Last is the newest place that it
// gave out and that is still in here. Whoever remembers a later one had it from a database that is no more: it lost its end in a power cut, or is the one in whose
// place this one, an older copy, was put back. Then places are given a second time, and who remembers one must begin anew.
type life struct {
	Log  string `json:"log"`
	Last int64  `json:"last"`
}

const (
	livesKey = "lives"
	// keptLives is how many earlier processes' places can be gone on from. Whoever has one of an older process begins anew.
	keptLives = 64

	putLog = `UPDATE state SET log = ? WHERE id = 1`
)

// beginLife notes where the last process stopped, and names the order of events after the feed of this one.
func beginLife(ctx context.Context, conn *sql.Conn, last ID, c counters) (lives []life, err error) {
	var text string
	err = conn.QueryRowContext(ctx, metaByKey, livesKey).Scan(&text)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, err
	}
	if err == nil {
		if err := json.Unmarshal([]byte(text), &lives); err != nil {
			return nil, fmt.Errorf("read where earlier processes stopped: %w", err)
		}
	}
	lives = append(lives, life{last.Hex(), c.place})
	lives = lives[max(0, len(lives)-keptLives):]
	b, err := json.Marshal(lives)
	if err != nil {
		return nil, err
	}
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	_, err = tx.ExecContext(ctx, putMeta, livesKey, string(b))
	if err == nil {
		_, err = tx.ExecContext(ctx, putLog, c.feed)
	}
	if err != nil {
		return nil, errors.Join(err, tx.Rollback())
	}
	return lives, tx.Commit()
}

// Log names this database's order of events, as this process goes on with it: 32 hex digits. A later process has another name for it, and tells by
// [Store.GoesOn] whether it is the same order.
func (s *Store) Log() string { return s.Feed().Hex() }

// GoesOn reports whether a place that was given out under the name log is one of this order of events, so that [Store.Since] it is all that came
// later. A place that this process has not reached yet is for the caller to see.
func (s *Store) GoesOn(log string, place int64) bool {
	if log == s.Log() {
		return true
	}
	for _, l := range s.lives {
		if l.Log == log {
			return place <= l.Last
		}
	}
	return false
}

// lived says that an earlier process of this database had that feed.
func (w *writer) lived(feed string) bool {
	return slices.ContainsFunc(w.lives, func(l life) bool { return l.Log == feed })
}
