package account

import (
	"context"
	"errors"
	"fmt"
	"time"

	"snug/store"
)

// Actor is who changes something of others, and where from. The zero Actor is a command on the machine itself.
type Actor struct {
	User    ID
	Address string
}

// LastAdmin says what may become of the last administrator who can log in.
type LastAdmin int

const (
	KeepLastAdmin  LastAdmin = iota // they keep their rights: ErrLastAdmin
	SpareLastAdmin                  // they may lose them; a link for the first administrator is printed at the next start
)

// NewUser is an account that somebody makes for another.
type NewUser struct {
	Name, Password string
	Admin          bool
}

// AddUser makes an account, whoever may sign up. What can be mended comes as FieldErrors.
func (a *Accounts) AddUser(ctx context.Context, by Actor, n NewUser) (User, error) {
	shown, key, err := a.checkSignUp(ctx, SignUp{Name: n.Name, Password: n.Password})
	if err != nil {
		return User{}, err
	}
	hash, err := a.hasher.hash(ctx, n.Password)
	if err != nil {
		return User{}, err
	}
	row, err := a.st.CreateUser(ctx, store.User{
		ID: store.NewID(), Name: shown, Key: key, Standing: store.Standing{Password: hash, Admin: n.Admin}, Created: time.Now(),
	})
	if errors.Is(err, store.ErrNameTaken) {
		return User{}, FieldErrors{nameTaken(shown)}
	}
	if err != nil {
		return User{}, fmt.Errorf("add a user: %w", err)
	}
	detail := shown
	if n.Admin {
		detail += ", as administrator"
	}
	a.note(ctx, by, EventUserAdded, row.ID, detail)
	return publicUser(row), nil
}

// SetPassword gives somebody another password, and ends all of their sessions. What can be mended comes as FieldErrors.
func (a *Accounts) SetPassword(ctx context.Context, by Actor, user ID, password string) (User, error) {
	u, err := a.UserByID(ctx, user)
	if err != nil {
		return User{}, err
	}
	if fault := a.passwords.check(password, u.Name); fault != nil {
		return User{}, FieldErrors{*fault}
	}
	hash, err := a.hasher.hash(ctx, password)
	if err != nil {
		return User{}, err
	}
	row, ended, err := a.st.UpdateUserAndEnd(ctx, user, ID{}, func(u *store.User) error { u.Password = hash; return nil })
	switch {
	case errors.Is(err, store.ErrNotFound):
		return User{}, ErrNoUser
	case err != nil:
		return User{}, fmt.Errorf("set a password: %w", err)
	}
	a.note(ctx, by, EventUserPassword, user, row.Name)
	a.noteLoggedOut(ctx, by, user, ended)
	return publicUser(row), nil
}

// Disable keeps somebody out: they cannot log in, and all of their sessions are over at once, on every node.
func (a *Accounts) Disable(ctx context.Context, by Actor, user ID, last LastAdmin) (User, error) {
	update := a.st.UpdateUserAndEndKeepingAdmin
	if last == SpareLastAdmin {
		update = a.st.UpdateUserAndEnd
	}
	// Who is disabled is refused whatever their session says. But whoever may come back must not find the doors open that somebody else may have opened.
	row, ended, err := update(ctx, user, ID{}, func(u *store.User) error {
		if u.Disabled {
			return errAlready
		}
		u.Disabled = true
		return nil
	})
	if err != nil {
		return a.notChanged(ctx, user, err)
	}
	a.note(ctx, by, EventUserDisabled, user, row.Name)
	a.noteLoggedOut(ctx, by, user, ended)
	return publicUser(row), nil
}

// Enable lets somebody in again who was disabled.
func (a *Accounts) Enable(ctx context.Context, by Actor, user ID) (User, error) {
	return a.grant(ctx, by, EventUserEnabled, user, KeepLastAdmin, func(u *store.User) { u.Disabled = false })
}

// Promote makes somebody an administrator.
func (a *Accounts) Promote(ctx context.Context, by Actor, user ID) (User, error) {
	return a.grant(ctx, by, EventUserPromoted, user, KeepLastAdmin, func(u *store.User) { u.Admin = true })
}

// Demote takes the rights of an administrator from somebody.
func (a *Accounts) Demote(ctx context.Context, by Actor, user ID, last LastAdmin) (User, error) {
	return a.grant(ctx, by, EventUserDemoted, user, last, func(u *store.User) { u.Admin = false })
}

func (a *Accounts) grant(ctx context.Context, by Actor, event string, user ID, last LastAdmin, change func(*store.User)) (User, error) {
	update := a.st.UpdateUserKeepingAdmin
	if last == SpareLastAdmin {
		update = a.st.UpdateUser
	}
	row, err := update(ctx, user, func(u *store.User) error {
		was := u.Standing
		if change(u); u.Standing == was {
			return errAlready
		}
		return nil
	})
	if err != nil {
		return a.notChanged(ctx, user, err)
	}
	a.note(ctx, by, event, user, row.Name)
	return publicUser(row), nil
}

// errAlready means that somebody is already what they are to be made: nothing is written then, and nothing is noted.
var errAlready = errors.New("it is so already")

// notChanged explains why a user was not changed.
func (a *Accounts) notChanged(ctx context.Context, user ID, err error) (User, error) {
	switch {
	case errors.Is(err, errAlready):
		return a.UserByID(ctx, user)
	case errors.Is(err, store.ErrNotFound):
		return User{}, ErrNoUser
	case errors.Is(err, store.ErrLastAdmin):
		return User{}, ErrLastAdmin
	}
	return User{}, fmt.Errorf("change a user: %w", err)
}

// LogOutEverywhere ends all sessions of a user, and tells how many there were.
func (a *Accounts) LogOutEverywhere(ctx context.Context, by Actor, user ID) (int, error) {
	ended, err := a.EndSessions(ctx, user, ID{})
	if err != nil {
		return 0, err
	}
	a.noteLoggedOut(ctx, by, user, ended)
	return ended, nil
}

func (a *Accounts) noteLoggedOut(ctx context.Context, by Actor, user ID, ended int) {
	if ended > 0 {
		a.note(ctx, by, EventUserLoggedOut, user, fmt.Sprintf("%d sessions", ended))
	}
}

func (a *Accounts) note(ctx context.Context, by Actor, event string, target ID, detail string) {
	a.Audit(ctx, Event{Kind: event, Actor: by.User, Target: target, Address: by.Address, Detail: detail})
}
