package web

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"snug/account"
)

// caller finds who sends a request that a program may send as well as a page: by an access token, or by the session
// cookie where there is none. nil without an error is nobody; a token that is no good is an error, even beside a
// good cookie.
func (s *Server) caller(r *http.Request) (*visitor, error) {
	secret, ok := bearer(r)
	if !ok {
		return s.visitor(r)
	}
	v, err := s.visitorByAccess(r.Context(), secret)
	if refused, ok := errors.AsType[*account.TokenError](err); ok {
		s.logRefusal(r, refused)
		return nil, errNotLoggedIn
	}
	return v, err
}

// bearer is the token that a request is authorized with, if it is.
func bearer(r *http.Request) (token string, ok bool) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return "", false // a proxy may ask for a password of its own
	}
	return strings.TrimSpace(token), true
}

// visitorByAccess finds the owner of an access token. One that is no good is an *account.TokenError.
func (s *Server) visitorByAccess(ctx context.Context, secret string) (*visitor, error) {
	user, token, err := s.accounts.TokenUser(ctx, secret)
	if err != nil {
		return nil, err
	}
	return &visitor{user: user, session: token.ID, token: secret, expires: token.Expires, scopes: token.Scopes}, nil
}

// visitorBySecret finds who showed a secret before: of a session, or an access token. nil without an error is nobody any more.
func (s *Server) visitorBySecret(ctx context.Context, secret string) (*visitor, error) {
	if !strings.HasPrefix(secret, account.TokenPrefix) {
		return s.visitorByToken(ctx, secret)
	}
	v, err := s.visitorByAccess(ctx, secret)
	if _, refused := errors.AsType[*account.TokenError](err); refused {
		return nil, nil
	}
	return v, err
}
