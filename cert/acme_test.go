package cert_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"snug/cert"
	"snug/cert/acmetest"
)

// place is a server with certificates of an authority, as browsers and that authority reach it.
type place struct {
	source    *cert.ACME
	authority *acmetest.Authority
	address   string
	log       *log
	away      atomic.Bool // the authority does not reach it
}

// openPlace makes a server for chat.example. Its authority reaches it for every name.
func openPlace(t *testing.T, kind, dir string) *place {
	t.Helper()
	p := &place{log: &log{}}
	var httpFront *httptest.Server
	p.authority = acmetest.Start(t, kind, func(ctx context.Context, network, address string) (net.Conn, error) {
		if p.away.Load() {
			return nil, errors.New("no way there")
		}
		front := p.address
		if strings.HasSuffix(address, ":80") {
			front = httpFront.Listener.Addr().String()
		}
		var d net.Dialer
		return d.DialContext(ctx, network, front)
	})
	transport := &http.Transport{}
	p.source = cert.NewACME(cert.ACMEOptions{
		Names: []string{"Chat.Example."}, Dir: dir, Directory: p.authority.URL, Email: "ada@chat.example",
		Client: &http.Client{Transport: transport}, Logger: p.log.logger(),
	})
	page := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("page")) })
	httpFront = httptest.NewServer(p.source.Challenges(page))
	p.address = serveTLS(t, p.source, page)
	t.Cleanup(func() {
		httpFront.Close()
		transport.CloseIdleConnections()
	})
	return p
}

// handshake is what a browser sees that asks for a name and trusts the authority.
func (p *place) handshake(name string, change ...func(*tls.Config)) (*tls.ConnectionState, error) {
	roots := x509.NewCertPool()
	roots.AddCert(p.authority.Root)
	config := &tls.Config{ServerName: name, RootCAs: roots, NextProtos: []string{"h2", "http/1.1"}}
	for _, f := range change {
		f(config)
	}
	dialer := &net.Dialer{Timeout: 20 * time.Second}
	conn, err := tls.DialWithDialer(dialer, "tcp", p.address, config)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	state := conn.ConnectionState()
	return &state, nil
}

func TestACMEGetsACertificateByEitherChallenge(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{acmetest.HTTP, acmetest.ALPN} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "acme")
			p := openPlace(t, kind, dir)
			state, err := p.handshake("chat.example")
			if err != nil {
				t.Fatalf("%v\n%s", err, p.log)
			}
			if state.NegotiatedProtocol != "h2" || state.Version != tls.VersionTLS13 {
				t.Errorf("spoken is %q in %x", state.NegotiatedProtocol, state.Version)
			}
			if _, err := p.handshake("CHAT.example"); err != nil {
				t.Error(err)
			}
			if n := p.authority.Orders(); n != 1 {
				t.Errorf("%d certificates were ordered, want 1", n)
			}
			info, err := os.Stat(dir)
			if err != nil || info.Mode().Perm() != 0o700 {
				t.Errorf("the directory of keys: %v, %v", info, err)
			}

			// The next start has it.
			again := openPlace(t, kind, dir)
			again.authority.Root = p.authority.Root
			if _, err := again.handshake("chat.example"); err != nil || again.authority.Orders() != 0 {
				t.Errorf("after a restart: %v, %d orders", err, again.authority.Orders())
			}
		})
	}
}

func TestACMEAsksForConfiguredNamesAlone(t *testing.T) {
	t.Parallel()
	p := openPlace(t, acmetest.ALPN, t.TempDir())
	for _, name := range []string{"evil.example", "sub.chat.example", "localhost", ""} {
		_, err := p.handshake(name, func(c *tls.Config) { c.InsecureSkipVerify = true })
		if err == nil {
			t.Errorf("%q has a certificate", name)
		}
	}
	if n := p.authority.Orders(); n != 0 {
		t.Errorf("%d certificates were ordered for names of strangers", n)
	}
}

func TestACMEDoesNotAskAgainAndAgainInVain(t *testing.T) {
	t.Parallel()
	p := openPlace(t, acmetest.ALPN, t.TempDir())
	p.away.Store(true)
	tried := 0
	for i := range 4 {
		if _, err := p.handshake("chat.example"); err == nil {
			t.Fatal("a certificate was had without an answer")
		}
		if i == 0 {
			tried = p.authority.Orders() // it tries each kind of challenge
		}
	}
	if n := p.authority.Orders(); n != tried || n == 0 {
		t.Errorf("%d certificates were ordered, want %d of the first attempt", n, tried)
	}
	if text := p.log.String(); strings.Count(text, "no certificate can be had") != 1 || !strings.Contains(text, "chat.example") {
		t.Errorf("the log is %s", text)
	}
}

func TestNothingBelowTLS12IsSpoken(t *testing.T) {
	t.Parallel()
	p := openPlace(t, acmetest.ALPN, t.TempDir())
	if _, err := p.handshake("chat.example", func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }); err != nil {
		t.Errorf("TLS 1.2: %v", err)
	}
	if _, err := p.handshake("chat.example", func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 }); err == nil {
		t.Error("TLS 1.1 is spoken")
	}
}

func TestRunOfACMEAsksBeforeTheFirstVisitor(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := openPlace(t, acmetest.ALPN, dir)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); p.source.Run(ctx) }()
	waitFor(t, func() bool { _, err := os.Stat(filepath.Join(dir, "chat.example")); return err == nil })
	cancel()
	<-done
}
