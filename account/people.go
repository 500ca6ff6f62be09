package account

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/language"
	"golang.org/x/text/width"

	"snug/store"
)

const (
	defaultPeople = 50
	maxPeople     = 1000
)

// Person is a user as others see them. LastSeen is zero if they never were online.
type Person struct {
	User
	LastSeen time.Time
}

// Query selects a page of people, in the order of their name keys.
type Query struct {
	After string // what the page before gave as next; empty: the first page
	Match string // a part of the name, in any case; empty: all
	Limit int    // 0: 50; at most 1,000
}

// People lists accounts. Next is empty on the last page.
func (a *Accounts) People(ctx context.Context, q Query) (people []Person, next string, err error) {
	limit := min(q.Limit, maxPeople)
	if limit <= 0 {
		limit = defaultPeople
	}
	rows, err := a.st.Users(ctx, store.UserQuery{AfterKey: q.After, Match: MatchKey(q.Match), Limit: limit + 1})
	if err != nil {
		return nil, "", fmt.Errorf("list people: %w", err)
	}
	if len(rows) > limit {
		rows = rows[:limit]
		next = rows[limit-1].Key
	}
	people, err = a.withLastSeen(ctx, rows)
	return people, next, err
}

// withLastSeen adds the last-seen times with one query for all.
func (a *Accounts) withLastSeen(ctx context.Context, rows []store.User) ([]Person, error) {
	if len(rows) == 0 {
		return nil, nil
	}
	ids := make([]ID, len(rows))
	for i, row := range rows {
		ids[i] = row.ID
	}
	seen, err := a.st.SeenByUser(ctx, ids)
	if err != nil {
		return nil, fmt.Errorf("look up last seen: %w", err)
	}
	people := make([]Person, len(rows))
	for i, row := range rows {
		people[i] = Person{User: publicUser(row), LastSeen: seen[row.ID]}
	}
	return people, nil
}

// UserByName finds the user of a name, in any case and width.
func (a *Accounts) UserByName(ctx context.Context, name string) (User, error) {
	key, err := Key(name)
	if err != nil {
		return User{}, ErrNoUser
	}
	row, err := a.st.UserByKey(ctx, key)
	return foundUser(row, err)
}

// PersonByName is UserByName with the time when they were last seen.
func (a *Accounts) PersonByName(ctx context.Context, name string) (Person, error) {
	user, err := a.UserByName(ctx, name)
	if err != nil {
		return Person{}, err
	}
	seen, err := a.st.SeenByUser(ctx, []ID{user.ID})
	if err != nil {
		return Person{}, fmt.Errorf("look up last seen: %w", err)
	}
	return Person{User: user, LastSeen: seen[user.ID]}, nil
}

// UserByID finds a user.
func (a *Accounts) UserByID(ctx context.Context, id ID) (User, error) {
	if u, ok := a.cache.user(id); ok {
		return u, nil
	}
	row, err := a.st.UserByID(ctx, id)
	return foundUser(row, err)
}

// Names tells what users are called. Whoever is not known is left out.
func (a *Accounts) Names(ctx context.Context, ids []ID) (map[ID]string, error) {
	rows, err := a.st.UsersByID(ctx, ids)
	if err != nil {
		return nil, fmt.Errorf("look up users: %w", err)
	}
	names := make(map[ID]string, len(rows))
	for _, row := range rows {
		names[row.ID] = row.Name
	}
	return names, nil
}

func foundUser(row store.User, err error) (User, error) {
	switch {
	case errors.Is(err, store.ErrNotFound):
		return User{}, ErrNoUser
	case err != nil:
		return User{}, fmt.Errorf("look up a user: %w", err)
	}
	return publicUser(row), nil
}

// Count tells how many accounts there are.
func (a *Accounts) Count(ctx context.Context) (int, error) {
	n, err := a.st.CountUsers(ctx)
	if err != nil {
		return 0, fmt.Errorf("count users: %w", err)
	}
	return n, nil
}

// MatchKey maps a part of a name as [Key] maps a name, so that it can be looked for in keys, and in what it makes of
// names. A part need not be a name: "." is one too.
func MatchKey(part string) string {
	if isASCII(part) {
		return strings.ToLower(part) // the same, at a tenth of the cost: lists of thousands are searched
	}
	lower := cases.Lower(language.Und, cases.HandleFinalSigma(false)).String(width.Fold.String(part))
	return joinForms(lower)
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
