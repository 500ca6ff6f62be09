package account

import (
	"context"
	"fmt"

	"snug/store"
)

// maxChanges is how often somebody may change their ways in within an hour. Every change is a row that all nodes keep for
// more than a year.
const maxChanges = 40

// admitChange counts a change, or refuses it.
func (a *Accounts) admitChange(ctx context.Context, user ID) error {
	key := user.String()
	if err := a.changed.take(ctx, key); err != nil {
		return err
	}
	a.changed.spend(key)
	return nil
}

// factors are the ways in that a user has.
type factors struct {
	password        bool
	passkeys, codes int
}

// enough reports whether somebody may be without a password.
func (f factors) enough() bool { return EnoughWithoutPassword(f.passkeys, f.codes) }

// EnoughWithoutPassword reports whether somebody with so many passkeys and recovery codes may be without a password: if they
// lose one thing, there is another.
func EnoughWithoutPassword(passkeys, codes int) bool {
	return passkeys >= 2 || passkeys == 1 && codes > 0
}

// factorsOf counts them. Whoever decides by it holds a.factors, so that two changes at once do not leave somebody with
// nothing.
func (a *Accounts) factorsOf(ctx context.Context, user ID) (factors, error) {
	var f factors
	var err error
	if f.password, err = a.HasPassword(ctx, user); err != nil {
		return f, err
	}
	passkeys, err := a.Passkeys(ctx, user)
	if err != nil {
		return f, err
	}
	f.passkeys = len(passkeys)
	f.codes, err = a.RecoveryCodesLeft(ctx, user)
	return f, err
}

// TurnPasswordOff takes the password of a user away: they log in with passkeys from then on. All sessions end but the one, as
// with every change of the password: somebody may have come with it. Who has not two passkeys, or one and recovery codes, is
// ErrNeeded.
func (a *Accounts) TurnPasswordOff(ctx context.Context, user, session ID, address string) error {
	if err := a.admitChange(ctx, user); err != nil {
		return err
	}
	a.factors.Lock()
	defer a.factors.Unlock()
	has, err := a.factorsOf(ctx, user)
	switch {
	case err != nil:
		return err
	case !has.password:
		return nil
	case !has.enough():
		return ErrNeeded
	}
	_, ended, err := a.st.UpdateUserAndEnd(ctx, user, session, func(u *store.User) error { u.Password = ""; return nil })
	if err != nil {
		return fmt.Errorf("turn a password off: %w", err)
	}
	a.Audit(ctx, Event{Kind: EventPasswordOff, Actor: user, Address: address, Detail: endedElsewhere(ended)})
	return nil
}
