package store

import (
	"bytes"
	"crypto/sha256"
	"database/sql/driver"
	"encoding/hex"
	"fmt"

	"github.com/google/uuid"
)

// ID names a row for ever, on every node. New ones are UUIDv7, so that rows
// made one after the other lie together in the indices; derived ones ([RoomID],
// [PairID]) are hashes, so that two nodes that never met make the same one.
type ID [16]byte

// NewID makes a UUIDv7.
func NewID() ID {
	return ID(uuid.Must(uuid.NewV7()))
}

// newRandomID makes an ID that tells nothing, not even its time.
func newRandomID() ID {
	return ID(uuid.New())
}

// ParseID reads the form that [ID.String] writes: 36 characters, five groups of
// hex digits. No other form is accepted, so that an ID has one spelling.
func ParseID(s string) (ID, error) {
	if len(s) != 36 {
		return ID{}, fmt.Errorf("id %.40q: want 36 characters", s)
	}
	id, err := uuid.Parse(s)
	if err != nil {
		return ID{}, fmt.Errorf("id %q: want hex digits in groups of 8-4-4-4-12", s)
	}
	return ID(id), nil
}

// String gives the 36-character form.
func (id ID) String() string { return uuid.UUID(id).String() }

// Hex gives 32 hex digits, for names that allow no more than letters and digits.
func (id ID) Hex() string { return hex.EncodeToString(id[:]) }

// IsZero reports whether the ID names nothing.
func (id ID) IsZero() bool { return id == ID{} }

// MarshalText gives the 36-character form; the zero ID is empty text.
func (id ID) MarshalText() ([]byte, error) {
	if id.IsZero() {
		return []byte{}, nil
	}
	return []byte(id.String()), nil
}

// UnmarshalText reads what [ID.MarshalText] writes.
func (id *ID) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*id = ID{}
		return nil
	}
	parsed, err := ParseID(string(text))
	if err != nil {
		return err
	}
	*id = parsed
	return nil
}

// Value stores the ID as 16 bytes, and the zero ID as NULL.
func (id ID) Value() (driver.Value, error) {
	if id.IsZero() {
		return nil, nil
	}
	return id[:], nil
}

// Scan reads what [ID.Value] stored.
func (id *ID) Scan(src any) error {
	switch src := src.(type) {
	case nil:
		*id = ID{}
		return nil
	case []byte:
		if len(src) == len(id) {
			copy(id[:], src)
			return nil
		}
	}
	return fmt.Errorf("id column holds %T, want 16 bytes", src)
}

// RoomID is the ID of the room with that key: the same name opened on two nodes
// is the same room.
func RoomID(key string) ID {
	return hashID("room\x00" + key)
}

// PairID is the ID of the conversation between two people, whoever speaks first.
func PairID(a, b ID) ID {
	if bytes.Compare(a[:], b[:]) > 0 {
		a, b = b, a
	}
	return hashID("pair\x00" + string(a[:]) + string(b[:]))
}

func hashID(s string) ID {
	sum := sha256.Sum256([]byte(s))
	return ID(sum[:16])
}
