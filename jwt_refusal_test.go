package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/golang-jwt/jwt/v5"

	"snug/snugtest"
)

// jwtSite is a site of users of its own: what it signs with, and what is known of it here.
type jwtSite struct {
	name   string
	method jwt.SigningMethod
	key    any    // its own
	public []byte // the file that everybody may have; nil: there is none
}

// jwtSites makes one for each algorithm, with its key files in a directory, and gives the configuration that believes them.
func jwtSites(t *testing.T, dir string) (sites []jwtSite, settings string) {
	t.Helper()
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	sites = []jwtSite{
		{name: "django", method: jwt.SigningMethodHS256, key: []byte("canary-of-the-secret-file-of-the-site")},
		{name: "shop", method: jwt.SigningMethodRS256, key: rsaKey},
		{name: "school", method: jwt.SigningMethodES256, key: ecKey},
		{name: "club", method: jwt.SigningMethodEdDSA, key: edKey},
	}
	for i, site := range sites {
		settings += fmt.Sprintf("[[auth.jwt]]\nname = %q\nalgorithm = %q\nissuer = \"https://%s.example\"\naudience = \"snug\"\n", site.name, site.method.Alg(), site.name)
		file, content := site.name+".pem", []byte(nil)
		if signer, ok := site.key.(crypto.Signer); ok {
			der, err := x509.MarshalPKIXPublicKey(signer.Public())
			if err != nil {
				t.Fatal(err)
			}
			content = pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
			sites[i].public = content
			settings += fmt.Sprintf("public_key_file = %q\n", file)
		} else {
			content = append(site.key.([]byte), '\n')
			settings += fmt.Sprintf("secret_file = %q\n", file)
		}
		if err := os.WriteFile(filepath.Join(dir, file), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return sites, settings
}

// token signs for grace; change may make something of it that is refused.
func (site jwtSite) token(t *testing.T, change func(jwt.MapClaims)) string {
	t.Helper()
	claims := jwt.MapClaims{
		"iss": "https://" + site.name + ".example", "aud": "snug", "username": "grace", "exp": time.Now().Add(time.Hour).Unix(),
	}
	if change != nil {
		change(claims)
	}
	token, err := jwt.NewWithClaims(site.method, claims).SignedString(site.key)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// resigned is a good token of the site that somebody else has signed, with another algorithm.
func (site jwtSite) resigned(t *testing.T, method jwt.SigningMethod, key any) string {
	t.Helper()
	other := site
	other.method, other.key = method, key
	return other.token(t, nil)
}

// TestJWTsThatAreNoGoodAreRefused tries all that can be wrong with the tokens of sites of every algorithm, at a real server: each is a plain 401 outside, and
// a reason of its own in the log.
func TestJWTsThatAreNoGoodAreRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	sites, settings := jwtSites(t, dir)
	file := filepath.Join(dir, "snug.toml")
	if err := os.WriteFile(file, []byte("[log]\nlevel = \"debug\"\n"+settings), 0o600); err != nil {
		t.Fatal(err)
	}
	s := snugtest.Start(t, snugtest.Options{Args: []string{"--config", file}})
	for _, name := range []string{"grace", "mallory"} {
		snugtest.SignUp(t, s.URL, name, "tall blue kettle")
	}
	if r := snugtest.Run(t, "user", "disable", "mallory", "--data", s.Dir); r.Code != 0 {
		t.Fatal(r.Err)
	}
	claim := func(name string, value any) func(jwt.MapClaims) { return func(c jwt.MapClaims) { c[name] = value } }
	plain := refusalOf(t, s.URL+"/ws/", "")
	var tokens []string
	try := func(site jwtSite, reason, token string, signed bool) {
		t.Helper()
		for _, by := range []struct{ address, header string }{
			{s.URL + "/ws/chat/lobby/?token=" + url.QueryEscape(token), ""},
			{s.URL + "/ws/", token},
		} {
			if got := refusalOf(t, by.address, by.header); got != plain {
				t.Errorf("%s, %s: the answer is %q, want what everybody gets: %q", site.name, reason, got, plain)
			}
		}
		if signed {
			eventually(t, site.name+" "+reason+" in the log", time.Minute, func() bool {
				return strings.Count(s.Stderr(), "reason="+reason+" issuer="+site.name+" ") == 2
			})
		}
		tokens = append(tokens, token)
	}
	for _, site := range sites {
		good := site.token(t, nil)
		tokens = append(tokens, good)
		snugtest.Dial(t, http.DefaultClient, s.URL+"/ws/chat/lobby/?token="+good)
		snugtest.Dial(t, byToken(good), s.URL+"/ws/")

		try(site, "expired", site.token(t, claim("exp", time.Now().Add(-time.Second).Unix())), true)
		try(site, "no_expiry", site.token(t, func(c jwt.MapClaims) { delete(c, "exp") }), true)
		try(site, "not_yet_valid", site.token(t, claim("nbf", time.Now().Add(time.Hour).Unix())), true)
		try(site, "wrong_audience", site.token(t, claim("aud", "till")), true)
		try(site, "unknown_user", site.token(t, claim("username", "nobody")), true)
		try(site, "disabled_user", site.token(t, claim("username", "mallory")), true)
		try(site, "no_user_name", site.token(t, claim("username", "")), true)

		// What nobody that is known has signed is logged once a minute for each reason.
		try(site, "unknown_issuer", site.token(t, claim("iss", "https://elsewhere.example")), false)
		try(site, "algorithm", site.resigned(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType), false)
		parts, others := strings.Split(good, "."), strings.Split(site.token(t, claim("username", "mallory")), ".")
		try(site, "bad_signature", others[0]+"."+others[1]+"."+parts[2], false)
		if site.public != nil { // algorithm confusion: what verifies is public, and would be a secret for HS256
			try(site, "algorithm", site.resigned(t, jwt.SigningMethodHS256, site.public), false)
			block, _ := pem.Decode(site.public)
			try(site, "algorithm", site.resigned(t, jwt.SigningMethodHS256, block.Bytes), false)
		} else {
			try(site, "algorithm", site.resigned(t, jwt.SigningMethodHS512, site.key), false)
		}
		try(site, "malformed", parts[0]+"."+parts[1], false)
	}
	for _, reason := range []string{"unknown_issuer", "algorithm", "bad_signature", "malformed"} {
		s.WaitStderr("reason=" + reason + " ")
	}
	s.Stop()
	for _, token := range tokens {
		for part := range strings.SplitSeq(token, ".") {
			if part != "" && strings.Contains(s.Stderr(), part) {
				t.Errorf("the log has a part of a token: %s", part)
			}
		}
	}
	if strings.Contains(s.Stderr(), "canary") {
		t.Error("the log has the secret of a site")
	}
}

// refusalOf opens a socket, which must not work, and returns what comes instead of it.
func refusalOf(t *testing.T, address, header string) string {
	t.Helper()
	client := http.DefaultClient
	if header != "" {
		client = byToken(header)
	}
	conn, response, err := websocket.Dial(t.Context(), address, &websocket.DialOptions{HTTPClient: client})
	if err == nil {
		_ = conn.CloseNow()
		t.Fatalf("a socket was opened")
	}
	if response == nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(response.StatusCode, response.Header.Get("WWW-Authenticate"), string(body))
}
