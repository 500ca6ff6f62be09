package cluster

import (
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestSecretFileIsChecked(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		data []byte
		mode os.FileMode
		want string
	}{
		"short":    {make([]byte, 31), 0o600, "31 bytes"},
		"long":     {make([]byte, 33), 0o600, "33 bytes"},
		"zeros":    {make([]byte, 32), 0o600, "zeros"},
		"group":    {[]byte(strings.Repeat("x", 32)), 0o640, "chmod 600"},
		"everyone": {[]byte(strings.Repeat("x", 32)), 0o604, "chmod 600"},
	} {
		dir := t.TempDir()
		path := filepath.Join(dir, secretFile)
		if err := os.WriteFile(path, c.data, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, c.mode); err != nil {
			t.Fatal(err)
		}
		_, err := Open(t.Context(), Options{Dir: dir, Bind: "127.0.0.1:0"})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Open(t.Context(), Options{Dir: t.TempDir()}); !errors.Is(err, ErrNoSecret) {
		t.Errorf("no secret: %v", err)
	}
}

func TestCreateSecretOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := CreateSecret(dir); err != nil {
		t.Fatal(err)
	}
	s, err := readSecret(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := CreateSecret(dir); !errors.Is(err, ErrSecretExists) {
		t.Errorf("twice: %v", err)
	}
	if again, err := readSecret(dir); again != s || err != nil {
		t.Errorf("the secret changed, %v", err)
	}
	if text := s.String(); strings.Contains(text, hex.EncodeToString(s[:4])) {
		t.Errorf("%s tells the secret", text)
	}
}

// A second cluster begins by nobody's oversight: who has met others and lacks the secret gets no new one.
func TestNewSecretOnlyForWhoNeverMetOthers(t *testing.T) {
	t.Parallel()
	const id = `"00112233445566778899aabbccddeeff"`
	const list, state = `[{"id": ` + id + `}]`, `{"cluster": ` + id + `}`
	const met, nobody = `{"cluster": ` + id + `, "peers": ` + list + `}`, `{"cluster": ` + id + `, "peers": []}`
	for name, c := range map[string]struct {
		files map[string]string
		want  error
	}{
		"new":                           {},
		"stopped once":                  {map[string]string{peersFile: nobody}, nil},
		"replaced its secret alone":     {map[string]string{peersFile: nobody, stateFile: state}, nil},
		"met others":                    {map[string]string{peersFile: met, stateFile: state}, ErrNoSecret},
		"met others, without the state": {map[string]string{peersFile: met}, ErrNoSecret},
		"an older list":                 {map[string]string{peersFile: list}, ErrNoSecret},
		"an older list of nobody":       {map[string]string{peersFile: "[]"}, nil},
		"joined, without the list":      {map[string]string{stateFile: state}, ErrNoSecret},
		"a damaged list":                {map[string]string{peersFile: "{"}, ErrNoSecret},
	} {
		dir := t.TempDir()
		for file, data := range c.files {
			if err := os.WriteFile(filepath.Join(dir, file), []byte(data), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		err := CreateSecret(dir)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
		if _, found := os.Stat(filepath.Join(dir, secretFile)); missing(found) != (c.want != nil) {
			t.Errorf("%s: the secret: %v", name, found)
		}
		if c.want == nil {
			continue
		}
		for file := range c.files {
			if !strings.Contains(err.Error(), filepath.Join(dir, file)) {
				t.Errorf("%s: the error does not name %s: %v", name, file, err)
			}
		}
	}
}

func TestKeysDifferByPurpose(t *testing.T) {
	t.Parallel()
	s := NewSecret()
	a, again, b := s.Key("a"), s.Key("a"), s.Key("b")
	if string(a) == string(b) || string(a) != string(again) || len(a) != 32 {
		t.Error("keys are not by purpose")
	}
}

func TestNodeIDStays(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a, err := nodeID(dir)
	if err != nil || !validID(a) {
		t.Fatal(a, err)
	}
	if b, err := nodeID(dir); b != a || err != nil {
		t.Fatal(b, err)
	}
	if err := os.WriteFile(filepath.Join(dir, idFile), []byte("host1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := nodeID(dir); err == nil {
		t.Error("a host name is no id")
	}
}

func TestMetaFitsIntoGossip(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		strings.Repeat("<&>", 100), strings.Repeat("\"\\", 100), strings.Repeat("\u2028", 100), strings.Repeat("\x00\x1f\x7f", 100),
		strings.Repeat("\xff", 100), strings.Repeat("名", 100),
	} {
		m := meta{Protocol: protocolRange{1 << 30, 1 << 31}, Name: tidyName(name), Version: tidyName(name), Life: 1<<64 - 1}
		b := m.encode()
		if len(b) > 512 {
			t.Errorf("%q takes %d bytes", name[:6], len(b))
		}
		got, err := decodeMeta(b)
		if err != nil || got != m || !utf8.ValidString(got.Name) {
			t.Errorf("%q became %+v, %v", name[:6], got, err)
		}
	}
}

func TestProtocolsInCommon(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b protocolRange
		want int
	}{
		{protocolRange{1, 1}, protocolRange{1, 1}, 1},
		{protocolRange{1, 3}, protocolRange{2, 5}, 3},
		{protocolRange{1, 2}, protocolRange{3, 4}, 0},
		{protocolRange{1, 1}, protocolRange{}, 0},
	} {
		if got, back := c.a.common(c.b), c.b.common(c.a); got != c.want || back != c.want {
			t.Errorf("%v and %v have %d and %d in common", c.a, c.b, got, back)
		}
	}
}

func TestKeysOnlyGoForward(t *testing.T) {
	t.Parallel()
	dir := newDir(t, NewSecret())
	ks, err := loadKeys(dir)
	if err != nil {
		t.Fatal(err)
	}
	first, cluster := ks.primary, ks.cluster
	next := key{gen: 1, secret: NewSecret()}
	if added, err := ks.add([]key{next}); !added || err != nil {
		t.Fatal(added, err)
	}
	if err := ks.use(); err != nil {
		t.Fatal(err)
	}
	if ks, err = loadKeys(dir); err != nil || ks.primary != next || len(ks.all) != 2 {
		t.Fatalf("read back as %d keys, %v", len(ks.all), err)
	}
	if err := ks.drop(); err != nil {
		t.Fatal(err)
	}
	if added, err := ks.add([]key{first, next}); added || err != nil {
		t.Error("an old key came back", err)
	}
	if ks, err = loadKeys(dir); err != nil || ks.primary != next || len(ks.all) != 1 || ks.cluster != cluster {
		t.Fatalf("read back as %+v, %v", ks, err)
	}
	var more []key
	for range 10 {
		more = append(more, key{gen: 2, secret: NewSecret()})
	}
	if _, err := ks.add(more); err != nil || len(ks.all) != maxKeys {
		t.Errorf("%d keys, %v", len(ks.all), err)
	}
}

func TestCrashBetweenTheFilesOfARotation(t *testing.T) {
	t.Parallel()
	dir := newDir(t, NewSecret())
	old, err := os.ReadFile(filepath.Join(dir, secretFile))
	if err != nil {
		t.Fatal(err)
	}
	ks, err := loadKeys(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ks.add([]key{{gen: 1, secret: NewSecret()}}); err != nil {
		t.Fatal(err)
	}
	if err := ks.use(); err != nil {
		t.Fatal(err)
	}
	if err := writePrivate(filepath.Join(dir, secretFile), old); err != nil { // as if the second file had not been written
		t.Fatal(err)
	}
	again, err := loadKeys(dir)
	if err != nil || len(again.all) != 2 || again.primary.secret != Secret(old) || again.cluster != ks.cluster {
		t.Errorf("read back as %+v, %v", again, err)
	}
}

func TestClockTakesTheShortestRoundTrip(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	c := newClock(func() time.Time { return now })
	if _, ok := c.best(); ok {
		t.Error("measured before the first ping")
	}
	ahead := uint64(time.Hour)
	sent := c.ping()
	c.pong(sent, sent+ahead, sent+ahead)
	c.pong(sent, sent, sent)    // answered twice
	c.pong(12345, 12345, 12345) // never asked
	s, ok := c.best()
	if !ok || s.diff != time.Hour || c.count != 1 {
		t.Errorf("measured %+v of %d", s, c.count)
	}
}

func TestAddressesGetThePort(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"a": "a:7846", "a:1": "a:1", "10.0.0.1": "10.0.0.1:7846", "::1": "[::1]:7846", "[::1]": "[::1]:7846", "[::1]:5": "[::1]:5",
	} {
		if got := withPort(in); got != want {
			t.Errorf("%s became %s", in, got)
		}
	}
}

func TestAdvertisedAddressIsOneToReach(t *testing.T) {
	t.Parallel()
	secret := NewSecret()
	for _, c := range []struct{ bind, advertise, want string }{
		{"127.0.0.1:0", "", "127.0.0.1"},
		{"0.0.0.0:0", "10.1.2.3", "10.1.2.3"},
		{"0.0.0.0:0", "10.1.2.3:99", "10.1.2.3"},
		{"0.0.0.0:0", "localhost", ""},
		{"0.0.0.0:0", "", ""},
	} {
		n := open(t, newDir(t, secret), func(o *Options) { o.Bind, o.Advertise = c.bind, c.advertise })
		host, port, err := splitAddr(n.Addr())
		if err != nil || c.want != "" && host != c.want || host == "0.0.0.0" || port == 0 || c.advertise == "10.1.2.3:99" && port != 99 {
			t.Errorf("%+v advertises %s", c, n.Addr())
		}
	}
	_, err := Open(t.Context(), Options{Dir: newDir(t, secret), Bind: "127.0.0.1:0", Advertise: "0.0.0.0"})
	if err == nil {
		t.Error("0.0.0.0 was advertised")
	}
}

// A node that was started while another one was away must not believe for ever that that one had said goodbye.
func TestPeersFileSaysThatANodeIsBack(t *testing.T) {
	t.Parallel()
	nodes := ring(t, 2)
	a, b := nodes[0], nodes[1]
	whole(t, a, b)
	saysLeft := func() bool {
		saved, err := readPeers(a.dir)
		return err == nil && saved != nil && len(saved.Peers) == 1 && saved.Peers[0].Left
	}
	if err := b.Leave(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.Close()
	eventually(t, 5*time.Second, saysLeft)
	whole(t, a, open(t, b.dir, func(o *Options) { o.Bind = b.Addr() })) // nothing else is new about it
	eventually(t, 5*time.Second, func() bool { return !saysLeft() })
}
