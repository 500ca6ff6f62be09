package account

import (
	"bytes"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"snug/store"
)

// auditLog gives what the audit log holds, newest first, after everything that was noted is written.
func auditLog(t testing.TB, a *Accounts, q AuditQuery) []AuditEntry {
	t.Helper()
	a.Close()
	if q.Limit == 0 {
		q.Limit = 1000
	}
	entries, _, err := a.AuditLog(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

func kindsOf(entries []AuditEntry) string {
	var kinds []string
	for _, e := range entries {
		kinds = append(kinds, e.Kind)
	}
	return strings.Join(kinds, " ")
}

func TestEveryEventHasWords(t *testing.T) {
	t.Parallel()
	words := map[string]string{}
	for _, k := range EventKinds() {
		if words[k.Kind] != "" || k.Words == "" {
			t.Errorf("%s is there twice, or has no words", k.Kind)
		}
		words[k.Kind] = k.Words
	}
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, file := range files {
		if !strings.HasSuffix(file.Name(), ".go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || !strings.HasPrefix(spec.Names[0].Name, "Event") || len(spec.Values) != 1 {
				return true
			}
			if literal, ok := spec.Values[0].(*ast.BasicLit); ok {
				found++
				kind, err := strconv.Unquote(literal.Value)
				if err != nil || words[kind] == "" {
					t.Errorf("%s (%s) has no words in EventKinds", spec.Names[0].Name, literal.Value)
				}
			}
			return true
		})
	}
	if found != len(words) {
		t.Errorf("%d kinds are declared, %d have words", found, len(words))
	}
}

func TestAuditKeepsWhatHappened(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	a := openAccounts(t, openStore(t), Options{Node: "attic", Logger: slog.New(slog.NewTextHandler(&log, nil))})
	e := Event{Kind: EventUserPromoted, Actor: ID{1}, Target: ID{2}, Address: "192.0.2.1", Detail: "bob"}
	before := time.Now().Truncate(time.Millisecond)
	a.Audit(t.Context(), e)
	got := auditLog(t, a, AuditQuery{})
	if len(got) != 1 || got[0].Event != e || got[0].Node != "attic" || got[0].ID.IsZero() || got[0].At.Before(before) || got[0].At.After(time.Now()) {
		t.Errorf("entries = %+v", got)
	}
	for _, want := range []string{"user.promoted", "192.0.2.1", "detail=bob"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log lacks %q: %s", want, log.String())
		}
	}
}

func TestWhatPeopleDoIsNoted(t *testing.T) {
	t.Parallel()
	st := openStore(t)
	a := openAccounts(t, st, Options{LoginsPerMinute: 2, SignupsPerHour: 2})
	token, err := a.Setup(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.SignUp(t.Context(), SignUp{Name: "root", Password: goodPassword, Address: "192.0.2.1", Setup: token}); err != nil {
		t.Fatal(err)
	}
	ada := mustSignUp(t, a, "ada")
	if _, err := a.LogIn(t.Context(), "ada", goodPassword, "192.0.2.2"); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := a.LogIn(t.Context(), "ada", "canary-secret", "192.0.2.3"); err == nil {
			t.Fatal("logged in with a wrong password")
		}
	}
	_, err = a.LogIn(t.Context(), "canary-name", "x", "192.0.2.4")
	if !errors.Is(err, ErrCredentials) {
		t.Fatal(err)
	}
	mustSignUp(t, a, "bob")
	if _, err := a.SignUp(t.Context(), SignUp{Name: "eve", Password: goodPassword, Address: "192.0.2.1"}); err == nil {
		t.Fatal("one too many has signed up")
	}
	entries := auditLog(t, a, AuditQuery{})
	want := "signup.throttled signup login.failed login.throttled login.failed login.failed login signup signup setup.used"
	if got := kindsOf(entries); got != want {
		t.Fatalf("entries are %s\nwant %s", got, want)
	}
	if e := entries[3]; e.Target != ada.ID || e.Address != "192.0.2.3" {
		t.Errorf("throttled: %+v", e)
	}
	for _, e := range entries {
		if text := fmt.Sprint(e); strings.Contains(text, "canary") || strings.Contains(text, token) || strings.Contains(text, goodPassword) {
			t.Errorf("a secret, or what may be one, is in %s", text)
		}
	}
	mine := auditLog(t, a, AuditQuery{Person: ada.ID})
	if got, want := kindsOf(mine), "login.throttled login.failed login.failed login signup"; got != want {
		t.Errorf("of ada: %s, want %s", got, want)
	}
	if got, want := kindsOf(auditLog(t, a, AuditQuery{Person: ada.ID, Kind: EventLogin})), "login"; got != want {
		t.Errorf("log-ins of ada: %s, want %s", got, want)
	}
}

func TestAuditIsReadPageByPage(t *testing.T) {
	t.Parallel()
	st := openStore(t)
	a := openAccounts(t, st, Options{})
	start := time.Now().Add(-time.Hour)
	for i := range 1234 {
		kind := EventLogin
		if i == 7 {
			kind = EventUserAdded
		}
		// Three at each moment.
		e := AuditEntry{Event: Event{Kind: kind, Detail: strconv.Itoa(i)}, At: start.Add(time.Duration(i/3) * time.Second)}
		if _, err := st.CreateRecord(t.Context(), e.record()); err != nil {
			t.Fatal(err)
		}
	}
	seen, pages, q := map[string]bool{}, 0, AuditQuery{Limit: 100}
	last := time.Now()
	for {
		entries, next, err := a.AuditLog(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if seen[e.Detail] || e.At.After(last) {
				t.Fatalf("%+v is there twice, or in the wrong place", e)
			}
			seen[e.Detail], last = true, e.At
		}
		pages++
		if q.Before = next; next == "" {
			break
		}
	}
	if len(seen) != 1234 || pages != 13 {
		t.Errorf("%d entries on %d pages", len(seen), pages)
	}
	entries, next, err := a.AuditLog(t.Context(), AuditQuery{Kind: EventUserAdded, Limit: 1})
	if err != nil || len(entries) != 1 || next != "" {
		t.Errorf("the only one of its kind: %v, next %q, %v", entries, next, err)
	}
	for _, bad := range []string{"x", "1", "1.", ".", "-1." + store.NewID().String(), "1.00"} {
		if _, _, err := a.AuditLog(t.Context(), AuditQuery{Before: bad, Limit: 1}); !errors.Is(err, ErrCursor) {
			t.Errorf("before %q: %v", bad, err)
		}
	}
}

func TestFloodsAreCountedAndToldOf(t *testing.T) {
	t.Parallel()
	f, now := newFloods(), time.UnixMilli(1_700_000_000_000)
	noted := 0
	flood := func(n int) {
		for i := range n {
			if f.admit(Event{Kind: EventLoginFailed, Address: fmt.Sprintf("192.0.2.%d", i%17)}, now) {
				noted++
			}
		}
	}
	flood(1000)
	if noted != 30 {
		t.Errorf("%d of a flood are noted at once, want 30", noted)
	}
	for range 2000 {
		if !f.admit(Event{Kind: EventLogin}, now) {
			t.Fatal("a flood of one kind keeps another out, or many people cannot log in at once")
		}
	}
	if now = now.Add(5 * time.Minute); f.due(now) != nil {
		t.Error("told of before its time")
	}
	noted = 0
	flood(100)
	if noted != 5 {
		t.Errorf("%d of a flood are noted after five minutes, want 5", noted)
	}
	now = now.Add(5 * time.Minute)
	due := f.due(now)
	if len(due) != 1 || due[0].More != 970+95 || due[0].Kind != EventLoginFailed || due[0].Detail != "1065 more within 10m0s, from 17 addresses" {
		t.Errorf("told of as %+v", due)
	}
	if f.rest(now) != nil {
		t.Error("told of twice")
	}
	now, noted = now.Add(time.Hour), 0
	flood(31)
	if rest := f.rest(now); noted != 30 || len(rest) != 1 || rest[0].More != 1 {
		t.Errorf("after an hour %d are noted, and %+v told of at the end", noted, rest)
	}
	// An hour of ten thousand failures a minute.
	noted = 0
	for range 60 {
		now = now.Add(time.Minute)
		flood(10_000)
	}
	if noted > 100 {
		t.Errorf("%d entries in an hour of a flood", noted)
	}
}

// What cannot be written is counted, and said as soon as something can be written again.
func TestLostEntriesAreTold(t *testing.T) {
	t.Parallel()
	st := openStore(t)
	j := newJournal(st, "attic", slog.New(slog.DiscardHandler))
	for range journalQueue + 5 {
		j.note(t.Context(), AuditEntry{Event: Event{Kind: EventLogin}, At: time.Now()})
	}
	refused := AuditEntry{Event: Event{Kind: EventLogin}, At: time.UnixMilli(-1)} // no record can be of that time
	j.write(t.Context(), []AuditEntry{refused, refused})
	j.write(t.Context(), nil)
	rows, err := st.Records(t.Context(), store.RecordQuery{Kind: store.KindAudit, Limit: 10})
	if err != nil || len(rows) != 1 {
		t.Fatalf("records = %v, %v", rows, err)
	}
	if e := entryOf(rows[0]); e.Kind != EventAuditLost || !strings.HasPrefix(e.Detail, "7 could not") {
		t.Errorf("told as %+v", e)
	}
}

func TestAuditForgetsWhatIsOld(t *testing.T) {
	t.Parallel()
	st := openStore(t)
	a := openAccounts(t, st, Options{AuditKeep: 24 * time.Hour})
	for _, age := range []time.Duration{23 * time.Hour, 25 * time.Hour} {
		e := AuditEntry{Event: Event{Kind: EventLogin, Detail: age.String()}, At: time.Now().Add(-age)}
		if _, err := st.CreateRecord(t.Context(), e.record()); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.deleteOver(t.Context(), time.Now()); err != nil {
		t.Fatal(err)
	}
	if got := auditLog(t, a, AuditQuery{}); len(got) != 1 || got[0].Detail != "23h0m0s" {
		t.Errorf("left are %+v", got)
	}
}

// While a flood lasts, and at the end, its size is noted.
func TestFloodIsToldOfWhileItLasts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := openAccounts(t, openStore(t), Options{Node: "attic"})
		flood := func(n int) {
			for range n {
				a.Audit(t.Context(), Event{Kind: EventLoginFailed})
			}
		}
		flood(100)
		time.Sleep(summaryPeriod + summaryLook)
		told, _, err := a.AuditLog(t.Context(), AuditQuery{Limit: 100})
		if err != nil || len(told) != 31 || told[0].More != 70 || told[0].Node != "attic" {
			t.Errorf("while it lasts: %d entries, %v, the last %+v", len(told), err, told[0])
		}
		flood(50)
		if rest := auditLog(t, a, AuditQuery{}); len(rest) != 31+11+1 || rest[0].More != 39 {
			t.Errorf("at the end: %d entries, the last %+v", len(rest), rest[0])
		}
	})
}

// A password that is set where there was none is another way in, and noted as such.
func TestFirstPasswordIsNotedAsSuch(t *testing.T) {
	t.Parallel()
	st := openStore(t)
	a := openAccounts(t, st, Options{})
	ada, err := st.CreateUser(t.Context(), store.User{Name: "ada", Key: "ada", Created: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []PasswordChange{{New: goodPassword}, {Old: goodPassword, New: goodPassword + "s"}} {
		c.User = ada.ID
		if err := a.ChangePassword(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := kindsOf(auditLog(t, a, AuditQuery{})), "password.changed password.on"; got != want {
		t.Errorf("entries are %s, want %s", got, want)
	}
}
