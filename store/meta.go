package store

import (
	"context"
	"errors"
)

// Meta rows are local: this node's own notes, not replicated.

const (
	metaByKey = `SELECT value FROM meta WHERE key = ?`
	putMeta   = `INSERT INTO meta (key, value) VALUES (?, ?)
		ON CONFLICT (key) DO UPDATE SET value = excluded.value`
	deleteMeta = `DELETE FROM meta WHERE key = ?`
)

// Meta reads a local note.
func (s *Store) Meta(ctx context.Context, key string) (value string, found bool, err error) {
	v, err := readOne[text](ctx, s, "read meta", metaByKey, key)
	if errors.Is(err, ErrNotFound) {
		return "", false, nil
	}
	return string(v), err == nil, err
}

// SetMeta writes a local note.
func (s *Store) SetMeta(ctx context.Context, key, value string) error {
	return s.writer.submit(ctx, "write meta", func(t *tx) error {
		return t.write(putMeta, key, value)
	})
}

// DeleteMeta removes a local note and says whether it was there.
func (s *Store) DeleteMeta(ctx context.Context, key string) (existed bool, err error) {
	var n int
	err = s.writer.submit(ctx, "delete meta", func(t *tx) (err error) {
		n, err = t.change(deleteMeta, key)
		return err
	})
	return err == nil && n > 0, err
}
