package store

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
)

const (
	// nameMark stands between a name that somebody else holds and what tells the
	// two apart. No name that is claimed has one.
	nameMark = "~"
	// shortestMark is how many hex digits follow it at least.
	shortestMark = 4
)

var errNameMark = errors.New("a name must not have a " + nameMark)

// bareName is a name without what was put behind it to tell it from another.
func bareName(name string) string {
	bare, _, _ := strings.Cut(name, nameMark)
	return bare
}

// nameSuffixes tells how all who claim one name are shown: the earliest claim has
// it, the others have digits of their ID behind it, as many as tell them apart. It
// follows from the claims alone, so that it is the same on every node.
func nameSuffixes(claimants []User) map[ID]string {
	suffixes := make(map[ID]string, len(claimants))
	if len(claimants) == 0 {
		return suffixes
	}
	holder := slices.MinFunc(claimants, func(a, b User) int {
		if a.Claimed != b.Claimed {
			if a.Claimed < b.Claimed {
				return -1
			}
			return 1
		}
		return bytes.Compare(a.ID[:], b.ID[:])
	})
	type digits struct {
		id   ID
		text string
	}
	all := make([]digits, 0, len(claimants))
	for _, u := range claimants {
		all = append(all, digits{u.ID, nameDigits(u.ID)})
	}
	slices.SortFunc(all, func(a, b digits) int { return strings.Compare(a.text, b.text) })
	for i, d := range all {
		length := shortestMark
		if i > 0 {
			length = max(length, common(d.text, all[i-1].text)+1)
		}
		if i+1 < len(all) {
			length = max(length, common(d.text, all[i+1].text)+1)
		}
		suffixes[d.id] = nameMark + d.text[:min(length, len(d.text))]
	}
	suffixes[holder.ID] = ""
	return suffixes
}

// nameDigits are the hex digits of an ID, those first that are random in a UUIDv7.
func nameDigits(id ID) string {
	return hex.EncodeToString(id[9:]) + hex.EncodeToString(id[:9])
}

// common counts the characters that two texts begin with alike.
func common(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// show sets the name of u to the one it claimed, with a suffix.
func (u *User) show(suffix string) {
	u.Name, u.Key = u.ClaimedName+suffix, u.ClaimedKey+suffix
}

// putClaim writes a user who may have claimed another key than oldKey, with what the
// rulings make of them, and all whose names change by that.
func (t *tx) putClaim(u *User, oldKey string) error {
	others, err := t.claimants(u.ClaimedKey, u.ID)
	if err != nil {
		return err
	}
	suffixes := nameSuffixes(append(others[:len(others):len(others)], *u))
	u.show(suffixes[u.ID])
	if err := t.judge(u); err != nil {
		return err
	}
	if err := t.put(u); err != nil {
		return err
	}
	if err := t.showAnew(others, suffixes); err != nil {
		return err
	}
	if oldKey == "" || oldKey == u.ClaimedKey {
		return nil
	}
	left, err := t.claimants(oldKey, u.ID)
	if err != nil {
		return err
	}
	return t.showAnew(left, nameSuffixes(left))
}

// claimants are the users who claim a key, without the one named.
func (t *tx) claimants(key string, without ID) ([]User, error) {
	users, err := many[User](context.Background(), t, usersByClaim, key)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(users, func(u User) bool { return u.ID == without }), nil
}

// showAnew writes those whose name has changed. They keep their origin, for who
// holds a name is not replicated but follows from what is; watchers must know.
func (t *tx) showAnew(users []User, suffixes map[ID]string) error {
	for _, u := range users {
		if u.Key == u.ClaimedKey+suffixes[u.ID] {
			continue
		}
		u.show(suffixes[u.ID])
		u.Place = t.nextPlace()
		if err := t.put(&u); err != nil {
			return err
		}
	}
	return nil
}
