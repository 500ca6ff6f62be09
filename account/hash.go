package account

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"runtime"
	"strings"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"
)

// cost is what one argon2id hash takes.
type cost struct {
	memory  uint32 // KiB
	time    uint32 // passes
	threads uint8
}

// defaultCost is what OWASP recommends as the least memory with two passes: about 26 ms and 19 MiB on the machines that
// Snug is for.
var defaultCost = cost{memory: 19 * 1024, time: 2, threads: 1}

const (
	saltBytes = 16
	keyBytes  = 32

	// What a stored hash may ask for at most. A damaged or planted row must not take the memory of the machine.
	maxMemory  = 256 * 1024 // KiB
	maxTime    = 16
	maxThreads = 16
	minSalt    = 8
	maxSalt    = 64
	minKey     = 16
	maxKey     = 64
)

var errHash = errors.New("not an argon2id hash that can be verified")

// digest is a parsed PHC string: $argon2id$v=19$m=…,t=…,p=…$salt$key.
type digest struct {
	cost
	salt, key []byte
}

func (d digest) String() string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, d.memory, d.time, d.threads,
		b64.EncodeToString(d.salt), b64.EncodeToString(d.key))
}

func parseDigest(s string) (digest, error) {
	parts := strings.Split(s, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return digest{}, errHash
	}
	var d digest
	_, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &d.memory, &d.time, &d.threads)
	if err != nil || fmt.Sprintf("m=%d,t=%d,p=%d", d.memory, d.time, d.threads) != parts[3] {
		return digest{}, errHash
	}
	b64 := base64.RawStdEncoding.Strict()
	salt, errSalt := b64.DecodeString(parts[4])
	key, errKey := b64.DecodeString(parts[5])
	d.salt, d.key = salt, key
	switch {
	case errSalt != nil, errKey != nil,
		d.threads < 1, d.threads > maxThreads,
		d.time < 1, d.time > maxTime,
		d.memory < 8*uint32(d.threads), d.memory > maxMemory,
		len(salt) < minSalt, len(salt) > maxSalt,
		len(key) < minKey, len(key) > maxKey:
		return digest{}, errHash
	}
	return d, nil
}

// deriveFunc is argon2.IDKey.
type deriveFunc func(password, salt []byte, time, memory uint32, threads uint8, keyLen uint32) []byte

// hasher makes and verifies password hashes, as many at once as there are processors.
type hasher struct {
	cost   cost
	derive deriveFunc
	slots  chan struct{}
	// nobody stands in for the hash of a user who does not exist. Its key is random, so no password fits.
	nobody digest
}

func newHasher(c cost, derive deriveFunc) *hasher {
	nobody := digest{cost: c, salt: make([]byte, saltBytes), key: make([]byte, keyBytes)}
	rand.Read(nobody.salt)
	rand.Read(nobody.key)
	return &hasher{cost: c, derive: derive, slots: make(chan struct{}, runtime.GOMAXPROCS(0)), nobody: nobody}
}

// hash makes the PHC string of a password.
func (h *hasher) hash(ctx context.Context, password string) (string, error) {
	d := digest{cost: h.cost, salt: make([]byte, saltBytes), key: make([]byte, keyBytes)}
	rand.Read(d.salt)
	key, err := h.compute(ctx, d, password)
	if err != nil {
		return "", err
	}
	d.key = key
	return d.String(), nil
}

// verify tells whether the password made the hash. A hash that cannot be verified, as the empty one of an unknown user,
// takes as long as another and is never right. Stale says that the hash should be made anew, at today's cost.
func (h *hasher) verify(ctx context.Context, stored, password string) (right, stale bool, err error) {
	d, errParse := parseDigest(stored)
	if errParse != nil {
		d = h.nobody
	}
	key, err := h.compute(ctx, d, password)
	if err != nil {
		return false, false, err
	}
	right = subtle.ConstantTimeCompare(key, d.key) == 1 && errParse == nil
	stale = d.cost != h.cost || len(d.salt) != saltBytes || len(d.key) != keyBytes
	return right, right && stale, nil
}

// compute waits for its turn and hashes once.
func (h *hasher) compute(ctx context.Context, d digest, password string) ([]byte, error) {
	select {
	case h.slots <- struct{}{}:
		defer func() { <-h.slots }()
	case <-ctx.Done():
		return nil, fmt.Errorf("wait to hash a password: %w", context.Cause(ctx))
	}
	// The same password typed on another machine may come in another Unicode form.
	text := norm.NFC.String(password)
	return h.derive([]byte(text), d.salt, d.time, d.memory, d.threads, uint32(len(d.key))), nil
}
