package account

import (
	"context"
	"errors"
	"fmt"
	"time"

	"snug/store"
)

// ConfirmLife is for how long somebody who proved who they are need not do it again, whatever they want to change.
const ConfirmLife = 10 * time.Minute

// Confirm notes that whoever has a session proved just now who they are.
func (a *Accounts) Confirm(ctx context.Context, session ID) error {
	_, err := a.st.UpdateSession(ctx, session, func(s *store.Session) error {
		if s.Revoked {
			return ErrNoSession
		}
		s.Proven = time.Now()
		return nil
	})
	switch {
	case errors.Is(err, ErrNoSession), errors.Is(err, store.ErrNotFound):
		return ErrNoSession
	case err != nil:
		return fmt.Errorf("confirm a session: %w", err)
	}
	return nil
}

// CheckPassword tells whether a password is the user's, for somebody who is logged in already. It is throttled as log-ins are.
// A wrong one is ErrCredentials.
func (a *Accounts) CheckPassword(ctx context.Context, user ID, password, address string) error {
	row, err := a.st.UserByID(ctx, user)
	if errors.Is(err, store.ErrNotFound) {
		return ErrNoUser
	}
	if err != nil {
		return fmt.Errorf("check a password: %w", err)
	}
	attempt, err := a.admit(ctx, row.Key, AddressKey(address))
	if err != nil {
		return err
	}
	row, right, _, err := a.tryPassword(ctx, row.Key, password)
	switch {
	case err != nil:
		attempt.giveBack()
		return err
	case !right || row.ID != user:
		attempt.spend()
		a.Audit(ctx, Event{Kind: EventConfirmFailed, Actor: user, Address: address, Detail: "wrong password"})
		return ErrCredentials
	}
	attempt.giveBack()
	return nil
}

// HasPassword tells whether a user can log in with a password at all.
func (a *Accounts) HasPassword(ctx context.Context, user ID) (bool, error) {
	row, err := a.st.UserByID(ctx, user)
	if errors.Is(err, store.ErrNotFound) {
		return false, ErrNoUser
	}
	if err != nil {
		return false, fmt.Errorf("look up a user: %w", err)
	}
	return row.Password != "", nil
}
