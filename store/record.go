package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
	"unicode/utf8"
)

// Kinds of records. They are the kinds of these rows as they travel, too.
const (
	KindPasskey    = "passkey"
	KindRecovery   = "recovery"
	KindToken      = "token"
	KindHook       = "hook"
	KindInvitation = "invitation"
	KindInvited    = "invited"
	KindAudit      = "audit"
	KindSetting    = "setting"
	KindEnding     = "life_ending" // see [Ending]
	KindOldEnding  = "ending"      // what older versions had in its place: one for each user, of which the later stayed
	KindKeptName   = "kept_name"   // see [KeepName]
	// Rulings are further ones: KindDisabled, KindRole, KindPassword.
)

const (
	// MaxRecordKey bounds [Record.Key] in bytes: twice the longest id of a credential,
	// which is 1,023 bytes.
	MaxRecordKey = 2048
	// MaxRecordBody bounds [Record.Body] in bytes.
	MaxRecordBody = 64 << 10
)

// Record is a row of one of the small kinds, which share a table. Final is sticky:
// removed, revoked, used up. Only of a setting the earliest state stays, and not the
// latest: it is made once and kept, also against those of a node that joins later.
type Record struct {
	Header
	Kind    string
	ID      ID
	Owner   ID
	Key     string // what it is looked up by; may be empty
	Created time.Time
	Expires time.Time // zero: never
	Final   bool
	Body    string // a JSON object that the package whose record it is defines, or empty
}

// RecordID is the ID of a record that there can be one of for each key: the same
// setting made on two nodes is the same record.
func RecordID(kind, key string) ID {
	return hashID("record\x00" + kind + "\x00" + key)
}

// RecordKinds are all kinds of records.
func RecordKinds() []string {
	return []string{
		KindPasskey, KindRecovery, KindToken, KindHook, KindInvitation, KindInvited, KindAudit, KindSetting, KindEnding, KindOldEnding, KindKeptName,
		KindDisabled, KindRole, KindPassword,
	}
}

func isRecordKind(kind string) bool { return slices.Contains(RecordKinds(), kind) }

const recordColumns = `place, stamp, feed, seq, extra, kind, id, owner, key, created, expires, final, body`

func (x *Record) scan(from scanner) error {
	return from.Scan(&x.Place, &x.Stamp, &x.Feed, &x.Seq, &x.Extra,
		&x.Kind, &x.ID, &x.Owner, &x.Key, (*timeColumn)(&x.Created), (*timeColumn)(&x.Expires), &x.Final, &x.Body)
}

const (
	recordByID  = `SELECT ` + recordColumns + ` FROM records WHERE kind = ? AND id = ?`
	recordsByID = `SELECT ` + recordColumns + ` FROM records
		WHERE kind = ? AND id IN (SELECT unhex(value) FROM json_each(?))`
	// Two nodes may have given away one key: whoever still holds it, then who had it first.
	recordByKey = `SELECT ` + recordColumns + ` FROM records
		WHERE kind = ? AND key = ? AND key <> '' ORDER BY final, created, id LIMIT 1`
	recordsByOwner = `SELECT ` + recordColumns + ` FROM records
		WHERE kind = ? AND owner IS ? ORDER BY created, id`
	newestRecords = `SELECT ` + recordColumns + ` FROM records
		WHERE kind = ? ORDER BY created DESC, id DESC LIMIT ?`
	recordsBefore = `SELECT ` + recordColumns + ` FROM records
		WHERE kind = ? AND (created, id) < (?, ?) ORDER BY created DESC, id DESC LIMIT ?`
	countLiveRecords = `SELECT count(*) FROM records
		WHERE kind = ? AND owner IS ? AND final = 0 AND (expires = 0 OR expires > ?)`
	putRecord = `INSERT INTO records (` + recordColumns + `)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (kind, id) DO UPDATE SET
			place = excluded.place, stamp = excluded.stamp, feed = excluded.feed, seq = excluded.seq, extra = excluded.extra,
			owner = excluded.owner, key = excluded.key, created = excluded.created, expires = excluded.expires,
			final = excluded.final, body = excluded.body`
	deleteExpiredRecords = `DELETE FROM records WHERE kind = ? AND expires < ? AND expires <> 0 AND final = 0`
	deleteEndedRecords   = `DELETE FROM records WHERE kind = ? AND stamp < ? AND final <> 0`
	deleteOldRecords     = `DELETE FROM records WHERE kind = ? AND created < ?`
)

func (x *Record) key() rowKey { return rowKey{kind: x.Kind, id: x.ID} }
func (x *Record) final() bool { return x.Final }

func (x *Record) clone() Row {
	copied := *x
	return &copied
}

func (x *Record) write(t *tx) error {
	return t.write(putRecord, x.Place, int64(x.Stamp), x.Feed, int64(x.Seq), x.Extra,
		x.Kind, x.ID, x.Owner, x.Key, millis(x.Created), millis(x.Expires), x.Final, x.Body)
}

func (t *tx) putRecord(x *Record) error {
	t.sign(&x.Header)
	x.Created, x.Expires = rounded(x.Created), rounded(x.Expires)
	return t.put(x)
}

// over says that every node may have forgotten the record by now, or not yet.
func (x *Record) over(now time.Time) bool {
	if x.Final {
		return now.Sub(x.Stamp.Time()) > keepRevoked
	}
	return !x.Expires.IsZero() && !now.Before(x.Expires)
}

// check finds what no node would take.
func (x *Record) check() error {
	switch {
	case !isRecordKind(x.Kind):
		return fmt.Errorf("there is no kind %.40q", x.Kind)
	case x.ID.IsZero():
		return errors.New("it has no id")
	case len(x.Key) > MaxRecordKey:
		return fmt.Errorf("its key has %d bytes, more than %d", len(x.Key), MaxRecordKey)
	case len(x.Body) > MaxRecordBody:
		return fmt.Errorf("its body has %d bytes, more than %d", len(x.Body), MaxRecordBody)
	case !utf8.ValidString(x.Key) || !utf8.ValidString(x.Body):
		return errors.New("its texts are not UTF-8")
	case x.Body != "" && (x.Body[0] != '{' || !json.Valid([]byte(x.Body))):
		return errors.New("its body is no JSON object")
	case x.Kind == KindSetting && x.ID != RecordID(KindSetting, x.Key):
		return errors.New("its id is not that of its key")
	}
	if isEnding(x.Kind) {
		if err := x.checkEnding(); err != nil {
			return err
		}
	}
	if isRuling(x.Kind) {
		if err := x.checkRuling(); err != nil {
			return err
		}
	}
	for _, at := range []time.Time{x.Created, x.Expires} {
		if ms := millis(at); ms < 0 || ms >= maxMillis {
			return fmt.Errorf("time %v is out of range", at)
		}
	}
	return nil
}
