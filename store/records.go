package store

import (
	"context"
	"errors"
	"time"
)

// NewRecord is a record to be made.
type NewRecord struct {
	Record
	// Most is how many records of this kind and owner there may be that are neither
	// final nor expired, this one included; 0: any number.
	Most int
}

// RecordQuery selects a page of the records of a kind, newest first.
type RecordQuery struct {
	Kind string
	// Before and BeforeID are [Record.Created] and ID of the last one of the page
	// before; zero: from the newest on.
	Before   time.Time
	BeforeID ID
	Limit    int
}

// CreateRecord adds a record, made now and with a new ID if it says neither (a
// setting has the ID of its key). ErrConflict: the ID is in use, or the key by
// another record of the kind, ended or not. ErrFull: the owner has as many as there
// may be.
func (s *Store) CreateRecord(ctx context.Context, r NewRecord) (Record, error) {
	created, err := s.CreateRecords(ctx, r)
	if err != nil {
		return Record{}, err
	}
	return created[0], nil
}

// CreateRecords is [Store.CreateRecord] for several at once: all of them, or with an
// error none.
func (s *Store) CreateRecords(ctx context.Context, all ...NewRecord) ([]Record, error) {
	var created []Record
	err := s.writer.submit(ctx, "create records", func(t *tx) (err error) {
		if created, err = t.newRecords(all, ID{}); err != nil {
			return err
		}
		return t.putRecords(created)
	})
	if err != nil {
		return nil, err
	}
	return created, nil
}

// newRecords completes records that are to be made, and looks whether they can be.
// It writes nothing. Whose owner is not said belongs to that one.
func (t *tx) newRecords(all []NewRecord, owner ID) ([]Record, error) {
	type holder struct {
		kind string
		of   any // an ID, or a key
	}
	taken := make(map[holder]bool) // by others of these
	count := make(map[holder]int)
	created := make([]Record, len(all))
	for i, r := range all {
		x := r.Record
		x.Header = Header{}
		if x.Owner.IsZero() {
			x.Owner = owner
		}
		if x.Created.IsZero() {
			x.Created = t.now
		}
		switch {
		case x.ID.IsZero() && x.Kind == KindSetting:
			x.ID = RecordID(x.Kind, x.Key)
		case x.ID.IsZero():
			x.ID = NewID()
		}
		if isRuling(x.Kind) || isEnding(x.Kind) {
			return nil, ErrConflict // it is written with its user, or with the end of their sessions
		}
		if err := x.check(); err != nil {
			return nil, err
		}
		if err := absent[Record](t, recordByID, x.Kind, x.ID); err != nil {
			return nil, err
		}
		byID, byKey, byOwner := holder{x.Kind, x.ID}, holder{x.Kind, x.Key}, holder{x.Kind, x.Owner}
		if taken[byID] || x.Key != "" && taken[byKey] {
			return nil, ErrConflict
		}
		taken[byID], taken[byKey] = true, true
		if x.Key != "" {
			if err := absent[Record](t, recordByKey, x.Kind, x.Key); err != nil {
				return nil, err
			}
		}
		count[byOwner]++
		if r.Most > 0 {
			n, err := find[number](t, countLiveRecords, x.Kind, x.Owner, millis(t.now))
			if err != nil {
				return nil, err
			}
			if int(n)+count[byOwner] > r.Most {
				return nil, ErrFull
			}
		}
		created[i] = x
	}
	return created, nil
}

func (t *tx) putRecords(all []Record) error {
	for i := range all {
		if err := t.putRecord(&all[i]); err != nil {
			return err
		}
	}
	return nil
}

// UpdateRecord changes a record as [Store.UpdateUser] changes a user. Kind, ID, owner,
// key and creation time do not change, and what is final stays so. With its end a
// record loses its body, unless change puts another into its place. A setting is never
// changed, a ruling only with its user, an ending by [Store.EndSessions]: ErrConflict.
func (s *Store) UpdateRecord(ctx context.Context, kind string, id ID, change func(*Record) error) (Record, error) {
	var updated Record
	err := s.writer.submit(ctx, "update "+kind, func(t *tx) error {
		old, err := find[Record](t, recordByID, kind, id)
		if err != nil {
			return err
		}
		if kind == KindSetting || isRuling(kind) || isEnding(kind) {
			return ErrConflict
		}
		x := old
		if err := change(&x); err != nil {
			return err
		}
		x.Header, x.Kind, x.ID, x.Owner, x.Key, x.Created = old.Header, old.Kind, old.ID, old.Owner, old.Key, old.Created
		x.Final = x.Final || old.Final
		if x.Final && !old.Final && x.Body == old.Body {
			x.Body = ""
		}
		if err := x.check(); err != nil {
			return err
		}
		t.erased = t.erased || old.Body != "" && x.Body == ""
		err = t.putRecord(&x)
		updated = x
		return err
	})
	if err != nil {
		return Record{}, err
	}
	return updated, nil
}

// Record finds a record, also one that is final or has expired.
func (s *Store) Record(ctx context.Context, kind string, id ID) (Record, error) {
	return readOne[Record](ctx, s, "read "+kind, recordByID, kind, id)
}

// RecordByKey finds a record by its key, also one that is final or has expired. If
// nodes that were apart gave one key away twice, it is the one that is not final, and
// then the one that was made first.
func (s *Store) RecordByKey(ctx context.Context, kind, key string) (Record, error) {
	return readOne[Record](ctx, s, "read "+kind, recordByKey, kind, key)
}

// RecordsOf lists all records of a kind that an owner has, oldest first, also those
// that are final or have expired.
func (s *Store) RecordsOf(ctx context.Context, kind string, owner ID) ([]Record, error) {
	return readMany[Record](ctx, s, "list records", recordsByOwner, kind, owner)
}

// Records lists a page of the records of a kind, newest first, also those that are
// final or have expired.
func (s *Store) Records(ctx context.Context, q RecordQuery) ([]Record, error) {
	if q.Limit <= 0 {
		return nil, nil
	}
	if q.Before.IsZero() {
		return readMany[Record](ctx, s, "list records", newestRecords, q.Kind, q.Limit)
	}
	return readMany[Record](ctx, s, "list records", recordsBefore, q.Kind, millis(q.Before), q.BeforeID[:], q.Limit)
}

// DeleteRecords forgets the records of a kind that were over before then: those that
// had expired, and those that had been final for so long that every node which knew
// them otherwise is long past its life (see [Store.DeleteExpiredSessions]). Of the
// audit log it forgets what was noted before then, and of settings nothing. It is
// local housekeeping: watchers do not see it.
func (s *Store) DeleteRecords(ctx context.Context, kind string, before time.Time) (int, error) {
	if kind == KindSetting {
		return 0, nil
	}
	var n int
	err := s.writer.submit(ctx, "delete old records", func(t *tx) error {
		if kind == KindAudit {
			old, err := t.change(deleteOldRecords, kind, millis(before))
			n = old
			return err
		}
		expired, err := t.change(deleteExpiredRecords, kind, millis(before))
		if err != nil {
			return err
		}
		ended, err := t.change(deleteEndedRecords, kind, int64(StampAt(before.Add(-keepRevoked))))
		n = expired + ended
		return err
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}

// Setting gives the one setting of a key, and makes it with that body if there is
// none. made says that this call did.
func (s *Store) Setting(ctx context.Context, key, body string) (x Record, made bool, err error) {
	x, err = s.CreateRecord(ctx, NewRecord{Record: Record{Kind: KindSetting, Key: key, Body: body}})
	if errors.Is(err, ErrConflict) {
		x, err = s.Record(ctx, KindSetting, RecordID(KindSetting, key))
		return x, false, err
	}
	return x, err == nil, err
}
