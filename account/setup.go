package account

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"

	"snug/store"
)

const (
	// setupMeta is where the hash of the first-administrator token is kept.
	setupMeta = "first_admin_token"
	// setupPage is how many users are looked at in one query for an administrator.
	setupPage = 500
)

// Setup makes a new token for [SignUp], which makes the first administrator, while there is none; the one before is
// void then. If there is an administrator the token is empty. Call it once at the start.
func (a *Accounts) Setup(ctx context.Context) (token string, err error) {
	found, err := a.hasAdmin(ctx)
	if err != nil {
		return "", err
	}
	if found {
		if _, err := a.st.DeleteMeta(ctx, setupMeta); err != nil {
			return "", fmt.Errorf("set up: %w", err)
		}
		return "", nil
	}
	token = newToken()
	if err := a.st.SetMeta(ctx, setupMeta, setupHash(token)); err != nil {
		return "", fmt.Errorf("set up: %w", err)
	}
	return token, nil
}

// SetupValid tells whether a token of [Accounts.Setup] can still be used.
func (a *Accounts) SetupValid(ctx context.Context, token string) (bool, error) {
	want, found, err := a.st.Meta(ctx, setupMeta)
	if err != nil {
		return false, fmt.Errorf("set up: %w", err)
	}
	return found && subtle.ConstantTimeCompare([]byte(want), []byte(setupHash(token))) == 1, nil
}

// hasAdmin looks for an administrator who can log in.
func (a *Accounts) hasAdmin(ctx context.Context) (bool, error) {
	query := store.UserQuery{Limit: setupPage}
	for {
		users, err := a.st.Users(ctx, query)
		if err != nil {
			return false, fmt.Errorf("set up: %w", err)
		}
		for _, u := range users {
			if u.Admin && !u.Disabled {
				return true, nil
			}
		}
		if len(users) < setupPage {
			return false, nil
		}
		query.AfterKey = users[len(users)-1].Key
	}
}

func setupHash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}
