package store

import (
	"context"
	"errors"
	"strings"
	"time"
)

// User is an account.
type User struct {
	Header
	ID       ID
	Name     string // as people see it
	Key      string // as it is compared; one user holds a key
	Standing        // what counts: what the rulings say, or where there is none, what is Said
	Created  time.Time

	// What the owner wants to be called, and since when. It is not the name if
	// somebody on another node claimed the same before; see [Store.Merge].
	ClaimedName string
	ClaimedKey  string
	Claimed     Stamp

	// Said is what the row itself says: what the user was made with, or what whoever wrote the row last knew.
	Said Standing
}

// UserQuery selects a page of users.
type UserQuery struct {
	AfterKey string // start behind this key
	Match    string // keys that contain this text; empty: all
	Limit    int
}

const userColumns = `place, stamp, feed, seq, extra, id, shown, shown_key, ruled_password, ruled_admin, ruled_disabled, created,
	name, key, claimed, password, admin, disabled`

func (u *User) scan(from scanner) error {
	return from.Scan(&u.Place, &u.Stamp, &u.Feed, &u.Seq, &u.Extra,
		&u.ID, &u.Name, &u.Key, &u.Password, &u.Admin, &u.Disabled, (*timeColumn)(&u.Created),
		&u.ClaimedName, &u.ClaimedKey, &u.Claimed, &u.Said.Password, &u.Said.Admin, &u.Said.Disabled)
}

const (
	userByID     = `SELECT ` + userColumns + ` FROM users WHERE id = ?`
	userByKey    = `SELECT ` + userColumns + ` FROM users WHERE shown_key = ?`
	usersByClaim = `SELECT ` + userColumns + ` FROM users WHERE key = ?`
	usersByID    = `SELECT ` + userColumns + ` FROM users
		WHERE id IN (SELECT unhex(value) FROM json_each(?))`
	usersByKey = `SELECT ` + userColumns + ` FROM users
		WHERE shown_key > ? ORDER BY shown_key LIMIT ?`
	usersByMatch = `SELECT ` + userColumns + ` FROM users
		WHERE shown_key > ? AND instr(shown_key, ?) > 0 ORDER BY shown_key LIMIT ?`
	countOtherAdmins = `SELECT count(*) FROM users WHERE ruled_admin <> 0 AND ruled_disabled = 0 AND id IS NOT ?`
	countUsers       = `SELECT count(*) FROM users`
	putUser          = `INSERT INTO users (` + userColumns + `)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET
			place = excluded.place, stamp = excluded.stamp, feed = excluded.feed, seq = excluded.seq, extra = excluded.extra,
			shown = excluded.shown, shown_key = excluded.shown_key, name = excluded.name, key = excluded.key,
			claimed = excluded.claimed, password = excluded.password,
			admin = excluded.admin, disabled = excluded.disabled, created = excluded.created,
			ruled_password = excluded.ruled_password, ruled_admin = excluded.ruled_admin, ruled_disabled = excluded.ruled_disabled`
)

func (u *User) key() rowKey { return rowKey{kind: kindUser, id: u.ID} }
func (u *User) final() bool { return false }

func (u *User) clone() Row {
	copied := *u
	return &copied
}

func (u *User) write(t *tx) error {
	return t.write(putUser, u.Place, int64(u.Stamp), u.Feed, int64(u.Seq), u.Extra,
		u.ID, u.Name, u.Key, u.Password, u.Admin, u.Disabled, millis(u.Created),
		u.ClaimedName, u.ClaimedKey, int64(u.Claimed), u.Said.Password, u.Said.Admin, u.Said.Disabled)
}

// putUser writes a user who was made or changed here; old is who it was before.
func (t *tx) putUser(u *User, old User) error {
	t.sign(&u.Header)
	u.Created, u.Said = rounded(u.Created), u.Standing
	switch {
	case u.Key != old.Key:
		u.ClaimedName, u.ClaimedKey, u.Claimed = u.Name, u.Key, u.Stamp
	case u.Name != old.Name:
		u.ClaimedName = bareName(u.Name)
	}
	return t.putClaim(u, old.ClaimedKey)
}

// CreateUser adds an account, with a new ID if it has none, and with it records as
// [Store.CreateRecord] does, whose owner is the user unless they name one: all of it,
// or nothing. Somebody else who holds the key makes it ErrNameTaken.
func (s *Store) CreateUser(ctx context.Context, u User, with ...NewRecord) (User, error) {
	var created User
	err := s.writer.submit(ctx, "create user", func(t *tx) (err error) {
		created, err = t.createUser(u, with)
		return err
	})
	if err != nil {
		return User{}, err
	}
	return created, nil
}

func (t *tx) createUser(u User, with []NewRecord) (User, error) {
	u.Header = Header{}
	if strings.Contains(u.Key, nameMark) {
		return User{}, errNameMark
	}
	if u.ID.IsZero() {
		u.ID = NewID()
	}
	if err := t.keyFree(u); err != nil {
		return User{}, err
	}
	if err := absent[User](t, userByID, u.ID); err != nil {
		return User{}, err
	}
	records, err := t.newRecords(with, u.ID)
	if err != nil {
		return User{}, err
	}
	if err := t.putUser(&u, User{}); err != nil {
		return User{}, err
	}
	return u, t.putRecords(records)
}

// keyFree checks that nobody but u holds the key of u, or held it a while ago.
func (t *tx) keyFree(u User) error {
	holder, err := find[User](t, userByKey, u.Key)
	switch {
	case errors.Is(err, ErrNotFound):
		return t.notKept(u)
	case err != nil:
		return err
	case holder.ID != u.ID:
		return ErrNameTaken
	}
	return nil
}

// UpdateUser changes an account: change gets the newest state and alters it. Its
// error leaves all as it was and is returned. It may be called more than once.
// The ID does not change. Another key is a new claim of a name, and the old one is kept
// for [KeepName]; what is changed of the
// [Standing] becomes rulings. If nothing is changed nothing is written.
func (s *Store) UpdateUser(ctx context.Context, id ID, change func(*User) error) (User, error) {
	return s.updateUser(ctx, id, change, nothingToCheck, nothingMore)
}

// UpdateUserKeepingAdmin is [Store.UpdateUser], but ErrLastAdmin if nobody would be
// left who can log in as an administrator.
func (s *Store) UpdateUserKeepingAdmin(ctx context.Context, id ID, change func(*User) error) (User, error) {
	return s.updateUser(ctx, id, change, (*tx).keepAdmin, nothingMore)
}

// UpdateUserAndEnd is [Store.UpdateUser] and [Store.EndSessions]: both or neither.
func (s *Store) UpdateUserAndEnd(ctx context.Context, id, keep ID, change func(*User) error) (updated User, ended int, err error) {
	return s.updateUserAndEnd(ctx, id, keep, change, nothingToCheck)
}

// UpdateUserAndEndKeepingAdmin is [Store.UpdateUserKeepingAdmin] and [Store.EndSessions]: both or neither.
func (s *Store) UpdateUserAndEndKeepingAdmin(ctx context.Context, id, keep ID, change func(*User) error) (updated User, ended int, err error) {
	return s.updateUserAndEnd(ctx, id, keep, change, (*tx).keepAdmin)
}

func (s *Store) updateUserAndEnd(ctx context.Context, id, keep ID, change func(*User) error, check func(t *tx, old, u User) error) (updated User, ended int, err error) {
	// The change has the lower numbers: no node knows the ending and lets somebody in by what was before the change.
	updated, err = s.updateUser(ctx, id, change, check, func(t *tx) (err error) {
		ended, err = t.endSessions(id, keep)
		return err
	})
	return updated, ended, err
}

func nothingToCheck(*tx, User, User) error { return nil }

func nothingMore(*tx) error { return nil }

func (s *Store) updateUser(ctx context.Context, id ID, change func(*User) error, check func(t *tx, old, u User) error, then func(*tx) error) (User, error) {
	var updated User
	err := s.writer.submit(ctx, "update user", func(t *tx) error {
		old, err := find[User](t, userByID, id)
		if err != nil {
			return err
		}
		u := old
		if err := change(&u); err != nil {
			return err
		}
		u.Header, u.ID, u.Said = old.Header, old.ID, old.Said
		u.ClaimedName, u.ClaimedKey, u.Claimed = old.ClaimedName, old.ClaimedKey, old.Claimed
		if u.Key != old.Key {
			if strings.Contains(u.Key, nameMark) {
				return errNameMark
			}
			if err := t.keyFree(u); err != nil {
				return err
			}
		}
		if err := check(t, old, u); err != nil {
			return err
		}
		if u.Key != old.Key {
			if err := t.keepName(u.ID, old.Key); err != nil {
				return err
			}
		}
		if updated, err = t.changeUser(u, old); err != nil {
			return err
		}
		return then(t)
	})
	if err != nil {
		return User{}, err
	}
	return updated, nil
}

// changeUser writes what differs: rulings, and the row only for what is its own.
func (t *tx) changeUser(u, old User) (User, error) {
	if err := t.rule(u.ID, old.Standing, u.Standing); err != nil {
		return User{}, err
	}
	if u.Name != old.Name || u.Key != old.Key || !rounded(u.Created).Equal(old.Created) {
		err := t.putUser(&u, old)
		return u, err
	}
	if u.Standing == old.Standing {
		return old, nil
	}
	if err := t.judgeAnew(u.ID); err != nil {
		return User{}, err
	}
	return find[User](t, userByID, u.ID)
}

// keepAdmin refuses a change that takes its rights from the last administrator.
func (t *tx) keepAdmin(old, u User) error {
	rules := func(u User) bool { return u.Admin && !u.Disabled }
	if !rules(old) || rules(u) {
		return nil
	}
	others, err := find[number](t, countOtherAdmins, u.ID)
	if err == nil && others == 0 {
		err = ErrLastAdmin
	}
	return err
}

// CreateFirstAdmin makes an administrator for whoever knows the value of a meta
// row, with records as [Store.CreateUser], and uses the row up, in one. ErrNotFound: there is no such row, it has
// another value, or there is an administrator who can log in. With any error the row
// stays.
func (s *Store) CreateFirstAdmin(ctx context.Context, u User, metaKey, metaValue string, with ...NewRecord) (User, error) {
	var created User
	err := s.writer.submit(ctx, "create first administrator", func(t *tx) error {
		value, err := find[text](t, metaByKey, metaKey)
		if err != nil {
			return err
		}
		if string(value) != metaValue {
			return ErrNotFound
		}
		admins, err := find[number](t, countOtherAdmins, ID{})
		if err == nil && admins > 0 {
			err = ErrNotFound
		}
		if err != nil {
			return err
		}
		u.Admin = true
		if created, err = t.createUser(u, with); err != nil {
			return err
		}
		return t.write(deleteMeta, metaKey)
	})
	if err != nil {
		return User{}, err
	}
	return created, nil
}

// UserByID finds an account, or ErrNotFound.
func (s *Store) UserByID(ctx context.Context, id ID) (User, error) {
	return readOne[User](ctx, s, "read user", userByID, id)
}

// UserByKey finds the account that holds the key, or ErrNotFound.
func (s *Store) UserByKey(ctx context.Context, key string) (User, error) {
	return readOne[User](ctx, s, "read user", userByKey, key)
}

// UsersByID finds many accounts at once, in no particular order. Unknown IDs are
// left out.
func (s *Store) UsersByID(ctx context.Context, ids []ID) ([]User, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	return readMany[User](ctx, s, "read users", usersByID, idList(ids))
}

// Users lists a page of accounts in order of their keys.
func (s *Store) Users(ctx context.Context, q UserQuery) ([]User, error) {
	if q.Limit <= 0 {
		return nil, nil
	}
	if q.Match == "" {
		return readMany[User](ctx, s, "list users", usersByKey, q.AfterKey, q.Limit)
	}
	return readMany[User](ctx, s, "list users", usersByMatch, q.AfterKey, q.Match, q.Limit)
}

// HasAdmin reports whether somebody can log in as an administrator.
func (s *Store) HasAdmin(ctx context.Context) (bool, error) {
	n, err := readOne[number](ctx, s, "look for an administrator", countOtherAdmins, ID{})
	return n > 0, err
}

// CountUsers counts all accounts.
func (s *Store) CountUsers(ctx context.Context) (int, error) {
	n, err := readOne[number](ctx, s, "count users", countUsers)
	return int(n), err
}
