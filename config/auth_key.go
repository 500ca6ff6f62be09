package config

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

const (
	// minSecret is the shortest secret, in bytes: as long as the hash of HS256, which its standard asks for.
	minSecret = 32
	// minRSA is the shortest RSA key, in bits: the standard of RS256 asks for it.
	minRSA = 2048
	// maxKeyFile is the largest file with a key that is read, in bytes.
	maxKeyFile = 64 << 10
)

const algorithmHS256 = "HS256"

// finishJWT holds the settings of an issuer against each other and reads its key.
func (l *loader) finishJWT(j *JWT, e *entry) {
	const list = "auth.jwt."
	if j.Name == "" {
		l.report(e.at("name"), list+"name", "must be given, for the log")
	}
	for i := range l.config.Auth.JWT {
		if other := &l.config.Auth.JWT[i]; other != j && other.Name == j.Name && j.Name != "" {
			l.report(e.at("name"), list+"name", fmt.Sprintf("there are two called %q: give each a name of its own", j.Name))
			break
		}
	}
	if j.UsernameClaim == "" {
		l.report(e.at("username_claim"), list+"username_claim", "must be the name of a claim")
	}
	key, fault := l.jwtKey(j)
	if fault != nil {
		l.report(e.at(fault.key), list+fault.key, fault.text)
		return
	}
	j.Key = key
}

// keyFault is what is wrong with a key, and the setting to blame.
type keyFault struct{ key, text string }

func (l *loader) jwtKey(j *JWT) (any, *keyFault) {
	if j.Algorithm != algorithmHS256 {
		switch {
		case j.Secret != "":
			return nil, &keyFault{"secret", "is for HS256; " + j.Algorithm + " takes public_key_file"}
		case j.SecretFile != "":
			return nil, &keyFault{"secret_file", "is for HS256; " + j.Algorithm + " takes public_key_file"}
		case j.PublicKeyFile == "":
			return nil, &keyFault{"public_key_file", "must be given for " + j.Algorithm}
		}
		key, err := publicKey(l.beside(j.PublicKeyFile), j.Algorithm)
		if err != nil {
			return nil, &keyFault{"public_key_file", err.Error()}
		}
		return key, nil
	}
	switch {
	case j.PublicKeyFile != "":
		return nil, &keyFault{"public_key_file", "is not for HS256, which takes secret or secret_file: whoever knows a public key could sign with it"}
	case j.Secret != "" && j.SecretFile != "":
		return nil, &keyFault{"secret_file", "must not be given beside secret"}
	case j.Secret == "" && j.SecretFile == "":
		return nil, &keyFault{"secret", "must be given for HS256, or secret_file"}
	}
	secret, blamed := []byte(j.Secret), "secret"
	if j.SecretFile != "" {
		text, err := readKeyFile(l.beside(j.SecretFile))
		if err != nil {
			return nil, &keyFault{"secret_file", err.Error()}
		}
		secret, blamed = bytes.TrimRight(text, "\r\n"), "secret_file"
	}
	switch {
	case len(secret) < minSecret:
		return nil, &keyFault{blamed, fmt.Sprintf("must hold at least %d bytes; it has %d", minSecret, len(secret))}
	case bytes.Contains(secret, []byte("-----BEGIN ")):
		return nil, &keyFault{blamed, "must be a secret that only the site and Snug know; this is a key in PEM form, for another algorithm"}
	}
	return secret, nil
}

// beside is a path of the file: a relative one begins where the file is.
func (l *loader) beside(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(l.file), path)
}

func readKeyFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("%s cannot be read: %s", path, reason(err))
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a file", path)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxKeyFile+1))
	if err != nil {
		return nil, fmt.Errorf("%s cannot be read: %s", path, reason(err))
	}
	if len(text) > maxKeyFile {
		return nil, fmt.Errorf("%s is too large for a key", path)
	}
	return text, nil
}

// publicKey reads the key of an algorithm.
func publicKey(path, algorithm string) (any, error) {
	text, err := readKeyFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	switch {
	case block == nil:
		return nil, fmt.Errorf("%s holds no key in PEM form (-----BEGIN PUBLIC KEY-----)", path)
	case strings.Contains(block.Type, "PRIVATE"):
		return nil, fmt.Errorf("%s holds a private key: that stays with the site, give Snug the public one", path)
	}
	key, err := parsePublicKey(block)
	if err != nil {
		return nil, fmt.Errorf("%s holds no public key that can be read", path)
	}
	switch key := key.(type) {
	case *rsa.PublicKey:
		if bits := key.N.BitLen(); algorithm == "RS256" && bits < minRSA {
			return nil, fmt.Errorf("%s holds an RSA key of %d bits; it must have at least %d", path, bits, minRSA)
		}
		if algorithm == "RS256" {
			return key, nil
		}
	case *ecdsa.PublicKey:
		if algorithm == "ES256" && key.Curve == elliptic.P256() {
			return key, nil
		}
	case ed25519.PublicKey:
		if algorithm == "EdDSA" {
			return key, nil
		}
	}
	kinds := map[string]string{"RS256": "an RSA key", "ES256": "a key on the curve P-256", "EdDSA": "an Ed25519 key"}
	return nil, fmt.Errorf("%s holds another kind of key than %s needs, which is %s", path, algorithm, kinds[algorithm])
}

func parsePublicKey(block *pem.Block) (any, error) {
	switch block.Type {
	case "PUBLIC KEY":
		return x509.ParsePKIXPublicKey(block.Bytes)
	case "RSA PUBLIC KEY":
		return x509.ParsePKCS1PublicKey(block.Bytes)
	}
	return nil, errors.New("not a public key")
}
