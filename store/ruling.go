package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// Kinds of rulings: what was decided of an account since it was made, each a record of its own, one for each account. So a change of its name, which is the
// account's own row, undoes none of them, and none of them another. Where there is no ruling, the row of the account counts.
const (
	KindDisabled = "disabled"
	KindRole     = "role"
	KindPassword = "password"
)

// Standing is what rulings are about.
type Standing struct {
	Password string // encoded hash, never the password; empty: there is none
	Admin    bool
	Disabled bool
}

// rulingBody is what the record of a ruling says; of a kind only its own field counts.
type rulingBody struct {
	Password string `json:"password,omitzero"`
	Admin    bool   `json:"admin,omitzero"`
	Disabled bool   `json:"disabled,omitzero"`
	// Instead is where the ruling stood that this one takes the place of: it stands there itself, and beats that one alone. Thus stands what gives something back
	// (enable, promote, store the same password anew): it cannot have meant to undo what its node did not know. What takes something stands at its own stamp.
	Instead Stamp `json:"instead,omitzero"`
}

// noRuling is where the row of an account stands: before all rulings.
const noRuling Stamp = 1

func isRuling(kind string) bool {
	return kind == KindDisabled || kind == KindRole || kind == KindPassword
}

// IsRuling says that a record is a ruling on its owner.
func (x *Record) IsRuling() bool { return isRuling(x.Kind) }

func rulingID(kind string, user ID) ID { return RecordID(kind, user.Hex()) }

func (x *Record) ruling() (rulingBody, error) {
	var body rulingBody
	if err := json.Unmarshal([]byte(x.Body), &body); err != nil {
		return rulingBody{}, fmt.Errorf("read what was decided of %s: %w", x.Owner, err)
	}
	return body, nil
}

// checkRuling finds what no node would take.
func (x *Record) checkRuling() error {
	if x.Owner.IsZero() || x.ID != rulingID(x.Kind, x.Owner) || x.Final || !x.Expires.IsZero() {
		return errors.New("it is no ruling on its owner")
	}
	body, err := x.ruling()
	if err == nil && body.Instead >= x.Stamp {
		err = errors.New("it takes the place of a later one")
	}
	return err
}

// stands is where a ruling stands among others of its kind and account, or an ending among those of its life; the latest counts.
func (x *Record) stands() Stamp {
	body, err := x.ruling() // an ending has the same field
	if err != nil || body.Instead == 0 {
		return x.Stamp // there is none that cannot be read, see checkRuling and checkEnding
	}
	return body.Instead
}

// apply has a ruling count.
func (s *Standing) apply(x *Record) error {
	body, err := x.ruling()
	if err != nil {
		return err
	}
	switch x.Kind {
	case KindDisabled:
		s.Disabled = body.Disabled
	case KindRole:
		s.Admin = body.Admin
	case KindPassword:
		s.Password = body.Password
	}
	return nil
}

const rulingsOf = `SELECT ` + recordColumns + ` FROM records
	WHERE kind IN ('` + KindDisabled + `', '` + KindRole + `', '` + KindPassword + `') AND owner = ?`

// RulingsOf lists the rulings on a user. Who gets the row of a user by another way than the order of events needs them before it.
func (s *Store) RulingsOf(ctx context.Context, user ID) ([]Record, error) {
	all, err := readMany[Record](ctx, s, "read rulings", rulingsOf, user)
	slices.SortFunc(all, func(a, b Record) int { return int(a.Place - b.Place) })
	return all, err
}

// judge sets what counts of a user by the user's own row and the rulings.
func (t *tx) judge(u *User) error {
	rulings, err := many[Record](context.Background(), t, rulingsOf, u.ID)
	if err != nil {
		return err
	}
	u.Standing = u.Said
	for i := range rulings {
		if err := u.Standing.apply(&rulings[i]); err != nil {
			return err
		}
	}
	return nil
}

// judgeAnew is judge for a user on whom there is a new ruling. The row keeps its origin, for what counts is not replicated but follows from what is. Its place
// is behind the ruling's: watchers must know, and who reads all in order never has a user without what was decided before.
func (t *tx) judgeAnew(user ID) error {
	u, err := find[User](t, userByID, user)
	if errors.Is(err, ErrNotFound) {
		return nil // not here yet
	}
	if err != nil {
		return err
	}
	if err := t.judge(&u); err != nil {
		return err
	}
	u.Place = t.nextPlace()
	return t.put(&u)
}

// rule writes the rulings that make what counts of a user into what it is to be.
func (t *tx) rule(user ID, was, is Standing) error {
	if is.Disabled != was.Disabled {
		if err := t.putRuling(KindDisabled, user, rulingBody{Disabled: is.Disabled}, !is.Disabled); err != nil {
			return err
		}
	}
	if is.Admin != was.Admin {
		if err := t.putRuling(KindRole, user, rulingBody{Admin: is.Admin}, is.Admin); err != nil {
			return err
		}
	}
	if is.Password != was.Password {
		return t.putRuling(KindPassword, user, rulingBody{Password: is.Password}, false)
	}
	return nil
}

// putRuling writes a ruling, in the place of the one that was known if it gives something back.
func (t *tx) putRuling(kind string, user ID, body rulingBody, gives bool) error {
	instead := noRuling
	x, err := find[Record](t, recordByID, kind, rulingID(kind, user))
	switch {
	case errors.Is(err, ErrNotFound):
		x = Record{Kind: kind, ID: rulingID(kind, user), Owner: user, Created: t.now}
	case err != nil:
		return err
	default:
		instead = x.stands()
		t.erased = t.erased || kind == KindPassword // its hash leaves the log, too
	}
	if gives {
		body.Instead = instead
	}
	x.Body = string(encode(body))
	return t.putRecord(&x)
}

// RenewPassword stores the password that a user has in another form. It is no change of the password: one that was made on another node stays, whenever it was.
// ErrConflict: the stored form is not old, because the password was changed meanwhile.
func (s *Store) RenewPassword(ctx context.Context, user ID, old, renewed string) (User, error) {
	var u User
	err := s.writer.submit(ctx, "renew password", func(t *tx) (err error) {
		if u, err = find[User](t, userByID, user); err != nil {
			return err
		}
		if u.Password != old {
			return ErrConflict
		}
		if err := t.putRuling(KindPassword, user, rulingBody{Password: renewed}, true); err != nil {
			return err
		}
		if err := t.judgeAnew(user); err != nil {
			return err
		}
		u, err = find[User](t, userByID, user)
		return err
	})
	if err != nil {
		return User{}, err
	}
	return u, nil
}
