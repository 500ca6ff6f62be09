package cluster

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func TestAddressForBrowsersIsKnownToAll(t *testing.T) {
	t.Parallel()
	nodes := ring(t, 2)
	a, b := nodes[0], nodes[1]
	knows := func(n *node, other *node, url string) func() bool {
		return func() bool { return n.see(other.ID()).URL == url }
	}
	for _, url := range []string{"http://192.0.2.1:8000/", "https://attic.example/snug/", ""} {
		if err := a.Announce(url); err != nil {
			t.Fatal(err)
		}
		eventually(t, 5*time.Second, knows(b, a, url))
	}
	if err := a.Announce("http://192.0.2.1:8000/"); err != nil {
		t.Fatal(err)
	}
	late := open(t, newDir(t, a.keys.primary.secret), seeds(b))
	eventually(t, 15*time.Second, knows(late, a, "http://192.0.2.1:8000/"))
	if err := a.Announce("http://" + strings.Repeat("a", maxURL)); err == nil {
		t.Error("an address that gossip has no room for was taken")
	}
}

func TestLongestMetaFits(t *testing.T) {
	t.Parallel()
	long := tidyName(strings.Repeat("\u2028", 100)) // what JSON makes longest
	m := meta{Protocol: protocolRange{1, 1000}, Name: long, Version: long, Life: 1<<64 - 1, URL: strings.Repeat("a", maxURL)}
	if n := len(m.encode()); n > 512 {
		t.Errorf("what a node says of itself has %d bytes; memberlist panics above 512", n)
	}
}

func TestKeysForAPurposeOutliveARotation(t *testing.T) {
	t.Parallel()
	old, fresh := key{gen: 1, secret: NewSecret()}, key{gen: 2, secret: NewSecret()}
	m := &Mesh{keys: &keys{all: []key{old, fresh}, primary: fresh}}
	keys := m.Keys("cookies")
	if len(keys) != 2 || !bytes.Equal(keys[0], m.Key("cookies")) || !bytes.Equal(keys[1], useKey(old, "cookies")) {
		t.Errorf("keys are %x", keys)
	}
	if bytes.Equal(keys[0], m.Keys("tea")[0]) {
		t.Error("two purposes have the same key")
	}
}
