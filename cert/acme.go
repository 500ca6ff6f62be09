package cert

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"
)

// alpnChallenge is the protocol under which an authority looks whether a name is ours.
const alpnChallenge = acme.ALPNProto

const (
	// retryAfter is how long a name waits that could not be had. Let's Encrypt allows five failures an hour.
	retryAfter = 15 * time.Minute
	// askEvery is how often Run looks after each name.
	askEvery = time.Hour
)

// ACMEOptions are what [NewACME] needs.
type ACMEOptions struct {
	Names     []string // to ask certificates for, and no others
	Dir       string   // where they are kept, with their keys
	Email     string   // whom the authority may write to
	Directory string   // of the authority; "": Let's Encrypt
	Client    *http.Client
	Logger    *slog.Logger
}

// ACME has certificates from a public authority, which looks whether a name leads here: on port 443, or on port 80 by [ACME.Challenges].
// Whoever uses it accepts the terms of that authority.
type ACME struct {
	names   []string
	manager *autocert.Manager
	logger  *slog.Logger

	mu     sync.Mutex // guards what follows
	failed map[string]failure
}

// failure is when a name could not be had, and why.
type failure struct {
	at  time.Time
	err error
}

// NewACME asks nobody yet.
func NewACME(o ACMEOptions) *ACME {
	directory := o.Directory
	if directory == "" {
		directory = autocert.DefaultACMEDirectory
	}
	var names []string
	for _, name := range o.Names {
		names = append(names, plainName(name))
	}
	return &ACME{
		names: names, logger: o.Logger, failed: map[string]failure{},
		manager: &autocert.Manager{
			Prompt:     autocert.AcceptTOS,
			Cache:      autocert.DirCache(o.Dir),
			HostPolicy: autocert.HostWhitelist(names...),
			Email:      o.Email,
			Client:     &acme.Client{DirectoryURL: directory, HTTPClient: o.Client, UserAgent: "snug"},
		},
	}
}

func plainName(name string) string { return strings.TrimSuffix(strings.ToLower(name), ".") }

// GetCertificate implements [Source].
func (a *ACME) GetCertificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if len(hello.SupportedProtos) == 1 && hello.SupportedProtos[0] == alpnChallenge {
		return a.manager.GetCertificate(hello) // the authority looks
	}
	return a.have(plainName(hello.ServerName))
}

// have is the certificate of a name, asked for if there is none.
func (a *ACME) have(name string) (*tls.Certificate, error) {
	if !slices.Contains(a.names, name) {
		return nil, fmt.Errorf("certificate for %q: there is no such name in server.names", name)
	}
	if err := a.waits(name); err != nil {
		return nil, err
	}
	// One kind of certificate is enough: everybody who speaks TLS 1.2 knows ECDSA, or has not been updated since 2012.
	made, err := a.manager.GetCertificate(modern(name))
	if err != nil {
		a.fail(name, err)
	}
	return made, err
}

// waits is why a name is not asked for now.
func (a *ACME) waits(name string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	f, ok := a.failed[name]
	if !ok {
		return nil
	}
	if time.Since(f.at) >= retryAfter {
		delete(a.failed, name)
		return nil
	}
	return fmt.Errorf("certificate for %s: asked at %s in vain, and not again before %s: %w",
		name, f.at.Format(time.TimeOnly), f.at.Add(retryAfter).Format(time.TimeOnly), f.err)
}

func (a *ACME) fail(name string, err error) {
	a.mu.Lock()
	_, known := a.failed[name]
	a.failed[name] = failure{time.Now(), err}
	a.mu.Unlock()
	if !known {
		a.logger.Error("no certificate can be had: see that the name leads to this machine, and that the authority reaches port 443 or 80",
			"name", name, "again_in", retryAfter, "error", err)
	}
}

// Challenges answers the authority on port 80, and hands on everything else.
func (a *ACME) Challenges(next http.Handler) http.Handler { return a.manager.HTTPHandler(next) }

// Run implements [Source]: it asks for each name before the first visitor does, so that a mistake is in the log at once.
func (a *ACME) Run(ctx context.Context) {
	tick := time.NewTicker(askEvery)
	defer tick.Stop()
	for {
		for _, name := range a.names {
			asked := make(chan struct{})
			// The library takes no context. What it has begun ends by itself, within five minutes.
			go func() {
				defer close(asked)
				_, _ = a.have(name) // it logs
			}()
			select {
			case <-ctx.Done():
				return
			case <-asked:
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// modern is what a browser of today sends.
func modern(name string) *tls.ClientHelloInfo {
	return &tls.ClientHelloInfo{
		ServerName:        name,
		SupportedVersions: []uint16{tls.VersionTLS13, tls.VersionTLS12},
		SupportedCurves:   []tls.CurveID{tls.X25519, tls.CurveP256},
		SignatureSchemes:  []tls.SignatureScheme{tls.ECDSAWithP256AndSHA256},
		CipherSuites:      []uint16{tls.TLS_AES_128_GCM_SHA256, tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256},
	}
}
