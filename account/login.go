package account

import (
	"context"
	"errors"
	"fmt"
	"time"

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
	giveBack, err := a.admit(ctx, key, addressKey(address))
	if err != nil {
		return User{}, err
	}
	if len(password) > maxPassword {
		return User{}, ErrCredentials // it could not be chosen, so it is nobody's
	}
	row, err := a.st.UserByKey(ctx, key)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		giveBack()
		return User{}, fmt.Errorf("log in: %w", err)
	}
	// From here on, the empty row of nobody goes the same way.
	right, stale, err := a.hasher.verify(ctx, row.Password, password)
	if err != nil {
		giveBack() // nothing was tried
		return User{}, err
	}
	if !right {
		return User{}, ErrCredentials
	}
	giveBack()
	if row.Disabled {
		return User{}, ErrDisabled
	}
	if stale {
		a.renewHash(ctx, row, password)
	}
	return publicUser(row), nil
}

// admit takes the tokens that an attempt costs. They come back with giveBack if it was no guess.
func (a *Accounts) admit(ctx context.Context, key, address string) (giveBack func(), err error) {
	now := time.Now()
	wait, ok := a.loginAddress.take(address, now)
	if !ok {
		return nil, &ThrottledError{Wait: wait}
	}
	giveAddress := func() { a.loginAddress.giveBack(address, time.Now()) }
	if key == "" {
		return giveAddress, nil
	}
	buckets, bucket := a.loginAccount, key
	wait, ok = buckets.take(bucket, now)
	if !ok {
		// Somebody guesses at this account. Its owner, who was here before, must not wait for that.
		known, err := a.knows(ctx, key, address)
		if err != nil {
			giveAddress()
			return nil, err
		}
		if known {
			buckets, bucket = a.loginKnown, key+"\x00"+address
			wait, ok = buckets.take(bucket, now)
		}
	}
	if !ok {
		giveAddress()
		return nil, &ThrottledError{Wait: wait}
	}
	return func() {
		giveAddress()
		buckets.giveBack(bucket, time.Now())
	}, nil
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
		if s.Address != "" && addressKey(s.Address) == address {
			return true, nil
		}
	}
	return false, nil
}

// renewHash stores the password at today's cost. If it cannot, the next log-in tries again.
func (a *Accounts) renewHash(ctx context.Context, row store.User, password string) {
	hash, err := a.hasher.hash(ctx, password)
	if err == nil {
		_, err = a.st.UpdateUser(ctx, row.ID, func(u *store.User) error {
			if u.Password != row.Password {
				return errUnchanged // the password was changed meanwhile
			}
			u.Password = hash
			return nil
		})
	}
	if err != nil && !errors.Is(err, errUnchanged) {
		a.log.Warn("a password hash was not renewed", "user", row.ID, "error", err)
	}
}

// errUnchanged ends a change of a row that needs none.
var errUnchanged = errors.New("nothing to change")
