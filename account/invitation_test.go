package account

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"snug/store"
)

func TestAdmissionDecidesWhoSignsUp(t *testing.T) {
	t.Parallel()
	for admission, want := range map[Admission]error{
		"": nil, AdmitEverybody: nil, AdmitInvited: ErrInviteOnly, AdmitNobody: ErrSignupClosed,
	} {
		a := openAccounts(t, openStore(t), Options{Admission: admission})
		if _, err := a.SignUp(t.Context(), SignUp{Name: "ada", Password: goodPassword}); !errors.Is(err, want) {
			t.Errorf("with sign-up %q: %v, want %v", admission, err, want)
		}
		if err := a.Admitted(t.Context(), ""); !errors.Is(err, want) {
			t.Errorf("with sign-up %q, Admitted = %v, want %v", admission, err, want)
		}
		token, err := a.Setup(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := a.SignUp(t.Context(), SignUp{Name: "root", Password: goodPassword, Setup: token}); err != nil {
			t.Errorf("with sign-up %q, the first administrator: %v", admission, err)
		}
	}
}

func TestUnknownInvitationAdmitsNobody(t *testing.T) {
	t.Parallel()
	for admission, want := range map[Admission]error{AdmitEverybody: ErrInvitation, AdmitInvited: ErrInvitation, AdmitNobody: ErrSignupClosed} {
		a := openAccounts(t, openStore(t), Options{Admission: admission})
		for _, token := range []string{"x", newToken()} {
			if _, err := a.SignUp(t.Context(), SignUp{Name: "ada", Password: goodPassword, Invitation: token}); !errors.Is(err, want) {
				t.Errorf("with sign-up %q and a wrong invitation: %v, want %v", admission, err, want)
			}
		}
		if n, err := a.Count(t.Context()); n != 0 || err != nil {
			t.Errorf("%d accounts were made, %v", n, err)
		}
	}
}

func mustInvite(t testing.TB, a *Accounts, n NewInvitation) (string, Invitation) {
	t.Helper()
	token, made, err := a.Invite(t.Context(), Actor{}, n)
	if err != nil {
		t.Fatalf("invite: %v", err)
	}
	return token, made
}

// However many come at once, an invitation makes as many accounts as it says, and those who are turned away have none.
func TestInvitationMakesAsManyAccountsAsItSays(t *testing.T) {
	t.Parallel()
	const uses, attempts = 5, 40
	a := openAccounts(t, openStore(t), Options{Admission: AdmitInvited})
	token, made := mustInvite(t, a, NewInvitation{Uses: uses, Room: "lobby"})
	errs := make([]error, attempts)
	start := make(chan struct{})
	var all sync.WaitGroup
	for i := range errs {
		all.Go(func() {
			<-start
			_, errs[i] = a.SignUp(t.Context(), SignUp{Name: fmt.Sprint("user", i), Password: goodPassword, Invitation: token})
		})
	}
	close(start)
	all.Wait()
	admitted := 0
	for _, err := range errs {
		if err == nil {
			admitted++
		} else if !errors.Is(err, ErrInvitation) {
			t.Errorf("one who is turned away gets %v", err)
		}
	}
	if n, _ := a.Count(t.Context()); admitted != uses || n != uses {
		t.Errorf("%d came in and %d accounts exist, want %d", admitted, n, uses)
	}
	listed, err := a.Invitations(t.Context())
	if err != nil || len(listed) != 1 || listed[0].ID != made.ID || listed[0].Used != uses || listed[0].Uses != uses || listed[0].Room != "lobby" {
		t.Errorf("Invitations = %+v, %v", listed, err)
	}
}

func TestFormWithErrorsDoesNotUseAnInvitationUp(t *testing.T) {
	t.Parallel()
	a := openAccounts(t, openStore(t), Options{Admission: AdmitInvited, SignupsPerHour: 1})
	token, _ := mustInvite(t, a, NewInvitation{})
	for range 3 {
		if _, err := a.SignUp(t.Context(), SignUp{Name: "a b", Password: goodPassword, Invitation: token}); err == nil {
			t.Fatal("a bad name is taken")
		}
	}
	if _, err := a.SignUp(t.Context(), SignUp{Name: "ada", Password: goodPassword, Invitation: token}); err != nil {
		t.Fatal(err)
	}
	// The throttle holds for invited people too.
	token, _ = mustInvite(t, a, NewInvitation{})
	_, err := a.SignUp(t.Context(), SignUp{Name: "grace", Password: goodPassword, Invitation: token})
	if _, ok := errors.AsType[*ThrottledError](err); !ok {
		t.Errorf("the second from one address: %v", err)
	}
	if _, err := a.Invitation(t.Context(), token); err != nil {
		t.Errorf("who waits has used the invitation up: %v", err)
	}
}

func TestInvitationEndsWhenItSays(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		st := openStore(t)
		a := openAccounts(t, st, Options{Admission: AdmitInvited})
		short, _ := mustInvite(t, a, NewInvitation{Life: time.Hour})
		long, made := mustInvite(t, a, NewInvitation{})
		<-time.After(time.Hour)
		if _, err := a.Invitation(t.Context(), short); !errors.Is(err, ErrInvitation) {
			t.Errorf("after its hour: %v", err)
		}
		if listed, err := a.Invitations(t.Context()); err != nil || len(listed) != 1 || listed[0].ID != made.ID {
			t.Errorf("Invitations = %+v, %v", listed, err)
		}
		if err := a.RevokeInvitation(t.Context(), Actor{}, made.ID); err != nil {
			t.Fatal(err)
		}
		if err := a.Admitted(t.Context(), long); !errors.Is(err, ErrInvitation) {
			t.Errorf("one that was taken back: %v", err)
		}
		if err := a.RevokeInvitation(t.Context(), Actor{}, made.ID); !errors.Is(err, ErrInvitation) {
			t.Errorf("taken back twice: %v", err)
		}
		if listed, err := a.Invitations(t.Context()); err != nil || len(listed) != 0 {
			t.Errorf("Invitations = %+v, %v", listed, err)
		}
		a.Close()
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestInvitationIsStoredHashed(t *testing.T) {
	t.Parallel()
	st := openStore(t)
	a := openAccounts(t, st, Options{})
	token, made := mustInvite(t, a, NewInvitation{})
	row, err := st.Record(t.Context(), store.KindInvitation, made.ID)
	if err != nil || strings.Contains(row.Key+row.Body, token) {
		t.Errorf("the store holds %+v, %v", row, err)
	}
}

func TestInvitationWithoutBoundsIsRefused(t *testing.T) {
	t.Parallel()
	a := openAccounts(t, openStore(t), Options{})
	for _, n := range []NewInvitation{
		{Uses: -1}, {Uses: MaxInvitationUses + 1}, {Life: time.Second}, {Life: -time.Hour}, {Life: MaxInvitationLife + 1},
	} {
		_, _, err := a.Invite(t.Context(), Actor{}, n)
		if faults, ok := errors.AsType[FieldErrors](err); !ok || len(faults) != 1 {
			t.Errorf("%+v: %v", n, err)
		}
	}
	for range maxInvitations {
		mustInvite(t, a, NewInvitation{})
	}
	_, _, err := a.Invite(t.Context(), Actor{}, NewInvitation{})
	if faults, ok := errors.AsType[FieldErrors](err); !ok || faults.Field(FieldUses) == nil {
		t.Errorf("one too many: %v", err)
	}
	closed := openAccounts(t, openStore(t), Options{Admission: AdmitNobody})
	if _, _, err := closed.Invite(t.Context(), Actor{}, NewInvitation{}); !errors.Is(err, ErrSignupClosed) {
		t.Errorf("where nobody may sign up: %v", err)
	}
}
