package cert_test

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"snug/cert"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// log keeps what is logged.
type log struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

func (l *log) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *log) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

// waitFor waits until a condition holds.
func waitFor(t *testing.T, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	end := time.After(20 * time.Second)
	for !holds() {
		select {
		case <-tick.C:
		case <-end:
			t.Fatal("it never came true")
		}
	}
}

// shelf is a keeper for nodes of one cluster.
type shelf struct {
	mu   sync.Mutex // guards text
	text string
}

func (s *shelf) Kept(context.Context) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text, nil
}

func (s *shelf) Keep(_ context.Context, text, instead string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.text == instead {
		s.text = text
	}
	return s.text, nil
}

func (s *shelf) put(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text = text
}

func addresses(texts ...string) []netip.Addr {
	var all []netip.Addr
	for _, text := range texts {
		all = append(all, netip.MustParseAddr(text))
	}
	return all
}

func newAuthority(t *testing.T, s cert.Subject) *cert.Authority {
	t.Helper()
	a, err := cert.NewAuthority("attic", s, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// serveTLS serves with the certificates of a source until the test ends, as snug does.
func serveTLS(t *testing.T, s cert.Source, h http.Handler) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: h, TLSConfig: cert.Config(s), ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo)}
	done := make(chan struct{})
	go func() { defer close(done); _ = server.ServeTLS(listener, "", "") }()
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		<-done
	})
	return listener.Addr().String()
}
