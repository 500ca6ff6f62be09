package account

import (
	"cmp"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/go-webauthn/webauthn/webauthn"
	"github.com/google/uuid"

	"snug/store"
)

const (
	maxPasskeys    = 20  // of one person
	maxPasskeyName = 60  // characters
	passkeyPage    = 500 // are looked at in one query for any that is not removed
	handleBytes    = 64  // of the user handle: as many as there may be
)

// Passkey is a key pair that somebody logs in with. The private half is in their device.
type Passkey struct {
	ID         ID
	Name       string
	Created    time.Time
	Used       time.Time // zero: never
	Maker      string    // the program or device that keeps it, "" if it does not say
	Syncable   bool      // its keeper can copy it to other devices
	Synced     bool      // its keeper said at the last use that it has
	Cloned     time.Time // when it last looked as if there were a second copy of it; zero: never
	Credential []byte    // its id, and the handle that stands for its owner, for the browser's list of passkeys
	Handle     []byte
}

// passkeyBody is what the record of a passkey says beside its owner and its id.
type passkeyBody struct {
	Name       string              `json:"name"`
	Party      string              `json:"rp_id"`
	Handle     []byte              `json:"handle"`
	Credential webauthn.Credential `json:"credential"`
	Used       int64               `json:"used,omitzero"`   // Unix milliseconds
	Cloned     int64               `json:"cloned,omitzero"` // the same
}

func (b *passkeyBody) encode() (string, error) {
	text, err := json.Marshal(b)
	if err != nil {
		return "", fmt.Errorf("write a passkey down: %w", err)
	}
	return string(text), nil
}

func readPasskey(row store.Record) (passkeyBody, error) {
	var b passkeyBody
	if err := json.Unmarshal([]byte(row.Body), &b); err != nil {
		return passkeyBody{}, fmt.Errorf("read passkey %v: %w", row.ID, err)
	}
	return b, nil
}

func publicPasskey(row store.Record, b passkeyBody) Passkey {
	p := Passkey{
		ID: row.ID, Name: b.Name, Created: row.Created, Maker: maker(b.Credential.Authenticator.AAGUID),
		Syncable: b.Credential.Flags.BackupEligible, Synced: b.Credential.Flags.BackupState,
		Credential: b.Credential.ID, Handle: b.Handle,
	}
	if b.Used != 0 {
		p.Used = time.UnixMilli(b.Used)
	}
	if b.Cloned != 0 {
		p.Cloned = time.UnixMilli(b.Cloned)
	}
	return p
}

// credentialKey is what the record of a passkey is looked up by.
func credentialKey(id []byte) string { return hex.EncodeToString(id) }

// Passkeys lists the passkeys of a user, oldest first.
func (a *Accounts) Passkeys(ctx context.Context, user ID) ([]Passkey, error) {
	rows, err := a.st.RecordsOf(ctx, store.KindPasskey, user)
	if err != nil {
		return nil, fmt.Errorf("list passkeys: %w", err)
	}
	var all []Passkey
	for _, row := range rows {
		if row.Final {
			continue
		}
		b, err := readPasskey(row)
		if err != nil {
			a.log.Warn("a passkey cannot be read", "user", user, "error", err)
			continue
		}
		all = append(all, publicPasskey(row, b))
	}
	return all, nil
}

// anyPasskey tells whether anybody has a passkey.
func (a *Accounts) anyPasskey(ctx context.Context) (bool, error) {
	query := store.RecordQuery{Kind: store.KindPasskey, Limit: passkeyPage}
	for {
		rows, err := a.st.Records(ctx, query)
		if err != nil {
			return false, fmt.Errorf("look for passkeys: %w", err)
		}
		for _, row := range rows {
			if !row.Final {
				return true, nil
			}
		}
		if len(rows) < query.Limit {
			return false, nil
		}
		query.Before, query.BeforeID = rows[len(rows)-1].Created, rows[len(rows)-1].ID
	}
}

// RenamePasskey gives a passkey of a user another name. One that they do not have is ErrNoPasskey.
func (a *Accounts) RenamePasskey(ctx context.Context, user, passkey ID, name, address string) error {
	if err := a.admitChange(ctx, user); err != nil {
		return err
	}
	name, err := passkeyName(name)
	if err != nil {
		return err
	}
	if name == "" {
		return FieldErrors{{Field: FieldPasskey, Code: CodeRequired, Message: "Give the passkey a name."}}
	}
	var before string
	err = a.changePasskey(ctx, user, passkey, func(b *passkeyBody) error {
		before, b.Name = b.Name, name
		return nil
	})
	if err != nil {
		return err
	}
	a.Audit(ctx, Event{Kind: EventPasskeyRenamed, Actor: user, Address: address, Detail: fmt.Sprintf("from %q to %q", before, name)})
	return nil
}

// changePasskey changes what is written of a passkey.
func (a *Accounts) changePasskey(ctx context.Context, user, passkey ID, change func(*passkeyBody) error) error {
	_, err := a.st.UpdateRecord(ctx, store.KindPasskey, passkey, func(row *store.Record) error {
		if row.Final || row.Owner != user {
			return store.ErrNotFound
		}
		b, err := readPasskey(*row)
		if err != nil {
			return err
		}
		if err := change(&b); err != nil {
			return err
		}
		row.Body, err = b.encode()
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return ErrNoPasskey
	}
	if err != nil {
		return fmt.Errorf("change a passkey: %w", err)
	}
	return nil
}

// RemovePasskey makes a passkey of a user worthless. One that they do not have is ErrNoPasskey; one that they need,
// because their password is off, is ErrNeeded.
func (a *Accounts) RemovePasskey(ctx context.Context, user, passkey ID, address string) error {
	if err := a.admitChange(ctx, user); err != nil {
		return err
	}
	a.factors.Lock()
	defer a.factors.Unlock()
	has, err := a.factorsOf(ctx, user)
	if err != nil {
		return err
	}
	if has.passkeys--; !has.password && !has.enough() {
		return ErrNeeded
	}
	var name string
	_, err = a.st.UpdateRecord(ctx, store.KindPasskey, passkey, func(row *store.Record) error {
		if row.Final || row.Owner != user {
			return store.ErrNotFound
		}
		if b, err := readPasskey(*row); err == nil {
			name = b.Name
		}
		row.Final = true
		return nil
	})
	switch {
	case errors.Is(err, store.ErrNotFound):
		return ErrNoPasskey
	case err != nil:
		return fmt.Errorf("remove a passkey: %w", err)
	}
	a.Audit(ctx, Event{Kind: EventPasskeyRemoved, Actor: user, Address: address, Detail: fmt.Sprintf("%q", name)})
	return nil
}

// passkeyName is a name as it is kept. An empty one is none.
func passkeyName(name string) (string, error) {
	name = strings.Join(strings.Fields(name), " ")
	message := ""
	switch {
	case !utf8.ValidString(name), strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }):
		message = "The name has characters that cannot be shown."
	case utf8.RuneCountInString(name) > maxPasskeyName:
		message = fmt.Sprintf("The name is too long: use at most %d characters.", maxPasskeyName)
	default:
		return name, nil
	}
	return "", FieldErrors{{Field: FieldPasskey, Code: CodeCharacter, Message: message}}
}

// maker is the program or device that keeps a passkey, as far as its kind says so. "" if it is not one that many have.
func maker(aaguid []byte) string {
	id, err := uuid.FromBytes(aaguid)
	if err != nil {
		return ""
	}
	switch id.String() {
	case "ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4":
		return "Google Password Manager"
	case "fbfc3007-154e-4ecc-8c0b-6e020557d7bd", "dd4ec289-e01d-41c9-bb89-70fa845d4bf2":
		return "iCloud Keychain"
	case "08987058-cadc-4b81-b6e1-30de50dcbe96", "9ddd1817-af5a-4672-a2b9-3e3dd95000a9", "6028b017-b1d4-4c02-b4b3-afcdafc96bb2":
		return "Windows Hello"
	case "adce0002-35bc-c60a-648b-0b25f1f05503":
		return "Chrome on Mac"
	case "bada5566-a7aa-401f-bd96-45619a55120d":
		return "1Password"
	case "d548826e-79b4-db40-a3d8-11116f7e8349":
		return "Bitwarden"
	case "531126d6-e717-415c-9320-3d9aa6981239":
		return "Dashlane"
	case "50726f74-6f6e-5061-7373-50726f746f6e":
		return "Proton Pass"
	case "53414d53-554e-4700-0000-000000000000":
		return "Samsung Pass"
	case "fdb141b2-5d84-443e-8a35-4698c205a502":
		return "KeePassXC"
	}
	return ""
}

// nameFor is what a passkey is called whose owner did not say.
func nameFor(credential *webauthn.Credential, others int) string {
	return cmp.Or(maker(credential.Authenticator.AAGUID), fmt.Sprintf("Passkey %d", others+1))
}

// offerKey is the key of the setting that says that somebody was offered a passkey.
func offerKey(user ID) string { return "passkey_offered/" + user.String() }

// OfferPasskey reports whether somebody who logs in with a password should be asked whether they want a passkey. They
// are asked once, so it does so once, and never to who has one.
func (a *Accounts) OfferPasskey(ctx context.Context, user ID) (bool, error) {
	all, err := a.Passkeys(ctx, user)
	if err != nil || len(all) > 0 {
		return false, err
	}
	_, err = a.st.Record(ctx, store.KindSetting, store.RecordID(store.KindSetting, offerKey(user)))
	if err == nil || !errors.Is(err, store.ErrNotFound) {
		return false, err
	}
	_, made, err := a.st.Setting(ctx, offerKey(user), "")
	return made, err
}
