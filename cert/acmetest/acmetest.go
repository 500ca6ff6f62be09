// Package acmetest is a small ACME authority (RFC 8555) for tests: one account, one name an order, and no look at signatures of requests. It
// does look whether a name is the client's, as a real one does.
package acmetest

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// Kinds of challenges.
const (
	HTTP = "http-01"
	ALPN = "tls-alpn-01"
)

// Authority is a running one.
type Authority struct {
	URL  string // of its directory
	Root *x509.Certificate

	kind string
	dial func(ctx context.Context, network, address string) (net.Conn, error)
	key  *ecdsa.PrivateKey

	mu     sync.Mutex // guards what follows
	thumb  string     // of the account's key
	orders []*order
}

type order struct {
	name  string
	state string // of the order and its authorization: "pending", "valid", "invalid"
	cert  []byte
}

// Start starts an authority that knows one kind of challenge. Dial is how it reaches whoever asks: the address has the name and the port 80 or 443.
func Start(t testing.TB, kind string, dial func(ctx context.Context, network, address string) (net.Conn, error)) *Authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	a := &Authority{kind: kind, dial: dial, key: key}
	if a.Root, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /directory", a.directory)
	mux.HandleFunc("HEAD /nonce", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("POST /account", a.account)
	mux.HandleFunc("POST /order", a.newOrder)
	mux.HandleFunc("POST /order/{n}", a.getOrder)
	mux.HandleFunc("POST /authz/{n}", a.authorization)
	mux.HandleFunc("POST /challenge/{n}", a.challenge)
	mux.HandleFunc("POST /finalize/{n}", a.finalize)
	mux.HandleFunc("POST /cert/{n}", a.certificate)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Replay-Nonce", rand.Text())
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	a.URL = server.URL + "/directory"
	return a
}

// Orders is for how many certificates it was asked.
func (a *Authority) Orders() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.orders)
}

func (a *Authority) at(path string, parts ...any) string {
	return strings.TrimSuffix(a.URL, "/directory") + fmt.Sprintf(path, parts...)
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client may be gone
}

// payload reads what a request has signed.
func payload(r *http.Request, header, v any) error {
	var jws struct{ Protected, Payload string }
	if err := json.NewDecoder(r.Body).Decode(&jws); err != nil {
		return err
	}
	for text, into := range map[string]any{jws.Protected: header, jws.Payload: v} {
		raw, err := base64.RawURLEncoding.DecodeString(text)
		if err == nil && len(raw) > 0 && into != nil {
			err = json.Unmarshal(raw, into)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (a *Authority) directory(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, map[string]string{"newNonce": a.at("/nonce"), "newAccount": a.at("/account"), "newOrder": a.at("/order")})
}

func (a *Authority) account(w http.ResponseWriter, r *http.Request) {
	var header struct {
		JWK struct{ Crv, Kty, X, Y string }
	}
	if err := payload(r, &header, nil); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	k := header.JWK
	sum := sha256.Sum256(fmt.Appendf(nil, `{"crv":%q,"kty":%q,"x":%q,"y":%q}`, k.Crv, k.Kty, k.X, k.Y))
	a.mu.Lock()
	a.thumb = base64.RawURLEncoding.EncodeToString(sum[:])
	a.mu.Unlock()
	w.Header().Set("Location", a.at("/account/1"))
	answer(w, http.StatusCreated, map[string]any{"status": "valid"})
}

func (a *Authority) newOrder(w http.ResponseWriter, r *http.Request) {
	var asked struct{ Identifiers []struct{ Value string } }
	if err := payload(r, nil, &asked); err != nil || len(asked.Identifiers) != 1 {
		http.Error(w, "one name an order", http.StatusBadRequest)
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.orders = append(a.orders, &order{name: asked.Identifiers[0].Value, state: "pending"})
	w.Header().Set("Location", a.at("/order/%d", len(a.orders)-1))
	answer(w, http.StatusCreated, a.view(len(a.orders)-1))
}

// view is an order for its client. The lock is held.
func (a *Authority) view(n int) map[string]any {
	o := a.orders[n]
	v := map[string]any{
		"status": o.state, "identifiers": []map[string]string{{"type": "dns", "value": o.name}},
		"authorizations": []string{a.at("/authz/%d", n)}, "finalize": a.at("/finalize/%d", n),
	}
	if o.state == "valid" {
		v["status"] = "ready"
	}
	if o.cert != nil {
		v["status"], v["certificate"] = "valid", a.at("/cert/%d", n)
	}
	return v
}

// find is the order of a request, with the lock held until done is called.
func (a *Authority) find(r *http.Request) (o *order, n int, done func()) {
	a.mu.Lock()
	if _, err := fmt.Sscan(r.PathValue("n"), &n); err != nil || n < 0 || n >= len(a.orders) {
		return &order{}, 0, a.mu.Unlock
	}
	return a.orders[n], n, a.mu.Unlock
}

func (a *Authority) getOrder(w http.ResponseWriter, r *http.Request) {
	_, n, done := a.find(r)
	defer done()
	answer(w, http.StatusOK, a.view(n))
}

func (a *Authority) authorization(w http.ResponseWriter, r *http.Request) {
	o, n, done := a.find(r)
	defer done()
	answer(w, http.StatusOK, map[string]any{
		"status": o.state, "identifier": map[string]string{"type": "dns", "value": o.name},
		"challenges": []map[string]string{{"type": a.kind, "status": o.state, "url": a.at("/challenge/%d", n), "token": token(n)}},
	})
}

func token(n int) string { return fmt.Sprintf("token-of-order-%d", n) }

func (a *Authority) challenge(w http.ResponseWriter, r *http.Request) {
	o, n, done := a.find(r)
	name, wanted := o.name, token(n)+"."+a.thumb
	done()
	look := a.lookHTTP
	if a.kind == ALPN {
		look = a.lookALPN
	}
	err := look(r.Context(), name, token(n), wanted)
	o, n, done = a.find(r)
	defer done()
	if o.state = "valid"; err != nil {
		o.state = "invalid"
	}
	answer(w, http.StatusOK, map[string]string{"type": a.kind, "status": o.state, "url": a.at("/challenge/%d", n), "token": token(n)})
}

func (a *Authority) lookHTTP(ctx context.Context, name, token, wanted string) error {
	transport := &http.Transport{DialContext: a.dial}
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+name+"/.well-known/acme-challenge/"+token, nil)
	if err != nil {
		return err
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if text, err := io.ReadAll(response.Body); err != nil || string(text) != wanted {
		return fmt.Errorf("%s says %q: %w", name, text, errors.Join(err, errors.New("not the answer")))
	}
	return nil
}

func (a *Authority) lookALPN(ctx context.Context, name, _, wanted string) error {
	raw, err := a.dial(ctx, "tcp", name+":443")
	if err != nil {
		return err
	}
	conn := tls.Client(raw, &tls.Config{ServerName: name, NextProtos: []string{"acme-tls/1"}, InsecureSkipVerify: true}) //nolint:gosec // signed by itself
	defer conn.Close()
	if err := conn.HandshakeContext(ctx); err != nil {
		return err
	}
	sum := sha256.Sum256([]byte(wanted))
	for _, e := range conn.ConnectionState().PeerCertificates[0].Extensions {
		if e.Id.String() == "1.3.6.1.5.5.7.1.31" && strings.HasSuffix(string(e.Value), string(sum[:])) {
			return nil
		}
	}
	return errors.New("not the answer")
}

func (a *Authority) finalize(w http.ResponseWriter, r *http.Request) {
	var asked struct{ CSR string }
	if err := payload(r, nil, &asked); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	raw, err := base64.RawURLEncoding.DecodeString(asked.CSR)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	o, n, done := a.find(r)
	defer done()
	csr, err := x509.ParseCertificateRequest(raw)
	if err != nil || o.state != "valid" || len(csr.DNSNames) != 1 || csr.DNSNames[0] != o.name {
		http.Error(w, "that was not ordered", http.StatusForbidden)
		return
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(int64(n) + 2), DNSNames: csr.DNSNames,
		NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if o.cert, err = x509.CreateCertificate(rand.Reader, template, a.Root, csr.PublicKey, a.key); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Location", a.at("/order/%d", n))
	answer(w, http.StatusOK, a.view(n))
}

func (a *Authority) certificate(w http.ResponseWriter, r *http.Request) {
	o, _, done := a.find(r)
	defer done()
	w.Header().Set("Content-Type", "application/pem-certificate-chain")
	for _, der := range [][]byte{o.cert, a.Root.Raw} {
		_ = pem.Encode(w, &pem.Block{Type: "CERTIFICATE", Bytes: der}) // the client may be gone
	}
}
