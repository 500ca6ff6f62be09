package account

import (
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"snug/store"
)

// maxCached is how many sessions and how many users are kept in memory: a few MiB. Beyond it, any one is forgotten and
// read again when it is needed.
const maxCached = 10_000

// cache keeps sessions by the hash of their token, and the users they belong to. It follows the store, so what it
// holds is what is committed.
type cache struct {
	max int

	mu       sync.RWMutex
	sessions map[[32]byte]*liveSession // guarded by mu
	users    map[ID]User               // guarded by mu
	changes  uint64                    // guarded by mu; counts what follow was told
}

// liveSession is a session that was neither revoked nor expired when it was read. Only used changes.
type liveSession struct {
	id, user       ID
	created        time.Time
	proven         time.Time
	brief          bool
	address, agent string
	used           atomic.Int64 // Unix milliseconds
}

func newLiveSession(row store.Session) *liveSession {
	live := &liveSession{
		id: row.ID, user: row.User,
		created: row.Created, proven: row.Proven, brief: row.Brief,
		address: row.Address, agent: row.Agent,
	}
	live.used.Store(row.Used.UnixMilli())
	return live
}

func newCache(limit int) *cache {
	return &cache{max: limit, sessions: make(map[[32]byte]*liveSession), users: make(map[ID]User)}
}

// get finds a session and its user.
func (c *cache) get(token [32]byte) (*liveSession, User, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	live, ok := c.sessions[token]
	if !ok {
		return nil, User{}, false
	}
	u, ok := c.users[live.user]
	return live, u, ok
}

func (c *cache) user(id ID) (User, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	u, ok := c.users[id]
	return u, ok
}

// version is to be asked before the store is read for put.
func (c *cache) version() uint64 {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.changes
}

// put keeps what was read from the store since version, unless something changed in between: then what was read may
// be old already, and nobody would correct it.
func (c *cache) put(version uint64, token [32]byte, live *liveSession, u User) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.changes != version {
		return
	}
	makeRoom(c.sessions, c.max)
	makeRoom(c.users, c.max)
	c.sessions[token] = live
	c.users[u.ID] = u
}

// makeRoom forgets any entry of a full map.
func makeRoom[K comparable, V any](m map[K]V, limit int) {
	for key := range m {
		if len(m) < limit {
			return
		}
		delete(m, key)
	}
}

// follow brings the cache up to date with committed rows.
func (c *cache) follow(rows []store.Row) {
	for _, row := range rows {
		switch row := row.(type) {
		case *store.Session:
			c.followSession(row)
		case *store.User:
			c.followUser(row)
		case *store.Record:
			if row.IsEnding() {
				c.forget(row.Owner)
			}
		}
	}
}

func (c *cache) followSession(row *store.Session) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.changes++
	old, ok := c.sessions[row.Token]
	switch {
	case !ok:
	case row.Revoked:
		delete(c.sessions, row.Token)
	default:
		live := newLiveSession(*row)
		live.used.Store(max(live.used.Load(), old.used.Load()))
		c.sessions[row.Token] = live
	}
}

func (c *cache) followUser(row *store.User) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.changes++
	if _, ok := c.users[row.ID]; ok {
		c.users[row.ID] = publicUser(*row)
	}
}

// forget has the sessions of a user read again. It is rare, so it may look at all.
func (c *cache) forget(user ID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.changes++
	maps.DeleteFunc(c.sessions, func(_ [32]byte, live *liveSession) bool { return live.user == user })
}
