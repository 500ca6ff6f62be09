package store

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"time"
)

// fingerprint is a hash of a set of rows, whatever their order: the sum of the
// hashes of all.
type fingerprint [4]uint64

// add takes a row in. The name that a user is shown by and what counts of them follow
// from the rows and must be the same too.
func (f *fingerprint) add(r Row) {
	body := EncodeRow(r)
	if u, ok := r.(*User); ok {
		body = fmt.Appendf(body, "%s%s%v", u.Name, u.Key, u.Standing)
	}
	sum := sha256.Sum256(body)
	for i := range f {
		f[i] += binary.BigEndian.Uint64(sum[8*i:])
	}
}

func (f fingerprint) String() string {
	return fmt.Sprintf("%016x%016x%016x%016x", f[0], f[1], f[2], f[3])
}

// Fingerprint is a hash of all replicated rows: two nodes that have the same have
// the same fingerprint. Left out are places, which are each node's own, rows that
// wait for the clock, and sessions and records that are over, which each node forgets
// at its own time.
func (s *Store) Fingerprint(ctx context.Context) (string, error) {
	var sum fingerprint
	now, all := time.Now(), tables()
	err := s.reader.snapshot(ctx, nil, func(q querier) error {
		for _, table := range all[:len(all)-1] { // without early
			if err := fingerprintTable(ctx, q, table, now, &sum); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return "", s.readError(ctx, "hash all rows", err)
	}
	return sum.String(), nil
}

// fingerprintTable reads a table in parts, so that it need not fit into memory.
func fingerprintTable(ctx context.Context, q querier, table table, now time.Time, sum *fingerprint) error {
	for after := int64(0); ; {
		rows, err := table.read(ctx, q, table.query+` WHERE place > ? ORDER BY place LIMIT ?`, after, streamScan)
		if err != nil || len(rows) == 0 {
			return err
		}
		for _, r := range rows {
			if !forgotten(r, now) {
				sum.add(r)
			}
		}
		after = PlaceOf(rows[len(rows)-1])
	}
}

// forgotten says that a row is one that some node may have forgotten by now.
func forgotten(r Row, now time.Time) bool {
	switch r := r.(type) {
	case *Session:
		return !now.Before(r.Expires)
	case *Record:
		return r.over(now)
	}
	return false
}
