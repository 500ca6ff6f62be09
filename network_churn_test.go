//go:build linux && network

package main

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"snug/snugtest"
)

// sitter is somebody who comes and goes.
type sitter struct {
	name   string
	client *http.Client
	seat   *seat // nil: is nowhere
}

// seat is a socket in a room of a node.
type seat struct {
	at     *site
	room   string
	socket *snugtest.Socket
	gone   atomic.Bool // the node has ended it
}

// come opens a socket on a node and enters a room. Where that does not work, as on a node that has just died, they stay away.
func (p *sitter) come(ctx context.Context, s *site, room string) {
	socket, err := snugtest.Connect(ctx, s.host.Seat(p.client), s.URL+"/ws/")
	if err != nil {
		return
	}
	if err := socket.Send(ctx, snugtest.Frame{"type": "join", "room": room}); err != nil {
		socket.Cut()
		return
	}
	p.seat = &seat{at: s, room: room, socket: socket}
	go func(taken *seat) { // as a browser does
		for {
			if _, err := socket.Receive(ctx); err != nil {
				taken.gone.Store(true)
				return
			}
		}
	}(p.seat)
}

func (p *sitter) leave() {
	if p.seat != nil {
		p.seat.socket.Cut()
		p.seat = nil
	}
}

// TestNetworkNoGhostAfterChurn lets people come and go while nodes die and return, and then compares what each node shows with who is there.
func TestNetworkNoGhostAfterChurn(t *testing.T) {
	t.Parallel()
	count, churn := 40, 20*time.Second
	if os.Getenv("SNUG_LONG") != "" {
		count, churn = 1000, time.Minute
	}
	const rooms = 4
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))

	n := snugtest.NewNetwork(t)
	sites := startSites(t, n.Host("attic"), n.Host("barn"), n.Host("cellar"))
	watcher := sites[0].host.SignUp(sites[0].URL, "watcher", password)
	var crowd []*sitter
	for i := range count {
		name, home := fmt.Sprint("person", i), sites[i%len(sites)]
		crowd = append(crowd, &sitter{name: name, client: home.host.SignUp(home.URL, name, password)})
	}
	sessionHolds(t, watcher, sites)
	sessionHolds(t, crowd[count-1].client, sites)

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	kills, moves := 0, 0
	nextKill := time.Now().Add(time.Second)
	pace := time.NewTicker(2 * time.Millisecond)
	defer pace.Stop()
	for end := time.Now().Add(churn); time.Now().Before(end); moves++ {
		<-pace.C
		p := crowd[random.IntN(count)]
		if p.seat != nil {
			p.leave()
		} else {
			p.come(ctx, sites[random.IntN(len(sites))], fmt.Sprint("room", random.IntN(rooms)))
		}
		if time.Now().After(nextKill) {
			s := sites[random.IntN(len(sites))]
			s.Kill()
			s.Restart()
			nextKill = time.Now().Add(time.Duration(1000+random.IntN(3000)) * time.Millisecond)
			kills++
		}
	}
	stay := min(count/2, 300) // more are not in one answer
	for i, p := range crowd {
		if i >= stay {
			p.leave()
		} else if p.seat == nil {
			p.come(ctx, sites[i%len(sites)], fmt.Sprint("room", i%rooms))
		}
	}
	t.Logf("%d kills, and %d times somebody came or went", kills, moves)
	wholeWithin(t, membershipWait, sites)
	expectPresent(t, watcher, sites, crowd)
	for _, p := range crowd {
		p.leave()
	}
	expectPresent(t, watcher, sites, crowd)
}

// expectPresent waits until each node shows those who sit somewhere, and nobody else: as long as a node that died, and a linger, may take.
func expectPresent(t *testing.T, watcher *http.Client, sites []*site, crowd []*sitter) {
	t.Helper()
	const limit = 25 * time.Second
	began := time.Now()
	for {
		online, counts := []string{"watcher"}, map[string]int{}
		for _, p := range crowd {
			if p.seat != nil && !p.seat.gone.Load() {
				online = append(online, p.name)
				counts[p.seat.room]++
			}
		}
		slices.Sort(online)
		problem := ""
		if len(online) < len(crowd)/5 && len(online) > 1 {
			problem = "hardly anybody is there at all"
		}
		for _, s := range sites {
			socket := s.sit(t, watcher)
			users := socket.Ask(t, snugtest.Frame{"type": "users"})
			shown := map[string]int{}
			for _, room := range socket.Ask(t, snugtest.Frame{"type": "rooms"}).Frames("rooms") {
				if count, _ := room["users"].(float64); count > 0 {
					shown[room.Text("room")] = int(count)
				}
			}
			socket.Cut()
			if got := slices.Sorted(slices.Values(people(users))); !slices.Equal(got, online) {
				problem = fmt.Sprintf("%s shows online\n%q, and there are\n%q", s.host.Name, got, online)
			} else if !maps.Equal(shown, counts) {
				problem = fmt.Sprintf("%s shows in rooms %v, and there are %v", s.host.Name, shown, counts)
			}
		}
		if problem == "" {
			t.Logf("%d people, the same everywhere, after %v", len(online), time.Since(began).Round(time.Millisecond))
			return
		}
		if time.Since(began) > limit {
			t.Fatalf("after %v: %s", limit, problem)
		}
		wait(t, 500*time.Millisecond)
	}
}
