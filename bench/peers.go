package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"os"
	"slices"
	"time"
)

// peerRounds is how often all is measured, because the speed of a machine drifts.
const peerRounds = 5

// memory is a file system in memory, which every Linux has.
const memory = "/dev/shm"

// steps are the numbers of other nodes in one round, up and down again: a database costs more the more it holds, and so what comes later is dearer.
func steps() []int { return []int{0, 1, 2, 1, 0} }

// average is what a message costs with a number of peers, over the steps of a round.
type average struct{ rate, cost, steps float64 }

func (a *average) add(p *posting) {
	a.steps++
	a.rate += (p.rate() - a.rate) / a.steps
	a.cost += (float64(p.cost())/float64(time.Microsecond) - a.cost) / a.steps
}

// measurePeers posts on one node as measurePost does, alone and with one and two other nodes that get all of it and have no sockets. On machines of their own
// they would cost the posting node what it does for them, and nothing else. Here they must not take its disk, so their data is in memory; nor, as far as that
// can be, the time of those who post, who share a core with them: the later a message comes, the fewer share a commit, and commits are what costs. So they
// have a lower priority.
func measurePeers(ctx context.Context, o options, s *server) error {
	if err := s.stop(); err != nil {
		return err
	}
	s.args = clusterArgs
	if err := s.run(ctx); err != nil {
		return err
	}
	cookies, err := s.signUp(ctx, o.senders)
	if err != nil {
		return err
	}
	if _, err := post(ctx, o, s, cookies); err != nil { // nothing is like an empty database
		return err
	}
	rounds := make([][]average, peerRounds)
	for i := range rounds {
		if rounds[i], err = measureRound(ctx, o, s, cookies); err != nil {
			return err
		}
	}
	fmt.Printf("peers: senders %d, messages %d in each of %d steps of %d rounds, size %d\n", o.senders, max(o.messages/10, 1)*o.senders, len(steps()), peerRounds, o.size)
	for peers := range rounds[0] {
		var rates, costs, slower, dearer []float64
		for _, r := range rounds {
			rates, costs = append(rates, r[peers].rate), append(costs, r[peers].cost)
			slower, dearer = append(slower, 100*(1-r[peers].rate/r[0].rate)), append(dearer, 100*(r[peers].cost/r[0].cost-1))
		}
		fmt.Printf("  %d peers              %.0f messages/s (%.0f to %.0f), CPU per message %.1f µs (%.1f to %.1f)", peers,
			median(rates), slices.Min(rates), slices.Max(rates), median(costs), slices.Min(costs), slices.Max(costs))
		if peers > 0 {
			fmt.Printf("; %.1f %% less (%.1f to %.1f), %.1f %% more CPU (%.1f to %.1f) than alone", median(slower), slices.Min(slower), slices.Max(slower),
				median(dearer), slices.Min(dearer), slices.Max(dearer))
		}
		fmt.Println()
	}
	return nil
}

// measureRound measures with each number of peers in turn, beginning and ending without one.
func measureRound(ctx context.Context, o options, s *server, cookies []*http.Cookie) (all []average, err error) {
	var running []*server
	end := func() error {
		last := running[len(running)-1]
		running = running[:len(running)-1]
		return errors.Join(last.stop(), last.remove())
	}
	defer func() {
		for len(running) > 0 {
			err = errors.Join(err, end())
		}
	}()
	all = make([]average, slices.Max(steps())+1)
	for _, peers := range steps() {
		switch {
		case peers > len(running):
			peer, err := s.apart(ctx)
			if err != nil {
				return nil, err
			}
			running = append(running, peer)
		case peers < len(running):
			if err := end(); err != nil {
				return nil, err
			}
		}
		if err := s.spread(ctx, peers, time.Second); err != nil {
			return nil, err
		}
		p, err := post(ctx, o, s, cookies)
		if err != nil {
			return nil, err
		}
		all[peers].add(p)
	}
	return all, nil
}

// apart starts another node that takes nothing from this one.
func (s *server) apart(ctx context.Context) (*server, error) {
	data, err := os.MkdirTemp(memory, "snug-bench-data-")
	if err != nil {
		return nil, err
	}
	return s.join(ctx, &server{binary: s.binary, args: clusterArgs, data: data, nice: true})
}

// spread waits until so many other nodes have all that this one has, twice in a row.
func (s *server) spread(ctx context.Context, peers int, pause time.Duration) error {
	for equal := 0; equal < 2; {
		out, err := s.command(ctx, "members", "--json", "--data", s.data).Output()
		if err != nil {
			return fmt.Errorf("ask for the members: %w", err)
		}
		var list struct {
			Members []struct {
				Behind *int `json:"rows_behind"`
			} `json:"members"`
		}
		if err := json.Unmarshal(out, &list); err != nil {
			return fmt.Errorf("read the list of members: %w", err)
		}
		level := 0
		for _, m := range list.Members {
			if m.Behind != nil && *m.Behind == 0 {
				level++
			}
		}
		if equal++; level != peers {
			equal = 0
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
	return nil
}

func median(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}
