package web

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"snug/account"
)

// visitorByQuery finds who opens a socket with ?token=: a single-use ticket of ours, or the JWT of a configured issuer.
// Whoever sends a token wants to be somebody, so one that is no good is an error even where guests may come.
func (s *Server) visitorByQuery(r *http.Request, token string) (*visitor, error) {
	if strings.Contains(token, ".") { // tickets have none
		return s.visitorByPass(r, token)
	}
	session, ok := s.tickets.redeem(token, time.Now())
	if !ok {
		return nil, errNotLoggedIn
	}
	v, err := s.visitorBySecret(r.Context(), session)
	if err == nil && v == nil {
		err = errNotLoggedIn
	}
	return v, err
}

// visitorByPass finds the user of a JWT. Why one is refused is for the log alone; the token itself is for nobody.
func (s *Server) visitorByPass(r *http.Request, token string) (*visitor, error) {
	pass, err := s.accounts.Pass(r.Context(), token)
	if refused, ok := errors.AsType[*account.TokenError](err); ok {
		s.logRefusal(r, refused)
		return nil, errNotLoggedIn
	}
	if err != nil {
		return nil, err
	}
	return &visitor{user: pass.User, session: pass.ID, expires: pass.Expires}, nil
}

// logRefusal tells the operator why a token was refused, which its bearer must not learn.
func (s *Server) logRefusal(r *http.Request, refused *account.TokenError) {
	s.noise.refusals.log(refused, time.Now(), func(times int) {
		s.logger.Warn("token refused", "reason", refused.Reason, "issuer", refused.Issuer, "user", refused.User,
			"address", address(r), "path", loggedPath(r), "times", times)
	})
}

// refusals are the reasons for which tokens were refused that no known site has signed: strangers can send as many of them as
// they like. Its zero value is good.
type refusals struct {
	mu     sync.Mutex // guards what follows
	seldom map[string]*seldom
}

// log calls write for every token that a site has signed, and for others as [seldom] does, each reason by itself.
func (f *refusals) log(refused *account.TokenError, now time.Time, write func(times int)) {
	if refused.Issuer != "" {
		write(1)
		return
	}
	f.mu.Lock()
	if f.seldom == nil {
		f.seldom = make(map[string]*seldom)
	}
	if f.seldom[refused.Reason] == nil {
		f.seldom[refused.Reason] = &seldom{}
	}
	reason := f.seldom[refused.Reason]
	f.mu.Unlock()
	reason.log(now, write)
}

// byPass reports whether the visitor came with a JWT: there is no session that could be asked about.
func (v *visitor) byPass() bool { return v != nil && v.token == "" }

// bySession reports whether the visitor came with a session, as browsers do, and not with any kind of token.
func (v *visitor) bySession() bool { return v != nil && v.token != "" && v.scopes == nil }

// still finds a visitor again whose socket is open; nil without an error is one whose time is over.
func (s *Server) still(ctx context.Context, v *visitor) (*visitor, error) {
	if !v.byPass() {
		return s.visitorBySecret(ctx, v.token)
	}
	if !time.Now().Before(v.expires) {
		return nil, nil
	}
	user, err := s.accounts.UserByID(ctx, v.user.ID)
	switch {
	case errors.Is(err, account.ErrNoUser), err == nil && user.Disabled:
		return nil, nil
	case err != nil:
		return nil, err
	}
	again := *v
	again.user = user
	return &again, nil
}

// untilExpiry ends a socket when the JWT or access token that opened it expires. The result takes the place of stop.
func (s *Server) untilExpiry(v *visitor, stop func()) func() {
	if v == nil || v.bySession() || v.expires.IsZero() { // use moves the end of a session
		return stop
	}
	timer := time.AfterFunc(time.Until(v.expires), func() { s.peers.end(v.session, v.user.ID) })
	return func() {
		timer.Stop()
		stop()
	}
}
