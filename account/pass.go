package account

import (
	"context"
	"errors"
	"fmt"
	"time"

	"snug/store"
)

// Pass is what a token of an issuer gives: to be a user for a while. It is not stored.
type Pass struct {
	ID      ID // of this use of the token, as a session has one
	User    User
	Issuer  string // the issuer's name
	Expires time.Time
}

// Pass tells who comes with a token (a JWT) of a configured issuer. A token that is not good, or whose user may not come,
// is a *TokenError.
func (a *Accounts) Pass(ctx context.Context, token string) (Pass, error) {
	c, refused := a.issuers.verify(token)
	if refused != nil {
		return Pass{}, refused
	}
	refuse := func(reason string) (Pass, error) {
		return Pass{}, &TokenError{Reason: reason, Issuer: c.issuer.Name, User: c.name}
	}
	if _, err := Key(c.name); err != nil {
		return refuse(ReasonNoName)
	}
	unknown := ReasonUnknownUser
	user, err := a.UserByName(ctx, c.name)
	if errors.Is(err, ErrNoUser) && c.issuer.CreateUsers {
		unknown = ReasonKeptName // nobody has the name, and it cannot be taken
		user, err = a.createForIssuer(ctx, c)
	}
	switch {
	case errors.Is(err, ErrNoUser):
		return refuse(unknown)
	case err != nil:
		return Pass{}, err
	case user.Disabled:
		return refuse(ReasonDisabledUser)
	}
	return Pass{ID: store.NewID(), User: user, Issuer: c.issuer.Name, Expires: c.expires}, nil
}

// createForIssuer makes an account for a user whom an issuer vouches for. It has no password, so nobody can log in to it.
func (a *Accounts) createForIssuer(ctx context.Context, c claim) (User, error) {
	shown, key, err := parseName(c.name)
	if err != nil {
		return User{}, err
	}
	row, err := a.st.CreateUser(ctx, store.User{ID: store.NewID(), Name: shown, Key: key, Created: time.Now()})
	if errors.Is(err, store.ErrNameTaken) {
		return a.UserByName(ctx, c.name) // made a moment ago, for another socket
	}
	if err != nil {
		return User{}, fmt.Errorf("make an account for a token: %w", err)
	}
	a.Audit(ctx, Event{Kind: EventSignup, Actor: row.ID, Detail: fmt.Sprintf("by a token of %s", c.issuer.Name)})
	return publicUser(row), nil
}
