//go:build linux && network

package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"syscall"
	"testing"
	"time"

	"snug/snugtest"
)

// TestNetworkSurvivesKills kills one node after the other at random, under load, and starts it again.
func TestNetworkSurvivesKills(t *testing.T) {
	t.Parallel()
	duration := 20 * time.Second
	if os.Getenv("SNUG_LONG") != "" {
		duration = 2 * time.Minute
	}
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("SNUG_SEED"); text != "" {
		given, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		seed = given
	}
	t.Logf("SNUG_SEED=%d makes the same choices", seed)
	random := rand.New(rand.NewPCG(seed, 0))

	n := snugtest.NewNetwork(t)
	sites := startSites(t, n.Host("attic"), n.Host("barn"), n.Host("cellar"))
	var talkers []*talker
	for i := range 4 {
		name := fmt.Sprint("talker", i)
		home := sites[i%len(sites)]
		p := newTalker(name, fmt.Sprint("room", i%2), home.host.SignUp(home.URL, name, password), sites...)
		p.at, p.pause = i%len(sites), 5*time.Millisecond
		sessionHolds(t, p.client, sites)
		talkers = append(talkers, p)
	}
	kills := 0
	during(t, talkers, func() {
		for end := time.Now().Add(duration); time.Now().Before(end); kills++ {
			wait(t, time.Duration(500+random.IntN(2000))*time.Millisecond)
			s := sites[random.IntN(len(sites))]
			s.Kill()
			wait(t, time.Duration(random.IntN(2000))*time.Millisecond)
			s.Restart()
		}
	})
	wholeWithin(t, membershipWait, sites)
	equalWithin(t, equalWait, talkers[0].client, sites, talkers)
	moves := 0
	for _, p := range talkers {
		moves += p.moves
	}
	t.Logf("%d kills, and %d times somebody moved on to another node", kills, moves)
}

// TestNetworkSlowAndFrozenNodesDelayNobody: one node is behind a line as slow as a bad telephone's, another does nothing at all for a while.
func TestNetworkSlowAndFrozenNodesDelayNobody(t *testing.T) {
	t.Parallel()
	frozen := 10 * time.Second
	if os.Getenv("SNUG_LONG") != "" {
		frozen = 30 * time.Second
	}
	// What is allowed is far more than is needed, since other tests run beside this one; a post that waits for a frozen node waits for all of that time.
	const bound = time.Second

	n := snugtest.NewNetwork(t)
	sites := startSites(t, n.Host("attic"), n.Host("barn"), n.Host("cellar"), n.Host("dungeon"))
	a, b, slow, ice := sites[0], sites[1], sites[2], sites[3]
	ada := a.host.SignUp(a.URL, "ada", password)
	grace := b.host.SignUp(b.URL, "grace", password)
	sessionHolds(t, ada, sites)
	sessionHolds(t, grace, sites)
	talkers := []*talker{newTalker("ada", "lobby", ada, a), newTalker("grace", "lobby", grace, b)}
	for _, p := range talkers {
		p.pause = 10 * time.Millisecond
	}
	listener := b.sit(t, grace)
	do(t, listener, snugtest.Frame{"type": "join", "room": "other"})
	onA := a.sit(t, ada)
	do(t, onA, snugtest.Frame{"type": "join", "room": "other"})
	var crossed []time.Duration

	slow.host.Throttle(64)
	ice.Signal(syscall.SIGSTOP)
	during(t, talkers, func() {
		for i, began := 0, time.Now(); time.Since(began) < frozen; i++ {
			text := fmt.Sprint("across ", i)
			sent := time.Now()
			do(t, onA, snugtest.Frame{"type": "post", "room": "other", "message": text})
			hears(t, listener, frozen, snugtest.Frame{"type": "chat_message", "message": text})
			crossed = append(crossed, time.Since(sent))
			wait(t, 50*time.Millisecond)
		}
	})
	for _, bad := range []*site{slow, ice} { // or nothing was tested
		if m, _ := a.member(t, bad); m.RowsBehind != nil && *m.RowsBehind == 0 {
			t.Errorf("%s is not behind at all", bad.host.Name)
		} else {
			t.Logf("%s is %s, and lacks %s rows", bad.host.Name, m.State, m.view().Behind)
		}
	}
	ice.Signal(syscall.SIGCONT)
	for _, p := range talkers {
		t.Logf("%s was acknowledged %d times, p50 %v, p99 %v", p.name, len(p.took), percentile(p.took, 50), percentile(p.took, 99))
		if p99 := percentile(p.took, 99); p99 > bound || len(p.took) == 0 {
			t.Errorf("acknowledgements for %s took up to %v", p.name, p99)
		}
	}
	t.Logf("%d messages crossed, p50 %v, p99 %v", len(crossed), percentile(crossed, 50), percentile(crossed, 99))
	if p99 := percentile(crossed, 99); p99 > bound {
		t.Errorf("what crossed between two good nodes took up to %v", p99)
	}
	slow.host.Throttle(100_000)
	wholeWithin(t, membershipWait, sites)
	equalWithin(t, equalWait, ada, sites, talkers)
}
