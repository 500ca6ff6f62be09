package account

import (
	"context"
	"errors"
	"fmt"

	"snug/store"
)

// PasswordChange is a new password for somebody who is logged in.
type PasswordChange struct {
	User    ID
	Session ID     // the one that goes on; all others end
	Old     string // of a user who has none, nothing
	New     string
	Address string
}

// ChangePassword gives a user another password and ends all sessions but the one. What can be mended comes as FieldErrors. It is throttled as
// log-ins are.
func (a *Accounts) ChangePassword(ctx context.Context, c PasswordChange) error {
	row, err := a.st.UserByID(ctx, c.User)
	if errors.Is(err, store.ErrNotFound) {
		return ErrNoUser
	}
	if err != nil {
		return fmt.Errorf("change a password: %w", err)
	}
	fault := a.passwords.check(c.New, row.Name)
	if row.Password != "" {
		err := a.CheckPassword(ctx, c.User, c.Old, c.Address)
		switch {
		case errors.Is(err, ErrCredentials):
			faults := FieldErrors{{FieldOldPassword, CodeWrong, "This is not your password: type the one that you have now."}}
			if fault != nil {
				faults = append(faults, *fault)
			}
			return faults
		case err != nil:
			return err
		}
		if fault == nil && c.Old == c.New {
			fault = passwordFault(CodeUnchanged, "This is the password that you have: choose another.")
		}
	}
	if fault != nil {
		return FieldErrors{*fault}
	}
	hash, err := a.hasher.hash(ctx, c.New)
	if err != nil {
		return err
	}
	_, ended, err := a.st.UpdateUserAndEnd(ctx, c.User, c.Session, func(u *store.User) error {
		if u.Password != row.Password {
			return errUnchanged // somebody else was quicker: what was proved is not the password any more
		}
		u.Password = hash
		return nil
	})
	switch {
	case errors.Is(err, errUnchanged):
		return FieldErrors{{FieldOldPassword, CodeWrong, "The password was changed meanwhile: type the new one."}}
	case err != nil:
		return fmt.Errorf("change a password: %w", err)
	}
	kind := EventPasswordChanged
	if row.Password == "" {
		kind = EventPasswordOn
	}
	a.Audit(ctx, Event{
		Kind: kind, Actor: c.User, Address: c.Address,
		Detail: endedElsewhere(ended),
	})
	return nil
}

// endedElsewhere is what the audit log says of the sessions that a change of the password has ended.
func endedElsewhere(n int) string { return fmt.Sprintf("sessions ended elsewhere: %d", n) }
