package account

import (
	"context"
	"errors"
	"fmt"

	"snug/store"
)

// LogIn tells who has that name and password. It does not start a session.
//
// The answer is ErrCredentials if they do not match, whether there is such a user or not: both cost one hash.
// ErrDisabled is for the owner of a disabled account only, who gave the right password. A *ThrottledError means that
// the password was not looked at.
func (a *Accounts) LogIn(ctx context.Context, name, password, address string) (User, error) {
	key, err := Key(name)
	if err != nil {
		key = "" // nobody's
	}
	attempt, err := a.admit(ctx, key, AddressKey(address))
	if err != nil {
		a.noteThrottled(ctx, EventLoginThrottled, key, address, err)
		return User{}, err
	}
	row, right, stale, err := a.tryPassword(ctx, key, password)
	switch {
	case err != nil:
		attempt.giveBack() // nothing was tried
		return User{}, err
	case !right:
		attempt.spend()
		// The name that nobody has may be a password, typed into the wrong field.
		a.Audit(ctx, Event{Kind: EventLoginFailed, Target: row.ID, Address: address, Detail: "wrong name or password"})
		return User{}, ErrCredentials
	}
	attempt.giveBack()
	if row.Disabled {
		a.Audit(ctx, Event{Kind: EventLoginFailed, Target: row.ID, Address: address, Detail: "the account is disabled"})
		return User{}, ErrDisabled
	}
	a.Audit(ctx, Event{Kind: EventLogin, Actor: row.ID, Address: address, Detail: "with a password"})
	if stale {
		row = a.renewHash(ctx, row, password)
	}
	u := publicUser(row)
	u.proof = proofOf(row)
	return u, nil
}

// noteThrottled notes an attempt that was not looked at. The name is that of an account or left out: what nobody is called
// may be a password, typed into the wrong field.
func (a *Accounts) noteThrottled(ctx context.Context, kind, key, address string, err error) {
	throttled, ok := errors.AsType[*ThrottledError](err)
	if !ok {
		return
	}
	row, err := a.st.UserByKey(ctx, key)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		a.log.Warn("whose log-in was throttled is not known", "error", err)
	}
	a.Audit(ctx, Event{Kind: kind, Target: row.ID, Address: address, Detail: throttled.Error()})
}

// tryPassword holds a password against the one of a user, who need not exist.
func (a *Accounts) tryPassword(ctx context.Context, key, password string) (row store.User, right, stale bool, err error) {
	if len(password) > maxPassword {
		return store.User{}, false, false, nil // it could not be chosen, so it is nobody's
	}
	row, err = a.st.UserByKey(ctx, key)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return store.User{}, false, false, fmt.Errorf("log in: %w", err)
	}
	// From here on, the empty row of nobody goes the same way.
	right, stale, err = a.hasher.verify(ctx, row.Password, password)
	return row, right, stale, err
}

// attempt is a log-in that was let through: the tokens that it holds.
type attempt []heldToken

type heldToken struct {
	throttle *throttle
	key      string
}

func (a attempt) giveBack() {
	for _, held := range a {
		held.throttle.giveBack(held.key)
	}
}

func (a attempt) spend() {
	for _, held := range a {
		held.throttle.spend(held.key)
	}
}

// take adds a token to those that the attempt holds.
func (a *attempt) take(ctx context.Context, t *throttle, key string) error {
	if err := t.take(ctx, key); err != nil {
		return err
	}
	*a = append(*a, heldToken{t, key})
	return nil
}

// admit takes the tokens that a log-in costs.
func (a *Accounts) admit(ctx context.Context, key, address string) (attempt, error) {
	var held attempt
	err := held.take(ctx, a.loginAddress, address)
	if err == nil && key != "" {
		err = held.take(ctx, a.loginAccount, key)
		if _, ok := errors.AsType[*ThrottledError](err); ok {
			// Somebody guesses at this account. Its owner, who was here before, must not wait for that.
			known, errKnown := a.knows(ctx, key, address)
			switch {
			case errKnown != nil:
				err = errKnown
			case known:
				err = held.take(ctx, a.loginKnown, key+"\x00"+address)
			}
		}
	}
	if err != nil {
		held.giveBack()
		return nil, err
	}
	return held, nil
}

// knows tells whether the account has a session, over or not, that was started at the address.
func (a *Accounts) knows(ctx context.Context, key, address string) (bool, error) {
	row, err := a.st.UserByKey(ctx, key)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return false, fmt.Errorf("log in: %w", err)
	}
	sessions, err := a.st.SessionsOf(ctx, row.ID)
	if err != nil {
		return false, fmt.Errorf("log in: %w", err)
	}
	for _, s := range sessions {
		if s.Address != "" && AddressKey(s.Address) == address {
			return true, nil
		}
	}
	return false, nil
}

// renewHash stores the password at today's cost, and gives the user as they are then. If it cannot, the next log-in tries
// again.
func (a *Accounts) renewHash(ctx context.Context, row store.User, password string) store.User {
	renewed := row
	hash, err := a.hasher.hash(ctx, password)
	if err == nil {
		renewed, err = a.st.RenewPassword(ctx, row.ID, row.Password, hash)
	}
	if err == nil {
		return renewed
	}
	if errors.Is(err, store.ErrConflict) {
		return a.storedMeanwhile(ctx, row, password)
	}
	a.log.Warn("a password hash was not renewed", "user", row.ID, "error", err)
	return row
}

// storedMeanwhile gives the user with the password that another log-in has stored anew at the same moment. What is another password is not theirs to prove.
func (a *Accounts) storedMeanwhile(ctx context.Context, row store.User, password string) store.User {
	now, err := a.st.UserByID(ctx, row.ID)
	if err != nil {
		return row
	}
	if right, _, err := a.hasher.verify(ctx, now.Password, password); err != nil || !right {
		return row
	}
	return now
}

// errUnchanged ends a change of a row that needs none.
var errUnchanged = errors.New("nothing to change")
