package account

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"snug/store"
)

const (
	// localParty is the relying party where nothing else is known: the one name under which every browser makes
	// passkeys without TLS.
	localParty = "localhost"
	// partyName is what authenticators show beside the name of the user.
	partyName = "Snug"
	// maxParties bounds how often the relying party may change, which it can only while there are no passkeys.
	maxParties = 1000
)

// RelyingPartyError is a configuration that names another relying party than the passkeys here belong to.
type RelyingPartyError struct{ Stored, Configured string }

func (e *RelyingPartyError) Error() string {
	return fmt.Sprintf("the passkeys of this place were made for %q, and auth.rp_id is %q: browsers would offer none of them any more; "+
		"set auth.rp_id = %q, or leave it out. Only when nobody has a passkey left can it change", e.Stored, e.Configured, e.Stored)
}

// partySetting is the body of the setting that says what the relying party is.
type partySetting struct {
	ID string `json:"id"`
}

// partyKey is the key of that setting. A setting is never changed, so another relying party is another setting: the
// last one counts.
func partyKey(n int) string {
	if n == 0 {
		return "rp_id"
	}
	return fmt.Sprintf("rp_id/%d", n)
}

// FixRelyingParty decides once, at a start, for which name browsers make passkeys here, and keeps it in the database:
// a passkey works under no other name. Configured is what the operator says, derived what follows from the other
// settings; both may be empty. A place without either stays with localhost, which is fixed with the first passkey.
//
// A node that is new in a cluster (joined) decides nothing: the others have.
//
// Another name than the one that is kept is a *RelyingPartyError, unless there are no passkeys.
func (a *Accounts) FixRelyingParty(ctx context.Context, configured, derived string, joined bool) error {
	stored, n, err := a.storedParty(ctx)
	switch {
	case err != nil:
		return err
	case stored == "" && joined, stored == configured && stored != "":
		return nil
	case stored != "" && configured == "":
		if derived != "" && derived != stored {
			a.log.Warn("passkeys work under the name for which the first one was made, and under no other", "rp_id", stored, "instead of", derived)
		}
		return nil
	case stored == "" && configured == "":
		configured = derived
	}
	if configured == "" {
		return nil
	}
	if stored != "" {
		if found, err := a.anyPasskey(ctx); err != nil {
			return err
		} else if found {
			return &RelyingPartyError{Stored: stored, Configured: configured}
		}
	}
	if _, err := a.keepParty(ctx, n, configured); err != nil {
		return err
	}
	return nil
}

// RelyingParty is the name for which browsers make passkeys here, such as "chat.example".
func (a *Accounts) RelyingParty(ctx context.Context) (string, error) {
	if known := a.party.Load(); known != nil {
		return *known, nil
	}
	changes := a.partyChanges.Load()
	stored, _, err := a.storedParty(ctx)
	if err != nil {
		return "", err
	}
	if stored == "" {
		stored = localParty
	}
	a.party.Store(&stored)
	if a.partyChanges.Load() != changes {
		a.party.Store(nil) // it came in between, and what was read may be old
	}
	return stored, nil
}

// followParty forgets what was known of the relying party when a setting came, from here or from another node.
func (a *Accounts) followParty(row *store.Record) {
	if row.Kind == store.KindSetting {
		a.partyChanges.Add(1)
		a.party.Store(nil)
	}
}

// storedParty is the relying party that is kept in the database, "" if none is, and how many there were.
func (a *Accounts) storedParty(ctx context.Context) (id string, n int, err error) {
	for ; n < maxParties; n++ {
		row, err := a.st.Record(ctx, store.KindSetting, store.RecordID(store.KindSetting, partyKey(n)))
		if errors.Is(err, store.ErrNotFound) {
			break
		}
		if err != nil {
			return "", 0, fmt.Errorf("look up the relying party: %w", err)
		}
		var setting partySetting
		if err := json.Unmarshal([]byte(row.Body), &setting); err != nil {
			return "", 0, fmt.Errorf("read the relying party: %w", err)
		}
		id = setting.ID
	}
	return id, n, nil
}

// keepParty writes a relying party down as the one of that number, and returns the one that is kept under it.
func (a *Accounts) keepParty(ctx context.Context, n int, id string) (kept string, err error) {
	body, err := json.Marshal(partySetting{ID: id})
	if err != nil {
		return "", fmt.Errorf("keep the relying party: %w", err)
	}
	row, _, err := a.st.Setting(ctx, partyKey(n), string(body))
	if err != nil {
		return "", fmt.Errorf("keep the relying party: %w", err)
	}
	var setting partySetting
	if err := json.Unmarshal([]byte(row.Body), &setting); err != nil {
		return "", fmt.Errorf("read the relying party: %w", err)
	}
	return setting.ID, nil
}

// fixParty makes sure, before a passkey is kept, that the name it was made for is.
func (a *Accounts) fixParty(ctx context.Context, id string) error {
	stored, n, err := a.storedParty(ctx)
	if err == nil && stored == "" {
		stored, err = a.keepParty(ctx, n, id)
	}
	if err == nil && stored != id {
		err = ErrCeremony // it changed while the key was touched
	}
	return err
}

// webAuthn is the relying party as it asks the pages of one origin. The caller of the exported functions has made
// sure that the origin is this place's, so a ceremony is bound to it and to no other.
func webAuthn(id, origin string) (*webauthn.WebAuthn, error) {
	timeout := webauthn.TimeoutConfig{Enforce: true, Timeout: ceremonyLife, TimeoutUVD: ceremonyLife}
	w, err := webauthn.New(&webauthn.Config{
		RPID:          id,
		RPDisplayName: partyName,
		RPOrigins:     []string{origin},
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			ResidentKey:        protocol.ResidentKeyRequirementRequired,
			RequireResidentKey: protocol.ResidentKeyRequired(),
			UserVerification:   protocol.VerificationRequired,
		},
		AttestationPreference: protocol.PreferNoAttestation,
		Timeouts:              webauthn.TimeoutsConfig{Login: timeout, Registration: timeout},
	})
	if err != nil {
		return nil, fmt.Errorf("ask for passkeys of %q: %w", id, err)
	}
	return w, nil
}
