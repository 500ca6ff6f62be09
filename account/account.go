package account

import (
	"context"
	"crypto/sha256"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/argon2"

	"snug/layer/mesh"
	"snug/store"
)

// ID names a user or a session.
type ID = store.ID

// ParseID reads the 36-character form of an ID.
func ParseID(s string) (ID, error) { return store.ParseID(s) }

// User is a person with an account.
type User struct {
	ID       ID
	Name     string
	Admin    bool
	Disabled bool
	Created  time.Time

	proof Proof // of [Accounts.LogIn] alone
}

// Proof is what somebody has shown to log in, as far as it may be void a moment later: the zero Proof is nothing of that
// kind. It is no secret.
type Proof [sha256.Size]byte

// Proof is for [Client], of a user whom [Accounts.LogIn] has given.
func (u User) Proof() Proof { return u.proof }

// proofOf stands for the password that a user has.
func proofOf(u store.User) Proof { return sha256.Sum256([]byte(u.Password)) }

const (
	// DefaultSessionIdle is how long a session lasts without use.
	DefaultSessionIdle = 30 * 24 * time.Hour
	// DefaultSessionLife is how long a session lasts at most.
	DefaultSessionLife = 365 * 24 * time.Hour

	// BriefIdle and BriefLife are the same for sessions that end when the browser closes: that is up to the browser, and one that
	// restores its windows does not.
	BriefIdle = 24 * time.Hour
	BriefLife = 7 * 24 * time.Hour

	// DefaultSessionsPerUser is how many sessions one account may have.
	DefaultSessionsPerUser = 50

	// housekeepingPeriod is how often full buckets are forgotten.
	housekeepingPeriod = time.Minute
	// expiryPeriod is how often expired sessions are deleted.
	expiryPeriod = time.Hour
)

// Options say how strict and how lasting things are.
type Options struct {
	LoginsPerMinute int           // failed log-ins of one account, and of one address; 0: no limit
	SignupsPerHour  int           // new accounts from one address; 0: no limit
	Admission       Admission     // who may sign up; "": AdmitEverybody
	SessionIdle     time.Duration // 0: DefaultSessionIdle
	SessionLife     time.Duration // 0: DefaultSessionLife
	SessionsPerUser int           // sessions of one account; one more ends the one that was not used for longest. 0: DefaultSessionsPerUser
	AuditKeep       time.Duration // how long the audit log remembers; 0: DefaultAuditKeep
	Node            string        // what the audit log calls this node
	Port            mesh.Port     // to the accounts of other nodes, which are asked for sessions unknown here; nil: alone
	Issuers         *Issuers      // whose tokens open sockets; nil: nobody's
	Logger          *slog.Logger  // nil: slog.Default()
}

// Accounts are the people of one server. Its methods may be called from many goroutines.
type Accounts struct {
	st        *store.Store
	log       *slog.Logger
	hasher    *hasher
	passwords passwordRules

	loginAddress *throttle // by address
	loginAccount *throttle // by name key
	loginKnown   *throttle // by name key and address, for addresses that the account is at home at
	signups      *throttle // by address
	renames      *throttle // by user
	asked        *throttle // by address: ceremonies that were begun
	tokens       *throttle // by user
	changed      *throttle // by user: changes to passkeys, recovery codes and the password's being on

	admission  Admission
	issuers    *Issuers
	idle, life time.Duration
	sessions   int // of one account
	auditKeep  time.Duration
	journal    *journal
	cache      *cache
	ceremonies *ceremonies
	touches    chan touch
	endings    *endings
	elsewhere  *elsewhere // nil: alone

	party        atomic.Pointer[string] // the relying party, nil: not known
	partyChanges atomic.Uint64          // counts what may have changed it
	factors      sync.Mutex             // held to decide whether somebody can do without a way in

	close func()
	done  sync.WaitGroup
}

// New makes the accounts of a store, and starts what runs beside them. Close it before the store.
func New(st *store.Store, opts Options) *Accounts {
	return newAccounts(st, opts, newHasher(defaultCost, argon2.IDKey))
}

func newAccounts(st *store.Store, opts Options, h *hasher) *Accounts {
	if opts.SessionIdle <= 0 {
		opts.SessionIdle = DefaultSessionIdle
	}
	if opts.SessionLife <= 0 {
		opts.SessionLife = DefaultSessionLife
	}
	if opts.SessionsPerUser <= 0 {
		opts.SessionsPerUser = DefaultSessionsPerUser
	}
	if opts.AuditKeep <= 0 {
		opts.AuditKeep = DefaultAuditKeep
	}
	if opts.Admission == "" {
		opts.Admission = AdmitEverybody
	}
	if opts.Logger == nil {
		opts.Logger = slog.Default()
	}
	if opts.Issuers == nil {
		opts.Issuers = &Issuers{}
	}
	ctx, cancel := context.WithCancel(context.Background())
	a := &Accounts{
		st:           st,
		log:          opts.Logger,
		hasher:       h,
		passwords:    newPasswordRules(),
		loginAddress: newThrottle(opts.LoginsPerMinute, time.Minute),
		loginAccount: newThrottle(opts.LoginsPerMinute, time.Minute),
		loginKnown:   newThrottle(opts.LoginsPerMinute, time.Minute),
		signups:      newThrottle(opts.SignupsPerHour, time.Hour),
		renames:      newThrottle(RenamesPerHour, time.Hour),
		asked:        newThrottle(ceremoniesPerLogin*opts.LoginsPerMinute, time.Minute),
		changed:      newThrottle(maxChanges, time.Hour),
		ceremonies:   newCeremonies(maxCeremonies, maxCeremoniesEach),
		admission:    opts.Admission,
		tokens:       newThrottle(TokensPerHour, time.Hour),
		issuers:      opts.Issuers,
		idle:         opts.SessionIdle,
		life:         opts.SessionLife,
		sessions:     opts.SessionsPerUser,
		auditKeep:    opts.AuditKeep,
		journal:      newJournal(st, opts.Node, opts.Logger),
		cache:        newCache(maxCached),
		touches:      make(chan touch, maxTouches),
		endings:      newEndings(),
	}
	unwatch := st.WatchEarly(a.follow) // who is shut out is so at once, whatever the disk does
	a.close = func() {
		unwatch()
		cancel()
	}
	if opts.Port != nil {
		a.elsewhere = newElsewhere(opts.Port, st, opts.Logger)
		stop := sync.OnceFunc(a.elsewhere.close)
		a.close = func() {
			stop()
			unwatch()
			cancel()
		}
	}
	a.done.Go(func() { a.housekeep(ctx) })
	a.done.Go(func() { a.journal.run(ctx) })
	a.done.Go(func() { a.endings.run(ctx, a.endedElsewhere) })
	for range touchers {
		a.done.Go(func() { a.touch(ctx) })
	}
	return a
}

// Close stops what New started and waits for it. It may be called more than once.
func (a *Accounts) Close() {
	a.close()
	a.done.Wait()
}

// follow is told of every committed change. It runs on the goroutine that writes the store, so it only takes notes.
func (a *Accounts) follow(rows []store.Row) {
	a.cache.follow(rows)
	for _, row := range rows {
		switch row := row.(type) {
		case *store.Session:
			if row.Revoked {
				a.endings.add(ending{session: row.ID, user: row.User})
			}
		case *store.User:
			if row.Disabled {
				a.endings.add(ending{user: row.ID})
			}
		case *store.Record:
			a.followParty(row)
			switch {
			case row.Kind == store.KindToken && row.Final:
				a.endings.add(ending{session: row.ID, user: row.Owner})
			case row.IsEnding():
				a.endings.add(ending{user: row.Owner, begun: true})
			}
		}
	}
}

// housekeep forgets what is over.
func (a *Accounts) housekeep(ctx context.Context) {
	tick := time.NewTicker(housekeepingPeriod)
	defer tick.Stop()
	var expiry time.Time // when what is over is deleted next
	for {
		if now := time.Now(); !now.Before(expiry) {
			expiry = now.Add(expiryPeriod)
			if err := a.deleteOver(ctx, now); err != nil && ctx.Err() == nil {
				a.log.Warn("what has expired was not deleted", "error", err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			for _, t := range []*throttle{a.loginAddress, a.loginAccount, a.loginKnown, a.signups, a.renames, a.asked, a.changed, a.tokens} {
				t.sweep(now)
			}
			a.ceremonies.sweep(now)
		}
	}
}

// deleteOver deletes what nobody needs any more.
func (a *Accounts) deleteOver(ctx context.Context, now time.Time) error {
	_, err := a.st.DeleteExpiredSessions(ctx, now)
	for _, kind := range store.RecordKinds() {
		before := now
		switch kind {
		case store.KindAudit:
			before = now.Add(-a.auditKeep)
		case store.KindToken:
			before = now.Add(-keepExpiredTokens)
		}
		_, errKind := a.st.DeleteRecords(ctx, kind, before)
		err = errors.Join(err, errKind)
	}
	return err
}

func publicUser(u store.User) User {
	return User{ID: u.ID, Name: u.Name, Admin: u.Admin, Disabled: u.Disabled, Created: u.Created}
}
