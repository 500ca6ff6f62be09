package cert

import (
	"context"
	"crypto/tls"
)

// Source is where certificates come from.
type Source interface {
	// GetCertificate is for [tls.Config].
	GetCertificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error)
	// Run keeps the certificates current until ctx ends.
	Run(ctx context.Context)
}

// Config is how a server speaks TLS with the certificates of a source. Browsers speak HTTP/2 for pages and open connections of HTTP/1.1 beside
// it for WebSockets.
func Config(s Source) *tls.Config {
	c := &tls.Config{
		MinVersion:     tls.VersionTLS12,
		NextProtos:     []string{"h2", "http/1.1"},
		GetCertificate: s.GetCertificate,
	}
	if _, ok := s.(*ACME); ok {
		c.NextProtos = append(c.NextProtos, alpnChallenge)
	}
	return c
}
