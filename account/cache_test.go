package account

import (
	"testing"

	"snug/store"
)

func TestCacheIsBounded(t *testing.T) {
	t.Parallel()
	a := openAccounts(t, openStore(t), Options{})
	a.cache.max = 4
	u := mustSignUp(t, a, "ada")
	sessions := make(map[string]ID)
	for range 20 {
		token, s := startSession(t, a, u.ID)
		sessions[token] = s.ID
	}
	for range 3 {
		for token, id := range sessions {
			wantSession(t, a, token, id)
		}
	}
	if n := len(a.cache.sessions); n > 4 {
		t.Errorf("%d sessions are cached, want at most 4", n)
	}
}

func TestCacheKeepsNothingThatMayBeOld(t *testing.T) {
	t.Parallel()
	c := newCache(10)
	row := store.Session{ID: store.NewID(), User: store.NewID(), Token: [32]byte{1}}
	version := c.version() // here the store is read
	row.Revoked = true
	c.follow([]store.Row{&row}) // here it changes
	c.put(version, row.Token, newLiveSession(row), User{ID: row.User})
	if _, _, ok := c.get(row.Token); ok {
		t.Error("a session that was revoked while it was read is kept")
	}
	c.put(c.version(), row.Token, newLiveSession(row), User{ID: row.User})
	if _, _, ok := c.get(row.Token); !ok {
		t.Error("a session that did not change is not kept")
	}
}
