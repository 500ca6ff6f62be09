package account

import (
	"context"
	"errors"
	"time"
)

// TokenPrefix begins every access token, so that people and programs that look for leaked secrets know one when they see it.
const TokenPrefix = "snug_pat_"

// What an access token may be good for, as it stands in Token.Scopes. None has another in it: a token that may write
// need not be able to read.
const (
	ScopeRead  = "read"
	ScopeWrite = "write"
	ScopeAdmin = "admin" // only for administrators, and only for as long as they are
)

// Token is an access token: what a program of somebody's comes with in place of a session.
type Token struct {
	ID      ID
	User    ID
	Name    string
	Scopes  []string
	Created time.Time
	Expires time.Time // zero: never
	Used    time.Time // zero: never
}

// NewToken is what somebody chooses of a token.
type NewToken struct {
	Name    string
	Scopes  []string
	Expires time.Time // zero: never
}

// ErrNoToken is an access token that there is not.
var ErrNoToken = errors.New("no such access token")

// CreateToken makes an access token for a user. The secret is given once and not stored. What can be mended comes as FieldErrors.
func (a *Accounts) CreateToken(ctx context.Context, user ID, t NewToken) (secret string, made Token, err error) {
	return "", Token{}, ErrNoToken
}

// Tokens lists the access tokens of a user that are neither revoked nor expired, the newest first.
func (a *Accounts) Tokens(ctx context.Context, user ID) ([]Token, error) { return nil, nil }

// RevokeToken ends an access token of a user, and its sockets on every node. One that the user does not have is ErrNoToken.
func (a *Accounts) RevokeToken(ctx context.Context, user, id ID) error { return ErrNoToken }

// TokenUser tells whose access token a secret is, and notes its use. One that is not good is a *TokenError.
func (a *Accounts) TokenUser(ctx context.Context, secret string) (User, Token, error) {
	return User{}, Token{}, &TokenError{Reason: ReasonUnknownToken}
}
