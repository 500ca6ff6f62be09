package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func addRecord(t testing.TB, s *Store, r NewRecord) Record {
	t.Helper()
	x, err := s.CreateRecord(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func token(owner ID, key string) NewRecord {
	return NewRecord{Record: Record{Kind: KindToken, Owner: owner, Key: key, Body: `{"name":"laptop"}`}}
}

func TestRecordsAreFoundByIDKeyAndOwner(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s := openTest(t)
	first := addRecord(t, s, token(ID{1}, "a"))
	second := addRecord(t, s, token(ID{1}, "b"))
	addRecord(t, s, token(ID{2}, "c"))
	nobodys := addRecord(t, s, NewRecord{Record: Record{Kind: KindToken}})
	if first.ID.IsZero() || first.Created.IsZero() || first.Place != 1 {
		t.Errorf("created = %+v", first)
	}
	if got, err := s.Record(ctx, KindToken, first.ID); err != nil || got != first {
		t.Errorf("by ID: %+v, %v", got, err)
	}
	if got, err := s.RecordByKey(ctx, KindToken, "b"); err != nil || got != second {
		t.Errorf("by key: %+v, %v", got, err)
	}
	if got, err := s.RecordsOf(ctx, KindToken, ID{1}); err != nil || !slices.Equal(got, []Record{first, second}) {
		t.Errorf("by owner: %+v, %v", got, err)
	}
	if got, err := s.RecordsOf(ctx, KindToken, ID{}); err != nil || !slices.Equal(got, []Record{nobodys}) {
		t.Errorf("nobody's: %+v, %v", got, err)
	}
	_, errKind := s.Record(ctx, KindHook, first.ID)
	_, errKey := s.RecordByKey(ctx, KindHook, "a")
	_, errNone := s.RecordByKey(ctx, KindToken, "")
	for _, err := range []error{errKind, errKey, errNone} {
		if !errors.Is(err, ErrNotFound) {
			t.Errorf("what is not there: %v", err)
		}
	}
}

func TestRecordThatCannotBeMadeChangesNothing(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s := openTest(t)
	there := addRecord(t, s, token(ID{1}, "a"))
	ended := addRecord(t, s, token(ID{1}, "ended"))
	if _, err := s.UpdateRecord(ctx, KindToken, ended.ID, func(x *Record) error { x.Final = true; return nil }); err != nil {
		t.Fatal(err)
	}
	addRecord(t, s, NewRecord{Record: Record{Kind: KindToken, Owner: ID{1}, Expires: time.Now().Add(-time.Hour)}})
	with := func(change func(*NewRecord)) NewRecord {
		r := token(ID{1}, "new")
		change(&r)
		return r
	}
	for name, tt := range map[string]struct {
		record NewRecord
		want   error // nil: any
	}{
		"id":         {with(func(r *NewRecord) { r.ID = there.ID }), ErrConflict},
		"key":        {with(func(r *NewRecord) { r.Key = "a" }), ErrConflict},
		"ended key":  {with(func(r *NewRecord) { r.Key = "ended" }), ErrConflict},
		"full":       {with(func(r *NewRecord) { r.Most = 1 }), ErrFull},
		"kind":       {with(func(r *NewRecord) { r.Kind = "message" }), nil},
		"no object":  {with(func(r *NewRecord) { r.Body = `"text"` }), nil},
		"no JSON":    {with(func(r *NewRecord) { r.Body = `{` }), nil},
		"bytes":      {with(func(r *NewRecord) { r.Key = "\xff" }), nil},
		"body bytes": {with(func(r *NewRecord) { r.Body = "{\"a\":\"\xff\"}" }), nil},
		"long key":   {with(func(r *NewRecord) { r.Key = strings.Repeat("k", MaxRecordKey+1) }), nil},
		"long body":  {with(func(r *NewRecord) { r.Body = `{"a":"` + strings.Repeat("b", MaxRecordBody) + `"}` }), nil},
		"past":       {with(func(r *NewRecord) { r.Created = time.UnixMilli(-1) }), nil},
		"far future": {with(func(r *NewRecord) { r.Expires = time.UnixMilli(maxMillis) }), nil},
		"setting id": {NewRecord{Record: Record{Kind: KindSetting, ID: ID{1}, Key: "new"}}, nil},
	} {
		// The first of two must not stay without the second.
		for _, all := range [][]NewRecord{{tt.record}, {token(ID{1}, "beside"), tt.record}} {
			if _, err := s.CreateRecords(ctx, all...); err == nil || tt.want != nil && !errors.Is(err, tt.want) {
				t.Errorf("%s: error = %v, want %v", name, err, tt.want)
			}
			if _, err := s.CreateUser(ctx, User{Name: "ada", Key: "ada"}, all...); err == nil || tt.want != nil && !errors.Is(err, tt.want) {
				t.Errorf("%s with a user: error = %v, want %v", name, err, tt.want)
			}
		}
	}
	for _, twice := range [][]NewRecord{
		{token(ID{3}, "x"), token(ID{4}, "x")},
		{with(func(r *NewRecord) { r.ID, r.Key = ID{9}, "" }), with(func(r *NewRecord) { r.ID, r.Key = ID{9}, "" })},
	} {
		if _, err := s.CreateRecords(ctx, twice...); !errors.Is(err, ErrConflict) {
			t.Errorf("twice: %v", err)
		}
	}
	if s.Seq() != 4 {
		t.Errorf("something was written: place %d", s.Seq())
	}
	if _, err := s.CreateRecords(ctx, with(func(r *NewRecord) { r.Most = 3 }), with(func(r *NewRecord) { r.Key, r.Most = "second", 3 })); err != nil {
		t.Errorf("what is ended or expired counts: %v", err)
	}
	if _, err := s.CreateRecord(ctx, with(func(r *NewRecord) { r.Key, r.Most = "third", 3 })); !errors.Is(err, ErrFull) {
		t.Errorf("one too many: %v", err)
	}
}

func TestUserComesWithRecords(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s := openTest(t)
	invited := NewRecord{Record: Record{Kind: KindInvited, Owner: ID{7}}, Most: 1}
	ada, err := s.CreateUser(ctx, User{Name: "ada", Key: "ada"}, token(ID{}, "a"), invited)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := s.RecordsOf(ctx, KindToken, ada.ID); err != nil || len(got) != 1 || got[0].Key != "a" {
		t.Errorf("token = %+v, %v", got, err)
	}
	if _, err := s.CreateUser(ctx, User{Name: "bob", Key: "bob"}, invited); !errors.Is(err, ErrFull) {
		t.Errorf("second guest: %v", err)
	}
	if err := s.SetMeta(ctx, "setup", "hash"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.CreateFirstAdmin(ctx, User{Name: "eve", Key: "eve"}, "setup", "hash", token(ID{}, "a")); !errors.Is(err, ErrConflict) {
		t.Errorf("key in use: %v", err)
	}
	eve, err := s.CreateFirstAdmin(ctx, User{Name: "eve", Key: "eve"}, "setup", "hash", token(ID{}, "b"))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := s.RecordByKey(ctx, KindToken, "b"); err != nil || got.Owner != eve.ID {
		t.Errorf("token = %+v, %v", got, err)
	}
}

func TestUpdatedRecordKeepsWhatItIs(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s := openTest(t)
	x := addRecord(t, s, token(ID{1}, "a"))
	got, err := s.UpdateRecord(ctx, KindToken, x.ID, func(r *Record) error {
		*r = Record{Kind: KindHook, ID: ID{9}, Owner: ID{9}, Key: "z", Expires: day, Body: `{"name":"phone"}`}
		return nil
	})
	want := x
	want.Header, want.Expires, want.Body = got.Header, day, `{"name":"phone"}`
	if err != nil || got != want {
		t.Errorf("updated: %+v, %v", got, err)
	}
	if got, err = s.UpdateRecord(ctx, KindToken, x.ID, func(r *Record) error { r.Final = true; return nil }); err != nil || !got.Final || got.Body != "" {
		t.Errorf("ended: %+v, %v", got, err)
	}
	if got, err = s.UpdateRecord(ctx, KindToken, x.ID, func(r *Record) error { r.Final = false; return nil }); err != nil || !got.Final {
		t.Errorf("undone: %+v, %v", got, err)
	}
	kept := addRecord(t, s, token(ID{1}, "b"))
	change := func(r *Record) error { r.Final, r.Body = true, `{"by":"ada"}`; return nil }
	if got, err = s.UpdateRecord(ctx, KindToken, kept.ID, change); err != nil || got.Body != `{"by":"ada"}` {
		t.Errorf("ended with a body: %+v, %v", got, err)
	}
	if got, err = s.UpdateRecord(ctx, KindToken, kept.ID, func(*Record) error { return nil }); err != nil || got.Body != `{"by":"ada"}` {
		t.Errorf("changed after its end: %+v, %v", got, err)
	}
	refused := errors.New("no")
	for _, change := range []func(*Record) error{
		func(*Record) error { return refused },
		func(r *Record) error { r.Body = "[]"; return nil },
	} {
		if _, err := s.UpdateRecord(ctx, KindToken, kept.ID, change); err == nil {
			t.Error("a refused change passed")
		}
	}
	if now, err := s.Record(ctx, KindToken, kept.ID); err != nil || now != got {
		t.Errorf("after refused changes: %+v, %v", now, err)
	}
}

// A setting is made once: whatever is made later, here or elsewhere, does not replace it.
func TestEarliestSettingStays(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s := openTest(t)
	mine, made, err := s.Setting(ctx, "rp", `{"id":"mine"}`)
	if err != nil || !made || mine.ID != RecordID(KindSetting, "rp") {
		t.Fatalf("setting = %+v, %v, %v", mine, made, err)
	}
	if again, made, err := s.Setting(ctx, "rp", `{"id":"other"}`); err != nil || made || again != mine {
		t.Errorf("again: %+v, %v, %v", again, made, err)
	}
	if _, err := s.UpdateRecord(ctx, KindSetting, mine.ID, func(r *Record) error { r.Body = "{}"; return nil }); !errors.Is(err, ErrConflict) {
		t.Errorf("changed: %v", err)
	}
	later, earlier := mine, mine
	later.Header, later.Body = from(0xff, 1, time.Hour), `{"id":"later"}`
	earlier.Header, earlier.Body = from(0xf1, 1, -time.Hour), `{"id":"earlier"}`
	merge(t, s, &later)
	if got, err := s.Record(ctx, KindSetting, mine.ID); err != nil || got != mine {
		t.Errorf("after a later one: %+v, %v", got, err)
	}
	merge(t, s, &later, &earlier)
	merge(t, s, &later)
	got, _, err := s.Setting(ctx, "rp", `{}`)
	if earlier.Place = got.Place; err != nil || got != earlier {
		t.Errorf("after an earlier one: %+v, %v", got, err)
	}
	if n, err := s.DeleteRecords(ctx, KindSetting, time.Now().AddDate(9, 0, 0)); n != 0 || err != nil {
		t.Errorf("forgot %d, %v", n, err)
	}
}

func TestRevokedRecordStaysRevokedWhateverComesLater(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s := openTest(t)
	now := time.Now()
	made := token(ID{1}, "a")
	made.Created = now.AddDate(-3, 0, 0)
	x := addRecord(t, s, made)
	used := x
	used.Header = from(0xf1, 1, time.Hour)
	if _, err := s.UpdateRecord(ctx, KindToken, x.ID, func(r *Record) error { r.Final, r.Expires = true, now; return nil }); err != nil {
		t.Fatal(err)
	}
	// Forgetting what is over must not forget that it was revoked.
	if n, err := s.DeleteRecords(ctx, KindToken, now.AddDate(0, 0, 399)); n != 0 || err != nil {
		t.Errorf("forgot %d, %v", n, err)
	}
	merge(t, s, &used)
	if got, err := s.RecordByKey(ctx, KindToken, "a"); err != nil || !got.Final {
		t.Errorf("record = %+v, %v", got, err)
	}
	if n, err := s.DeleteRecords(ctx, KindToken, now.AddDate(0, 0, 401)); n != 1 || err != nil {
		t.Errorf("forgot %d, %v", n, err)
	}
}

func TestOldRecordsAreForgotten(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s := openTest(t)
	now := time.Now()
	for i, r := range []Record{
		{Kind: KindInvitation, Expires: now.Add(-time.Minute)},
		{Kind: KindInvitation, Expires: now.Add(time.Minute)},
		{Kind: KindInvitation},
		{Kind: KindHook, Expires: now.Add(-time.Minute)},
		{Kind: KindAudit, Created: now.Add(-time.Minute)},
		{Kind: KindAudit, Created: now.Add(time.Minute)},
	} {
		r.ID = ID{byte(i + 1)}
		addRecord(t, s, NewRecord{Record: r})
	}
	before := fingerprintOf(t, s)
	for kind, want := range map[string]int{KindInvitation: 1, KindAudit: 1, KindToken: 0} {
		if n, err := s.DeleteRecords(ctx, kind, now); n != want || err != nil {
			t.Errorf("forgot %d of %s, %v", n, kind, err)
		}
	}
	for kind, id := range map[string]ID{KindInvitation: {1}, KindAudit: {5}} {
		if _, err := s.Record(ctx, kind, id); !errors.Is(err, ErrNotFound) {
			t.Errorf("%s is still there: %v", kind, err)
		}
	}
	// A node that has forgotten what expired has the same as one that has not.
	if n, err := s.DeleteRecords(ctx, KindHook, now); n != 1 || err != nil {
		t.Errorf("forgot %d, %v", n, err)
	}
	addRecord(t, s, NewRecord{Record: Record{Kind: KindHook, Expires: now.Add(-time.Hour)}})
	after := fingerprintOf(t, s)
	if _, err := s.DeleteRecords(ctx, KindHook, now); err != nil {
		t.Fatal(err)
	}
	if got := fingerprintOf(t, s); got != after || got == before {
		t.Errorf("fingerprint %s, then %s, then %s", before, after, got)
	}
}

func TestRecordsArePagedNewestFirst(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s := openTest(t)
	var want []Record
	for i := range 10 {
		// Some at the same moment.
		want = append(want, addRecord(t, s, NewRecord{Record: Record{Kind: KindAudit, Created: day.Add(time.Duration(i/3) * time.Second)}}))
	}
	addRecord(t, s, token(ID{1}, "another kind"))
	slices.Reverse(want)
	var got []Record
	q := RecordQuery{Kind: KindAudit, Limit: 4}
	for {
		page, err := s.Records(ctx, q)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, page...)
		if len(page) < q.Limit {
			break
		}
		q.Before, q.BeforeID = page[len(page)-1].Created, page[len(page)-1].ID
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if none, err := s.Records(ctx, RecordQuery{Kind: KindAudit}); err != nil || len(none) != 0 {
		t.Errorf("no limit: %v, %v", none, err)
	}
}

func TestOneKeyGivenAwayTwiceIsWhoStillHoldsIt(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s := openTest(t)
	mine := addRecord(t, s, NewRecord{Record: Record{Kind: KindPasskey, Owner: ID{1}, Key: "credential", Created: day}})
	theirs := Record{Header: from(0xf1, 1, 0), Kind: KindPasskey, ID: NewID(), Owner: ID{1}, Key: "credential", Created: day.Add(time.Hour)}
	merge(t, s, &theirs)
	if got, err := s.RecordByKey(ctx, KindPasskey, "credential"); err != nil || got != mine {
		t.Errorf("the first: %+v, %v", got, err)
	}
	if _, err := s.UpdateRecord(ctx, KindPasskey, mine.ID, func(r *Record) error { r.Final = true; return nil }); err != nil {
		t.Fatal(err)
	}
	if got, err := s.RecordByKey(ctx, KindPasskey, "credential"); err != nil || got.ID != theirs.ID {
		t.Errorf("the one that is left: %+v, %v", got, err)
	}
}

// What a version without records kept as strange is there after the upgrade.
func TestUpgradeTakesUpStrangeRecords(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	dir := t.TempDir()
	path := filepath.Join(dir, databaseFile)
	old := connect(t, path)
	if err := migrate(ctx, old, path, knownSteps(t)[:2]); err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(5, 5))
	var sent []Row
	for _, row := range randomHistory(r, 200) {
		if x, ok := row.(*Record); ok {
			sent = append(sent, x)
		}
	}
	place := 0
	for _, row := range join(sent) {
		place++
		x, o := row.(*Record), OriginOf(row)
		if _, err := old.ExecContext(ctx, `INSERT INTO strange (place, stamp, feed, seq, kind, id, final, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
			place, int64(o.Stamp), o.Feed, int64(o.Seq), x.Kind, x.ID.String(), x.Final, string(EncodeRow(x))); err != nil {
			t.Fatal(err)
		}
	}
	mustExec(t, old, fmt.Sprintf(`INSERT INTO state (id, log, place, clock) VALUES (1, x'0a000000000000000000000000000000', %d, 1)`, place))
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}
	s := openAt(t, dir, Options{})
	if aside, err := s.Aside(ctx); err != nil || aside != (Aside{}) {
		t.Errorf("aside = %+v, %v", aside, err)
	}
	for _, row := range join(sent) {
		x := row.(*Record)
		got, err := s.Record(ctx, x.Kind, x.ID)
		if got.Place = 0; err != nil || got != *x {
			t.Errorf("taken up: %+v, want %+v, %v", got, *x, err)
		}
	}
}

func TestRecordsOfTheFarFutureWait(t *testing.T) {
	t.Parallel()
	now := time.Now()
	s := openAt(t, t.TempDir(), Options{Now: func() time.Time { return now }})
	early := &Record{Header: from(0xf1, 1, 25*time.Hour), Kind: KindToken, ID: ID{1}, Created: now}
	merge(t, s, early)
	if _, err := s.Record(t.Context(), KindToken, early.ID); !errors.Is(err, ErrNotFound) {
		t.Errorf("it is there already: %v", err)
	}
	now = now.Add(2 * time.Hour)
	if err := s.Adopt(context.Background(), nil, Cursor{"peer", 1}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Record(t.Context(), KindToken, early.ID); err != nil {
		t.Errorf("when its time has come: %v", err)
	}
}
