package account

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"snug/store"
)

const (
	tokenBytes  = 32
	tokenLength = 43 // of 32 bytes in base64url without padding

	maxAgent   = 256 // bytes kept of what a browser says it is
	maxAddress = 64  // bytes; the longest IPv6 address with zone and port has fewer

	// touchPeriod is how exact the time of last use is kept.
	touchPeriod = time.Minute
	// maxTouches is how many uses wait to be written. Beyond it they are skipped: the next use of a session brings another.
	maxTouches = 1024
	// touchers write at the same time, so that their commits share an fsync.
	touchers = 4
)

// Session is a browser or program that somebody is logged in with.
type Session struct {
	ID      ID
	User    User
	Created time.Time
	Expires time.Time // if it is not used again
	Proven  time.Time // when its owner last proved who they are: at the log-in, or at [Accounts.Confirm]
	Used    time.Time // to the minute
	Brief   bool      // until the browser closes
	Address string
	Agent   string
}

// Client is where a session is started from, and whether only until the browser closes.
type Client struct {
	Address, Agent string
	Brief          bool
	Proof          Proof // of who came with a password
}

// touch is a use of a session, or of an access token, that is not written yet.
type touch struct {
	session, token ID
	at             time.Time
}

// StartSession makes a session, a new one at each log-in. The token is the secret for the cookie: it is given once and not
// stored. A user who is unknown or disabled is ErrNoUser. Who came with a password that is theirs no more, since it was
// looked at, is ErrCredentials: what ends all sessions must not miss the one that is just being started.
func (a *Accounts) StartSession(ctx context.Context, user ID, c Client) (token string, s Session, err error) {
	u, err := a.UserByID(ctx, user)
	if err != nil {
		return "", Session{}, err
	}
	if u.Disabled {
		return "", Session{}, ErrNoUser
	}
	token = newToken()
	now := time.Now()
	idle, life := a.lasts(c.Brief)
	row, err := a.st.CreateSessionIf(ctx, store.Session{
		ID:      store.NewID(),
		Token:   hashToken(token),
		User:    user,
		Created: now,
		Used:    now,
		Expires: now.Add(min(idle, life)),
		Brief:   c.Brief,
		Proven:  now,
		Agent:   shorten(c.Agent, maxAgent),
		Address: shorten(c.Address, maxAddress),
	}, func(u store.User) error {
		switch {
		case u.Disabled:
			return ErrNoUser
		case c.Proof != Proof{} && c.Proof != proofOf(u):
			return ErrCredentials
		}
		return nil
	})
	if err != nil {
		return "", Session{}, fmt.Errorf("start a session: %w", err)
	}
	if err := a.endSurplus(ctx, user, row.ID); err != nil {
		return "", Session{}, err
	}
	live := newLiveSession(row)
	return token, a.session(live, u), nil
}

// endSurplus ends the sessions of a user that were not used for longest, but not the new one, until there are no more than may be.
func (a *Accounts) endSurplus(ctx context.Context, user, fresh ID) error {
	rows, err := a.st.LiveSessionsOf(ctx, user, time.Now())
	if err != nil {
		return fmt.Errorf("start a session: %w", err)
	}
	surplus := len(rows) - a.sessions
	for i := len(rows) - 1; i >= 0 && surplus > 0; i-- { // the last used is first
		if rows[i].ID == fresh {
			continue
		}
		if err := a.EndSession(ctx, rows[i].ID); err != nil {
			return err
		}
		surplus--
	}
	return nil
}

// lasts is how long sessions last without use, and at most.
func (a *Accounts) lasts(brief bool) (idle, life time.Duration) {
	if brief {
		return min(a.idle, BriefIdle), min(a.life, BriefLife)
	}
	return a.idle, a.life
}

// Session finds the session of a token and notes its use. It mostly answers from memory, and never waits for a write.
// Any token that is not good is ErrNoSession.
func (a *Accounts) Session(ctx context.Context, token string) (Session, error) {
	if len(token) != tokenLength {
		return Session{}, ErrNoSession
	}
	hash := hashToken(token)
	live, u, ok := a.cache.get(hash)
	if !ok {
		var err error
		live, u, err = a.load(ctx, hash)
		if errors.Is(err, ErrNoSession) && a.elsewhere != nil && a.elsewhere.fetch(ctx, hash) {
			live, u, err = a.load(ctx, hash)
		}
		if err != nil {
			return Session{}, err
		}
	}
	now := time.Now()
	s := a.session(live, u)
	if u.Disabled || !now.Before(s.Expires) {
		return Session{}, ErrNoSession
	}
	if a.use(live, now) {
		s = a.session(live, u)
	}
	return s, nil
}

// load reads a session from the store into the cache.
func (a *Accounts) load(ctx context.Context, hash [32]byte) (*liveSession, User, error) {
	version := a.cache.version()
	row, err := a.st.SessionByToken(ctx, hash)
	if errors.Is(err, store.ErrNotFound) || (err == nil && row.Revoked) {
		return nil, User{}, ErrNoSession
	}
	if err != nil {
		return nil, User{}, fmt.Errorf("look up a session: %w", err)
	}
	endings, err := a.st.EndingsOf(ctx, row.User)
	if err != nil {
		return nil, User{}, fmt.Errorf("look up a session: %w", err)
	}
	userRow, err := a.st.UserByID(ctx, row.User)
	if errors.Is(err, store.ErrNotFound) || (err == nil && endings.End(row)) {
		return nil, User{}, ErrNoSession
	}
	if err != nil {
		return nil, User{}, fmt.Errorf("look up a session: %w", err)
	}
	live, u := newLiveSession(row), publicUser(userRow)
	a.cache.put(version, hash, live, u)
	return live, u, nil
}

// session gives the public form.
func (a *Accounts) session(live *liveSession, u User) Session {
	return Session{
		ID: live.id, User: u, Proven: live.proven, Brief: live.brief, Used: time.UnixMilli(live.used.Load()),
		Created: live.created, Expires: a.expiry(live),
		Address: live.address, Agent: live.agent,
	}
}

// expiry is when a session is over. It is not taken from the row: the configuration may have become stricter since.
func (a *Accounts) expiry(live *liveSession) time.Time {
	idle, life := a.lasts(live.brief)
	unused := time.UnixMilli(live.used.Load()).Add(idle)
	end := live.created.Add(life)
	if end.Before(unused) {
		return end
	}
	return unused
}

// use notes that a session was used, at most once in a while, and has it written in the background.
func (a *Accounts) use(live *liveSession, now time.Time) bool {
	last := live.used.Load()
	if now.UnixMilli()-last < min(touchPeriod, a.idle/4).Milliseconds() || !live.used.CompareAndSwap(last, now.UnixMilli()) {
		return false
	}
	select {
	case a.touches <- touch{session: live.id, at: now}:
	default:
	}
	return true
}

// touch writes the uses of sessions.
func (a *Accounts) touch(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case t := <-a.touches:
			write := a.touchSession
			if !t.token.IsZero() {
				write = a.touchToken
			}
			err := write(ctx, t)
			if err != nil && !errors.Is(err, errUnchanged) && !errors.Is(err, store.ErrNotFound) && ctx.Err() == nil {
				a.log.Warn("the use of a session was not noted", "session", t.session, "token", t.token, "error", err)
			}
		}
	}
}

func (a *Accounts) touchSession(ctx context.Context, t touch) error {
	_, err := a.st.UpdateSession(ctx, t.session, func(s *store.Session) error {
		if s.Revoked || !t.at.After(s.Used) {
			return errUnchanged
		}
		s.Used = t.at
		s.Expires = a.expiry(newLiveSession(*s))
		return nil
	})
	return err
}

// EndSession revokes a session. One that is over or unknown is no error.
func (a *Accounts) EndSession(ctx context.Context, id ID) error {
	_, err := a.st.UpdateSession(ctx, id, func(s *store.Session) error {
		if s.Revoked {
			return errUnchanged
		}
		s.Revoked = true
		return nil
	})
	switch {
	case errors.Is(err, errUnchanged), errors.Is(err, store.ErrNotFound):
		return nil
	case err != nil:
		return fmt.Errorf("end a session: %w", err)
	}
	return nil // and the cache knows it: the store tells its watchers before it returns
}

// newToken makes a secret of 256 random bits.
func newToken() string {
	var secret [tokenBytes]byte
	rand.Read(secret[:])
	return base64.RawURLEncoding.EncodeToString(secret[:])
}

// hashToken gives what is stored of a token. A fast hash will do, for there is nothing to guess in 256 random bits.
func hashToken(token string) [32]byte {
	var text [tokenLength]byte // on the stack, for this runs at every request
	return sha256.Sum256(text[:copy(text[:], token)])
}

// shorten cuts a text at a character, and makes it valid UTF-8.
func shorten(s string, most int) string {
	if len(s) > most {
		s = s[:most]
	}
	return strings.ToValidUTF8(s, "")
}
