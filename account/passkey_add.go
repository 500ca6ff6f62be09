package account

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"snug/store"
)

// Browser is where the page is that asks for a passkey.
type Browser struct {
	Origin  string // of the page; the caller has made sure that it is one of this place
	Secret  string // that this browser alone has, so that nobody answers what another was asked
	Address string
}

// Ceremony is what a page hands to the browser, to have a passkey made or used.
type Ceremony struct {
	ID      string          `json:"ceremony"` // comes back with the answer
	Options json.RawMessage `json:"options"`  // for parseCreationOptionsFromJSON or parseRequestOptionsFromJSON
}

// Answer is what the browser made of it.
type Answer struct {
	Ceremony string
	Response []byte // what toJSON gave
}

// holder is a user as package webauthn knows them.
type holder struct {
	handle      []byte
	name        string
	credentials []webauthn.Credential
}

func (h *holder) WebAuthnID() []byte                         { return h.handle }
func (h *holder) WebAuthnName() string                       { return h.name }
func (h *holder) WebAuthnDisplayName() string                { return h.name }
func (h *holder) WebAuthnCredentials() []webauthn.Credential { return h.credentials }

// holderOf reads the passkeys of a user that were made for the relying party. Without any, the handle is a new one: it
// is random, so that it tells nothing to whoever finds the key.
func (a *Accounts) holderOf(ctx context.Context, user User, party string) (*holder, error) {
	rows, err := a.st.RecordsOf(ctx, store.KindPasskey, user.ID)
	if err != nil {
		return nil, fmt.Errorf("list passkeys: %w", err)
	}
	h := &holder{name: user.Name}
	for _, row := range rows {
		if row.Final {
			continue
		}
		b, err := readPasskey(row)
		if err != nil || b.Party != party {
			continue
		}
		if h.handle == nil {
			h.handle = b.Handle
		}
		h.credentials = append(h.credentials, b.Credential)
	}
	if h.handle == nil {
		h.handle = newHandle()
	}
	return h, nil
}

func newHandle() []byte {
	handle := make([]byte, handleBytes)
	rand.Read(handle)
	return handle
}

// BeginAddPasskey asks the browser of somebody who is logged in to make a passkey.
func (a *Accounts) BeginAddPasskey(ctx context.Context, user, session ID, b Browser) (Ceremony, error) {
	u, err := a.UserByID(ctx, user)
	if err != nil {
		return Ceremony{}, err
	}
	party, err := a.RelyingParty(ctx)
	if err != nil {
		return Ceremony{}, err
	}
	h, err := a.holderOf(ctx, u, party)
	if err != nil {
		return Ceremony{}, err
	}
	if len(h.credentials) >= maxPasskeys {
		return Ceremony{}, ErrManyPasskeys
	}
	return a.beginCreation(ctx, party, h, b, &ceremony{aim: aimAdd, user: user, session: session})
}

// beginCreation asks for a passkey that the holder does not have yet.
func (a *Accounts) beginCreation(ctx context.Context, party string, h *holder, b Browser, x *ceremony) (Ceremony, error) {
	if err := a.admitCeremony(ctx, b); err != nil {
		return Ceremony{}, err
	}
	w, err := webAuthn(party, b.Origin)
	if err != nil {
		return Ceremony{}, err
	}
	creation, data, err := w.BeginRegistration(h, webauthn.WithRegistrationOrigin(b.Origin),
		webauthn.WithExclusions(webauthn.Credentials(h.credentials).CredentialDescriptors()),
		webauthn.WithExtensions(webauthn.WithExtensionCredProps()))
	if err != nil {
		return Ceremony{}, fmt.Errorf("ask for a passkey: %w", err)
	}
	x.handle, x.data = h.handle, *data
	return a.begin(b, x, creation.Response)
}

// admitCeremony bounds how often one address may ask.
func (a *Accounts) admitCeremony(ctx context.Context, b Browser) error {
	address := AddressKey(b.Address)
	if err := a.asked.take(ctx, address); err != nil {
		return err
	}
	a.asked.spend(address)
	return nil
}

func (a *Accounts) begin(b Browser, x *ceremony, options any) (Ceremony, error) {
	text, err := json.Marshal(options)
	if err != nil {
		return Ceremony{}, fmt.Errorf("ask for a passkey: %w", err)
	}
	x.browser, x.address = hashToken(b.Secret), AddressKey(b.Address)
	return Ceremony{ID: a.ceremonies.begin(x, time.Now()), Options: text}, nil
}

// AddPasskey keeps the passkey that the browser made. An empty name is made up. What was not made as it was asked for is
// ErrPasskey, an answer that comes too late or twice is ErrCeremony.
func (a *Accounts) AddPasskey(ctx context.Context, user, session ID, b Browser, answer Answer, name string) (Passkey, error) {
	name, err := passkeyName(name)
	if err != nil {
		return Passkey{}, err
	}
	x, ok := a.ceremonies.take(answer.Ceremony, aimAdd, hashToken(b.Secret), time.Now())
	if !ok || x.user != user || x.session != session {
		return Passkey{}, ErrCeremony
	}
	body, err := a.created(ctx, x, answer)
	if err != nil {
		return Passkey{}, err
	}
	others, err := a.Passkeys(ctx, user)
	if err != nil {
		return Passkey{}, err
	}
	if body.Name = name; name == "" {
		body.Name = nameFor(&body.Credential, len(others))
	}
	record, err := newPasskey(body)
	if err != nil {
		return Passkey{}, err
	}
	record.Owner = user
	row, err := a.st.CreateRecord(ctx, record)
	switch {
	case errors.Is(err, store.ErrConflict):
		return Passkey{}, ErrPasskeyKnown
	case errors.Is(err, store.ErrFull):
		return Passkey{}, ErrManyPasskeys
	case err != nil:
		return Passkey{}, fmt.Errorf("keep a passkey: %w", err)
	}
	a.Audit(ctx, Event{Kind: EventPasskeyAdded, Actor: user, Address: b.Address, Detail: fmt.Sprintf("%q", body.Name)})
	return publicPasskey(row, body), nil
}

func newPasskey(b passkeyBody) (store.NewRecord, error) {
	text, err := b.encode()
	if err != nil {
		return store.NewRecord{}, err
	}
	return store.NewRecord{
		Record: store.Record{Kind: store.KindPasskey, Key: credentialKey(b.Credential.ID), Created: time.Now(), Body: text},
		Most:   maxPasskeys,
	}, nil
}

// created holds what the browser made against what it was asked.
func (a *Accounts) created(ctx context.Context, x *ceremony, answer Answer) (passkeyBody, error) {
	w, err := webAuthn(x.data.RelyingPartyID, x.data.Origin)
	if err != nil {
		return passkeyBody{}, err
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(answer.Response)
	if err != nil {
		return passkeyBody{}, a.refusePasskey(ctx, err)
	}
	credential, err := w.CreateCredential(&holder{handle: x.handle}, x.data, parsed)
	if err != nil {
		return passkeyBody{}, a.refusePasskey(ctx, err)
	}
	if rk := credential.Extensions.RK; rk != nil && !*rk {
		return passkeyBody{}, a.refusePasskey(ctx, errors.New("the key does not keep it, so it could not be found without a name"))
	}
	if err := a.fixParty(ctx, x.data.RelyingPartyID); err != nil {
		return passkeyBody{}, err
	}
	return passkeyBody{Party: x.data.RelyingPartyID, Handle: x.handle, Credential: *credential}, nil
}

// refusePasskey tells the log why, and everybody else no more than that.
func (a *Accounts) refusePasskey(ctx context.Context, err error) error {
	var detail *protocol.Error
	info := ""
	if errors.As(err, &detail) {
		info = detail.DevInfo
	}
	a.log.LogAttrs(ctx, slog.LevelInfo, "passkey not accepted", slog.Any("error", err), slog.String("info", info))
	return ErrPasskey
}

// BeginPasskeySignUp asks the browser of somebody new to make a passkey, for an account without a password. What they
// can mend comes as FieldErrors.
func (a *Accounts) BeginPasskeySignUp(ctx context.Context, s SignUp, b Browser) (Ceremony, error) {
	if err := a.maySignUp(ctx, s); err != nil {
		return Ceremony{}, err
	}
	s.passkey = &store.NewRecord{} // in place of a password
	shown, _, err := a.checkSignUp(ctx, s)
	if err != nil {
		return Ceremony{}, err
	}
	party, err := a.RelyingParty(ctx)
	if err != nil {
		return Ceremony{}, err
	}
	// Copies, for what a form says may be a part of all that was sent with it, and would keep that in memory.
	s.Name, s.Address, s.Setup, s.Invitation = strings.Clone(s.Name), strings.Clone(s.Address), strings.Clone(s.Setup), strings.Clone(s.Invitation)
	return a.beginCreation(ctx, party, &holder{name: shown, handle: newHandle()}, b, &ceremony{aim: aimSignUp, signUp: s})
}

// PasskeySignUp makes the account for which the browser made a passkey.
func (a *Accounts) PasskeySignUp(ctx context.Context, b Browser, answer Answer) (User, error) {
	x, ok := a.ceremonies.take(answer.Ceremony, aimSignUp, hashToken(b.Secret), time.Now())
	if !ok {
		return User{}, ErrCeremony
	}
	body, err := a.created(ctx, x, answer)
	if err != nil {
		return User{}, err
	}
	body.Name = nameFor(&body.Credential, 0)
	record, err := newPasskey(body)
	if err != nil {
		return User{}, err
	}
	s := x.signUp
	s.passkey = &record
	user, err := a.SignUp(ctx, s)
	if err != nil {
		return User{}, err
	}
	a.Audit(ctx, Event{Kind: EventPasskeyAdded, Actor: user.ID, Address: b.Address, Detail: fmt.Sprintf("%q, at the sign-up", body.Name)})
	return user, nil
}
