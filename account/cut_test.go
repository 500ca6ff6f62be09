package account

import (
	"errors"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"snug/store"
)

// half is one side of a cluster that is cut in two.
type half struct {
	*Accounts
	st    *store.Store
	ended chan ID

	mu   sync.Mutex
	rows []store.Row // guarded by mu; all that was written here, also what the audit log writes by itself
}

func openHalf(t *testing.T) *half {
	t.Helper()
	st := openStore(t)
	h := &half{Accounts: openAccounts(t, st, Options{}), st: st, ended: make(chan ID, 100)}
	t.Cleanup(st.Watch(func(rows []store.Row) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.rows = append(h.rows, rows...)
	}))
	t.Cleanup(h.OnEnded(func(session, _ ID) { h.ended <- session }))
	return h
}

func (h *half) written() []store.Row {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.rows)
}

// meet has both sides know what both wrote, the last first.
func meet(t *testing.T, a, b *half) {
	t.Helper()
	if err := errors.Join(a.st.Ready(t.Context()), b.st.Ready(t.Context())); err != nil { // all watchers were told
		t.Fatal(err)
	}
	all := slices.Concat(a.written(), b.written())
	slices.Reverse(all)
	for _, h := range []*half{a, b} {
		if _, err := h.st.Merge(t.Context(), all); err != nil {
			t.Fatal(err)
		}
	}
}

// A session that was begun on a node which was away ends with all others, also one that was begun there after them, with the old password.
func TestSessionsOfTheOtherSideOfACutEndWithAllOthers(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(a *half, user, keep ID) error{
		"password": func(a *half, user, keep ID) error {
			return a.ChangePassword(t.Context(), PasswordChange{User: user, Session: keep, Old: goodPassword, New: "another good passphrase", Address: "192.0.2.1"})
		},
		"log out elsewhere": func(a *half, user, keep ID) error {
			_, err := a.EndSessions(t.Context(), user, keep)
			return err
		},
		"disable": func(a *half, user, _ ID) error {
			_, errOff := a.Disable(t.Context(), Actor{}, user, SpareLastAdmin)
			_, errOn := a.Enable(t.Context(), Actor{}, user)
			return errors.Join(errOff, errOn)
		},
		"password by an administrator": func(a *half, user, _ ID) error {
			_, err := a.SetPassword(t.Context(), Actor{}, user, "another good passphrase")
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, b := openHalf(t), openHalf(t)
			ada := mustSignUp(t, a.Accounts, "ada")
			kept, keptSession := startSession(t, a.Accounts, ada.ID)
			meet(t, a, b)
			before, early := startSession(t, b.Accounts, ada.ID)
			if err := end(a, ada.ID, keptSession.ID); err != nil {
				t.Fatal(err)
			}
			again, newSession := startSession(t, a.Accounts, ada.ID)
			after, late := startSession(t, b.Accounts, ada.ID)
			wantSession(t, b.Accounts, before, early.ID)
			wantSession(t, b.Accounts, after, late.ID)
			// Somebody changes the account there, too, and later.
			if _, err := b.st.UpdateUser(t.Context(), ada.ID, func(u *store.User) error { u.Name = "Ada"; return nil }); err != nil {
				t.Fatal(err)
			}

			meet(t, a, b)
			told := map[ID]bool{}
			deadline := time.After(10 * time.Second)
			for !told[early.ID] || !told[late.ID] {
				select {
				case id := <-b.ended:
					told[id] = true
				case <-deadline:
					t.Fatalf("sockets of %v are closed, want those of %v and %v", told, early.ID, late.ID)
				}
			}
			if told[newSession.ID] {
				t.Error("the sockets of the session are closed that was begun afterwards")
			}
			for side, h := range map[string]*half{"where it was": a, "on the other side": b, "there after a start": {Accounts: openAccounts(t, b.st, Options{})}} {
				wantNoSession(t, h.Accounts, before)
				wantNoSession(t, h.Accounts, after)
				wantSession(t, h.Accounts, again, newSession.ID)
				want := []ID{newSession.ID}
				if _, err := h.Session(t.Context(), kept); err == nil {
					want = append(want, keptSession.ID)
				}
				sessions, err := h.Sessions(t.Context(), ada.ID)
				if err != nil || len(sessions) != len(want) {
					t.Errorf("%s: %d sessions (%v), want %d", side, len(sessions), err, len(want))
				}
			}
			keeps := name == "password" || name == "log out elsewhere"
			if _, err := b.Session(t.Context(), kept); (err == nil) != keeps {
				t.Errorf("the session that did it: %v, want it kept: %v", err, keeps)
			}
		})
	}
}

// Whoever has the old password, logs in on the other side of a cut and there ends all other sessions, later, is shut out all the same when both sides meet; also who
// logs in there after that. So are those of the side that did it first: both ended each other's, and the person logs in again.
func TestBothSidesEndTheSessionsOfTheOther(t *testing.T) {
	t.Parallel()
	a, b := openHalf(t), openHalf(t)
	ada := mustSignUp(t, a.Accounts, "ada")
	meet(t, a, b)
	owner, ownerSession := startSession(t, a.Accounts, ada.ID)
	change := PasswordChange{User: ada.ID, Session: ownerSession.ID, Old: goodPassword, New: newPassword, Address: "192.0.2.1"}
	if err := a.ChangePassword(t.Context(), change); err != nil {
		t.Fatal(err)
	}
	thief, thiefSession := startSession(t, b.Accounts, ada.ID)
	for begun := time.Now().UnixMilli(); time.Now().UnixMilli() == begun; { // stamps of two nodes have an order by the millisecond
		runtime.Gosched()
	}
	if _, err := b.EndSessions(t.Context(), ada.ID, thiefSession.ID); err != nil {
		t.Fatal(err)
	}
	again, againSession := startSession(t, b.Accounts, ada.ID)
	wantSession(t, a.Accounts, owner, ownerSession.ID)
	wantSession(t, b.Accounts, thief, thiefSession.ID)
	wantSession(t, b.Accounts, again, againSession.ID)

	meet(t, a, b)
	for side, want := range map[*half][]ID{a: {ownerSession.ID}, b: {thiefSession.ID, againSession.ID}} {
		told := map[ID]bool{}
		for deadline := time.After(10 * time.Second); !told[want[0]] || !told[want[len(want)-1]]; {
			select {
			case id := <-side.ended:
				told[id] = true
			case <-deadline:
				t.Fatalf("sockets of %v are closed, want those of %v", told, want)
			}
		}
	}
	for side, h := range map[string]*half{"first": a, "second": b, "second after a start": {Accounts: openAccounts(t, b.st, Options{})}} {
		for _, token := range []string{owner, thief, again} {
			wantNoSession(t, h.Accounts, token)
		}
		if sessions, err := h.Sessions(t.Context(), ada.ID); len(sessions) != 0 || err != nil {
			t.Errorf("%s: listed are %+v, %v", side, sessions, err)
		}
	}
	back, backSession := startSession(t, b.Accounts, ada.ID)
	meet(t, a, b)
	for _, h := range []*half{a, b} {
		wantSession(t, h.Accounts, back, backSession.ID)
	}
}
