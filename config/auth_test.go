package config

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// canary is a secret that must show up nowhere.
const canary = "canary-tall-blue-kettle-on-the-stove"

func newES256(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	return newEC(t, elliptic.P256())
}

func newEC(t *testing.T, curve elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func newRSA(t *testing.T, bits int) *rsa.PrivateKey {
	t.Helper()
	if bits < 2048 {
		t.Setenv("GODEBUG", "rsa1024min=0")
	}
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func writeKey(t *testing.T, key crypto.PublicKey) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return writePEM(t, "PUBLIC KEY", der)
}

func writePEM(t *testing.T, kind string, der []byte) string {
	t.Helper()
	return writeFile(t, string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})))
}

func writeFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestJWTIssuersComeFromTheFile(t *testing.T) {
	es, old := newES256(t), newRSA(t, 2048)
	public, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	e, err := load(t, `[[auth.jwt]]
name = "site"
secret_file = "`+writeFile(t, canary+"\r\n")+`"
username_claim = "user_id"
create_users = true

[[ auth . jwt ]] # another
name = "shop"
algorithm = "ES256"
public_key_file = "`+writeKey(t, es.Public())+`"
issuer = "https://shop.example"
audience = "snug"

[[auth.jwt]]
name = "shop before"
algorithm = "RS256"
public_key_file = "`+writePEM(t, "RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(&old.PublicKey))+`"

[[auth.jwt]]
name = "wiki"
algorithm = "EdDSA"
public_key_file = "`+writeKey(t, public)+`"
`, nil)
	if err != nil {
		t.Fatal(err)
	}
	all := e.Auth.JWT
	if len(all) != 4 {
		t.Fatalf("there are %d issuers", len(all))
	}
	if key, ok := all[0].Key.([]byte); !ok || string(key) != canary || all[0].UsernameClaim != "user_id" || !all[0].CreateUsers {
		t.Errorf("the first is %+v", all[0])
	}
	if key, ok := all[1].Key.(*ecdsa.PublicKey); !ok || !key.Equal(es.Public()) || all[1].Issuer != "https://shop.example" ||
		all[1].Audience != "snug" || all[1].UsernameClaim != "username" || all[1].CreateUsers {
		t.Errorf("the second is %+v", all[1])
	}
	if key, ok := all[2].Key.(*rsa.PublicKey); !ok || !key.Equal(old.Public()) {
		t.Errorf("the third is %+v", all[2])
	}
	if key, ok := all[3].Key.(ed25519.PublicKey); !ok || !key.Equal(public) {
		t.Errorf("the fourth is %+v", all[3])
	}
}

func TestKeyFilesLieBesideTheConfigurationFile(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"site.secret": canary,
		"snug.toml":   "[[auth.jwt]]\nname = \"site\"\nsecret_file = \"site.secret\"\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(t.TempDir())
	if err := CheckFile(filepath.Join(dir, "snug.toml")); err != nil {
		t.Error(err)
	}
}

func TestPrintHidesJWTSecrets(t *testing.T) {
	secretFile := writeFile(t, canary)
	e, err := load(t, "[log]\nlevel = \"warn\"\n[[auth.jwt]]\nname = \"site\"\nsecret = \""+canary+"\"\n\n[[auth.jwt]]\nname = \"shop\"\nsecret_file = \""+secretFile+"\"\n", nil)
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	if err := e.Print(&text); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(text.String(), "canary") {
		t.Errorf("the secret is printed:\n%s", text.String())
	}
	for _, want := range []string{"\n[[auth.jwt]]\nname = \"site\"", "# snug.toml:5\n", "# snug.toml:8\n", "create_users = false"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("%q is not printed:\n%s", want, text.String())
		}
	}
	if _, err := load(t, text.String(), nil); err == nil || !strings.Contains(err.Error(), "auth.jwt.secret: must be a text of at least 32 bytes") {
		t.Errorf("what was printed loads without its secret: %v", err)
	}
}

func TestProblemsOfJWTIssuers(t *testing.T) {
	public := writeKey(t, newES256(t).Public())
	rsaKey := newRSA(t, 2048)
	private := writePEM(t, "RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsaKey))
	const head = "[[auth.jwt]]\nname = \"site\"\n"
	const good = head + "secret = \"" + canary + "\"\n"
	asym := func(algorithm, path string) string {
		return head + "algorithm = \"" + algorithm + "\"\npublic_key_file = \"" + path + "\"\n"
	}
	for name, c := range map[string]struct{ file, want string }{
		"misspelt key":         {good + "sekret_file = \"x\"\n", "snug.toml:4: auth.jwt.sekret_file: there is no such key; did you mean auth.jwt.secret_file?"},
		"in the second":        {good + "\n" + strings.Replace(good, "site", "shop", 1) + "banana = 1\n", "snug.toml:8: auth.jwt.banana: there is no such key; "},
		"in the first of two":  {good + "audience = 1\n\n" + strings.Replace(good, "site", "shop", 1) + "audience = \"x\"\n", "snug.toml:4: auth.jwt.audience: must be a text of at most 256 characters; it is 1"},
		"under a quoted head":  {"[log]\nlevel = \"info\"\n[[\"auth\".jwt]]\nname = 1\n", "snug.toml:3: auth.jwt.name: must be a text of at most 256 characters; it is 1"},
		"a head in a text":     {good + "audience = \"\"\"\n[[auth.jwt]]\n\"\"\"\n", "snug.toml:1: auth.jwt.audience: must be a text of at most 256 characters; "},
		"misspelt list":        {"[[auth.jwts]]\nname = \"x\"\n", "snug.toml:1: auth.jwts: there is no such key; did you mean auth.jwt?"},
		"one table":            {"[auth.jwt]\nname = \"x\"\n", "snug.toml:1: auth.jwt: must be tables: write [[auth.jwt]] above each, and its keys under it"},
		"a word":               {"[auth]\njwt = \"" + canary + "\"\n", "snug.toml:2: auth.jwt: must be tables: "},
		"auth as value":        {"auth = \"" + canary + "\"\n", "snug.toml:1: auth: must be a table: write [auth], and its keys under it"},
		"no name":              {"[[auth.jwt]]\nsecret = \"" + canary + "\"\n", "snug.toml:1: auth.jwt.name: must be given, for the log"},
		"same name":            {good + good, "snug.toml:5: auth.jwt.name: there are two called \"site\": give each a name of its own"},
		"no algorithm":         {head + "algorithm = \"none\"\n", "snug.toml:3: auth.jwt.algorithm: must be \"HS256\" or \"RS256\" or \"ES256\" or \"EdDSA\"; it is \"none\""},
		"no claim":             {good + "username_claim = \"\"\n", "snug.toml:4: auth.jwt.username_claim: must be the name of a claim"},
		"word for yes":         {good + "create_users = \"yes\"\n", "snug.toml:4: auth.jwt.create_users: must be true or false; it is \"yes\""},
		"nothing to verify":    {head, "snug.toml:1: auth.jwt.secret: must be given for HS256, or secret_file"},
		"short secret":         {head + "secret = \"canary\"\n", "snug.toml:3: auth.jwt.secret: must be a text of at least 32 bytes"},
		"number for secret":    {head + "secret = 314159\n", "snug.toml:3: auth.jwt.secret: must be a text of at least 32 bytes"},
		"secret without quote": {head + "secret = " + canary + "\n", "snug.toml:3: auth.jwt.secret: must be a text in quotes"},
		"secret on two lines":  {head + "secret = \"" + canary + "\nx\"\n", "snug.toml:3: auth.jwt.secret: must be a text in quotes"},
		"bad escape":           {head + "secret = \"" + canary + "\\q\"\n", "snug.toml:3: auth.jwt.secret: must be a text in quotes"},
		"two secrets":          {good + "secret_file = \"/x\"\n", "snug.toml:4: auth.jwt.secret_file: must not be given beside secret"},
		"short secret in file": {head + "secret_file = \"" + writeFile(t, "canary\n") + "\"\n", "snug.toml:3: auth.jwt.secret_file: must hold at least 32 bytes; it has 6"},
		"missing file":         {head + "secret_file = \"/no/such\"\n", "snug.toml:3: auth.jwt.secret_file: /no/such cannot be read: no such file or directory"},
		"directory":            {head + "secret_file = \"/etc\"\n", "snug.toml:3: auth.jwt.secret_file: /etc is not a file"},
		"public as secret":     {head + "secret_file = \"" + public + "\"\n", "snug.toml:3: auth.jwt.secret_file: must be a secret that only the site and Snug know; this is a key in PEM form, for another algorithm"},
		"key for HS256":        {head + "public_key_file = \"" + public + "\"\n", "snug.toml:3: auth.jwt.public_key_file: is not for HS256, which takes secret or secret_file: whoever knows a public key could sign with it"},
		"secret for ES256":     {good + "algorithm = \"ES256\"\n", "snug.toml:3: auth.jwt.secret: is for HS256; ES256 takes public_key_file"},
		"no key for EdDSA":     {head + "algorithm = \"EdDSA\"\n", "snug.toml:1: auth.jwt.public_key_file: must be given for EdDSA"},
		"another kind":         {asym("RS256", public), "snug.toml:4: auth.jwt.public_key_file: " + public + " holds another kind of key than RS256 needs, which is an RSA key"},
		"another curve":        {asym("ES256", writeKey(t, newEC(t, elliptic.P384()).Public())), "snug.toml:4: auth.jwt.public_key_file: "},
		"short RSA":            {asym("RS256", writeKey(t, newRSA(t, 1024).Public())), "snug.toml:4: auth.jwt.public_key_file: "},
		"private key":          {asym("RS256", private), "snug.toml:4: auth.jwt.public_key_file: " + private + " holds a private key: that stays with the site, give Snug the public one"},
		"no key in the file":   {asym("EdDSA", writeFile(t, canary)), "snug.toml:4: auth.jwt.public_key_file: "},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := load(t, c.file, nil)
			if err == nil {
				t.Fatal("no problem was found")
			}
			if !strings.HasPrefix(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got  %s\nwant %s", err, c.want)
			}
			if strings.Contains(err.Error(), "canary") {
				t.Errorf("the problem tells the secret: %s", err)
			}
		})
	}
}

func TestJWTIssuersStandOnlyInTheFile(t *testing.T) {
	_, err := load(t, "", []string{"SNUG_AUTH_JWT_SECRET=" + canary}, Setting{"--set", "auth.jwt.secret", canary})
	const want = "environment: SNUG_AUTH_JWT_SECRET: stands only in the configuration file, under [[auth.jwt]]\n" +
		"flag: --set auth.jwt.secret: stands only in the configuration file, under [[auth.jwt]]"
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}
