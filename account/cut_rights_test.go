package account

import (
	"errors"
	"runtime"
	"testing"
	"time"

	"golang.org/x/crypto/argon2"

	"snug/store"
)

const newPassword = "another good passphrase"

// openDearHalf is openHalf where hashes cost more: who logs in there has the password stored anew.
func openDearHalf(t *testing.T) *half {
	t.Helper()
	h := openHalf(t)
	h.hasher = newHasher(cost{memory: 2 * cheap.memory, time: 1, threads: 1}, argon2.IDKey)
	return h
}

// Somebody's account is changed on one side of a cut, and they take another name on the other side and log in there with the password that they knew, before it or after.
func TestWhatWasTakenStaysTakenWhateverTheOtherSideDoesToTheAccount(t *testing.T) {
	t.Parallel()
	change := func(h *half, user, session ID) error {
		return h.ChangePassword(t.Context(), PasswordChange{User: user, Session: session, Old: goodPassword, New: newPassword, Address: "192.0.2.1"})
	}
	for name, c := range map[string]struct {
		take     func(h *half, user, session ID) error
		password string // with which they log in then
		err      error  // or do not
		admin    bool
	}{
		"disabled": {func(h *half, user, _ ID) error {
			_, err := h.Disable(t.Context(), Actor{}, user, SpareLastAdmin)
			return err
		}, goodPassword, ErrDisabled, true},
		"demoted": {func(h *half, user, _ ID) error {
			_, err := h.Demote(t.Context(), Actor{}, user, SpareLastAdmin)
			return err
		}, goodPassword, nil, false},
		"another password": {change, newPassword, nil, true},
		"another password by an administrator": {func(h *half, user, _ ID) error {
			_, err := h.SetPassword(t.Context(), Actor{}, user, newPassword)
			return err
		}, newPassword, nil, true},
		"all of it": {func(h *half, user, session ID) error {
			err := change(h, user, session)
			_, errDemote := h.Demote(t.Context(), Actor{}, user, SpareLastAdmin)
			_, errDisable := h.Disable(t.Context(), Actor{}, user, SpareLastAdmin)
			return errors.Join(err, errDemote, errDisable)
		}, newPassword, ErrDisabled, false},
	} {
		for _, first := range []bool{true, false} {
			t.Run(name+map[bool]string{true: " first", false: " last"}[first], func(t *testing.T) {
				t.Parallel()
				a, b := openHalf(t), openDearHalf(t)
				ada := mustSignUp(t, a.Accounts, "ada")
				if _, err := a.Promote(t.Context(), Actor{}, ada.ID); err != nil {
					t.Fatal(err)
				}
				kept, session := startSession(t, a.Accounts, ada.ID)
				secret, _ := mustCreateToken(t, a.Accounts, ada.ID, ScopeAdmin)
				meet(t, a, b)
				for _, h := range []*half{a, b} {
					if s, err := h.Session(t.Context(), kept); err != nil || !s.User.Admin { // and now it is in memory
						t.Fatalf("before: %+v, %v", s, err)
					}
				}

				other := func() {
					if _, err := b.Rename(t.Context(), Actor{}, ada.ID, "lovelace"); err != nil {
						t.Fatal(err)
					}
					before, errBefore := b.st.UserByID(t.Context(), ada.ID)
					_, errIn := b.LogIn(t.Context(), "lovelace", goodPassword, "192.0.2.1")
					after, errAfter := b.st.UserByID(t.Context(), ada.ID)
					if err := errors.Join(errBefore, errIn, errAfter); err != nil || before.Password == after.Password {
						t.Fatalf("the password was not stored anew: %v", err)
					}
				}
				if !first {
					other()
				}
				if err := c.take(a, ada.ID, session.ID); err != nil {
					t.Fatal(err)
				}
				if first {
					other()
				}
				meet(t, a, b)

				for side, h := range map[string]*half{"where it was": a, "on the other side": b, "there after a start": {Accounts: openAccounts(t, b.st, Options{})}} {
					got, err := h.LogIn(t.Context(), "lovelace", c.password, "192.0.2.1")
					if !errors.Is(err, c.err) {
						t.Errorf("%s: log in: %v, want %v", side, err, c.err)
					}
					if c.password != goodPassword {
						if _, err := h.LogIn(t.Context(), "lovelace", goodPassword, "192.0.2.2"); !errors.Is(err, ErrCredentials) {
							t.Errorf("%s: with the old password: %v", side, err)
						}
					}
					if c.err == nil && got.Admin != c.admin {
						t.Errorf("%s: administrator: %v", side, got.Admin)
					}
					people, _, err := h.People(t.Context(), Query{})
					if err != nil || len(people) != 1 || people[0].Admin != c.admin || people[0].Disabled != (c.err != nil) {
						t.Errorf("%s: listed as %+v, %v", side, people, err)
					}
					u, _, err := h.TokenUser(t.Context(), secret)
					if refused, ok := errors.AsType[*TokenError](err); ok != (c.err != nil) || ok && refused.Reason != ReasonDisabledUser || !ok && u.Admin != c.admin {
						t.Errorf("%s: the access token is that of %+v, %v", side, u, err)
					}
					s, err := h.Session(t.Context(), kept)
					if kept := c.err == nil && name != "another password by an administrator"; (err == nil) != kept || kept && s.User.Admin != c.admin {
						t.Errorf("%s: session: %+v, %v", side, s, err)
					}
				}
				if c.err != nil {
					told := false
					for deadline := time.After(10 * time.Second); !told; {
						select {
						case session := <-b.ended:
							told = session.IsZero() // all of theirs
						case <-deadline:
							t.Fatal("nobody was told that all of their sockets are to close")
						}
					}
				}
			})
		}
	}
}

// Who has passkeys alone cannot log in with the password that the other side still had.
func TestPasswordThatIsOffStaysOff(t *testing.T) {
	t.Parallel()
	a, b := openHalf(t), openDearHalf(t)
	ada := mustSignUp(t, a.Accounts, "ada")
	meet(t, a, b)
	if _, err := a.st.UpdateUser(t.Context(), ada.ID, func(u *store.User) error { u.Password = ""; return nil }); err != nil {
		t.Fatal(err)
	}
	if _, err := b.LogIn(t.Context(), "ada", goodPassword, "192.0.2.1"); err != nil {
		t.Fatal(err)
	}
	meet(t, a, b)
	for _, h := range []*half{a, b} {
		if has, err := h.HasPassword(t.Context(), ada.ID); has || err != nil {
			t.Errorf("has a password: %v, %v", has, err)
		}
		if _, err := h.LogIn(t.Context(), "ada", goodPassword, "192.0.2.1"); !errors.Is(err, ErrCredentials) {
			t.Errorf("log in: %v", err)
		}
	}
}

// Both sides take the rights of the other's administrator: then there is none, and the next start prints a link.
func TestBothSidesMayDemoteTheOthersAdministrator(t *testing.T) {
	t.Parallel()
	a, b := openHalf(t), openHalf(t)
	var admins []User
	for _, name := range []string{"ada", "grace"} {
		u := mustSignUp(t, a.Accounts, name)
		if _, err := a.Promote(t.Context(), Actor{}, u.ID); err != nil {
			t.Fatal(err)
		}
		admins = append(admins, u)
	}
	meet(t, a, b)
	for i, h := range []*half{a, b} {
		if _, err := h.Demote(t.Context(), Actor{}, admins[i].ID, KeepLastAdmin); err != nil {
			t.Fatal(err)
		}
		if _, err := h.Demote(t.Context(), Actor{}, admins[1-i].ID, KeepLastAdmin); !errors.Is(err, ErrLastAdmin) {
			t.Errorf("the last administrator: %v", err)
		}
	}
	meet(t, a, b)
	for _, h := range []*half{a, b} {
		if has, err := h.st.HasAdmin(t.Context()); has || err != nil {
			t.Errorf("there is an administrator: %v, %v", has, err)
		}
		if token, err := h.Setup(t.Context()); token == "" || err != nil {
			t.Errorf("a link for the first administrator: %q, %v", token, err)
		}
	}
}

// A session that began between two endings which say the same is over, and its socket closes.
func TestSessionThatBeganBeforeALaterEndingOfTheOtherSideIsOver(t *testing.T) {
	t.Parallel()
	a, b := openHalf(t), openHalf(t)
	ada := mustSignUp(t, a.Accounts, "ada")
	meet(t, a, b)
	if _, err := a.EndSessions(t.Context(), ada.ID, ID{}); err != nil {
		t.Fatal(err)
	}
	token, session := startSession(t, a.Accounts, ada.ID)
	wantSession(t, a.Accounts, token, session.ID)
	for begun := time.Now().UnixMilli(); time.Now().UnixMilli() == begun; { // stamps of two nodes have an order by the millisecond
		runtime.Gosched()
	}
	if _, err := b.EndSessions(t.Context(), ada.ID, ID{}); err != nil {
		t.Fatal(err)
	}
	meet(t, a, b)
	for _, h := range []*half{a, b} {
		wantNoSession(t, h.Accounts, token)
	}
	select {
	case id := <-a.ended: // on the other side nobody has come with it
		if id != session.ID {
			t.Errorf("session %v is over, want %v", id, session.ID)
		}
	case <-time.After(10 * time.Second):
		t.Error("nobody was told that it is over")
	}
}
