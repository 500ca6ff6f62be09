// Package passkeytest is a device that makes passkeys and answers with them, as a browser and its authenticator do, for
// tests that need no browser.
package passkeytest

import (
	"testing"

	"github.com/descope/virtualwebauthn"
)

// wholeKey is the length of a public key on P-256 in COSE: two coordinates of 32 bytes, and 13 bytes around them.
const wholeKey = 77

// Device makes passkeys and keeps them.
type Device struct {
	Origin   string // of the page that it believes to be on
	Party    string // the relying party that it believes in; "": the one that it is asked for
	Unproven bool   // it does not look who touches it
	Backed   bool   // it copies its passkeys to other devices
}

// Key is a passkey on a device.
type Key struct {
	ID      []byte
	Counter uint32 // what it says at its next use

	handle     []byte
	credential virtualwebauthn.Credential
}

func (d *Device) authenticator(handle []byte) virtualwebauthn.Authenticator {
	return virtualwebauthn.NewAuthenticatorWithOptions(virtualwebauthn.AuthenticatorOptions{
		UserHandle: handle, UserNotVerified: d.Unproven, BackupEligible: d.Backed, BackupState: d.Backed,
	})
}

func (d *Device) party(asked string) virtualwebauthn.RelyingParty {
	if d.Party != "" {
		asked = d.Party
	}
	return virtualwebauthn.RelyingParty{ID: asked, Name: "Snug", Origin: d.Origin}
}

// Make answers a question for a new passkey.
func (d *Device) Make(t testing.TB, options []byte) (*Key, []byte) {
	t.Helper()
	asked, err := virtualwebauthn.ParseAttestationOptions(string(options))
	if err != nil {
		t.Fatalf("read what a device is asked: %v: %s", err, options)
	}
	k := &Key{handle: []byte(asked.UserID), credential: virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeEC2)}
	// virtualwebauthn leaves out leading zeros of a coordinate, which no real device does.
	for len(k.credential.Key.AttestationData()) < wholeKey {
		k.credential = virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeEC2)
	}
	k.ID = k.credential.ID
	return k, d.MakeAgain(t, k, options)
}

// MakeAgain answers a question for a new passkey with one that there is, as no honest device does.
func (d *Device) MakeAgain(t testing.TB, k *Key, options []byte) []byte {
	t.Helper()
	asked, err := virtualwebauthn.ParseAttestationOptions(string(options))
	if err != nil {
		t.Fatalf("read what a device is asked: %v: %s", err, options)
	}
	return []byte(virtualwebauthn.CreateAttestationResponse(d.party(asked.RelyingPartyID), d.authenticator(k.handle), k.credential, *asked))
}

// Use answers a question for a passkey with one of them.
func (d *Device) Use(t testing.TB, k *Key, options []byte) []byte {
	t.Helper()
	asked, err := virtualwebauthn.ParseAssertionOptions(string(options))
	if err != nil {
		t.Fatalf("read what a device is asked: %v: %s", err, options)
	}
	k.credential.Counter = k.Counter
	return []byte(virtualwebauthn.CreateAssertionResponse(d.party(asked.RelyingPartyID), d.authenticator(k.handle), k.credential, *asked))
}

// As is the key as another's who claims to be its owner.
func (k *Key) As(handle []byte) *Key {
	other := *k
	other.handle = handle
	return &other
}
