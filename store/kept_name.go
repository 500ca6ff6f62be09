package store

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"
)

const (
	// KeepName is how long nobody else can take the name that somebody had before: for
	// as long as others think of them when they read it.
	KeepName = 30 * 24 * time.Hour
	// MaxKeptNames is how many names are kept for one person, the latest ones: nobody
	// takes names from others by changing theirs again and again.
	MaxKeptNames = 3
)

const nameKept = `SELECT count(*) FROM records
	WHERE kind = ? AND key = ? AND key <> '' AND owner IS NOT ? AND final = 0 AND expires > ?`

// keptNameID is the ID of the record that keeps a name for somebody, however often they
// come back to it.
func keptNameID(owner ID, key string) ID {
	return hashID("kept name\x00" + string(owner[:]) + key)
}

// keepName keeps the key that a user gives up. One with a mark was never theirs alone. A
// record that was released has no key any more.
func (t *tx) keepName(user ID, key string) error {
	if key == "" || strings.Contains(key, nameMark) {
		return nil
	}
	x, err := find[Record](t, recordByID, KindKeptName, keptNameID(user, key))
	switch {
	case errors.Is(err, ErrNotFound):
		x = Record{Kind: KindKeptName, ID: keptNameID(user, key), Owner: user, Created: t.now}
	case err != nil:
		return err
	}
	x.Key, x.Expires = key, t.now.Add(KeepName)
	if err := t.putRecord(&x); err != nil {
		return err
	}
	return t.releaseNames(user)
}

// releaseNames lets others have what is kept for a user beyond the latest names. The
// records stay for as long as they would have: a node that deleted one before another
// has heard of its end could not tell it, and that one would go on keeping the name.
func (t *tx) releaseNames(user ID) error {
	all, err := many[Record](context.Background(), t, recordsByOwner, KindKeptName, user)
	if err != nil {
		return err
	}
	all = slices.DeleteFunc(all, func(x Record) bool { return x.Key == "" || x.over(t.now) })
	slices.SortFunc(all, func(a, b Record) int { return b.Expires.Compare(a.Expires) })
	for i := MaxKeptNames; i < len(all); i++ {
		all[i].Key = ""
		if err := t.putRecord(&all[i]); err != nil {
			return err
		}
	}
	return nil
}

// notKept checks that the key of u is not kept for somebody else.
func (t *tx) notKept(u User) error {
	n, err := find[number](t, nameKept, KindKeptName, u.Key, u.ID, millis(t.now))
	if err == nil && n > 0 {
		err = ErrNameTaken
	}
	return err
}
