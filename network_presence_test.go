//go:build linux && network

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"snug/snugtest"
)

// TestNetworkPresenceFollowsNodes: those who were on a node are gone when it is, however it went, and are back with it.
func TestNetworkPresenceFollowsNodes(t *testing.T) {
	t.Parallel()
	n := snugtest.NewNetwork(t)
	sites := startSites(t, n.Host("attic"), n.Host("barn"))
	a, b := sites[0], sites[1]
	ada := a.host.SignUp(a.URL, "ada", password)
	grace := b.host.SignUp(b.URL, "grace", password)
	sessionHolds(t, ada, sites)
	onA := a.sit(t, ada)
	onA.Ask(t, snugtest.Frame{"type": "join", "room": "lobby"})

	for _, way := range []struct {
		name      string
		limit     time.Duration
		end, back func()
	}{
		{"a clean stop", 2 * time.Second, b.Stop, b.Restart},
		{"kill -9", 15 * time.Second, b.Kill, b.Restart},
		{"a pulled cable", 15 * time.Second, b.host.Cut, b.host.Heal},
	} {
		onB := b.sit(t, grace)
		onB.Ask(t, snugtest.Frame{"type": "join", "room": "lobby"})
		hears(t, onA, clusterWait, snugtest.Frame{"type": "user_join", "user": "grace"})
		go func() { // as a browser does, which also answers the goodbye
			for {
				if _, err := onB.Receive(t.Context()); err != nil {
					return
				}
			}
		}()
		began := time.Now()
		way.end()
		hears(t, onA, way.limit-time.Since(began), snugtest.Frame{"type": "user_leave", "user": "grace"})
		t.Logf("after %s it took %v", way.name, time.Since(began).Round(time.Millisecond))
		way.back()
		wholeWithin(t, membershipWait, sites)
		if way.name == "a pulled cable" { // whoever sat there still does
			hears(t, onA, membershipWait, snugtest.Frame{"type": "user_join", "user": "grace"})
		}
	}
}

// TestNetworkNodeReturnsWithAnotherAddress: it is the same node, wherever it is.
func TestNetworkNodeReturnsWithAnotherAddress(t *testing.T) {
	t.Parallel()
	n := snugtest.NewNetwork(t)
	sites := startSites(t, n.Host("attic"), n.Host("barn"), n.Host("cellar"))
	a, b := sites[0], sites[1]
	before, _ := a.member(t, b)

	b.Kill()
	b.host.Move(99)
	sites[1] = startSite(t, b.host, b.Dir)
	wholeWithin(t, membershipWait, sites)
	for _, s := range []*site{a, sites[2]} {
		after, found := s.member(t, b)
		if !found || after.ID != before.ID || after.Address != "10.77.0.99:7846" {
			t.Errorf("%s knows it as %+v, and it was %+v", s.host.Name, after, before)
		}
	}
	if got := len(a.members(t).Members); got != len(sites) {
		t.Errorf("there are %d members of %d", got, len(sites))
	}
}

// TestNetworkNodeWhoseAddressChangesStaysAMember: as when a router hands out addresses anew. Nothing is started again.
func TestNetworkNodeWhoseAddressChangesStaysAMember(t *testing.T) {
	t.Parallel()
	n := snugtest.NewNetwork(t)
	sites := startSites(t, n.Host("attic"), n.Host("barn"), n.Host("cellar"))
	a, b := sites[0], sites[1]
	ada, grace := a.host.SignUp(a.URL, "ada", password), b.host.SignUp(b.URL, "grace", password)
	sessionHolds(t, ada, sites)
	sessionHolds(t, grace, sites)

	began := time.Now()
	b.host.Move(99)
	eventually(t, "the others know the new address", 2*membershipWait, func() bool {
		for _, s := range []*site{a, sites[2]} {
			if m, _ := s.member(t, b); m.Address != "10.77.0.99:7846" || m.State != "alive" || m.RowsBehind == nil {
				return false
			}
		}
		return true
	})
	t.Logf("it took %v", time.Since(began).Round(time.Millisecond))
	wholeWithin(t, membershipWait, sites)
	onA, onB := a.sit(t, ada), b.sit(t, grace)
	do(t, onA, snugtest.Frame{"type": "join", "room": "lobby"})
	do(t, onB, snugtest.Frame{"type": "join", "room": "lobby"})
	do(t, onB, snugtest.Frame{"type": "post", "room": "lobby", "message": "from the new place"})
	hears(t, onA, clusterWait, snugtest.Frame{"type": "chat_message", "message": "from the new place"})
	if got := len(a.members(t).Members); got != len(sites) {
		t.Errorf("there are %d members of %d", got, len(sites))
	}
}

// TestNetworkNodesFindEachOtherByDiscovery: two that know of each other only what the network says.
func TestNetworkNodesFindEachOtherByDiscovery(t *testing.T) {
	t.Parallel()
	n := snugtest.NewNetwork(t)
	here, there := n.Host("attic"), n.Host("barn")
	a := startSite(t, here, "", "--set", "cluster.discover=true")
	dir := filepath.Join(t.TempDir(), "data")
	if r := there.Run(append(strings.Fields(inviteTo(t, a.Server))[1:], "--data", dir)...); r.Code != 0 {
		t.Fatalf("join: code %d:\n%s", r.Code, r.Err)
	}
	if err := os.Remove(filepath.Join(dir, "peers.json")); err != nil { // all that it would know
		t.Fatal(err)
	}
	b := startSite(t, there, dir, "--set", "cluster.discover=true")
	wholeWithin(t, clusterWait, []*site{a, b})

	// Without discovery they stay apart, or nothing was tested.
	b.Stop()
	if err := os.Remove(filepath.Join(dir, "peers.json")); err != nil {
		t.Fatal(err)
	}
	a.Stop()
	if err := os.Remove(filepath.Join(a.Dir, "peers.json")); err != nil {
		t.Fatal(err)
	}
	a, b = startSite(t, here, a.Dir), startSite(t, there, dir)
	wait(t, 5*time.Second)
	if got := len(a.members(t).Members) + len(b.members(t).Members); got != 2 {
		t.Errorf("nodes that nobody told of each other know %d", got)
	}
}
