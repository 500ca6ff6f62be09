package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"snug/cert"
	"snug/cert/acmetest"
	"snug/snugtest"
)

// rootOf is the certificate of the authority of a server, as the command prints it.
func rootOf(t *testing.T, s *snugtest.Server) *x509.Certificate {
	t.Helper()
	printed := snugtest.Run(t, "tls", "root", "--data", s.Dir)
	block, _ := pem.Decode([]byte(printed.Out))
	if printed.Code != 0 || block == nil {
		t.Fatalf("snug tls root: code %d, %s%s", printed.Code, printed.Out, printed.Err)
	}
	root, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// trusting is a browser that trusts one authority.
func trusting(t *testing.T, root *x509.Certificate) *http.Client {
	t.Helper()
	pool := x509.NewCertPool()
	pool.AddCert(root)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Jar: jar, Timeout: time.Minute}
}

// asked is an answer and its body.
func asked(t *testing.T, c *http.Client, address string) (*http.Response, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := c.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(body)
}

// freePort is one that nobody listens on now.
func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func TestInternalTLSWorksForWhoeverTrustsIt(t *testing.T) {
	t.Parallel()
	plain := fmt.Sprintf("localhost:%d", freePort(t))
	s := snugtest.Start(t, snugtest.Options{Env: []string{"SNUG_TLS_MODE=internal", "SNUG_TLS_HTTP_LISTEN=" + plain, "SNUG_SERVER_NAMES=attic.example"}})
	if !strings.HasPrefix(s.URL, "https://localhost:") || !strings.HasPrefix(s.Setup, s.URL) {
		t.Fatalf("it says %s", s.Said)
	}
	root := rootOf(t, s)
	printed := strings.TrimSpace(snugtest.Run(t, "tls", "fingerprint", "--data", s.Dir).Out)
	if printed != cert.Fingerprint(root.Raw) || !strings.Contains(s.Said, printed) {
		t.Errorf("the fingerprint is %s, printed %s, said\n%s", cert.Fingerprint(root.Raw), printed, s.Said)
	}

	browser := trusting(t, root)
	response, err := browser.PostForm(s.URL+"/sign_up/", url.Values{"username": {"ada"}, "password1": {password}})
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK || response.ProtoMajor != 2 || response.TLS.Version != tls.VersionTLS13 {
		t.Errorf("%s over %s", response.Status, response.Proto)
	}
	socket := snugtest.Dial(t, browser, s.URL+"/ws/")
	if answer := socket.Ask(t, snugtest.Frame{"type": "join", "room": "lobby"}); answer["type"] != "joined" {
		t.Errorf("a socket over TLS answers %v", answer)
	}
	if _, body := asked(t, browser, s.URL+"/"); strings.Contains(body, "Not private") {
		t.Error("a page over TLS says that it is not private")
	}
	if response, _ := asked(t, browser, s.URL+"/"); response.Header.Get("Strict-Transport-Security") != "" {
		t.Error("an authority of our own asks browsers to keep to TLS")
	}
	if _, err := (&http.Client{}).Get(s.URL); err == nil {
		t.Error("who does not trust the authority comes in")
	}

	// The second address leads there, and has the certificate.
	if response, _ := asked(t, browser, "http://"+plain+"/chat/?x=1"); response.Request.URL.String() != s.URL+"/chat/?x=1" {
		t.Errorf("http leads to %s", response.Request.URL)
	}
	_, page := asked(t, browser, "http://"+plain+"/ca/")
	if !strings.Contains(page, printed[:23]) {
		t.Error("the page of the authority does not show its fingerprint")
	}
	if _, file := asked(t, browser, "http://"+plain+"/ca/snug.crt"); !bytes.Equal([]byte(file), root.Raw) {
		t.Error("snug.crt is another certificate")
	}

	// A restart keeps the authority, and so does a command without a server.
	s.Stop()
	if again := strings.TrimSpace(snugtest.Run(t, "tls", "fingerprint", "--data", s.Dir).Out); again != printed {
		t.Errorf("without a server the fingerprint is %s", again)
	}
	s.Restart()
	if _, body := asked(t, browser, s.URL+"/healthz"); !strings.Contains(body, "ok") {
		t.Errorf("after a restart: %s", body)
	}
	if strings.Contains(s.Stderr(), "PRIVATE KEY") {
		t.Error("the log has a key")
	}
}

// TestOpenSSLAcceptsTheAuthority asks an implementation that is not Go's, with names, addresses and constraints.
func TestOpenSSLAcceptsTheAuthority(t *testing.T) {
	t.Parallel()
	s := snugtest.Start(t, snugtest.Options{Env: []string{"SNUG_TLS_MODE=internal"}})
	file := filepath.Join(t.TempDir(), "snug.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: rootOf(t, s).Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	address := strings.TrimPrefix(s.URL, "https://")
	for _, how := range [][]string{{"-verify_hostname", "localhost"}, {"-verify_ip", "127.0.0.1"}} {
		args := append([]string{"s_client", "-connect", address, "-CAfile", file, "-verify_return_error", "-brief"}, how...)
		cmd := exec.CommandContext(t.Context(), "openssl", args...)
		cmd.Stdin = strings.NewReader("")
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), "Verification: OK") {
			t.Errorf("openssl %v: %v\n%s", how, err, out)
		}
	}
	for _, version := range []string{"-tls1", "-tls1_1"} {
		cmd := exec.CommandContext(t.Context(), "openssl", "s_client", "-connect", address, version, "-cipher", "ALL:@SECLEVEL=0")
		cmd.Stdin = strings.NewReader("")
		if out, err := cmd.CombinedOutput(); err == nil {
			t.Errorf("openssl %s has a connection:\n%s", version, out)
		}
	}
}

// writePair writes a certificate for localhost and a name, of an authority of its own, which it returns.
func writePair(t *testing.T, certFile, keyFile, name string) *x509.Certificate {
	t.Helper()
	subject := cert.NewSubject([]string{"localhost", name}, nil)
	a, err := cert.NewAuthority("test", subject, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	leaf, _, err := a.Leaf(subject, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	key, err := x509.MarshalPKCS8PrivateKey(leaf.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{
		certFile: {Type: "CERTIFICATE", Bytes: leaf.Certificate[0]}, keyFile: {Type: "PRIVATE KEY", Bytes: key},
	} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	root, err := x509.ParseCertificate(a.Root())
	if err != nil {
		t.Fatal(err)
	}
	return root
}

func TestFilesAreReplacedWhileSocketsStayOpen(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "snug.pem"), filepath.Join(dir, "snug.key")
	root := writePair(t, certFile, keyFile, "one.example")
	s := snugtest.Start(t, snugtest.Options{Env: []string{
		"SNUG_TLS_MODE=files", "SNUG_TLS_CERT=" + certFile, "SNUG_TLS_KEY=" + keyFile, "SNUG_SERVER_NAMES=one.example",
	}})
	if !strings.HasPrefix(s.URL, "https://localhost:") || !strings.Contains(s.Said, "https://one.example:") {
		t.Errorf("it says %s", s.Said)
	}
	browser := trusting(t, root)
	response, err := browser.PostForm(s.URL+"/sign_up/", url.Values{"username": {"ada"}, "password1": {password}})
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	socket := snugtest.Dial(t, browser, s.URL+"/ws/")
	socket.Ask(t, snugtest.Frame{"type": "join", "room": "lobby"})

	if err := os.WriteFile(keyFile, []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.WaitStderr("the new certificate cannot be used, the old one goes on")
	asked(t, trusting(t, root), s.URL+"/healthz")
	second := writePair(t, certFile, keyFile, "two.example")
	s.WaitStderr("the new certificate is in use")
	asked(t, trusting(t, second), s.URL+"/healthz")
	if answer := socket.Ask(t, snugtest.Frame{"type": "post", "room": "lobby", "message": "still here"}); answer["type"] != "ack" {
		t.Errorf("the socket answers %v", answer)
	}
}

func TestTLSThatCannotWorkDoesNotStart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	pair := []string{"--set", "tls.mode=files", "--set", "tls.cert=" + filepath.Join(dir, "a.pem"), "--set", "tls.key=" + filepath.Join(dir, "a.key")}
	r := snugtest.Run(t, append([]string{"serve", "--listen", "localhost:0", "--data", filepath.Join(dir, "data")}, pair...)...)
	if r.Code != 1 || !strings.Contains(r.Err, "a.pem") || !strings.Contains(r.Err, "see tls.cert and tls.key") {
		t.Errorf("code %d: %s", r.Code, r.Err)
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	r = snugtest.Run(t, "serve", "--listen", "localhost:0", "--data", filepath.Join(dir, "data"), "--set", "tls.mode=internal", "--set", "tls.http_listen="+taken.Addr().String())
	if r.Code != 1 || !strings.Contains(r.Err, "another address with tls.http_listen") || strings.Contains(r.Err, "--listen") {
		t.Errorf("on a port that is taken: code %d, %s", r.Code, r.Err)
	}
	dir = t.TempDir()
	snugtest.Start(t, snugtest.Options{Dir: filepath.Join(dir, "data")}).Stop()
	r = snugtest.Run(t, "tls", "fingerprint", "--data", filepath.Join(dir, "data"))
	if r.Code != 1 || !strings.Contains(r.Err, `mode = "internal"`) {
		t.Errorf("without an authority: code %d, %s", r.Code, r.Err)
	}
}

func TestACMEGetsACertificateForTheServer(t *testing.T) {
	t.Parallel()
	plain := fmt.Sprintf("127.0.0.1:%d", freePort(t))
	dialer := &net.Dialer{}
	authority := acmetest.Start(t, acmetest.HTTP, func(ctx context.Context, network, _ string) (net.Conn, error) {
		return dialer.DialContext(ctx, network, plain)
	})
	s := snugtest.Start(t, snugtest.Options{Env: []string{
		"SNUG_TLS_MODE=acme", "SNUG_TLS_ACME_DIRECTORY=" + authority.URL, "SNUG_TLS_HTTP_LISTEN=" + plain, "SNUG_SERVER_NAMES=chat.example,attic.local",
	}})
	listen, err := url.Parse(s.URL)
	if err != nil || listen.Hostname() != "chat.example" {
		t.Fatalf("it says %s", s.Said)
	}
	browser := trusting(t, authority.Root)
	browser.Transport.(*http.Transport).DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return dialer.DialContext(ctx, network, "localhost:"+listen.Port())
	}
	if _, body := asked(t, browser, s.URL+"/healthz"); !strings.Contains(body, "ok") {
		t.Errorf("answer is %s", body)
	}
	info, err := os.Stat(filepath.Join(s.Dir, "acme"))
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the keys are kept in %v, %v", info, err)
	}
	if n := authority.Orders(); n > 2 {
		t.Errorf("%d certificates were ordered", n)
	}
}

// TestAllNodesShowOneAuthority goes the way of an operator: the first node, an invitation, a second node, and then another authority.
func TestAllNodesShowOneAuthority(t *testing.T) {
	t.Parallel()
	options := func(name, dir string) snugtest.Options {
		o := nodeOptions(name, dir)
		o.Env = []string{"SNUG_TLS_MODE=internal"}
		return o
	}
	fingerprint := func(s *snugtest.Server) string {
		t.Helper()
		return strings.TrimSpace(snugtest.Run(t, "tls", "fingerprint", "--data", s.Dir).Out)
	}
	a := snugtest.Start(t, options("attic", ""))
	dir := filepath.Join(t.TempDir(), "data")
	if joined := snugtest.Run(t, append(strings.Fields(inviteTo(t, a))[1:], "--data", dir)...); joined.Code != 0 {
		t.Fatalf("join ended with code %d:\n%s", joined.Code, joined.Err)
	}
	b := snugtest.Start(t, options("barn", dir))
	b.WaitStderr("the certificate authority is that of the cluster")
	first := fingerprint(a)
	if first == "" || fingerprint(b) != first || strings.Contains(b.Stderr(), "another one") {
		t.Errorf("the nodes show %s and %s", first, fingerprint(b))
	}
	browser := trusting(t, rootOf(t, a))
	for _, s := range []*snugtest.Server{a, b} {
		asked(t, browser, s.URL+"/healthz")
	}

	replaced := snugtest.Run(t, "tls", "replace", "--data", b.Dir)
	second := fingerprint(b)
	if replaced.Code != 0 || second == first || !strings.Contains(replaced.Out, second) {
		t.Fatalf("replace: code %d, %s%s", replaced.Code, replaced.Out, replaced.Err)
	}
	eventually(t, "the other node hears of the new authority", clusterWait, func() bool { return fingerprint(a) == second })
	asked(t, trusting(t, rootOf(t, b)), b.URL+"/healthz")
	a.Stop()
	a.Restart()
	asked(t, trusting(t, rootOf(t, b)), a.URL+"/healthz")
	if !strings.Contains(b.Stderr(), "event=authority.made") || strings.Contains(b.Stderr()+a.Stderr(), "PRIVATE") {
		t.Errorf("the log is %s", b.Stderr())
	}
}
