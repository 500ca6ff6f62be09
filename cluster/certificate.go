package cluster

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"time"
)

// The application protocols of a TLS connection say what it is for.
const (
	alpnLink = "snug-link"
	alpnJoin = "snug-join"
)

// certificate makes the certificate of one process. Nobody checks who signed it: see the package comment.
func certificate() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		// Clocks may be years off; nobody looks at these.
		NotBefore: time.Unix(0, 0),
		NotAfter:  time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("make a certificate: %w", err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}

func fingerprint(der []byte) [sha256.Size]byte { return sha256.Sum256(der) }

func serverTLS(cert tls.Certificate) *tls.Config {
	return &tls.Config{
		MinVersion:             tls.VersionTLS13,
		Certificates:           []tls.Certificate{cert},
		NextProtos:             []string{alpnLink, alpnJoin},
		SessionTicketsDisabled: true,
	}
}

// linkTLS is for dialling a link. Whoever answers proves the secret afterwards, over this very connection.
func linkTLS() *tls.Config {
	return &tls.Config{
		MinVersion:         tls.VersionTLS13,
		NextProtos:         []string{alpnLink},
		InsecureSkipVerify: true,
	}
}

// ErrOtherNode means that what answers is not the process that made the invitation.
var ErrOtherNode = errors.New("somebody else answers there: the certificate is not the one of the invitation")

// joinTLS is for fetching the secret from the one node whose certificate has this fingerprint.
func joinTLS(pin [sha256.Size]byte) *tls.Config {
	return &tls.Config{
		MinVersion:         tls.VersionTLS13,
		NextProtos:         []string{alpnJoin},
		InsecureSkipVerify: true, // VerifyConnection does
		VerifyConnection: func(s tls.ConnectionState) error {
			if len(s.PeerCertificates) == 0 || fingerprint(s.PeerCertificates[0].Raw) != pin {
				return ErrOtherNode
			}
			return nil
		},
	}
}
