package account

import (
	"context"
	"errors"
	"fmt"
	"time"

	"snug/store"
)

// Sessions lists where a user is logged in, the last used first.
func (a *Accounts) Sessions(ctx context.Context, user ID) ([]Session, error) {
	u, err := a.UserByID(ctx, user)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	rows, err := a.st.LiveSessionsOf(ctx, user, now)
	if err != nil {
		return nil, fmt.Errorf("list sessions: %w", err)
	}
	sessions := make([]Session, 0, len(rows))
	for _, row := range rows {
		if s := a.session(newLiveSession(row), u); now.Before(s.Expires) {
			sessions = append(sessions, s)
		}
	}
	return sessions, nil
}

// EndSessionOf ends a session of a user, and its sockets on every node. One that the user does not have, or that is over, is
// ErrNoSession.
func (a *Accounts) EndSessionOf(ctx context.Context, user, id ID) (Session, error) {
	row, err := a.st.UpdateSession(ctx, id, func(s *store.Session) error {
		if s.User != user || s.Revoked {
			return ErrNoSession
		}
		s.Revoked = true
		return nil
	})
	switch {
	case errors.Is(err, ErrNoSession), errors.Is(err, store.ErrNotFound):
		return Session{}, ErrNoSession
	case err != nil:
		return Session{}, fmt.Errorf("end a session: %w", err)
	}
	return a.session(newLiveSession(row), User{ID: user}), nil
}

// EndSessions ends all sessions of a user but one, which may be none, and says how many that were.
func (a *Accounts) EndSessions(ctx context.Context, user, keep ID) (int, error) {
	n, err := a.st.EndSessions(ctx, user, keep)
	if err != nil {
		return 0, fmt.Errorf("end sessions: %w", err)
	}
	return n, nil
}
