package cluster

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// joinBy has the node of dir join by an invitation.
func joinBy(tb testing.TB, inviting *node, dir string) error {
	tb.Helper()
	tok, err := inviting.Invite(time.Hour)
	if err != nil {
		tb.Fatal(err)
	}
	return Join(tb.Context(), tok, dir)
}

func TestJoinByToken(t *testing.T) {
	t.Parallel()
	a := open(t, newDir(t, NewSecret()))
	tok, err := a.Invite(time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(tok, " \n+/=") {
		t.Errorf("token %q is not one word", tok)
	}
	dir := t.TempDir()
	if err := Join(t.Context(), tok[:20]+"\n  "+tok[20:], dir); err != nil {
		t.Fatal(err)
	}
	b := open(t, dir) // with no seeds
	whole(t, a, b)
	for _, name := range []string{secretFile, stateFile, peersFile, idFile} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
	if err := Join(t.Context(), tok, t.TempDir()); !errors.Is(err, ErrRefused) {
		t.Errorf("used twice: %v", err)
	}
	if tok, err = a.Invite(time.Hour); err != nil {
		t.Fatal(err)
	}
	other := newDir(t, NewSecret())
	before, err := os.ReadFile(filepath.Join(other, secretFile))
	if err != nil {
		t.Fatal(err)
	}
	if err := Join(t.Context(), tok, other); !errors.Is(err, ErrSecretExists) {
		t.Errorf("over the secret of another cluster: %v", err)
	}
	if after, err := os.ReadFile(filepath.Join(other, secretFile)); err != nil || string(after) != string(before) {
		t.Errorf("the secret of the other cluster is gone (%v)", err)
	}
	if err := Join(t.Context(), tok, t.TempDir()); err != nil {
		t.Errorf("the invitation is used up by a machine that it is not for: %v", err)
	}
	// The third knows both, though it asked only one.
	dir = t.TempDir()
	if err := joinBy(t, b, dir); err != nil {
		t.Fatal(err)
	}
	b.Close()
	whole(t, a, open(t, dir))
}

// Who was away while the secret was replaced is told to join again, which must be all that it takes.
func TestJoinAgainGetsTheNewSecret(t *testing.T) {
	t.Parallel()
	a := open(t, newDir(t, NewSecret()))
	dir := t.TempDir()
	if err := joinBy(t, a, dir); err != nil {
		t.Fatal(err)
	}
	b := open(t, dir)
	whole(t, a, b)
	id := b.ID()
	b.Close()
	eventually(t, 10*time.Second, func() bool { return a.Forget(id) == nil })
	if err := a.Rotate(); err != nil {
		t.Fatal(err)
	}
	eventually(t, 10*time.Second, func() bool { all, _ := a.keys.held(); return len(all) == 1 && a.Rotation().Stage == "" })
	if err := joinBy(t, a, dir); err != nil {
		t.Fatal(err)
	}
	if b = open(t, dir); b.ID() != id {
		t.Error("it is another node now")
	}
	whole(t, a, b)
}

// Who was there when the secret was replaced keeps it, whoever invites.
func TestJoiningNeverGoesBackToAnOlderSecret(t *testing.T) {
	t.Parallel()
	old := NewSecret()
	away := open(t, newDir(t, old))
	for name, test := range map[string]struct {
		here []key
		want error
	}{
		"replaced":       {here: []key{{gen: 1, secret: NewSecret()}}, want: ErrOlderSecret},
		"being replaced": {here: []key{{secret: old}, {gen: 1, secret: NewSecret()}}},
	} {
		dir := newDir(t, test.here[0].secret)
		ks := &keys{dir: dir, cluster: clusterID(old), all: test.here, primary: test.here[len(test.here)-1]}
		if err := ks.saveLocked(); err != nil {
			t.Fatal(err)
		}
		if err := joinBy(t, away, dir); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
		after, err := loadKeys(dir)
		if err != nil || !slices.Equal(after.all, test.here) || after.primary != ks.primary {
			t.Errorf("%s: kept is %v, %v, want %v", name, after, err, test.here)
		}
	}
}

// Which of its keys a node used cannot be known once cluster.key is lost: it takes those of the node that invites, but none that were given up.
func TestJoiningWithoutTheLostSecret(t *testing.T) {
	t.Parallel()
	old := NewSecret()
	inviting := open(t, newDir(t, old))
	for name, test := range map[string]struct {
		cluster string
		here    []key
		want    error
	}{
		"the same secret":   {clusterID(old), []key{{secret: old}}, nil},
		"no keys":           {clusterID(old), nil, nil},
		"being replaced":    {clusterID(old), []key{{secret: old}, {gen: 1, secret: NewSecret()}}, nil},
		"replaced":          {clusterID(old), []key{{gen: 1, secret: NewSecret()}}, ErrOlderSecret},
		"of other clusters": {clusterID(NewSecret()), []key{{secret: NewSecret()}}, ErrSecretExists},
	} {
		dir := t.TempDir()
		if err := (&keys{dir: dir, cluster: test.cluster, all: test.here}).saveStateLocked(); err != nil {
			t.Fatal(err)
		}
		if !HasCluster(dir) {
			t.Errorf("%s: nobody knows which cluster it is in", name)
		}
		if err := joinBy(t, inviting, dir); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
		after, err := readSecret(dir)
		if test.want == nil && after != old || test.want != nil && !errors.Is(err, ErrNoSecret) {
			t.Errorf("%s: the secret is %v, %v", name, after, err)
		}
	}
}

// A list of those whom it met names the cluster, too: that is enough to join it again, and no other one.
func TestJoiningWithTheListOfPeersAlone(t *testing.T) {
	t.Parallel()
	inviting := open(t, newDir(t, NewSecret()))
	met := []savedPeer{{ID: randomHex(idDigits / 2)}}
	for name, test := range map[string]struct {
		cluster string
		peers   []savedPeer
		known   bool
		want    error
	}{
		"this cluster":             {inviting.Cluster(), met, true, nil},
		"another one":              {clusterID(NewSecret()), met, true, ErrSecretExists},
		"another one, with nobody": {clusterID(NewSecret()), []savedPeer{}, false, nil},
		"nobody knows":             {"", met, false, nil},
	} {
		dir := t.TempDir()
		if err := savePeers(dir, test.cluster, test.peers); err != nil {
			t.Fatal(err)
		}
		if HasCluster(dir) != test.known {
			t.Errorf("%s: the directory tells its cluster: %v", name, !test.known)
		}
		if err := joinBy(t, inviting, dir); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
	}
}

func TestBadTokens(t *testing.T) {
	t.Parallel()
	a := open(t, newDir(t, NewSecret()))
	good, err := a.Invite(time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	change := func(f func(*token)) string {
		tok, err := parseToken(good)
		if err != nil {
			t.Fatal(err)
		}
		f(&tok)
		return tok.encode()
	}
	for name, c := range map[string]struct {
		token string
		want  error
	}{
		"empty":         {"", ErrToken},
		"cut off":       {good[:len(good)-10], ErrToken},
		"not ours":      {"eyJhbGciOiJIUzI1NiJ9", ErrToken},
		"long":          {strings.Repeat("x", 1<<16), ErrToken},
		"expired":       {change(func(t *token) { t.Expires = 1 }), ErrExpired},
		"wrong code":    {change(func(t *token) { t.Code[0]++ }), ErrRefused},
		"wrong machine": {change(func(t *token) { t.Fingerprint[0]++ }), ErrOtherNode},
		"nobody there":  {change(func(t *token) { t.Addresses = []string{"127.0.0.1:1", "127.0.0.1:2"} }), ErrNotReached},
		"no address":    {change(func(t *token) { t.Addresses = nil }), ErrToken},
		"a name":        {change(func(t *token) { t.Addresses = []string{"example.org:80"} }), ErrToken},
	} {
		dir := t.TempDir()
		if err := Join(t.Context(), c.token, dir); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := os.Stat(filepath.Join(dir, secretFile)); err == nil {
			t.Errorf("%s: there is a secret", name)
		}
	}
	if err := Join(t.Context(), good, t.TempDir()); err != nil {
		t.Errorf("the good one: %v", err)
	}
	if _, err := a.Invite(-time.Second); err == nil {
		t.Error("an invitation into the past")
	}
}

func TestWrongCodesKeepNobodyFromJoining(t *testing.T) {
	t.Parallel()
	a := open(t, newDir(t, NewSecret()))
	token, err := a.Invite(time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	guess, err := parseToken(token)
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		guess.Code[0]++
		if err := Join(t.Context(), guess.encode(), t.TempDir()); !errors.Is(err, ErrRefused) {
			t.Fatalf("a wrong code: %v", err)
		}
	}
	if err := Join(t.Context(), token, t.TempDir()); err != nil {
		t.Errorf("the right code right after many wrong ones: %v", err)
	}
}

func TestRotation(t *testing.T) {
	t.Parallel()
	nodes := ring(t, 3, calm)
	a, b, c := nodes[0], nodes[1], nodes[2]
	old := a.Key("cookies")
	_, e := a.listen("x")
	b.listen("x")
	before := e.up(t, b.ID())

	if err := a.Rotate(); err != nil {
		t.Fatal(err)
	}
	eventually(t, 10*time.Second, func() bool {
		return !slices.ContainsFunc(nodes, func(n *node) bool {
			return n.Rotation().Stage != NotRotating || string(n.Key("cookies")) == string(old) || string(n.Key("cookies")) != string(a.Key("cookies"))
		})
	})
	if !slices.Equal(e.from(b.ID()), before) {
		t.Error("a link broke")
	}
	never(t, 2*time.Second, func() bool { return a.see(b.ID()).State != Alive || b.see(c.ID()).State != Alive })
	// With the new one alone, a node that starts anew is a member; one that has the old one alone is not.
	b.Close()
	again := open(t, b.dir, calm)
	whole(t, a, again, c)
}

func TestRotationWaitsForWhoIsAway(t *testing.T) {
	t.Parallel()
	nodes := ring(t, 3)
	a, b, c := nodes[0], nodes[1], nodes[2]
	settled := func() bool { // everybody has said what keys it has
		return !slices.ContainsFunc(nodes, func(n *node) bool {
			n.mu.RLock()
			defer n.mu.RUnlock()
			for _, r := range n.records {
				if r.newest == "" {
					return true
				}
			}
			return false
		})
	}
	eventually(t, 5*time.Second, settled)
	c.Close()
	eventually(t, 10*time.Second, func() bool { return a.see(c.ID()).State == Dead })
	if err := b.Rotate(); err != nil {
		t.Fatal(err)
	}
	if err := b.Rotate(); !errors.Is(err, ErrRotating) {
		t.Fatal(err)
	}
	eventually(t, 5*time.Second, func() bool { return slices.Equal(b.Rotation().Waiting, []string{c.ID()}) })
	never(t, time.Second, func() bool { return a.Rotation().Stage == Switching })
	// Even a restart in the middle.
	b.Close()
	b = open(t, b.dir)
	whole(t, a, b)
	c = open(t, c.dir)
	nodes = []*node{a, b, c}
	whole(t, nodes...)
	eventually(t, 10*time.Second, func() bool {
		return !slices.ContainsFunc(nodes, func(n *node) bool { return n.Rotation().Stage != NotRotating })
	})

	c.Close()
	eventually(t, 10*time.Second, func() bool { return a.see(c.ID()).State == Dead && b.see(c.ID()).State == Dead })
	if err := a.Rotate(); err != nil {
		t.Fatal(err)
	}
	eventually(t, 5*time.Second, func() bool { return a.Forget(c.ID()) == nil })
	eventually(t, 10*time.Second, func() bool { return a.Rotation().Stage == NotRotating && b.Rotation().Stage == NotRotating })
	c = open(t, c.dir)
	seedTrouble(t, c, a.Addr(), WrongSecret)
}
