package account

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"snug/store"
)

const (
	// RecoveryCodes is how many recovery codes somebody gets at once.
	RecoveryCodes = 10

	recoveryBytes = 10 // of chance in a code: 80 bits, so that a fast hash will do
	recoveryGroup = 4  // letters between two dashes
	// recoveryLetters are those that are not mistaken for each other (Crockford's).
	recoveryLetters = "0123456789abcdefghjkmnpqrstvwxyz"
)

// NewRecoveryCodes makes codes that log a user in, each once. They are given once and only their hashes are stored. Those
// from before are void.
func (a *Accounts) NewRecoveryCodes(ctx context.Context, user ID, address string) ([]string, error) {
	if err := a.admitChange(ctx, user); err != nil {
		return nil, err
	}
	a.factors.Lock()
	defer a.factors.Unlock()
	old, err := a.liveCodes(ctx, user)
	if err != nil {
		return nil, err
	}
	codes := make([]string, RecoveryCodes)
	records := make([]store.NewRecord, RecoveryCodes)
	for i := range codes {
		codes[i] = newRecoveryCode()
		records[i].Record = store.Record{Kind: store.KindRecovery, Owner: user, Key: recoveryKey(user, codes[i])}
	}
	for _, row := range old {
		if err := a.useCode(ctx, row.ID); err != nil && !errors.Is(err, ErrCredentials) {
			return nil, err
		}
	}
	if _, err := a.st.CreateRecords(ctx, records...); err != nil {
		return nil, fmt.Errorf("keep recovery codes: %w", err)
	}
	a.Audit(ctx, Event{Kind: EventRecoveryMade, Actor: user, Address: address})
	return codes, nil
}

// RecoveryCodesLeft is how many codes of a user can still be used.
func (a *Accounts) RecoveryCodesLeft(ctx context.Context, user ID) (int, error) {
	rows, err := a.liveCodes(ctx, user)
	return len(rows), err
}

func (a *Accounts) liveCodes(ctx context.Context, user ID) ([]store.Record, error) {
	rows, err := a.st.RecordsOf(ctx, store.KindRecovery, user)
	if err != nil {
		return nil, fmt.Errorf("list recovery codes: %w", err)
	}
	var live []store.Record
	for _, row := range rows {
		if !row.Final {
			live = append(live, row)
		}
	}
	return live, nil
}

// LogInByCode tells who has that name and recovery code, and uses the code up. It does not start a session. It is
// throttled as [Accounts.LogIn] is, and its errors are the same.
func (a *Accounts) LogInByCode(ctx context.Context, name, code, address string) (User, error) {
	key, err := Key(name)
	if err != nil {
		key = "" // nobody's
	}
	attempt, err := a.admit(ctx, key, AddressKey(address))
	if err != nil {
		a.noteThrottled(ctx, EventLoginThrottled, key, address, err)
		return User{}, err
	}
	user, err := a.tryCode(ctx, key, code)
	if errors.Is(err, ErrCredentials) {
		if errors.Is(err, ErrDisabled) {
			attempt.giveBack() // they had the right code
		} else {
			attempt.spend()
		}
		a.Audit(ctx, Event{Kind: EventLoginFailed, Target: user.ID, Address: address, Detail: "with a recovery code: " + err.Error()})
		return User{}, err
	}
	attempt.giveBack()
	if err != nil {
		return User{}, err
	}
	a.Audit(ctx, Event{Kind: EventRecoveryUsed, Actor: user.ID, Address: address})
	a.Audit(ctx, Event{Kind: EventLogin, Actor: user.ID, Address: address, Detail: "with a recovery code"})
	return user, nil
}

// tryCode uses a code up if it is the user's. The user is returned beside an error, if there is one of that name.
func (a *Accounts) tryCode(ctx context.Context, key, code string) (User, error) {
	row, err := a.st.UserByKey(ctx, key)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return User{}, fmt.Errorf("log in: %w", err)
	}
	// From here on, the empty row of nobody goes the same way.
	user := publicUser(row)
	record, err := a.st.RecordByKey(ctx, store.KindRecovery, recoveryKey(row.ID, code))
	switch {
	case errors.Is(err, store.ErrNotFound):
		return user, ErrCredentials
	case err != nil:
		return user, fmt.Errorf("log in: %w", err)
	case record.Final || record.Owner != row.ID || row.ID.IsZero():
		return user, ErrCredentials
	case row.Disabled:
		return user, ErrDisabled
	}
	return user, a.useCode(ctx, record.ID)
}

// useCode makes a code worthless. One that is already is ErrCredentials: of many who come with it, one gets in.
func (a *Accounts) useCode(ctx context.Context, id ID) error {
	_, err := a.st.UpdateRecord(ctx, store.KindRecovery, id, func(row *store.Record) error {
		if row.Final {
			return ErrCredentials
		}
		row.Final = true
		return nil
	})
	if err != nil {
		return fmt.Errorf("use up a recovery code: %w", err)
	}
	return nil
}

func newRecoveryCode() string {
	var chance [recoveryBytes]byte
	rand.Read(chance[:])
	var b strings.Builder
	bits, held := 0, 0
	for _, octet := range chance {
		bits, held = bits<<8|int(octet), held+8
		for held >= 5 {
			if n := b.Len(); n%(recoveryGroup+1) == recoveryGroup {
				b.WriteByte('-')
			}
			held -= 5
			b.WriteByte(recoveryLetters[bits>>held&31])
		}
	}
	return b.String()
}

// recoveryKey is what is stored of a code. People may write it in capitals, without dashes, and with letters that look
// alike.
func recoveryKey(user ID, code string) string {
	plain := strings.Map(func(r rune) rune {
		switch {
		case r == 'o' || r == 'O':
			return '0'
		case r == 'i' || r == 'I' || r == 'l' || r == 'L':
			return '1'
		case 'A' <= r && r <= 'Z':
			return r + 'a' - 'A'
		case strings.ContainsRune(recoveryLetters, r):
			return r
		case r == '-' || r == ' ':
			return -1
		}
		return '?'
	}, shorten(code, maxPassword))
	sum := sha256.Sum256([]byte("snug recovery code\x00" + user.String() + "\x00" + plain))
	return hex.EncodeToString(sum[:])
}
