package account

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"
)

// keys are one of each kind, as sites have them.
type keys struct {
	secret []byte
	rsa    *rsa.PrivateKey
	ec     *ecdsa.PrivateKey
	ed     ed25519.PrivateKey
}

func newKeys(t testing.TB) keys {
	t.Helper()
	k := keys{secret: []byte(rand.Text() + rand.Text())}
	var errs [3]error
	k.rsa, errs[0] = rsa.GenerateKey(rand.Reader, 2048)
	k.ec, errs[1] = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	_, k.ed, errs[2] = ed25519.GenerateKey(rand.Reader)
	if err := errors.Join(errs[:]...); err != nil {
		t.Fatal(err)
	}
	return k
}

// sign makes a token without the library that verifies it, so that its header may say anything.
func sign(t testing.TB, key any, header, claims string) string {
	t.Helper()
	b64 := base64.RawURLEncoding
	text := b64.EncodeToString([]byte(header)) + "." + b64.EncodeToString([]byte(claims))
	sum := sha256.Sum256([]byte(text))
	var signature []byte
	var err error
	switch key := key.(type) {
	case []byte:
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(text))
		signature = mac.Sum(nil)
	case *rsa.PrivateKey:
		signature, err = rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	case *ecdsa.PrivateKey:
		r, s, errSign := ecdsa.Sign(rand.Reader, key, sum[:])
		signature, err = make([]byte, 64), errSign
		r.FillBytes(signature[:32])
		s.FillBytes(signature[32:])
	case ed25519.PrivateKey:
		signature = ed25519.Sign(key, []byte(text))
	}
	if err != nil {
		t.Fatal(err)
	}
	return text + "." + b64.EncodeToString(signature)
}

func alg(name string) string { return `{"alg":"` + name + `","typ":"JWT"}` }

// saying are claims that expire in an hour, after more of them.
func saying(more string) string {
	return fmt.Sprintf(`{%s,"exp":%d}`, more, time.Now().Add(time.Hour).Unix())
}

func mustIssuers(t testing.TB, list ...Issuer) *Issuers {
	t.Helper()
	for i := range list {
		if list[i].UsernameClaim == "" {
			list[i].UsernameClaim = "username"
		}
	}
	issuers, err := NewIssuers(list)
	if err != nil {
		t.Fatal(err)
	}
	return issuers
}

func TestJWTsOfEveryAlgorithmAreBelieved(t *testing.T) {
	t.Parallel()
	k := newKeys(t)
	a := openAccounts(t, openStore(t), Options{Issuers: mustIssuers(t,
		Issuer{Name: "hs", Key: k.secret},
		Issuer{Name: "rs", Key: &k.rsa.PublicKey},
		Issuer{Name: "es", Key: &k.ec.PublicKey},
		Issuer{Name: "ed", Key: k.ed.Public()},
	)})
	ada := mustSignUp(t, a, "Ada")
	for _, c := range []struct {
		algorithm, issuer string
		key               any
	}{{"HS256", "hs", k.secret}, {"RS256", "rs", k.rsa}, {"ES256", "es", k.ec}, {"EdDSA", "ed", k.ed}} {
		pass, err := a.Pass(t.Context(), sign(t, c.key, alg(c.algorithm), saying(`"username":"ADA"`)))
		if err != nil {
			t.Errorf("%s: %v", c.algorithm, err)
			continue
		}
		if until := time.Until(pass.Expires); pass.User != ada || pass.Issuer != c.issuer || until > time.Hour || until < time.Hour-time.Minute || pass.ID.IsZero() {
			t.Errorf("%s: %+v", c.algorithm, pass)
		}
	}
}

func TestJWTsAreRefusedForAReason(t *testing.T) {
	t.Parallel()
	k, other := newKeys(t), newKeys(t)
	st := openStore(t)
	a := openAccounts(t, st, Options{Issuers: mustIssuers(t,
		Issuer{Name: "site", Key: k.secret, Iss: "https://site.example"},
		Issuer{Name: "shop", Key: &k.rsa.PublicKey, Iss: "https://shop.example", Aud: "snug"},
		Issuer{Name: "wiki", Key: &k.ec.PublicKey, Iss: "https://wiki.example", UsernameClaim: "user_id"},
	)})
	mustSignUp(t, a, "ada")
	mustDisable(t, st, mustSignUp(t, a, "grace").ID)

	const iss = `"iss":"https://site.example","username":"ada"`
	const shop = `"iss":"https://shop.example","username":"ada"`
	at := func(claim string, after time.Duration) string {
		return fmt.Sprintf(`,"%s":%d`, claim, time.Now().Add(after).Unix())
	}
	site := func(claims string) string { return sign(t, k.secret, alg("HS256"), claims) }
	der, err := x509.MarshalPKIXPublicKey(&k.rsa.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	public := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	good := site(saying(iss))
	unsigned := good[:strings.LastIndexByte(good, '.')+1]
	if _, err := a.Pass(t.Context(), good); err != nil {
		t.Fatalf("the good one: %v", err)
	}

	for name, c := range map[string]struct{ token, want string }{
		"nothing":                   {"..", ReasonMalformed},
		"two parts":                 {"a.b", ReasonMalformed},
		"four parts":                {good + ".x", ReasonMalformed},
		"not base64":                {"!" + good, ReasonMalformed},
		"padded":                    {good + "=", ReasonMalformed},
		"header is no object":       {sign(t, k.secret, `[]`, saying(iss)), ReasonMalformed},
		"claims are no object":      {site(`"ada"`), ReasonMalformed},
		"iss is a number":           {site(saying(`"iss":1`)), ReasonMalformed},
		"critical extension":        {sign(t, k.secret, `{"alg":"HS256","crit":["b64"],"b64":false}`, saying(iss)), ReasonMalformed},
		"too long":                  {site(saying(iss + `,"x":"` + strings.Repeat("x", maxJWT) + `"`)), ReasonTooLong},
		"unknown issuer":            {site(saying(`"iss":"https://evil.example","username":"ada"`)), ReasonUnknownIssuer},
		"no issuer":                 {site(saying(`"username":"ada"`)), ReasonUnknownIssuer},
		"none":                      {sign(t, nil, alg("none"), saying(iss)), ReasonAlgorithm},
		"None":                      {sign(t, nil, alg("None"), saying(iss)), ReasonAlgorithm},
		"none with a signature":     {sign(t, k.secret, alg("none"), saying(iss)), ReasonAlgorithm},
		"no algorithm":              {sign(t, k.secret, `{}`, saying(iss)), ReasonAlgorithm},
		"algorithm is a list":       {sign(t, k.secret, `{"alg":["HS256"]}`, saying(iss)), ReasonAlgorithm},
		"longer hash":               {sign(t, k.secret, alg("HS512"), saying(iss)), ReasonAlgorithm},
		"PSS":                       {sign(t, k.rsa, alg("PS256"), saying(shop)), ReasonAlgorithm},
		"public key as secret":      {sign(t, public, alg("HS256"), saying(shop)), ReasonAlgorithm},
		"public DER as secret":      {sign(t, der, alg("HS256"), saying(shop)), ReasonAlgorithm},
		"key of another of ours":    {sign(t, k.rsa, alg("RS256"), saying(iss)), ReasonAlgorithm},
		"signed by another":         {sign(t, other.secret, alg("HS256"), saying(iss)), ReasonSignature},
		"RSA of another":            {sign(t, other.rsa, alg("RS256"), saying(shop)), ReasonSignature},
		"RSA with HS256 inside":     {sign(t, public, alg("RS256"), saying(shop)), ReasonSignature},
		"EC of another":             {sign(t, other.ec, alg("ES256"), saying(`"iss":"https://wiki.example","user_id":1`)), ReasonSignature},
		"no signature":              {unsigned, ReasonSignature},
		"zero EC signature":         {zeroEC(t), ReasonSignature},
		"other claims":              {swapClaims(good, saying(`"iss":"https://site.example","username":"root"`)), ReasonSignature},
		"key in the header":         {sign(t, other.ec, `{"alg":"ES256","jwk":`+jwk(&other.ec.PublicKey)+`}`, saying(`"iss":"https://wiki.example","user_id":1`)), ReasonSignature},
		"no expiry":                 {site(`{` + iss + `}`), ReasonNoExpiry},
		"expiry is null":            {site(`{` + iss + `,"exp":null}`), ReasonMalformed},
		"expiry is a text":          {site(`{` + iss + `,"exp":"tomorrow"}`), ReasonMalformed},
		"expiry in milliseconds":    {site(fmt.Sprintf(`{%s,"exp":%d000}`, iss, time.Now().Add(time.Hour).Unix())), ReasonMalformed},
		"expired":                   {site(`{` + iss + at("exp", -time.Hour) + `}`), ReasonExpired},
		"expired within the leeway": {site(`{` + iss + at("exp", -2*time.Second) + `}`), ReasonExpired},
		"expired long ago":          {site(`{` + iss + `,"exp":0}`), ReasonExpired},
		"not before":                {site(saying(iss + at("nbf", 40*time.Second))), ReasonNotYetValid},
		"issued later":              {site(saying(iss + at("iat", 40*time.Second))), ReasonNotYetValid},
		"nbf is a text":             {site(saying(iss + `,"nbf":"now"`)), ReasonMalformed},
		"no audience":               {sign(t, k.rsa, alg("RS256"), saying(shop)), ReasonAudience},
		"wrong audience":            {sign(t, k.rsa, alg("RS256"), saying(shop+`,"aud":"till"`)), ReasonAudience},
		"part of the audience":      {sign(t, k.rsa, alg("RS256"), saying(shop+`,"aud":["sn","ug"]`)), ReasonAudience},
		"refresh token":             {site(saying(iss + `,"token_type":"refresh"`)), ReasonRefresh},
		"no user name":              {site(saying(`"iss":"https://site.example","user_id":"ada"`)), ReasonNoName},
		"user name is empty":        {site(saying(`"iss":"https://site.example","username":""`)), ReasonNoName},
		"user name is a list":       {site(saying(`"iss":"https://site.example","username":["ada"]`)), ReasonNoName},
		"user name is a fraction":   {site(saying(`"iss":"https://site.example","username":1.5`)), ReasonNoName},
		"user name is impossible":   {site(saying(`"iss":"https://site.example","username":"a b"`)), ReasonNoName},
		"unknown user":              {site(saying(`"iss":"https://site.example","username":"nobody"`)), ReasonUnknownUser},
		"disabled user":             {site(saying(`"iss":"https://site.example","username":"Grace"`)), ReasonDisabledUser},
	} {
		pass, err := a.Pass(t.Context(), c.token)
		refused, ok := errors.AsType[*TokenError](err)
		if !ok || refused.Reason != c.want || pass != (Pass{}) {
			t.Errorf("%s: %+v, %v; want %s", name, pass, err, c.want)
		}
	}
}

// zeroEC is a token with the signature that careless verifiers of ECDSA take for everything.
func zeroEC(t *testing.T) string {
	t.Helper()
	token := sign(t, nil, alg("ES256"), saying(`"iss":"https://wiki.example","user_id":1`))
	return token + base64.RawURLEncoding.EncodeToString(make([]byte, 64))
}

// swapClaims puts other claims under a signature.
func swapClaims(token, claims string) string {
	parts := strings.Split(token, ".")
	parts[1] = base64.RawURLEncoding.EncodeToString([]byte(claims))
	return strings.Join(parts, ".")
}

// jwk is a key as a token's header may bring it along, which nobody must believe.
func jwk(key *ecdsa.PublicKey) string {
	point, err := key.Bytes()
	if err != nil {
		return "{}"
	}
	b64 := base64.RawURLEncoding
	return `{"kty":"EC","crv":"P-256","x":"` + b64.EncodeToString(point[1:33]) + `","y":"` + b64.EncodeToString(point[33:]) + `"}`
}

func TestJWTsWithinTheRulesAreBelieved(t *testing.T) {
	t.Parallel()
	k, newer := newKeys(t), newKeys(t)
	a := openAccounts(t, openStore(t), Options{Issuers: mustIssuers(t,
		Issuer{Name: "open", Key: k.secret, UsernameClaim: "user_id"},
		Issuer{Name: "shop", Key: &k.rsa.PublicKey, Iss: "https://shop.example", Aud: "snug"},
		Issuer{Name: "shop, new key", Key: &newer.rsa.PublicKey, Iss: "https://shop.example", Aud: "snug"},
	)})
	mustSignUp(t, a, "42")
	now := time.Now().Unix()
	shop := `"iss":"https://shop.example","username":"42"`
	for name, token := range map[string]string{
		"number as a name":      sign(t, k.secret, alg("HS256"), saying(`"user_id":42`)),
		"text as a name":        sign(t, k.secret, alg("HS256"), saying(`"user_id":"42","token_type":"access"`)),
		"any issuer":            sign(t, k.secret, alg("HS256"), saying(`"user_id":42,"iss":"https://any.example"`)),
		"no type":               sign(t, k.secret, `{"alg":"HS256"}`, saying(`"user_id":42`)),
		"fraction of a second":  sign(t, k.secret, alg("HS256"), fmt.Sprintf(`{"user_id":42,"exp":%d.75}`, now+60)),
		"clock a little ahead":  sign(t, k.secret, alg("HS256"), saying(fmt.Sprintf(`"user_id":42,"nbf":%d,"iat":%d`, now+20, now+20))),
		"one audience":          sign(t, k.rsa, alg("RS256"), saying(shop+`,"aud":"snug"`)),
		"among the audience":    sign(t, k.rsa, alg("RS256"), saying(shop+`,"aud":["till","snug"]`)),
		"the issuer's next key": sign(t, newer.rsa, alg("RS256"), saying(shop+`,"aud":"snug"`)),
	} {
		if pass, err := a.Pass(t.Context(), token); err != nil || pass.User.Name != "42" {
			t.Errorf("%s: %+v, %v", name, pass, err)
		}
	}
}

func TestJWTIssuersNeedAKeyOfAKnownKind(t *testing.T) {
	t.Parallel()
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	k := newKeys(t)
	for name, key := range map[string]any{
		"none": nil, "empty secret": []byte{}, "text": "secret", "other curve": &p384.PublicKey, "private": k.rsa, "short": ed25519.PublicKey{1},
	} {
		if _, err := NewIssuers([]Issuer{{Name: "site", Key: key, UsernameClaim: "username"}}); err == nil {
			t.Errorf("%s: taken as a key", name)
		}
	}
	if _, err := NewIssuers([]Issuer{{Name: "site", Key: k.secret}}); err == nil {
		t.Error("an issuer without a claim for the user name is taken")
	}
}

func TestJWTsMakeAccountsWithoutAPasswordWhereTheyMay(t *testing.T) {
	t.Parallel()
	k := newKeys(t)
	var log lockedBuffer
	a := openAccounts(t, openStore(t), Options{
		Issuers: mustIssuers(t, Issuer{Name: "site", Key: k.secret, CreateUsers: true}),
		Logger:  slog.New(slog.NewTextHandler(&log, nil)),
	})
	token := sign(t, k.secret, alg("HS256"), saying(`"username":"Ada","admin":true`))
	var all sync.WaitGroup
	users := make([]User, 20)
	for i := range users {
		all.Go(func() {
			pass, err := a.Pass(t.Context(), token)
			if err != nil {
				t.Error(err)
			}
			users[i] = pass.User
		})
	}
	all.Wait()
	for _, u := range users {
		if u != users[0] || u.Name != "Ada" || u.Admin {
			t.Errorf("made %+v and %+v", users[0], u)
		}
	}
	if n, err := a.Count(t.Context()); n != 1 || err != nil {
		t.Errorf("there are %d accounts, %v", n, err)
	}
	for _, password := range []string{"", goodPassword, "!"} {
		if _, err := a.LogIn(t.Context(), "ada", password, "192.0.2.1"); !errors.Is(err, ErrCredentials) {
			t.Errorf("log in with the password %q: %v", password, err)
		}
	}
	if strings.Count(log.String(), "by a token of ") != 1 || strings.Contains(log.String(), token) {
		t.Errorf("the log says:\n%s", log.String())
	}
	for _, name := range []string{"a b", "-", strings.Repeat("x", 500)} {
		_, err := a.Pass(t.Context(), sign(t, k.secret, alg("HS256"), saying(`"username":"`+name+`"`)))
		if refused, ok := errors.AsType[*TokenError](err); !ok || refused.Reason != ReasonNoName {
			t.Errorf("%.10q: %v", name, err)
		}
	}
}

func TestJWTsAreRefusedWithoutIssuers(t *testing.T) {
	t.Parallel()
	a := openAccounts(t, openStore(t), Options{})
	_, err := a.Pass(t.Context(), sign(t, nil, alg("none"), saying(`"username":"ada"`)))
	if refused, ok := errors.AsType[*TokenError](err); !ok || refused.Reason != ReasonUnknownIssuer {
		t.Errorf("%v", err)
	}
}

// lockedBuffer is a log that several goroutines write.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// A site's user does not get the name that somebody here had until now, and the operator learns why.
func TestJWTGetsNoNameThatIsKeptForSomebodyElse(t *testing.T) {
	t.Parallel()
	k := newKeys(t)
	a := openAccounts(t, openStore(t), Options{Issuers: mustIssuers(t, Issuer{Name: "site", Key: k.secret, CreateUsers: true})})
	ada := mustSignUp(t, a, "ada")
	if _, err := a.Rename(t.Context(), Actor{}, ada.ID, "countess"); err != nil {
		t.Fatal(err)
	}
	_, err := a.Pass(t.Context(), sign(t, k.secret, alg("HS256"), saying(`"username":"ada"`)))
	if refused, ok := errors.AsType[*TokenError](err); !ok || refused.Reason != ReasonKeptName || refused.User != "ada" {
		t.Errorf("refused: %+v, want %s", err, ReasonKeptName)
	}
}
