package account

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/crypto/argon2"

	"snug/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const goodPassword = "tall blue kettle"

// openStore makes a store that lives as long as the test.
func openStore(t testing.TB) *store.Store {
	t.Helper()
	st, err := store.Open(context.Background(), t.TempDir(), store.Options{Synchronous: "normal", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Errorf("close the store: %v", err)
		}
	})
	return st
}

// openAccounts makes accounts on a store, with passwords that cost little.
func openAccounts(t testing.TB, st *store.Store, opts Options) *Accounts {
	t.Helper()
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	a := newAccounts(st, opts, newHasher(cheap, argon2.IDKey))
	t.Cleanup(a.Close)
	return a
}

func mustSignUp(t testing.TB, a *Accounts, name string) User {
	t.Helper()
	u, err := a.SignUp(t.Context(), SignUp{Name: name, Password: goodPassword, Address: "192.0.2.1"})
	if err != nil {
		t.Fatalf("sign up %q: %v", name, err)
	}
	return u
}

// mustDisable disables a user as an administrator would.
func mustDisable(t testing.TB, st *store.Store, user ID) {
	t.Helper()
	_, err := st.UpdateUser(t.Context(), user, func(u *store.User) error {
		u.Disabled = true
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestSignUpMakesAnAccountThatCanLogIn(t *testing.T) {
	t.Parallel()
	a := openAccounts(t, openStore(t), Options{})
	u, err := a.SignUp(t.Context(), SignUp{Name: "Ａda", Password: goodPassword})
	if err != nil {
		t.Fatal(err)
	}
	if u.Name != "Ada" || u.Admin || u.Disabled || u.ID.IsZero() || time.Since(u.Created) > time.Minute {
		t.Errorf("user = %+v", u)
	}
	for _, name := range []string{"Ada", "ada", "ADA", "ａｄａ"} {
		got, err := a.LogIn(t.Context(), name, goodPassword, "")
		if err != nil || got != u {
			t.Errorf("log in as %q: %+v, %v, want %+v", name, got, err, u)
		}
	}
	if n, err := a.Count(t.Context()); n != 1 || err != nil {
		t.Errorf("Count = %d, %v, want 1", n, err)
	}
}

func TestSignUpSaysAllThatIsWrongAtOnce(t *testing.T) {
	t.Parallel()
	a := openAccounts(t, openStore(t), Options{})
	mustSignUp(t, a, "Ada")
	for _, tt := range []struct{ rule, name, password, codes string }{
		{"nothing typed", "", "", "username:required password:required"},
		{"both wrong", "a b", "short", "username:character password:too_short"},
		{"taken", "ada", goodPassword, "username:taken"},
		{"taken in another width", "ＡＤＡ", goodPassword, "username:taken"},
		{"taken and common", "ADA", "password", "username:taken password:common"},
		{"password is the name", "GraceHopper", "gracehopper", "password:is_name"},
	} {
		_, err := a.SignUp(t.Context(), SignUp{Name: tt.name, Password: tt.password})
		faults, ok := errors.AsType[FieldErrors](err)
		if !ok {
			t.Errorf("%s: %v, want FieldErrors", tt.rule, err)
			continue
		}
		var codes []string
		for _, f := range faults {
			codes = append(codes, f.Field+":"+f.Code)
			if faults.Field(f.Field) == nil || f.Message == "" {
				t.Errorf("%s: field %q cannot be shown", tt.rule, f.Field)
			}
		}
		if got := strings.Join(codes, " "); got != tt.codes {
			t.Errorf("%s: %s, want %s", tt.rule, got, tt.codes)
		}
	}
	if n, _ := a.Count(t.Context()); n != 1 {
		t.Errorf("there are %d accounts, want 1", n)
	}
}

func TestOneOfManySimultaneousSignUpsGetsTheName(t *testing.T) {
	t.Parallel()
	a := openAccounts(t, openStore(t), Options{})
	var made, taken int
	var mu sync.Mutex
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			name := []string{"ada", "ADA", "Ａda"}[i%3]
			_, err := a.SignUp(t.Context(), SignUp{Name: name, Password: goodPassword})
			mu.Lock()
			defer mu.Unlock()
			if faults, ok := errors.AsType[FieldErrors](err); ok && faults.Field(FieldUsername).Code == CodeTaken {
				taken++
			} else if err == nil {
				made++
			}
		})
	}
	all.Wait()
	if made != 1 || taken != 19 {
		t.Errorf("%d got the name and %d were told that it is taken, want 1 and 19", made, taken)
	}
}

func TestLogInHasOneAnswerForAllThatIsWrong(t *testing.T) {
	t.Parallel()
	var hashes int
	h := newHasher(cheap, argon2.IDKey)
	st := openStore(t)
	a := newAccounts(st, Options{}, h)
	t.Cleanup(a.Close)
	mustSignUp(t, a, "ada")
	h.derive = func(password, salt []byte, time, memory uint32, threads uint8, n uint32) []byte {
		hashes++
		return argon2.IDKey(password, salt, time, memory, threads, n)
	}
	for _, tt := range []struct{ rule, name, password string }{
		{"wrong password", "ada", "tall blue kettles"},
		{"no password", "ada", ""},
		{"unknown user", "grace", goodPassword},
		{"unknown user without a password", "grace", ""},
		{"no name", "", goodPassword},
		{"not a name", "a b/c", goodPassword},
	} {
		hashes = 0
		u, err := a.LogIn(t.Context(), tt.name, tt.password, "")
		if err != ErrCredentials || u != (User{}) {
			t.Errorf("%s: %v, %v, want %v itself", tt.rule, u, err, ErrCredentials)
		}
		if hashes != 1 {
			t.Errorf("%s: costs %d hashes, want 1 as any other", tt.rule, hashes)
		}
	}
	for _, name := range []string{"ada", "grace"} {
		hashes = 0
		if _, err := a.LogIn(t.Context(), name, strings.Repeat("x", maxPassword+1), ""); err != ErrCredentials || hashes != 0 {
			t.Errorf("a password that is too long for %s: %v and %d hashes, want none", name, err, hashes)
		}
	}
}

func TestDisabledUserIsToldOnlyWithTheRightPassword(t *testing.T) {
	t.Parallel()
	st := openStore(t)
	a := openAccounts(t, st, Options{})
	u := mustSignUp(t, a, "ada")
	mustDisable(t, st, u.ID)
	if _, err := a.LogIn(t.Context(), "ada", goodPassword, ""); !errors.Is(err, ErrDisabled) || !errors.Is(err, ErrCredentials) {
		t.Errorf("right password: %v, want ErrDisabled, which is an ErrCredentials", err)
	}
	if _, err := a.LogIn(t.Context(), "ada", "wrong", ""); errors.Is(err, ErrDisabled) || !errors.Is(err, ErrCredentials) {
		t.Errorf("wrong password: %v, want ErrCredentials alone", err)
	}
	if _, _, err := a.StartSession(t.Context(), u.ID, Client{}); !errors.Is(err, ErrNoUser) {
		t.Errorf("start a session: %v, want ErrNoUser", err)
	}
}

func TestLogInRenewsAHashOfAnotherCost(t *testing.T) {
	t.Parallel()
	st := openStore(t)
	a := openAccounts(t, st, Options{})
	u := mustSignUp(t, a, "ada")
	before, err := st.UserByID(t.Context(), u.ID)
	if err != nil {
		t.Fatal(err)
	}
	dearer := newAccounts(st, Options{}, newHasher(cost{memory: 128, time: 2, threads: 1}, argon2.IDKey))
	t.Cleanup(dearer.Close)
	if _, err := dearer.LogIn(t.Context(), "ada", "wrong", ""); err == nil {
		t.Fatal("a wrong password logs in")
	}
	if row, _ := st.UserByID(t.Context(), u.ID); row.Password != before.Password {
		t.Error("a wrong password changed the hash")
	}
	for range 2 {
		if _, err := dearer.LogIn(t.Context(), "ada", goodPassword, ""); err != nil {
			t.Fatal(err)
		}
		row, err := st.UserByID(t.Context(), u.ID)
		if err != nil || !strings.HasPrefix(row.Password, "$argon2id$v=19$m=128,t=2,p=1$") {
			t.Fatalf("hash = %s, %v, want the new cost", row.Password, err)
		}
	}
}

func TestUsersAreFoundByAnyFormOfTheirName(t *testing.T) {
	t.Parallel()
	a := openAccounts(t, openStore(t), Options{})
	u := mustSignUp(t, a, "Νίκος")
	for _, name := range []string{"Νίκος", "ΝΊΚΟΣ", "νίκοσ"} {
		if got, err := a.UserByName(t.Context(), name); err != nil || got != u {
			t.Errorf("UserByName(%q) = %v, %v", name, got, err)
		}
	}
	for _, name := range []string{"nikos", "", "a b", ".."} {
		if _, err := a.UserByName(t.Context(), name); !errors.Is(err, ErrNoUser) {
			t.Errorf("UserByName(%q): %v, want ErrNoUser", name, err)
		}
	}
	if got, err := a.UserByID(t.Context(), u.ID); err != nil || got != u {
		t.Errorf("UserByID = %v, %v", got, err)
	}
	if _, err := a.UserByID(t.Context(), store.NewID()); !errors.Is(err, ErrNoUser) {
		t.Errorf("UserByID of nobody: %v, want ErrNoUser", err)
	}
}

func TestPeopleArePagedAndMatched(t *testing.T) {
	t.Parallel()
	a := openAccounts(t, openStore(t), Options{})
	var want []string
	for i := range 7 {
		want = append(want, fmt.Sprintf("person%d", i))
	}
	users := make(map[string]User)
	for _, name := range append(slices.Clone(want), "Grace.Hopper", "Σίσυφος", "a_b", "axb") {
		users[name] = mustSignUp(t, a, name)
	}
	at := time.Now().Truncate(time.Millisecond)
	if err := a.st.SetSeen(t.Context(), users["person3"].ID, at); err != nil {
		t.Fatal(err)
	}
	var names []string
	for q := (Query{Match: "PERSON", Limit: 3}); ; {
		people, next, err := a.People(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range people {
			names = append(names, p.Name)
			if seen := p.Name == "person3"; p.LastSeen.Equal(at) != seen || p.LastSeen.IsZero() == seen {
				t.Errorf("%s was last seen %v", p.Name, p.LastSeen)
			}
		}
		if next == "" {
			break
		}
		q.After = next
	}
	if !slices.Equal(names, want) {
		t.Errorf("people = %v, want %v", names, want)
	}
	for match, name := range map[string]string{".hop": "Grace.Hopper", "ΣΊΣ": "Σίσυφος", "φος": "Σίσυφος", "_": "a_b", "ａｘ": "axb"} {
		people, next, err := a.People(t.Context(), Query{Match: match})
		if err != nil || next != "" || len(people) != 1 || people[0].User != users[name] {
			t.Errorf("people who match %q: %v, %q, %v, want %s", match, people, next, err, name)
		}
	}
	if people, next, err := a.People(t.Context(), Query{Match: "%"}); people != nil || next != "" || err != nil {
		t.Errorf("people who match %%: %v, %q, %v, want none", people, next, err)
	}
}

func TestFirstAdminIsMadeByTheTokenAlone(t *testing.T) {
	t.Parallel()
	st := openStore(t)
	a := openAccounts(t, st, Options{SignupsPerHour: 1})
	if u := mustSignUp(t, a, "first"); u.Admin {
		t.Fatal("the first to sign up is an administrator")
	}
	old, err := a.Setup(t.Context())
	if err != nil || len(old) != tokenLength {
		t.Fatalf("Setup = %q, %v", old, err)
	}
	token, err := a.Setup(t.Context())
	if err != nil || token == old {
		t.Fatalf("Setup = %q, %v, want a new token", token, err)
	}
	for _, wrong := range []string{old, token[1:], token + "x", strings.ToUpper(token), "x"} {
		if ok, err := a.SetupValid(t.Context(), wrong); ok || err != nil {
			t.Errorf("SetupValid(%q) = %t, %v", wrong, ok, err)
		}
		if _, err := a.SignUp(t.Context(), SignUp{Name: "mallory", Password: goodPassword, Setup: wrong}); !errors.Is(err, ErrSetup) {
			t.Errorf("sign up with %q: %v, want ErrSetup", wrong, err)
		}
	}
	if value, _, _ := st.Meta(t.Context(), setupMeta); value == "" || strings.Contains(value, token) {
		t.Errorf("the store holds %q", value)
	}
	// What the person can mend does not use the token up, and the throttle does not hold: the address has had its one.
	for range 3 {
		_, err = a.SignUp(t.Context(), SignUp{Name: "first", Password: "short", Address: "192.0.2.1", Setup: token})
		if faults, ok := errors.AsType[FieldErrors](err); !ok || len(faults) != 2 {
			t.Fatalf("a form with errors: %v", err)
		}
	}
	if ok, err := a.SetupValid(t.Context(), token); !ok || err != nil {
		t.Fatalf("SetupValid = %t, %v", ok, err)
	}
	u, err := a.SignUp(t.Context(), SignUp{Name: "root", Password: goodPassword, Address: "192.0.2.1", Setup: token})
	if err != nil || !u.Admin {
		t.Fatalf("sign up with the token: %+v, %v", u, err)
	}
	if _, err := a.SignUp(t.Context(), SignUp{Name: "root2", Password: goodPassword, Setup: token}); !errors.Is(err, ErrSetup) {
		t.Errorf("the token makes a second account: %v", err)
	}
	if token, err := a.Setup(t.Context()); token != "" || err != nil {
		t.Errorf("Setup with an administrator = %q, %v, want none", token, err)
	}
	mustDisable(t, st, u.ID)
	if token, err := a.Setup(t.Context()); token == "" || err != nil {
		t.Errorf("Setup when no administrator can log in = %q, %v, want a token", token, err)
	}
}

func TestHundredAttemptsWithOneTokenMakeOneAdmin(t *testing.T) {
	t.Parallel()
	a := openAccounts(t, openStore(t), Options{})
	token, err := a.Setup(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	errs := make([]error, 100)
	start := make(chan struct{})
	var all sync.WaitGroup
	for i := range errs {
		all.Go(func() {
			<-start
			_, errs[i] = a.SignUp(t.Context(), SignUp{Name: fmt.Sprint("root", i), Password: goodPassword, Setup: token})
		})
	}
	close(start)
	all.Wait()
	made := 0
	for _, err := range errs {
		if err == nil {
			made++
		} else if !errors.Is(err, ErrSetup) {
			t.Errorf("a loser gets %v, want ErrSetup", err)
		}
	}
	if n, _ := a.Count(t.Context()); made != 1 || n != 1 {
		t.Errorf("%d succeeded and %d accounts exist, want 1", made, n)
	}
}

func TestAdminIsFoundBehindManyUsers(t *testing.T) {
	t.Parallel()
	st := openStore(t)
	a := openAccounts(t, st, Options{})
	var all sync.WaitGroup
	for i := range setupPage + 1 {
		all.Go(func() {
			name := fmt.Sprintf("user%04d", i)
			if _, err := st.CreateUser(t.Context(), store.User{ID: store.NewID(), Name: name, Key: name, Created: time.Now()}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	token, err := a.Setup(t.Context())
	if token == "" || err != nil {
		t.Fatalf("Setup = %q, %v, want a token", token, err)
	}
	if _, err := a.SignUp(t.Context(), SignUp{Name: "zzz", Password: goodPassword, Setup: token}); err != nil {
		t.Fatal(err)
	}
	if token, err := a.Setup(t.Context()); token != "" || err != nil {
		t.Errorf("Setup = %q, %v, want none", token, err)
	}
}

func TestCloseTwice(t *testing.T) {
	t.Parallel()
	a := openAccounts(t, openStore(t), Options{})
	a.Close()
	a.Close()
}

// Trouble with the database must not look like a wrong password or a session that is over: people would believe it.
func TestTroubleIsNotAnAnswer(t *testing.T) {
	t.Parallel()
	st := openStore(t)
	a := openAccounts(t, st, Options{LoginsPerMinute: 1, SignupsPerHour: 1})
	u := mustSignUp(t, a, "ada")
	token, s := startSession(t, a, u.ID)
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	for _, tt := range []struct {
		what string
		do   func() error
	}{
		{"sign up", func() error { return second(a.SignUp(ctx, SignUp{Name: "grace", Password: goodPassword})) }},
		{"sign up again", func() error { return second(a.SignUp(ctx, SignUp{Name: "grace", Password: goodPassword})) }},
		{"sign up with a token", func() error {
			return second(a.SignUp(ctx, SignUp{Name: "grace", Password: goodPassword, Setup: newToken()}))
		}},
		{"log in", func() error { return second(a.LogIn(ctx, "ada", goodPassword, "192.0.2.1")) }},
		{"log in again", func() error { return second(a.LogIn(ctx, "ada", goodPassword, "192.0.2.1")) }},
		{"session", func() error { return second(a.Session(ctx, token)) }},
		{"end a session", func() error { return a.EndSession(ctx, s.ID) }},
		{"end sessions", func() error { return a.EndSessions(ctx, u.ID, ID{}) }},
		{"user by name", func() error { return second(a.UserByName(ctx, "ada")) }},
		{"user by id", func() error { return second(a.UserByID(ctx, store.NewID())) }},
		{"count", func() error { return second(a.Count(ctx)) }},
		{"set up", func() error { return second(a.Setup(ctx)) }},
	} {
		if err := tt.do(); !errors.Is(err, store.ErrClosed) {
			t.Errorf("%s: %v, want store.ErrClosed", tt.what, err)
		}
	}
}
