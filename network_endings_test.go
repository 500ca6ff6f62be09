//go:build linux && network

package main

import (
	"net/http"
	"net/url"
	"testing"

	"snug/snugtest"
)

// TestNetworkBothSidesEndTheSessionsOfTheOther: a password is changed while a node is cut off. There somebody logs in with the old one, ends all other sessions, later than
// that, and logs in once more. When the network is whole again none of them is in anywhere, nor is who changed the password: the other side ended that session.
func TestNetworkBothSidesEndTheSessionsOfTheOther(t *testing.T) {
	t.Parallel()
	const other = "another good passphrase"
	n := snugtest.NewNetwork(t)
	sites := startSites(t, n.Host("attic"), n.Host("barn"), n.Host("cellar"))
	a, b, c := sites[0], sites[1], sites[2]
	ada := a.host.SignUp(a.URL, "ada", password)
	grace := a.host.SignUp(a.URL, "grace", password)
	sessionHolds(t, ada, sites)
	sessionHolds(t, grace, sites)

	c.host.Cut()
	form(t, a, ada, "/settings/password/", url.Values{"old_password": {password}, "password": {other}})
	for _, s := range []*site{a, b} {
		eventually(t, "the old password is refused on "+s.host.Name, equalWait, func() bool { return !enters(t, s, "ada", password) })
		eventually(t, "the others know that the node is gone", clusterWait, func() bool {
			m, _ := s.member(t, c)
			return m.State != "alive" && m.RowsBehind == nil
		})
	}
	thief := c.host.LogIn(c.URL, "ada", password)
	endOtherSessions(t, c, thief)
	again := c.host.LogIn(c.URL, "ada", password)
	sockets := map[string]*snugtest.Socket{
		"of the thief": c.sit(t, thief), "of who came after": c.sit(t, again), "of the owner": a.sit(t, ada), "of the owner elsewhere": b.sit(t, ada),
	}
	if !isLoggedIn(t, c.host.Seat(thief), c.Server) || !isLoggedIn(t, c.host.Seat(again), c.Server) || !isLoggedIn(t, b.host.Seat(ada), b.Server) {
		t.Error("the cut does not cut")
	}

	c.host.Heal()
	wholeWithin(t, membershipWait, sites)
	for whose, socket := range sockets {
		t.Log("the socket " + whose)
		closes(t, socket, equalWait)
	}
	over := map[string]*http.Client{"the thief": thief, "who came after": again, "the owner": ada}
	for _, s := range sites {
		for who, client := range over {
			eventually(t, who+" is refused on "+s.host.Name, equalWait, func() bool { return !isLoggedIn(t, s.host.Seat(client), s.Server) })
		}
		if !isLoggedIn(t, s.host.Seat(grace), s.Server) {
			t.Errorf("somebody else is logged out on %s", s.host.Name)
		}
		if aside := s.members(t).Aside; aside != 0 {
			t.Errorf("%s does not understand %d rows", s.host.Name, aside)
		}
	}
	back := c.host.LogIn(c.URL, "ada", other)
	sessionHolds(t, back, sites)
	for _, s := range sites {
		for who, client := range over {
			if isLoggedIn(t, s.host.Seat(client), s.Server) {
				t.Errorf("%s is back on %s", who, s.host.Name)
			}
		}
	}
}
