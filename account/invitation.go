package account

import "context"

// Admitted tells whether somebody with that invitation, or with none, may make an account: it is nil, ErrInviteOnly,
// ErrSignupClosed or ErrInvitation.
func (a *Accounts) Admitted(ctx context.Context, invitation string) error {
	switch {
	case a.admission == AdmitNobody:
		return ErrSignupClosed
	case invitation != "":
		return ErrInvitation
	case a.admission == AdmitInvited:
		return ErrInviteOnly
	}
	return nil
}
