package account

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"snug/store"
)

// BeginPasskeyLogIn asks the browser for any passkey of this place. Nobody is named, so nothing is told about anybody.
func (a *Accounts) BeginPasskeyLogIn(ctx context.Context, b Browser) (Ceremony, error) {
	party, err := a.RelyingParty(ctx)
	if err != nil {
		return Ceremony{}, err
	}
	return a.beginAssertion(ctx, party, b, &ceremony{aim: aimLogIn})
}

// BeginPasskeyConfirm asks the browser of somebody who is logged in for one of their passkeys. If they have none it is
// ErrNoPasskey.
func (a *Accounts) BeginPasskeyConfirm(ctx context.Context, user, session ID, b Browser) (Ceremony, error) {
	party, err := a.RelyingParty(ctx)
	if err != nil {
		return Ceremony{}, err
	}
	h, err := a.holderOf(ctx, User{ID: user}, party)
	if err != nil {
		return Ceremony{}, err
	}
	if len(h.credentials) == 0 {
		return Ceremony{}, ErrNoPasskey
	}
	return a.beginAssertion(ctx, party, b, &ceremony{aim: aimConfirm, user: user, session: session},
		webauthn.WithAllowedCredentials(webauthn.Credentials(h.credentials).CredentialDescriptors()))
}

func (a *Accounts) beginAssertion(ctx context.Context, party string, b Browser, x *ceremony, opts ...webauthn.LoginOption) (Ceremony, error) {
	if err := a.admitCeremony(ctx, b); err != nil {
		return Ceremony{}, err
	}
	w, err := webAuthn(party, b.Origin)
	if err != nil {
		return Ceremony{}, err
	}
	assertion, data, err := w.BeginDiscoverableLogin(append(opts, webauthn.WithLoginOrigin(b.Origin))...)
	if err != nil {
		return Ceremony{}, fmt.Errorf("ask for a passkey: %w", err)
	}
	x.data = *data
	return a.begin(b, x, assertion.Response)
}

// PasskeyLogIn tells whose passkey answered. It does not start a session.
//
// A passkey that is unknown, was removed, or answers wrongly is ErrPasskey, which counts as a failed log-in of the
// address. An answer that comes too late or twice is ErrCeremony. ErrDisabled is for the owner of a disabled account.
//
// A passkey whose counter did not grow may have a second copy. Its owner is let in all the same, for some keys count
// badly, and whoever has nothing but passkeys would be shut out: they are told (Passkey.Cloned is now), and so is the
// audit log.
func (a *Accounts) PasskeyLogIn(ctx context.Context, b Browser, answer Answer) (User, Passkey, error) {
	var user User
	var used Passkey
	err := a.answered(ctx, aimLogIn, b, answer, func(x *ceremony) (err error) {
		user, used, err = a.asserted(ctx, x, b, answer)
		return err
	})
	switch {
	case errors.Is(err, ErrPasskey), errors.Is(err, ErrDisabled):
		a.Audit(ctx, Event{Kind: EventLoginFailed, Target: user.ID, Address: b.Address, Detail: "with a passkey: " + err.Error()})
		return User{}, Passkey{}, err
	case err != nil:
		return User{}, Passkey{}, err
	}
	a.Audit(ctx, Event{Kind: EventLogin, Actor: user.ID, Address: b.Address, Detail: fmt.Sprintf("with the passkey %q", used.Name)})
	return user, used, nil
}

// PasskeyConfirm notes that whoever has the session proved just now who they are, as [Accounts.Confirm] does.
func (a *Accounts) PasskeyConfirm(ctx context.Context, user, session ID, b Browser, answer Answer) error {
	err := a.answered(ctx, aimConfirm, b, answer, func(x *ceremony) error {
		if x.user != user || x.session != session {
			return ErrCeremony
		}
		owner, _, err := a.asserted(ctx, x, b, answer)
		if err == nil && owner.ID != user {
			err = ErrPasskey
		}
		return err
	})
	if errors.Is(err, ErrPasskey) {
		a.Audit(ctx, Event{Kind: EventConfirmFailed, Actor: user, Address: b.Address, Detail: "wrong passkey"})
	}
	if err != nil {
		return err
	}
	return a.Confirm(ctx, session)
}

// answered throttles answers as it does passwords, and ends the ceremony before anything is looked at.
func (a *Accounts) answered(ctx context.Context, want aim, b Browser, answer Answer, check func(*ceremony) error) error {
	address := AddressKey(b.Address)
	if err := a.loginAddress.take(ctx, address); err != nil {
		a.noteThrottled(ctx, EventLoginThrottled, "", b.Address, err)
		return err
	}
	err := ErrCeremony
	if x, ok := a.ceremonies.take(answer.Ceremony, want, hashToken(b.Secret), time.Now()); ok {
		err = check(x)
	}
	if errors.Is(err, ErrPasskey) {
		a.loginAddress.spend(address)
	} else {
		a.loginAddress.giveBack(address)
	}
	return err
}

// asserted holds an answer against the ceremony, and writes down what it says of the passkey. A disabled owner is
// returned beside the error.
func (a *Accounts) asserted(ctx context.Context, x *ceremony, b Browser, answer Answer) (User, Passkey, error) {
	w, err := webAuthn(x.data.RelyingPartyID, x.data.Origin)
	if err != nil {
		return User{}, Passkey{}, err
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(answer.Response)
	if err != nil {
		return User{}, Passkey{}, a.refusePasskey(ctx, err)
	}
	var row store.Record
	var broken error // of ours, not of the answer
	find := func(id, handle []byte) (webauthn.User, error) {
		var h *holder
		row, h, broken = a.findPasskey(ctx, x.data.RelyingPartyID, id, handle)
		if h == nil {
			return nil, errors.New("there is no such passkey")
		}
		return h, nil
	}
	_, credential, err := w.ValidatePasskeyLogin(find, x.data, parsed)
	switch {
	case broken != nil:
		return User{}, Passkey{}, broken
	case err != nil:
		return User{}, Passkey{}, a.refusePasskey(ctx, err)
	}
	user, err := a.UserByID(ctx, row.Owner)
	switch {
	case errors.Is(err, ErrNoUser):
		return User{}, Passkey{}, a.refusePasskey(ctx, err)
	case err != nil:
		return User{}, Passkey{}, err
	case user.Disabled:
		return user, Passkey{}, ErrDisabled
	}
	used, err := a.notePasskey(ctx, row, credential, b.Address)
	return user, used, err
}

// findPasskey finds the passkey of a credential's id, and its owner with all the others. It returns no holder if there is
// no such passkey, and an error if that cannot be known.
func (a *Accounts) findPasskey(ctx context.Context, party string, id, handle []byte) (store.Record, *holder, error) {
	row, err := a.st.RecordByKey(ctx, store.KindPasskey, credentialKey(id))
	if errors.Is(err, store.ErrNotFound) || err == nil && row.Final {
		return store.Record{}, nil, nil
	}
	if err != nil {
		return store.Record{}, nil, fmt.Errorf("look up a passkey: %w", err)
	}
	b, err := readPasskey(row)
	if err != nil {
		return store.Record{}, nil, err
	}
	if b.Party != party || !bytes.Equal(b.Handle, handle) {
		return store.Record{}, nil, nil
	}
	h, err := a.holderOf(ctx, User{ID: row.Owner}, party)
	if err != nil {
		return store.Record{}, nil, err
	}
	// The handle of this one: two that were made at the same time on two nodes may have different ones.
	h.handle = b.Handle
	return row, h, nil
}

// notePasskey writes down that a passkey was used, and what its keeper said of it.
func (a *Accounts) notePasskey(ctx context.Context, row store.Record, credential *webauthn.Credential, address string) (Passkey, error) {
	now := time.Now().UnixMilli()
	cloned := credential.Authenticator.CloneWarning
	var used passkeyBody
	err := a.changePasskey(ctx, row.Owner, row.ID, func(b *passkeyBody) error {
		b.Used = max(b.Used, now)
		b.Credential.Authenticator.SignCount = max(b.Credential.Authenticator.SignCount, credential.Authenticator.SignCount)
		b.Credential.Flags = credential.Flags
		if cloned {
			b.Cloned = now
		}
		used = *b
		return nil
	})
	switch {
	case errors.Is(err, ErrNoPasskey):
		return Passkey{}, ErrPasskey // removed a moment ago
	case err != nil:
		return Passkey{}, err
	}
	p := publicPasskey(row, used)
	if cloned {
		a.Audit(ctx, Event{
			Kind: EventPasskeyCloned, Actor: row.Owner, Address: address,
			Detail: fmt.Sprintf("the counter of %q did not grow: there may be a second copy of it; it was let in", p.Name),
		})
	}
	return p, nil
}
