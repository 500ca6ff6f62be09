package cert_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"snug/cert"
)

// pairFiles are the two files of a certificate.
type pairFiles struct{ cert, key string }

func newPairFiles(t *testing.T) pairFiles {
	t.Helper()
	dir := t.TempDir()
	return pairFiles{filepath.Join(dir, "snug.pem"), filepath.Join(dir, "snug.key")}
}

// made is a certificate for a name and its key, as PEM.
func made(t *testing.T, name string, now time.Time) (certificate, key []byte) {
	t.Helper()
	a, err := cert.NewAuthority("test", cert.NewSubject([]string{name}, nil), now)
	if err != nil {
		t.Fatal(err)
	}
	leaf, _, err := a.Leaf(cert.NewSubject([]string{name}, addresses("127.0.0.1")), now)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(leaf.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf.Certificate[0]}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

func write(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func (p pairFiles) write(t *testing.T, name string) {
	t.Helper()
	certificate, key := made(t, name, time.Now())
	write(t, p.cert, certificate)
	write(t, p.key, key)
}

// look lets Run look at the files twice.
func look() {
	time.Sleep(11 * time.Second)
	synctest.Wait()
}

func TestFilesAreReadAgainWhenTheyChange(t *testing.T) {
	t.Parallel()
	p := newPairFiles(t)
	synctest.Test(t, func(t *testing.T) {
		p.write(t, "one.example")
		log := &log{}
		f, err := cert.OpenFiles(p.cert, p.key, log.logger())
		if err != nil {
			t.Fatal(err)
		}
		stop := runSource(t, f)
		defer stop()
		uses := func(name string) {
			t.Helper()
			if got := f.Leaf().DNSNames; len(got) != 1 || got[0] != name {
				t.Errorf("the certificate is for %v, want %s\n%s", got, name, log)
			}
		}
		p.write(t, "two.example")
		look()
		uses("two.example")

		// Broken ones are told of once, and the old one goes on.
		certificate, key := made(t, "three.example", time.Now())
		for _, broken := range []struct {
			name      string
			cert, key []byte
		}{
			{"key of another", certificate, nil},
			{"half a file", certificate[:len(certificate)/2], key},
			{"no PEM", []byte("hello"), key},
			{"swapped", key, certificate},
		} {
			before := strings.Count(log.String(), "cannot be used")
			write(t, p.cert, broken.cert)
			if broken.key != nil {
				write(t, p.key, broken.key)
			}
			look()
			look()
			uses("two.example")
			if n := strings.Count(log.String(), "cannot be used") - before; n != 1 {
				t.Errorf("%s: told of %d times:\n%s", broken.name, n, log)
			}
		}
		if strings.Contains(log.String(), "PRIVATE") || strings.Contains(log.String(), string(key[60:100])) {
			t.Errorf("the log tells the key:\n%s", log)
		}
		if err := os.Remove(p.key); err != nil {
			t.Fatal(err)
		}
		look()
		uses("two.example")
		write(t, p.cert, certificate)
		write(t, p.key, key)
		look()
		uses("three.example")
	})
}

func TestFilesThatExpireAreToldOf(t *testing.T) {
	t.Parallel()
	p := newPairFiles(t)
	synctest.Test(t, func(t *testing.T) {
		certificate, key := made(t, "one.example", time.Now().Add(time.Hour-76*day))
		write(t, p.cert, certificate)
		write(t, p.key, key)
		log := &log{}
		f, err := cert.OpenFiles(p.cert, p.key, log.logger())
		if err != nil {
			t.Fatal(err)
		}
		stop := runSource(t, f)
		defer stop()
		time.Sleep(30 * time.Minute)
		if strings.Contains(log.String(), "expires soon") {
			t.Errorf("it is told of %v before its end", time.Until(f.Leaf().NotAfter))
		}
		time.Sleep(3 * time.Hour)
		if n := strings.Count(log.String(), "expires soon"); n != 1 {
			t.Errorf("it is told of %d times:\n%s", n, log)
		}
	})
}

func TestFilesThatDoNotFitAreRefusedAtTheStart(t *testing.T) {
	t.Parallel()
	p := newPairFiles(t)
	log := &log{}
	if _, err := cert.OpenFiles(p.cert, p.key, log.logger()); err == nil || !strings.Contains(err.Error(), p.cert) || !strings.Contains(err.Error(), p.key) {
		t.Errorf("missing files: %v", err)
	}
	p.write(t, "one.example")
	_, key := made(t, "one.example", time.Now())
	write(t, p.key, key)
	if _, err := cert.OpenFiles(p.cert, p.key, log.logger()); err == nil || !strings.Contains(err.Error(), p.key) {
		t.Errorf("another's key: %v", err)
	}
	write(t, p.key, make([]byte, 2<<20))
	if _, err := cert.OpenFiles(p.cert, p.key, log.logger()); err == nil {
		t.Error("a file that is far too large is taken")
	}
}

// TestANewCertificateDropsNoConnection keeps a connection busy over a change, which the next connection sees.
func TestANewCertificateDropsNoConnection(t *testing.T) {
	t.Parallel()
	p := newPairFiles(t)
	p.write(t, "one.example")
	f, err := cert.OpenFiles(p.cert, p.key, (&log{}).logger())
	if err != nil {
		t.Fatal(err)
	}
	address := serveTLS(t, f, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.RemoteAddr) }))
	stop := runSource(t, f)
	defer stop()
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	ask := func() string {
		response, err := client.Get("https://" + address)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(body)
	}
	from := ask()
	p.write(t, "two.example")
	waitFor(t, func() bool {
		conn, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		return conn.ConnectionState().PeerCertificates[0].DNSNames[0] == "two.example"
	})
	if again := ask(); again != from {
		t.Errorf("the connection from %s was dropped for one from %s", from, again)
	}
}

// runSource is Run until stop.
func runSource(t *testing.T, s cert.Source) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); s.Run(ctx) }()
	return func() { cancel(); <-done }
}
