package store

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Session is a login. Revoked is sticky: nothing undoes it.
type Session struct {
	Header
	ID      ID
	Token   [32]byte // SHA-256 of the secret; the secret itself is never stored
	User    ID
	Created time.Time
	Used    time.Time
	Expires time.Time
	Agent   string
	Address string
	Revoked bool
	Brief   bool      // until the browser closes: the browser forgets it then, and it lasts less
	Proven  time.Time // when its owner last proved who they are
	// Known are the endings that its node knew of when it began, by their IDs. nil: an older version began it. That noted in Knew the stamp of the one ending that
	// there was then; 1: there was none; 0: it did not note it.
	Known map[ID]Stamp
	Knew  Stamp
}

const sessionColumns = `place, stamp, feed, seq, extra, id, token, user, created, used, expires, agent, address, revoked, brief, proven, knew, known`

func (x *Session) scan(from scanner) error {
	var token []byte
	if err := from.Scan(&x.Place, &x.Stamp, &x.Feed, &x.Seq, &x.Extra,
		&x.ID, &token, &x.User, (*timeColumn)(&x.Created), (*timeColumn)(&x.Used), (*timeColumn)(&x.Expires),
		&x.Agent, &x.Address, &x.Revoked, &x.Brief, (*timeColumn)(&x.Proven), &x.Knew, (*knownColumn)(&x.Known)); err != nil {
		return err
	}
	if len(token) != len(x.Token) {
		return fmt.Errorf("token column holds %d bytes, want %d", len(token), len(x.Token))
	}
	copy(x.Token[:], token)
	return nil
}

const (
	sessionByID    = `SELECT ` + sessionColumns + ` FROM sessions WHERE id = ?`
	sessionByToken = `SELECT ` + sessionColumns + ` FROM sessions WHERE token = ?`
	sessionsByID   = `SELECT ` + sessionColumns + ` FROM sessions
		WHERE id IN (SELECT unhex(value) FROM json_each(?))`
	sessionsByUser     = `SELECT ` + sessionColumns + ` FROM sessions WHERE user = ? ORDER BY created, id`
	liveSessionsByUser = `SELECT ` + sessionColumns + ` FROM sessions
		WHERE user = ? AND revoked = 0 AND expires > ? ORDER BY used DESC, id`
	putSession = `INSERT INTO sessions (` + sessionColumns + `)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET
			place = excluded.place, stamp = excluded.stamp, feed = excluded.feed, seq = excluded.seq, extra = excluded.extra,
			token = excluded.token, user = excluded.user, created = excluded.created, used = excluded.used, expires = excluded.expires,
			agent = excluded.agent, address = excluded.address, revoked = excluded.revoked,
			brief = excluded.brief, proven = excluded.proven, knew = excluded.knew, known = excluded.known`
	deleteExpiredSessions = `DELETE FROM sessions
		WHERE expires < ?1 AND (revoked = 0 OR created < ?1 - ?2)`
)

func (x *Session) key() rowKey { return rowKey{kind: kindSession, id: x.ID} }
func (x *Session) final() bool { return x.Revoked }

func (x *Session) clone() Row {
	copied := *x
	return &copied
}

func (t *tx) putSession(x *Session) error {
	t.sign(&x.Header)
	x.Created, x.Used, x.Expires = rounded(x.Created), rounded(x.Used), rounded(x.Expires)
	x.Proven = rounded(x.Proven)
	return t.put(x)
}

func (x *Session) write(t *tx) error {
	return t.write(putSession, x.Place, int64(x.Stamp), x.Feed, int64(x.Seq), x.Extra,
		x.ID, x.Token[:], x.User, millis(x.Created), millis(x.Used), millis(x.Expires),
		x.Agent, x.Address, x.Revoked, x.Brief, millis(x.Proven), int64(x.Knew), knownColumn(x.Known).text())
}

// CreateSession adds a session, with a new ID if it has none. ErrConflict: the ID
// or the token is in use.
func (s *Store) CreateSession(ctx context.Context, x Session) (Session, error) {
	return s.createSession(ctx, x, func(*tx) error { return nil })
}

// CreateSessionIf is [Store.CreateSession] if its user, as they are in the same moment,
// is allowed one: the error of allowed is returned. ErrNotFound: there is no such user.
func (s *Store) CreateSessionIf(ctx context.Context, x Session, allowed func(User) error) (Session, error) {
	return s.createSession(ctx, x, func(t *tx) error {
		u, err := find[User](t, userByID, x.User)
		if err != nil {
			return err
		}
		return allowed(u)
	})
}

func (s *Store) createSession(ctx context.Context, x Session, check func(*tx) error) (Session, error) {
	x.Header = Header{}
	if x.ID.IsZero() {
		x.ID = NewID()
	}
	var created Session
	err := s.writer.submit(ctx, "create session", func(t *tx) error {
		if err := check(t); err != nil {
			return err
		}
		if err := absent[Session](t, sessionByID, x.ID); err != nil {
			return err
		}
		if err := absent[Session](t, sessionByToken, x.Token[:]); err != nil {
			return err
		}
		endings, err := t.endingsOf(x.User)
		if err != nil {
			return err
		}
		created = x
		created.note(endings)
		return t.putSession(&created)
	})
	if err != nil {
		return Session{}, err
	}
	return created, nil
}

// UpdateSession changes a session as [Store.UpdateUser] changes a user. ID, token,
// user and creation time do not change, and what is revoked stays revoked.
func (s *Store) UpdateSession(ctx context.Context, id ID, change func(*Session) error) (Session, error) {
	var updated Session
	err := s.writer.submit(ctx, "update session", func(t *tx) error {
		old, err := find[Session](t, sessionByID, id)
		if err != nil {
			return err
		}
		x := old
		if err := change(&x); err != nil {
			return err
		}
		x.Header, x.ID, x.Token, x.User, x.Created = old.Header, old.ID, old.Token, old.User, old.Created
		x.Known, x.Knew = old.Known, old.Knew
		x.Revoked = x.Revoked || old.Revoked
		err = t.putSession(&x)
		updated = x
		return err
	})
	if err != nil {
		return Session{}, err
	}
	return updated, nil
}

// SessionByToken finds a session, also one that is revoked, has expired, or is over by an [Ending].
func (s *Store) SessionByToken(ctx context.Context, token [32]byte) (Session, error) {
	return readOne[Session](ctx, s, "read session", sessionByToken, token[:])
}

// SessionsOf lists all sessions of a user, oldest first, also those that are
// revoked, have expired, or are over by an [Ending].
func (s *Store) SessionsOf(ctx context.Context, user ID) ([]Session, error) {
	return readMany[Session](ctx, s, "list sessions", sessionsByUser, user)
}

// LiveSessionsOf lists the sessions of a user that are neither over nor expired
// then, the last used first.
func (s *Store) LiveSessionsOf(ctx context.Context, user ID, now time.Time) ([]Session, error) {
	endings, err := s.EndingsOf(ctx, user)
	if err != nil {
		return nil, err
	}
	live, err := readMany[Session](ctx, s, "list sessions", liveSessionsByUser, user, millis(now))
	return slices.DeleteFunc(live, endings.End), err
}

// EndSessions ends all sessions of a user but one, which may be none or is over itself, and
// says how many of them had not expired. Those that are not known here, because they
// were begun on a node that is away, are over when they become known; see [Ending].
func (s *Store) EndSessions(ctx context.Context, user, keep ID) (int, error) {
	var n int
	err := s.writer.submit(ctx, "end sessions", func(t *tx) (err error) {
		n, err = t.endSessions(user, keep)
		return err
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}

func (t *tx) endSessions(user, keep ID) (int, error) {
	live, err := many[Session](context.Background(), t, liveSessionsByUser, user, 0) // expired ones too: their node may see that otherwise
	if err != nil {
		return 0, err
	}
	before, err := t.endingsOf(user)
	if err != nil {
		return 0, err
	}
	// What is over is not kept: the ending takes the place of one that may have ended it.
	if !slices.ContainsFunc(live, func(x Session) bool { return x.ID == keep && !before.End(x) }) {
		keep = ID{}
	}
	if err := t.putEnding(user, keep, before); err != nil {
		return 0, err
	}
	n := 0
	for i := range live {
		if live[i].ID == keep {
			continue
		}
		if t.now.Before(live[i].Expires) && !before.End(live[i]) {
			n++
		}
		live[i].Revoked = true
		if err := t.putSession(&live[i]); err != nil {
			return 0, err
		}
	}
	return n, nil
}

// keepRevoked is how long a revoked session is remembered, from its making. A node
// that was away may bring it back as it was before, and must be told.
const keepRevoked = 400 * 24 * time.Hour

// DeleteExpiredSessions forgets sessions that expired before then; a revoked one
// only when all that knew it are long past its life. It is local housekeeping:
// watchers do not see it.
func (s *Store) DeleteExpiredSessions(ctx context.Context, before time.Time) (int, error) {
	var n int
	err := s.writer.submit(ctx, "delete expired sessions", func(t *tx) (err error) {
		n, err = t.change(deleteExpiredSessions, millis(before), keepRevoked.Milliseconds())
		return err
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}
