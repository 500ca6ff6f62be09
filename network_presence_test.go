//go:build linux && network

package main

import (
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
