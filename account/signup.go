package account

import (
	"context"
	"errors"
	"fmt"
	"time"

	"snug/store"
)

// SignUp is what somebody fills in to get an account, and where they are.
type SignUp struct {
	Name, Password string
	Address        string
	Setup          string // the token of [Accounts.Setup], to become the first administrator; else empty
	Invitation     string // the token of an invitation link; else empty

	passkey *store.NewRecord // in place of a password, see [Accounts.PasskeySignUp]
}

// Admission says who may make an account.
type Admission string

const (
	AdmitEverybody Admission = "open"   // who can reach this place
	AdmitInvited   Admission = "invite" // only who has an invitation
	AdmitNobody    Admission = "closed" // accounts are made by those who run this place
)

// Admission tells who may make an account here. Whoever has a token of [Accounts.Setup] always may.
func (a *Accounts) Admission() Admission { return a.admission }

// SignUp makes an account. What the person can mend comes as FieldErrors, all at once. Only a sign-up that makes an
// account counts for the throttle, and one with a valid setup token does not.
//
// A setup token that is wrong or was used is ErrSetup: no account is made, so that nobody believes to be
// an administrator who is not. So is an invitation that is not good ErrInvitation, whoever may come without one. Where
// nobody may come like that, it is ErrInviteOnly or ErrSignupClosed.
func (a *Accounts) SignUp(ctx context.Context, s SignUp) (User, error) {
	if err := a.maySignUp(ctx, s); err != nil {
		return User{}, err
	}
	if s.Setup != "" {
		return a.signUp(ctx, s)
	}
	address := AddressKey(s.Address)
	if err := a.signups.take(ctx, address); err != nil {
		a.noteThrottled(ctx, EventSignupThrottled, "", s.Address, err)
		return User{}, err
	}
	u, err := a.signUp(ctx, s)
	if err != nil {
		a.signups.giveBack(address)
		return User{}, err
	}
	a.signups.spend(address)
	return u, nil
}

// maySignUp holds what somebody has in their hand against who may come.
func (a *Accounts) maySignUp(ctx context.Context, s SignUp) error {
	if s.Setup == "" {
		return a.Admitted(ctx, s.Invitation)
	}
	valid, err := a.SetupValid(ctx, s.Setup)
	if err == nil && !valid {
		err = ErrSetup
	}
	return err
}

func (a *Accounts) signUp(ctx context.Context, s SignUp) (User, error) {
	shown, key, err := a.checkSignUp(ctx, s)
	if err != nil {
		return User{}, err
	}
	row := store.User{ID: store.NewID(), Name: shown, Key: key, Created: time.Now()}
	if s.passkey == nil {
		if row.Password, err = a.hasher.hash(ctx, s.Password); err != nil {
			return User{}, err
		}
	}
	with, how, err := a.comesWith(ctx, s, row.ID)
	if err != nil {
		return User{}, err
	}
	if s.passkey != nil {
		with = append(with, *s.passkey)
	}
	if s.Setup == "" {
		row, err = a.st.CreateUser(ctx, row, with...)
	} else {
		row.Admin = true
		row, err = a.st.CreateFirstAdmin(ctx, row, setupMeta, secretKey(s.Setup), with...)
	}
	switch {
	case s.passkey != nil && errors.Is(err, store.ErrConflict):
		return User{}, ErrPasskeyKnown
	case errors.Is(err, store.ErrNameTaken):
		return User{}, FieldErrors{nameTaken(shown)}
	case s.Setup != "" && errors.Is(err, store.ErrNotFound):
		return User{}, ErrSetup
	case errors.Is(err, store.ErrFull):
		return User{}, ErrInvitation // others were faster
	case err != nil:
		return User{}, fmt.Errorf("sign up: %w", err)
	}
	if s.Setup != "" {
		a.Audit(ctx, Event{Kind: EventSetupUsed, Actor: row.ID, Address: s.Address})
	}
	a.Audit(ctx, Event{Kind: EventSignup, Actor: row.ID, Address: s.Address, Detail: how})
	return publicUser(row), nil
}

// comesWith gives the records that are made with an account, and tells how its owner came. An invitation is looked at once
// more: a hash ago it was good.
func (a *Accounts) comesWith(ctx context.Context, s SignUp, user ID) (with []store.NewRecord, how string, err error) {
	switch {
	case s.Setup != "":
		return nil, "as the first administrator", nil
	case s.Invitation == "":
		return nil, "", nil
	}
	i, err := a.Invitation(ctx, s.Invitation)
	if err != nil {
		return nil, "", err
	}
	use, err := i.useOf(user)
	return []store.NewRecord{use}, "with invitation " + i.ID.String(), err
}

// checkSignUp holds a form against all rules before anything costly is done.
func (a *Accounts) checkSignUp(ctx context.Context, s SignUp) (shown, key string, err error) {
	var faults FieldErrors
	shown, key, err = parseName(s.Name)
	if fault, ok := errors.AsType[FieldError](err); ok {
		faults = append(faults, fault)
	} else {
		switch _, err := a.st.UserByKey(ctx, key); {
		case err == nil:
			faults = append(faults, nameTaken(shown))
		case !errors.Is(err, store.ErrNotFound):
			return "", "", fmt.Errorf("sign up: %w", err)
		}
	}
	if s.passkey != nil {
		// there is no password
	} else if fault := a.passwords.check(s.Password, s.Name); fault != nil {
		faults = append(faults, *fault)
	}
	if faults != nil {
		return "", "", faults
	}
	return shown, key, nil
}

func nameTaken(name string) FieldError {
	return *nameFault(CodeTaken, fmt.Sprintf("%s is taken: choose another name, or log in if it is yours.", quote(name)))
}
