package account

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"snug/store"
)

// ConfirmLife is for how long somebody who proved who they are need not do it again, whatever they want to change.
const ConfirmLife = 10 * time.Minute

// Confirm notes that whoever has a session proved just now who they are.
func (a *Accounts) Confirm(_ context.Context, session ID) error {
	a.proofs.note(session, time.Now())
	return nil
}

// CheckPassword tells whether a password is the user's, for somebody who is logged in already. It is throttled as log-ins are.
// A wrong one is ErrCredentials.
func (a *Accounts) CheckPassword(ctx context.Context, user ID, password, address string) error {
	row, err := a.st.UserByID(ctx, user)
	if errors.Is(err, store.ErrNotFound) {
		return ErrNoUser
	}
	if err != nil {
		return fmt.Errorf("check a password: %w", err)
	}
	attempt, err := a.admit(ctx, row.Key, AddressKey(address))
	if err != nil {
		return err
	}
	row, right, _, err := a.tryPassword(ctx, row.Key, password)
	switch {
	case err != nil:
		attempt.giveBack()
		return err
	case !right || row.ID != user:
		attempt.spend()
		a.Audit(ctx, Event{Kind: EventConfirmFailed, Actor: user, Address: address, Detail: "wrong password"})
		return ErrCredentials
	}
	attempt.giveBack()
	return nil
}

// HasPassword tells whether a user can log in with a password at all.
func (a *Accounts) HasPassword(ctx context.Context, user ID) (bool, error) {
	row, err := a.st.UserByID(ctx, user)
	if errors.Is(err, store.ErrNotFound) {
		return false, ErrNoUser
	}
	if err != nil {
		return false, fmt.Errorf("look up a user: %w", err)
	}
	return row.Password != "", nil
}

// proofs are when sessions were confirmed, beside their beginning.
type proofs struct {
	mu sync.Mutex
	at map[ID]time.Time // guarded by mu
}

func (p *proofs) note(session ID, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.at == nil {
		p.at = make(map[ID]time.Time)
	}
	p.at[session] = now
}

func (p *proofs) last(session ID) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.at[session]
}

// sweep forgets those that mean nothing any more.
func (p *proofs) sweep(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	maps.DeleteFunc(p.at, func(_ ID, at time.Time) bool { return now.Sub(at) >= ConfirmLife })
}
