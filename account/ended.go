package account

import (
	"context"
	"maps"
	"slices"
	"sync"
)

// ending is a session or an access token that is over, or with a zero session all of a user's.
type ending struct {
	session, user ID
	begun         bool // only those of the user that are over by a [store.Ending]
}

// endings tells who wants to know that sessions are over. It has a goroutine of its own, so that the store, which
// reports them, never waits for those who close sockets.
//
// Its list has no bound: an ending that is dropped would leave a socket open for somebody who was shut out, and each one
// stands for a row that was written to disk, so they come no faster than those.
type endings struct {
	wake chan struct{} // holds one

	mu      sync.Mutex
	waiting []ending              // guarded by mu
	told    map[int]func(s, u ID) // guarded by mu
	next    int                   // guarded by mu; key of the next told
}

func newEndings() *endings {
	return &endings{wake: make(chan struct{}, 1), told: make(map[int]func(s, u ID))}
}

func (e *endings) add(end ending) {
	e.mu.Lock()
	e.waiting = append(e.waiting, end)
	e.mu.Unlock()
	select {
	case e.wake <- struct{}{}:
	default:
	}
}

// run tells of endings. Which sessions a [store.Ending] ends, it asks over.
func (e *endings) run(ctx context.Context, over func(ctx context.Context, user ID) []ending) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-e.wake:
		}
		e.mu.Lock()
		waiting := e.waiting
		e.waiting = nil
		told := slices.Collect(maps.Values(e.told))
		e.mu.Unlock()
		for _, end := range waiting {
			all := []ending{end}
			if end.begun {
				all = over(ctx, end.user)
			}
			for _, end := range all {
				for _, fn := range told {
					fn(end.session, end.user)
				}
			}
		}
	}
}

// endedElsewhere lists the sessions of a user that are over because another node ended all it knew, and all it did not. If that cannot be read all of
// the user's sockets close: whose session is good comes back.
func (a *Accounts) endedElsewhere(ctx context.Context, user ID) []ending {
	rows, err := a.st.EndedSessionsOf(ctx, user)
	if err != nil {
		if ctx.Err() == nil {
			a.log.Warn("sessions that were ended on another node could not be read", "user", user, "error", err)
		}
		return []ending{{user: user}}
	}
	all := make([]ending, len(rows))
	for i, row := range rows {
		all[i] = ending{session: row.ID, user: user}
	}
	return all
}

// OnEnded has fn called after a session or an access token was revoked, whoever revoked it, and after a user was disabled: then sessionID is
// zero and every session of userID is over. Calls come one at a time and may repeat. A session that expires is not
// reported. After stop, fn may still be in its last call.
func (a *Accounts) OnEnded(fn func(sessionID, userID ID)) (stop func()) {
	return a.endings.tell(fn)
}

func (e *endings) tell(fn func(s, u ID)) (stop func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	key := e.next
	e.next++
	e.told[key] = fn
	return func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		delete(e.told, key)
	}
}
