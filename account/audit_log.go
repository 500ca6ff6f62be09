package account

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"snug/store"
)

const (
	// auditScan is how many entries one page looks through for those that are asked for. Beyond it, the next page goes on.
	auditScan = 20_000
	// auditRead is how many are read at once.
	auditRead = 500
)

// ErrCursor is a place in a list that nobody was given.
var ErrCursor = errors.New("no such place in the list")

// AuditQuery selects a page of the audit log.
type AuditQuery struct {
	Kind   string // of events; empty: all
	Person ID     // who did it, or whom it happened to; zero: everybody
	Before string // the next of the page before; empty: from the newest on
	Limit  int
}

func (q AuditQuery) wants(e AuditEntry) bool {
	return (q.Kind == "" || e.Kind == q.Kind) && (q.Person.IsZero() || e.Actor == q.Person || e.Target == q.Person)
}

// AuditLog lists the entries of all nodes, the newest first. next is where the next page begins, and empty after the last.
// A page can be short, and even empty, with a next one behind it, where what is asked for is rare.
func (a *Accounts) AuditLog(ctx context.Context, q AuditQuery) (entries []AuditEntry, next string, err error) {
	from := store.RecordQuery{Kind: store.KindAudit, Limit: auditRead}
	if q.Before != "" {
		if from.Before, from.BeforeID, err = parseAuditCursor(q.Before); err != nil {
			return nil, "", err
		}
	}
	for range auditScan / auditRead {
		rows, err := a.st.Records(ctx, from)
		if err != nil {
			return nil, "", fmt.Errorf("read the audit log: %w", err)
		}
		for _, row := range rows {
			e := entryOf(row)
			if !q.wants(e) {
				continue
			}
			if len(entries) == q.Limit {
				return entries, auditCursor(entries[len(entries)-1]), nil
			}
			entries = append(entries, e)
		}
		if len(rows) < auditRead {
			return entries, "", nil
		}
		last := rows[len(rows)-1]
		from.Before, from.BeforeID = last.Created, last.ID
	}
	return entries, auditCursor(AuditEntry{At: from.Before, ID: from.BeforeID}), nil
}

// auditCursor names the place behind an entry.
func auditCursor(e AuditEntry) string {
	return strconv.FormatInt(e.At.UnixMilli(), 10) + "." + e.ID.String()
}

func parseAuditCursor(s string) (time.Time, ID, error) {
	ms, id, _ := strings.Cut(s, ".")
	at, errAt := strconv.ParseInt(ms, 10, 64)
	parsed, errID := store.ParseID(id)
	if errAt != nil || errID != nil || at <= 0 {
		return time.Time{}, ID{}, ErrCursor
	}
	return time.UnixMilli(at), parsed, nil
}
