package web

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// aRoot is the certificate of an authority.
func aRoot(t testing.TB) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Snug on <attic>"}, NotAfter: time.Date(2036, 5, 6, 0, 0, 0, 0, time.UTC),
		IsCA: true, BasicConstraintsValid: true, PermittedDNSDomains: []string{"local", "attic"},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// withAuthority gives a site an authority of its own.
func withAuthority(o *siteOptions) {
	der := aRoot(o.t)
	o.Web.Authority = func() []byte { return der }
}

func TestTheRootCanBeHadAndComparedByWhoeverComes(t *testing.T) {
	t.Parallel()
	der := aRoot(t)
	s := newSite(t, func(o *siteOptions) { o.Web.Authority = func() []byte { return der } })
	sum := sha256.Sum256(der)
	for _, c := range []*client{s.guest(), s.person("ada")} {
		page := c.get("/ca/").want(t, http.StatusOK)
		text := strings.NewReplacer("<span>", "", "</span> <span>", ":", "</span>", "").Replace(page.body)
		want := strings.ToUpper(strings.TrimSuffix(strings.ReplaceAll(fmt.Sprintf("% x", sum), " ", ":"), ":"))
		if !strings.Contains(text, want) {
			t.Errorf("the page does not show %s", want)
		}
		page.says(t, "6 May 2036")
		page.says(t, "Snug on &lt;attic&gt;")
		page.says(t, "<code>attic</code>")
		for _, system := range []string{"Windows", "macOS", "iPhone", "Android", "Linux", "Firefox"} {
			page.says(t, "<summary>"+system)
		}
	}
	crt := s.guest().get("/ca/snug.crt").want(t, http.StatusOK)
	if crt.header.Get("Content-Type") != "application/x-x509-ca-cert" || !bytes.Equal([]byte(crt.body), der) {
		t.Errorf("snug.crt is %s of %d bytes", crt.header.Get("Content-Type"), len(crt.body))
	}
	text := s.guest().get("/ca/snug.pem").want(t, http.StatusOK)
	block, rest := pem.Decode([]byte(text.body))
	if text.header.Get("Content-Type") != "application/x-pem-file" || block == nil || !bytes.Equal(block.Bytes, der) || len(rest) > 0 {
		t.Errorf("snug.pem is %s", text.header.Get("Content-Type"))
	}
	if got := s.guest().get("/ca").header.Get("Location"); got != "./ca/" {
		t.Errorf("/ca leads to %q", got)
	}
}

func TestWithoutAnAuthorityThereIsNothingToInstall(t *testing.T) {
	t.Parallel()
	for _, none := range []func() []byte{nil, func() []byte { return nil }} {
		s := newSite(t, func(o *siteOptions) { o.Web.Authority = none })
		for _, path := range []string{"/ca/", "/ca/snug.crt", "/ca/snug.pem"} {
			s.guest().get(path).want(t, http.StatusNotFound).says(t, "There is nothing to install")
		}
	}
}

func TestTheSecondAddressLeadsToTLSUnderNamesOfOurs(t *testing.T) {
	t.Parallel()
	s := newSite(t, withAuthority, func(o *siteOptions) { o.Web.Names = []string{"chat.example"} })
	tests := []struct {
		port               int
		method, host, path string
		status             int
		location           string
	}{
		{443, "GET", "chat.example", "/", 301, "https://chat.example/"},
		{443, "HEAD", "chat.example:80", "/chat/lobby/?x=1&y=%2F", 301, "https://chat.example/chat/lobby/?x=1&y=%2F"},
		{8443, "GET", "CHAT.example.:8080", "/chat/k%C3%BCche/", 301, "https://chat.example:8443/chat/k%C3%BCche/"},
		{8443, "GET", "[::1]:8080", "/", 301, "https://[::1]:8443/"},
		{443, "GET", "[::1]", "/", 301, "https://[::1]/"},
		{443, "GET", "10.0.0.7", "//evil.example/", 301, "https://10.0.0.7//evil.example/"},
		{443, "POST", "chat.example", "/log_in/", 308, "https://chat.example/log_in/"},
		{443, "GET", "evil.example", "/", 421, ""},
		{443, "POST", "evil.example", "/log_in/", 421, ""},
		{443, "GET", "evil.example", "/ca/", 421, ""},
		{443, "GET", "", "/", 421, ""},
		{443, "GET", "chat.example", "/ca/", 200, ""},
		{443, "GET", "chat.example", "/ca/snug.crt", 200, ""},
		{443, "POST", "chat.example", "/ca/", 405, ""},
		{443, "GET", "10.0.0.7", "/healthz", 200, ""},
		{443, "GET", "chat.example", "/readyz", 301, "https://chat.example/readyz"},
		{443, "GET", "chat.example", "/static/tokens.css", 200, ""},
		{443, "GET", "chat.example", "/static/../log_in/", 404, ""},
		{443, "GET", "chat.example", "/ca/../log_in/", 404, ""},
	}
	for _, test := range tests {
		r := httptest.NewRequest(test.method, "/", nil)
		u, err := url.ParseRequestURI(test.path)
		if err != nil {
			t.Fatal(err)
		}
		r.URL, r.Host = u, test.host
		w := httptest.NewRecorder()
		s.server.ToTLS(test.port).ServeHTTP(w, r)
		if w.Code != test.status || w.Header().Get("Location") != test.location {
			t.Errorf("%s %s%s: %d to %q, want %d to %q", test.method, test.host, test.path, w.Code, w.Header().Get("Location"), test.status, test.location)
		}
		if test.location != "" && w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s %s%s: browsers may keep the redirect", test.method, test.host, test.path)
		}
		if w.Header().Get("X-Content-Type-Options") == "" || w.Header().Get("Strict-Transport-Security") != "" {
			t.Errorf("%s %s%s: headers are %v", test.method, test.host, test.path, w.Header())
		}
	}
	odd := httptest.NewRequest(http.MethodGet, "/", nil)
	odd.URL, odd.Host = &url.URL{Scheme: "x", Opaque: ".evil.example/"}, "chat.example"
	w := httptest.NewRecorder()
	s.server.ToTLS(443).ServeHTTP(w, odd)
	if w.Code != http.StatusNotFound {
		t.Errorf("an address without a path: %d to %q", w.Code, w.Header().Get("Location"))
	}
}

func TestBrowsersAreToldToKeepToTLSWhereThatHarmsNobody(t *testing.T) {
	t.Parallel()
	tests := []struct {
		hsts  HSTS
		host  string
		proto string
		want  bool
	}{
		{HSTSDefaultPort, "chat.example", "https", true},
		{HSTSDefaultPort, "chat.example:443", "https", true},
		{HSTSDefaultPort, "chat.example:8443", "https", false},
		{HSTSDefaultPort, "chat.example", "http", false},
		{HSTSDefaultPort, "10.0.0.7", "https", false},
		{HSTSDefaultPort, "[::1]", "https", false},
		{HSTSDefaultPort, "localhost", "https", false},
		{HSTSDefaultPort, "evil.example", "https", false},
		{HSTSAlways, "chat.example:8443", "https", true},
		{HSTSAlways, "chat.example", "http", false},
		{HSTSNever, "chat.example", "https", false},
	}
	for _, test := range tests {
		s := newSite(t, func(o *siteOptions) {
			o.Web.Names, o.Web.HSTS = []string{"chat.example"}, test.hsts
			o.Web.Proxies = Proxies{Trusted: prefixes("127.0.0.1/32")}
		})
		for _, path := range []string{"/log_in/", "/nowhere/", "/static/tokens.css", "/ws/"} {
			a := s.guest().get(path, func(r *http.Request) {
				r.Host = test.host
				r.Header.Set("X-Forwarded-Proto", test.proto)
			})
			if got := a.header.Get("Strict-Transport-Security"); (got != "") != test.want || (test.want && got != "max-age=31536000") {
				t.Errorf("%s://%s%s with %d: %q, want one %v", test.proto, test.host, path, test.hsts, got, test.want)
			}
		}
	}
}
