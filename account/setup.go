package account

import (
	"context"
	"crypto/subtle"
	"fmt"
)

// setupMeta is where the hash of the first-administrator token is kept.
const setupMeta = "first_admin_token"

// Setup makes a new token for [SignUp], which makes the first administrator, while there is none; the one before is
// void then. If there is an administrator the token is empty. Call it once at the start.
func (a *Accounts) Setup(ctx context.Context) (token string, err error) {
	found, err := a.st.HasAdmin(ctx)
	if err != nil {
		return "", fmt.Errorf("set up: %w", err)
	}
	if found {
		if _, err := a.st.DeleteMeta(ctx, setupMeta); err != nil {
			return "", fmt.Errorf("set up: %w", err)
		}
		return "", nil
	}
	token = newToken()
	if err := a.st.SetMeta(ctx, setupMeta, secretKey(token)); err != nil {
		return "", fmt.Errorf("set up: %w", err)
	}
	return token, nil
}

// SetupValid tells whether a token of [Accounts.Setup] can still be used: until there is an administrator, however they became one.
func (a *Accounts) SetupValid(ctx context.Context, token string) (bool, error) {
	if made, err := a.st.HasAdmin(ctx); made || err != nil {
		return false, err
	}
	want, found, err := a.st.Meta(ctx, setupMeta)
	if err != nil {
		return false, fmt.Errorf("set up: %w", err)
	}
	return found && subtle.ConstantTimeCompare([]byte(want), []byte(secretKey(token))) == 1, nil
}
