package cluster

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// SecretSize is the length of a cluster's secret in bytes.
const SecretSize = 32

// ErrNoSecret means that the data directory has no secret, so there is no cluster to take part in.
var ErrNoSecret = errors.New("cluster: no secret")

// ErrSecretExists means that the data directory has a secret already.
var ErrSecretExists = errors.New("cluster: there is a secret already")

// Secret is what the nodes of a cluster know and nobody else does. It is never used itself: each use has a key derived from it.
type Secret [SecretSize]byte

// NewSecret makes a random one.
func NewSecret() Secret {
	var s Secret
	rand.Read(s[:])
	return s
}

// Key derives the 32-byte key for a purpose.
func (s Secret) Key(purpose string) []byte {
	key, err := hkdf.Key(sha256.New, s[:], nil, "snug "+purpose, 32)
	if err != nil {
		panic(err) // only for a key longer than HKDF can make
	}
	return key
}

// String hides the secret from logs.
func (s Secret) String() string { return "secret " + s.id() }

// id names the secret without telling it.
func (s Secret) id() string { return hex.EncodeToString(s.Key("name of the secret")[:8]) }

// box is what seals a message for the other end of one connection: whoever opens or makes one has the secret, and nobody can take it to another
// connection, or back the way it came. Each is used for one message only, so the nonce may be zero.
func (s Secret) box(role string, exporter []byte) cipher.AEAD {
	h := hmac.New(sha256.New, s.Key("link"))
	h.Write([]byte(role))
	h.Write([]byte{0})
	h.Write(exporter)
	block, err := aes.NewCipher(h.Sum(nil))
	if err != nil {
		panic(err) // only for a key of a wrong length
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic(err) // only for a block of a wrong length
	}
	return aead
}

func (s Secret) seal(role string, exporter, said []byte) []byte {
	aead := s.box(role, exporter)
	return aead.Seal(nil, make([]byte, aead.NonceSize()), said, nil)
}

func (s Secret) open(role string, exporter, sealed []byte) (said []byte, ok bool) {
	aead := s.box(role, exporter)
	said, err := aead.Open(nil, make([]byte, aead.NonceSize()), sealed, nil)
	return said, err == nil
}

// HasCluster reports whether dir tells which cluster its node is in, so that [Join] lets it into no other.
func HasCluster(dir string) bool {
	for _, name := range []string{secretFile, stateFile} {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			return true
		}
	}
	return metCluster(dir) != ""
}

// CreateSecret makes the secret of a new cluster in dir. [ErrSecretExists] if there is one; [ErrNoSecret] if the node of dir was in a cluster with others,
// and lacks the secret of that: with another one it would be alone in a second cluster, and nobody would have wanted it.
func CreateSecret(dir string) error {
	path := filepath.Join(dir, secretFile)
	switch _, err := os.Stat(path); {
	case err == nil:
		return fmt.Errorf("%w in %s", ErrSecretExists, path)
	case !missing(err):
		return err
	}
	if err := lostSecret(dir); err != nil {
		return err
	}
	s := NewSecret()
	return writePrivate(path, s[:])
}

// lostSecret says what is wrong if files of dir, where there is no secret, show that there was one.
func lostSecret(dir string) error {
	files, err := metOthers(dir)
	if err != nil || len(files) == 0 {
		return err
	}
	return fmt.Errorf("%w in %s, but this node was in a cluster with others (only if it is to begin one of its own, remove %s): "+
		"put %s back from a backup or a copy, or join again", ErrNoSecret, filepath.Join(dir, secretFile), strings.Join(files, " and "), secretFile)
}

// readSecret reads the secret of dir.
func readSecret(dir string) (Secret, error) {
	path := filepath.Join(dir, secretFile)
	data, err := readPrivate(path)
	if missing(err) {
		if err := lostSecret(dir); err != nil {
			return Secret{}, err
		}
		return Secret{}, fmt.Errorf("%w in %s: make one, or join a cluster that has one", ErrNoSecret, path)
	}
	if err != nil {
		return Secret{}, err
	}
	if len(data) != SecretSize {
		return Secret{}, fmt.Errorf("%s has %d bytes, a secret has %d: copy it again, as it is, or remove it and join the cluster anew", path, len(data), SecretSize)
	}
	s := Secret(data)
	if s == (Secret{}) {
		return Secret{}, fmt.Errorf("%s is all zeros, which is no secret", path)
	}
	return s, nil
}
