//go:build linux && network

package main

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"snug/snugtest"
)

// cutTime is longer than any memory of the engine that finds the nodes: it gives a node up after 30 s.
const cutTime = 75 * time.Second

// TestNetworkHealsAfterCut cuts one node of three off. Both sides go on, and meddle with the same things. Afterwards all nodes show the same, and
// nothing that anybody was told is done has been undone.
func TestNetworkHealsAfterCut(t *testing.T) {
	t.Parallel()
	n := snugtest.NewNetwork(t)
	sites := startSites(t, n.Host("attic"), n.Host("barn"), n.Host("cellar"))
	a, b, c := sites[0], sites[1], sites[2]
	ada := a.host.SignUp(a.URL, "ada", password)
	grace := c.host.SignUp(c.URL, "grace", password)
	second := a.host.LogIn(a.URL, "ada", password) // on another device
	for _, client := range []*http.Client{ada, grace, second} {
		sessionHolds(t, client, sites)
	}
	linus := b.host.SignUp(b.URL, "linus", password)
	sessionHolds(t, linus, sites)
	talkers := []*talker{newTalker("ada", "lobby", ada, a), newTalker("linus", "lobby", linus, b), newTalker("grace", "lobby", grace, c)}
	during(t, talkers, func() { wait(t, time.Second) })
	onA, onC := a.sit(t, ada), c.sit(t, ada)
	do(t, onA, snugtest.Frame{"type": "join", "room": "plans"})
	var ids []string
	for _, text := range []string{"deleted here and edited there", "edited on both sides", "deleted there alone"} {
		ids = append(ids, do(t, onA, snugtest.Frame{"type": "post", "room": "plans", "message": text}).Text("id"))
	}
	equalWithin(t, equalWait, grace, sites, talkers)

	var healed time.Time
	left := func() time.Duration { return time.Until(healed.Add(equalWait)) }
	c.host.Cut()
	during(t, talkers, func() {
		cut := time.Now()
		do(t, onA, snugtest.Frame{"type": "delete", "id": ids[0]})
		do(t, onC, snugtest.Frame{"type": "edit", "id": ids[0], "message": "edited after it was deleted elsewhere"})
		do(t, onA, snugtest.Frame{"type": "edit", "id": ids[1], "message": "first edit"})
		do(t, onC, snugtest.Frame{"type": "edit", "id": ids[1], "message": "second edit"})
		do(t, onC, snugtest.Frame{"type": "delete", "id": ids[2]})

		zoeA := b.host.SignUp(b.URL, "zoe", password)
		zoeC := c.host.SignUp(c.URL, "zoe", password)
		for _, side := range []struct {
			on     *site
			client *http.Client
		}{{b, zoeA}, {c, zoeC}} {
			socket := side.on.sit(t, side.client)
			do(t, socket, snugtest.Frame{"type": "join", "room": "shed"}) // made on both sides
			do(t, socket, snugtest.Frame{"type": "post", "room": "shed", "message": "from " + side.on.host.Name})
		}
		endSession(t, b, second)
		thief := c.host.LogIn(c.URL, "linus", password)
		heard := c.sit(t, thief)
		endOtherSessions(t, b, linus)
		if !isLoggedIn(t, c.host.Seat(second), c.Server) {
			t.Error("the cut does not cut")
		}
		for _, s := range []*site{a, b} {
			eventually(t, "the others know that the node is gone", clusterWait, func() bool {
				m, _ := s.member(t, c)
				return m.State != "alive" && m.RowsBehind == nil
			})
		}
		wait(t, cutTime-time.Since(cut))
		if !isLoggedIn(t, thief, c.Server) {
			t.Error("the cut node knows what was done on the other side")
		}
		c.host.Heal()
		healed = time.Now()
		wholeWithin(t, membershipWait, sites)
		closes(t, heard, left())
		for _, s := range sites {
			// The socket may have closed sooner: nobody read what was said during the cut.
			eventually(t, "a session that was begun on the cut node is over on "+s.host.Name, left(), func() bool {
				return !isLoggedIn(t, s.host.Seat(thief), s.Server)
			})
			if !isLoggedIn(t, s.host.Seat(linus), s.Server) {
				t.Errorf("who ended all other sessions is logged out on %s", s.host.Name)
			}
		}
	})

	v := equalWithin(t, left(), grace, sites, talkers)
	want := []string{"ada:  (edited <nil>, deleted true", "ada: second edit (edited ", "ada:  (edited <nil>, deleted true"}
	for i, line := range v.Rooms["plans"] {
		if !strings.HasPrefix(line, ids[i]+" "+want[i]) {
			t.Errorf("message %d is %s", i, line)
		}
	}
	if len(v.Rooms["plans"]) != len(want) || len(v.Rooms["shed"]) != 2 {
		t.Errorf("the rooms hold %q and %q", v.Rooms["plans"], v.Rooms["shed"])
	}
	zoes := slices.DeleteFunc(slices.Clone(v.Names), func(name string) bool { return !strings.HasPrefix(name, "zoe") })
	if len(zoes) != 2 || zoes[0] != "zoe" || !strings.HasPrefix(zoes[1], "zoe~") {
		t.Errorf("who both signed up as zoe are %q", zoes)
	}
	for i, author := range []string{"zoe", zoes[len(zoes)-1]} { // who was the first keeps the name
		if i < len(v.Rooms["shed"]) && !strings.Contains(v.Rooms["shed"][i], " "+author+": ") {
			t.Errorf("in the room of both sides, message %d is %s", i, v.Rooms["shed"][i])
		}
	}
	for _, s := range sites {
		if isLoggedIn(t, s.host.Seat(second), s.Server) {
			t.Errorf("a session that was logged out still holds on %s", s.host.Name)
		}
		if !isLoggedIn(t, s.host.Seat(ada), s.Server) {
			t.Errorf("a session that was not logged out is lost on %s", s.host.Name)
		}
		if r := snugtest.Run(t, "members", "--json", "--data", s.Dir); r.Code != 0 || strings.Count(r.Out, `"state": "alive"`) != len(sites) {
			t.Errorf("members --json on %s: code %d, %s%s", s.host.Name, r.Code, r.Out, r.Err)
		}
		if aside := s.members(t).Aside; aside != 0 {
			t.Errorf("%s does not understand %d rows", s.host.Name, aside)
		}
	}
}

// TestNetworkHealsAfterDeafness: one node hears nothing of another, and that one hears it. There is a third that both see.
func TestNetworkHealsAfterDeafness(t *testing.T) {
	t.Parallel()
	n := snugtest.NewNetwork(t)
	sites := startSites(t, n.Host("attic"), n.Host("barn"), n.Host("cellar"))
	ada := sites[0].host.SignUp(sites[0].URL, "ada", password)
	sessionHolds(t, ada, sites)
	talkers := []*talker{newTalker("linus", "lobby", sites[0].host.SignUp(sites[0].URL, "linus", password), sites[0])}
	a, b := sites[0].host, sites[1].host
	during(t, talkers, func() {
		b.Deafen(a)
		wait(t, 20*time.Second)
		// The third has all of it, and gives it to the one that cannot hear.
		socket := sites[0].sit(t, ada)
		last := do(t, socket, snugtest.Frame{"type": "post", "room": "lobby", "message": "for the deaf"}).Text("id")
		began := time.Now()
		eventually(t, "what is said on the one comes to the other", equalWait, func() bool {
			return slices.ContainsFunc(sites[1].messages(t, ada, "lobby"), func(line string) bool { return strings.HasPrefix(line, last) })
		})
		t.Logf("by way of the third it took %v", time.Since(began).Round(time.Millisecond))
		b.Hear(a)
		wholeWithin(t, membershipWait, sites)
	})
	equalWithin(t, equalWait, ada, sites, talkers)
}

// do asks for something that must be done.
func do(t *testing.T, socket *snugtest.Socket, frame snugtest.Frame) snugtest.Frame {
	t.Helper()
	answer := socket.Ask(t, frame)
	if answer.Text("type") == "error" {
		t.Fatalf("%v was answered with %v", frame, answer)
	}
	return answer
}

func endSession(t *testing.T, s *site, client *http.Client) {
	t.Helper()
	// The cookie stays: whoever stole it must not get in with it.
	stay := s.host.Seat(client)
	stay.Jar = keepCookies{client.Jar}
	response, err := stay.Post(s.URL+"/log_out/", "application/x-www-form-urlencoded", nil)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
}

// endOtherSessions ends all sessions of somebody but this one.
func endOtherSessions(t *testing.T, s *site, client *http.Client) {
	t.Helper()
	response, err := s.host.Seat(client).PostForm(s.URL+"/settings/", url.Values{"end": {"others"}})
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Fatalf("end all other sessions: %s", response.Status)
	}
}

// closes waits until the server closes a socket.
func closes(t *testing.T, socket *snugtest.Socket, limit time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	for {
		_, err := socket.Receive(ctx)
		switch {
		case ctx.Err() != nil:
			t.Fatalf("a socket is still open after %v", limit)
		case err != nil:
			return
		}
	}
}

// keepCookies is a jar from which nothing is taken.
type keepCookies struct{ http.CookieJar }

func (keepCookies) SetCookies(*url.URL, []*http.Cookie) {}
