package account

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"snug/store"
)

func mustCreateToken(t testing.TB, a *Accounts, user ID, scopes ...string) (string, Token) {
	t.Helper()
	secret, made, err := a.CreateToken(t.Context(), user, NewToken{Name: "doorbell", Scopes: scopes})
	if err != nil {
		t.Fatal(err)
	}
	return secret, made
}

func wantRefused(t testing.TB, a *Accounts, secret, reason string) {
	t.Helper()
	u, token, err := a.TokenUser(t.Context(), secret)
	refused, ok := errors.AsType[*TokenError](err)
	if !ok || refused.Reason != reason || u != (User{}) || !token.ID.IsZero() {
		t.Errorf("TokenUser = %v, %v, %v, want it refused: %s", u.Name, token.Name, err, reason)
	}
	if secret != "" && strings.Contains(err.Error(), secret) {
		t.Error("the error has the secret")
	}
}

func TestTokenIsItsOwnersAndStoredHashed(t *testing.T) {
	t.Parallel()
	st := openStore(t)
	a := openAccounts(t, st, Options{})
	ada := mustSignUp(t, a, "ada")
	expires := time.Now().Add(time.Hour)
	secret, made, err := a.CreateToken(t.Context(), ada.ID, NewToken{Name: " doorbell ", Scopes: []string{ScopeWrite, ScopeRead}, Expires: expires})
	if err != nil {
		t.Fatal(err)
	}
	if made.Name != "doorbell" || !slices.Equal(made.Scopes, []string{ScopeRead, ScopeWrite}) || made.User != ada.ID || !made.Used.IsZero() ||
		made.Expires.Sub(expires).Abs() > time.Millisecond {
		t.Errorf("token = %+v", made)
	}
	if !strings.HasPrefix(secret, TokenPrefix) || len(secret) != len(TokenPrefix)+tokenLength {
		t.Errorf("secret = %q", secret)
	}
	u, token, err := a.TokenUser(t.Context(), secret)
	if err != nil || u != ada || token.ID != made.ID {
		t.Errorf("TokenUser = %+v, %+v, %v", u, token, err)
	}
	rows, err := st.RecordsOf(t.Context(), store.KindToken, ada.ID)
	if err != nil || len(rows) != 1 {
		t.Fatalf("rows = %v, %v", rows, err)
	}
	if row := fmt.Sprintf("%+v", rows[0]); strings.Contains(row, strings.TrimPrefix(secret, TokenPrefix)) {
		t.Errorf("the secret is stored: %s", row)
	}
	for _, wrong := range []string{
		secret[:len(secret)-1], secret + "A", strings.ToUpper(secret[:4]) + secret[4:],
		strings.TrimPrefix(secret, TokenPrefix), "", TokenPrefix,
	} {
		wantRefused(t, a, wrong, ReasonMalformed)
	}
	wantRefused(t, a, TokenPrefix+newToken(), ReasonUnknownToken)
	wantNoSession(t, a, secret)
}

func TestTokenThatIsOverIsRefusedAndWhyIsKnown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		st := openStore(t)
		a := openAccounts(t, st, Options{})
		elsewhere := openAccounts(t, st, Options{})
		ada, grace := mustSignUp(t, a, "ada"), mustSignUp(t, a, "grace")
		told := make(chan ending, 10)
		defer a.OnEnded(func(session, user ID) { told <- ending{session: session, user: user} })()
		revoked, made := mustCreateToken(t, a, ada.ID, ScopeRead)
		for _, user := range []ID{grace.ID, store.NewID()} {
			if _, err := a.RevokeToken(t.Context(), user, made.ID); !errors.Is(err, ErrNoToken) {
				t.Errorf("revoke another's token: %v, want ErrNoToken", err)
			}
		}
		if was, err := a.RevokeToken(t.Context(), ada.ID, made.ID); err != nil || was.Name != "doorbell" {
			t.Fatalf("revoke: %+v, %v", was, err)
		}
		if got := <-told; got != (ending{session: made.ID, user: ada.ID}) {
			t.Errorf("told of %v, want the token", got)
		}
		if _, err := a.RevokeToken(t.Context(), ada.ID, made.ID); !errors.Is(err, ErrNoToken) {
			t.Errorf("revoke it again: %v, want ErrNoToken", err)
		}
		wantRefused(t, a, revoked, ReasonRevoked)
		wantRefused(t, elsewhere, revoked, ReasonRevoked)

		short, _, err := a.CreateToken(t.Context(), ada.ID, NewToken{Name: "short", Scopes: []string{ScopeRead}, Expires: time.Now().Add(time.Hour)})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour - time.Second)
		if _, _, err := a.TokenUser(t.Context(), short); err != nil {
			t.Errorf("before its end: %v", err)
		}
		time.Sleep(time.Second)
		wantRefused(t, a, short, ReasonExpired)
		if tokens, err := a.Tokens(t.Context(), ada.ID); len(tokens) != 0 || err != nil {
			t.Errorf("tokens = %v, %v, want none", tokens, err)
		}
		time.Sleep(keepExpiredTokens + 2*time.Hour)
		wantRefused(t, a, short, ReasonUnknownToken)
		wantRefused(t, a, revoked, ReasonRevoked) // another node may still have it as it was

		hers, _ := mustCreateToken(t, a, grace.ID, ScopeRead)
		mustDisable(t, st, grace.ID)
		wantRefused(t, a, hers, ReasonDisabledUser)
	})
}

func TestUseOfATokenIsNotedOnceAMinute(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		st := openStore(t)
		a := openAccounts(t, st, Options{})
		ada := mustSignUp(t, a, "ada")
		secret, _ := mustCreateToken(t, a, ada.ID, ScopeRead)
		synctest.Wait() // the audit log is written behind who signs up
		before := st.Seq()
		begun := time.Now()
		for range 10*60 + 1 {
			if _, _, err := a.TokenUser(t.Context(), secret); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
		}
		synctest.Wait()
		if n := st.Seq() - before; n != 11 {
			t.Errorf("a use each second of ten minutes is written %d times, want 11", n)
		}
		tokens, err := a.Tokens(t.Context(), ada.ID)
		if err != nil || len(tokens) != 1 || tokens[0].Used.Sub(begun).Truncate(time.Second) != 10*time.Minute || tokens[0].Name != "doorbell" {
			t.Errorf("tokens = %+v, %v", tokens, err)
		}
	})
}

func TestWhatANewerVersionSaysOfATokenIsKept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		st := openStore(t)
		a := openAccounts(t, st, Options{})
		ada := mustSignUp(t, a, "ada")
		secret, made := mustCreateToken(t, a, ada.ID, ScopeRead)
		_, err := st.UpdateRecord(t.Context(), store.KindToken, made.ID, func(x *store.Record) error {
			x.Body = `{"name":"doorbell","scopes":["read","levitate"],"rooms":["lobby"]}`
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		_, token, err := a.TokenUser(t.Context(), secret)
		if err != nil || !slices.Equal(token.Scopes, []string{ScopeRead}) {
			t.Errorf("token = %+v, %v", token, err)
		}
		synctest.Wait()
		row, err := st.Record(t.Context(), store.KindToken, made.ID)
		if err != nil || !strings.Contains(row.Body, `"rooms":["lobby"]`) || !strings.Contains(row.Body, "levitate") || !strings.Contains(row.Body, `"used":`) {
			t.Errorf("body = %s, %v", row.Body, err)
		}
	})
}

func TestTokenIsRefusedWithWhatToMend(t *testing.T) {
	t.Parallel()
	a := openAccounts(t, openStore(t), Options{})
	ada := mustSignUp(t, a, "ada")
	read := []string{ScopeRead}
	for _, test := range []struct {
		token       NewToken
		field, code string
	}{
		{NewToken{Name: " ", Scopes: read}, FieldTokenName, CodeRequired},
		{NewToken{Name: strings.Repeat("é", MaxTokenName+1), Scopes: read}, FieldTokenName, CodeTooLong},
		{NewToken{Name: "a\u202eb", Scopes: read}, FieldTokenName, CodeInvisible},
		{NewToken{Name: "a\xff", Scopes: read}, FieldTokenName, CodeInvisible},
		{NewToken{Name: "x"}, FieldTokenScopes, CodeRequired},
		{NewToken{Name: "x", Scopes: []string{"all"}}, FieldTokenScopes, CodeUnknown},
		{NewToken{Name: "x", Scopes: []string{ScopeRead, ScopeAdmin}}, FieldTokenScopes, CodeForbidden},
		{NewToken{Name: "x", Scopes: read, Expires: time.Now().Add(-time.Second)}, FieldTokenExpires, CodePast},
	} {
		_, _, err := a.CreateToken(t.Context(), ada.ID, test.token)
		faults, _ := errors.AsType[FieldErrors](err)
		if len(faults) != 1 || faults[0].Field != test.field || faults[0].Code != test.code || faults[0].Message == "" {
			t.Errorf("%+v: %v, want %s of %s", test.token, err, test.code, test.field)
		}
	}
	if tokens, err := a.Tokens(t.Context(), ada.ID); len(tokens) != 0 || err != nil {
		t.Errorf("tokens = %v, %v, want none", tokens, err)
	}
}

func TestTokensOfOneAccountAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := openAccounts(t, openStore(t), Options{})
		ada := mustSignUp(t, a, "ada")
		var made int
		var throttled *ThrottledError
		for {
			_, _, err := a.CreateToken(t.Context(), ada.ID, NewToken{Name: "x", Scopes: []string{ScopeRead}})
			if errors.As(err, &throttled) {
				time.Sleep(time.Hour)
				continue
			}
			if faults, ok := errors.AsType[FieldErrors](err); ok && faults[0].Code == CodeFull {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if made++; made == TokensPerHour && throttled != nil {
				t.Errorf("%d tokens an hour were too many", made)
			}
		}
		if made != MaxTokens || throttled == nil {
			t.Errorf("%d tokens, throttled: %v; want %d", made, throttled, MaxTokens)
		}
	})
}
