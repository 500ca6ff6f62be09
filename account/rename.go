package account

import (
	"context"
	"errors"
	"fmt"

	"snug/store"
)

// RenamesPerHour is how often one person may take another name: often enough to mend a slip, too seldom to hide behind.
const RenamesPerHour = 5

// Wanted is the name that the person chose, where somebody else had claimed it before on a node that this one did not see:
// they are shown with a mark behind it until they choose another. Else it is empty.
func (u User) Wanted() string {
	if bare, mark := cutMark(u.Name); mark != "" {
		return bare
	}
	return ""
}

// Rename gives somebody another name, or their own in other letters. What can be mended comes as FieldErrors; a
// *ThrottledError is for who has done it too often.
func (a *Accounts) Rename(ctx context.Context, by Actor, user ID, name string) (User, error) {
	shown, key, err := parseName(name)
	if fault, ok := errors.AsType[FieldError](err); ok {
		return User{}, FieldErrors{fault}
	}
	throttle := user.String()
	if err := a.renames.take(ctx, throttle); err != nil {
		return User{}, err
	}
	var before string
	row, err := a.st.UpdateUser(ctx, user, func(u *store.User) error {
		if before = u.Name; before == shown {
			return errUnchanged
		}
		u.Name, u.Key = shown, key
		return nil
	})
	if err != nil {
		a.renames.giveBack(throttle)
	}
	switch {
	case errors.Is(err, errUnchanged):
		return a.UserByID(ctx, user)
	case errors.Is(err, store.ErrNameTaken):
		return User{}, FieldErrors{*nameFault(CodeTaken, fmt.Sprintf("%s is taken: choose another name.", quote(shown)))}
	case errors.Is(err, store.ErrNotFound):
		return User{}, ErrNoUser
	case err != nil:
		return User{}, fmt.Errorf("rename a user: %w", err)
	}
	a.renames.spend(throttle)
	a.note(ctx, by, EventUserRenamed, user, before+" is "+shown+" now")
	return publicUser(row), nil
}
