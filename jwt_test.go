package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"snug/snugtest"
)

// TestJWTsOfADjangoSiteOpenSockets configures two sites and does with their tokens what a client of the tutorial does. Those
// of Django's simplejwt have just these claims.
func TestJWTsOfADjangoSiteOpenSockets(t *testing.T) {
	t.Parallel()
	const secret = "canary-of-the-settings-py-of-the-site"
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, text := range map[string]string{
		"shop.pem": string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})),
		"snug.toml": "[log]\nlevel = \"debug\"\n" +
			"[[auth.jwt]]\nname = \"django\"\nsecret = \"" + secret + "\"\nusername_claim = \"user_id\"\ncreate_users = true\n" +
			"[[auth.jwt]]\nname = \"shop\"\nalgorithm = \"ES256\"\npublic_key_file = \"shop.pem\"\nissuer = \"https://shop.example\"\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(dir, "snug.toml")
	if printed := snugtest.Run(t, "config", "print", "--config", file); printed.Code != 0 || strings.Contains(printed.Out+printed.Err, "canary") {
		t.Errorf("snug config print: code %d\n%s%s", printed.Code, printed.Out, printed.Err)
	}

	s := snugtest.Start(t, snugtest.Options{Args: []string{"--config", file}})
	snugtest.SignUp(t, s.URL, "grace", "tall blue kettle")
	sign := func(method jwt.SigningMethod, key any, claims jwt.MapClaims) string {
		claims["exp"], claims["iat"] = time.Now().Add(5*time.Minute).Unix(), time.Now().Unix()
		token, err := jwt.NewWithClaims(method, claims).SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	django := sign(jwt.SigningMethodHS256, []byte(secret), jwt.MapClaims{"token_type": "access", "jti": "5d0a", "user_id": "7"})
	shop := sign(jwt.SigningMethodES256, key, jwt.MapClaims{"iss": "https://shop.example", "username": "grace"})
	grace := snugtest.Dial(t, http.DefaultClient, s.URL+"/ws/chat/lobby/?token="+shop)
	seven := snugtest.Dial(t, http.DefaultClient, s.URL+"/ws/chat/lobby/?token="+django)
	if err := seven.Send(t.Context(), snugtest.Frame{"message": "/pm grace hello from the site"}); err != nil {
		t.Fatal(err)
	}
	for {
		frame, err := grace.Receive(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if frame.Text("type") == "private_message" {
			if frame.Text("user") != "7" || frame.Text("message") != "hello from the site" {
				t.Errorf("grace got %v", frame)
			}
			break
		}
	}

	forged := sign(jwt.SigningMethodHS256, der, jwt.MapClaims{"iss": "https://shop.example", "username": "grace"})
	if _, err := snugtest.Connect(t.Context(), http.DefaultClient, s.URL+"/ws/?token="+forged); err == nil {
		t.Error("a token that is signed with the public key opens a socket")
	}
	s.WaitStderr("reason=algorithm")
	s.Stop()
	for _, token := range []string{django, shop, forged} {
		for part := range strings.SplitSeq(token, ".") {
			if strings.Contains(s.Stderr(), part) {
				t.Errorf("the log has a part of the token %s", token)
			}
		}
	}
	if strings.Contains(s.Stderr(), "canary") {
		t.Error("the log has the secret")
	}
}
