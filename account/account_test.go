package account

import (
	"context"
	"errors"
	"log/slog"
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
		got.proof = u.proof
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
		in, err := dearer.LogIn(t.Context(), "ada", goodPassword, "")
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := dearer.StartSession(t.Context(), in.ID, Client{Proof: in.Proof()}); err != nil {
			t.Errorf("start a session: %v", err)
		}
		row, err := st.UserByID(t.Context(), u.ID)
		if err != nil || !strings.HasPrefix(row.Password, "$argon2id$v=19$m=128,t=2,p=1$") {
			t.Fatalf("hash = %s, %v, want the new cost", row.Password, err)
		}
	}
}

// Two browsers come with the password while it is stored at another cost: both get in. Whoever's password was changed meanwhile does not.
func TestLogInsThatRenewAHashAtTheSameTime(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		meanwhile func(a *Accounts, u ID) error
		want      error
	}{
		"renewed": {func(a *Accounts, _ ID) error { return second(a.LogIn(t.Context(), "ada", goodPassword, "")) }, nil},
		"changed": {func(a *Accounts, u ID) error {
			return second(a.SetPassword(t.Context(), Actor{}, u, "another good passphrase"))
		}, ErrCredentials},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			st := openStore(t)
			u := mustSignUp(t, openAccounts(t, st, Options{}), "ada")
			dear := cost{memory: 128, time: 2, threads: 1}
			other := newAccounts(st, Options{}, newHasher(dear, argon2.IDKey))
			t.Cleanup(other.Close)
			var once sync.Once
			a := newAccounts(st, Options{}, newHasher(dear, func(password, salt []byte, time, memory uint32, threads uint8, n uint32) []byte {
				if memory == dear.memory { // it hashes anew
					once.Do(func() {
						if err := test.meanwhile(other, u.ID); err != nil {
							t.Error(err)
						}
					})
				}
				return argon2.IDKey(password, salt, time, memory, threads, n)
			}))
			t.Cleanup(a.Close)
			in, err := a.LogIn(t.Context(), "ada", goodPassword, "")
			if err != nil {
				t.Fatal(err)
			}
			if _, _, err := a.StartSession(t.Context(), in.ID, Client{Proof: in.Proof()}); !errors.Is(err, test.want) {
				t.Errorf("start a session: %v, want %v", err, test.want)
			}
		})
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
