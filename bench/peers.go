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

// peerRounds is how often each number of peers is measured: in turn, because the speed of a machine drifts.
const peerRounds = 5

// mostPeers is how many other nodes there are in the end.
const mostPeers = 2

// memory is a file system in memory, which every Linux has.
const memory = "/dev/shm"

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
	rates, costs := make([][]float64, mostPeers+1), make([][]float64, mostPeers+1)
	for range peerRounds {
		if err := measureRound(ctx, o, s, cookies, rates, costs); err != nil {
			return err
		}
	}
	fmt.Printf("peers: senders %d, messages %d in each of %d rounds, size %d\n", o.senders, max(o.messages/10, 1)*o.senders, peerRounds, o.size)
	for peers := range rates {
		fmt.Printf("  %d peers              %.0f messages/s (%.0f to %.0f), CPU per message %.1f µs (%.1f to %.1f)%s\n", peers,
			median(rates[peers]), slices.Min(rates[peers]), slices.Max(rates[peers]),
			median(costs[peers]), slices.Min(costs[peers]), slices.Max(costs[peers]), more(peers, rates, costs))
	}
	return nil
}

// measureRound measures with each number of peers once. They are stopped at its end.
func measureRound(ctx context.Context, o options, s *server, cookies []*http.Cookie, rates, costs [][]float64) (err error) {
	for peers := range rates {
		if peers > 0 {
			peer, err := s.apart(ctx)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, peer.stop(), peer.remove()) }()
			if err := s.spread(ctx, peers, 3*time.Second); err != nil {
				return err
			}
		}
		p, err := post(ctx, o, s, cookies)
		if err != nil {
			return err
		}
		rates[peers] = append(rates[peers], p.rate())
		costs[peers] = append(costs[peers], float64(p.cost())/float64(time.Microsecond))
	}
	return nil
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

// more words how much less is posted, and how much more it costs, than alone.
func more(peers int, rates, costs [][]float64) string {
	if peers == 0 {
		return ""
	}
	slower := 100 * (1 - median(rates[peers])/median(rates[0]))
	dearer := 100 * (median(costs[peers])/median(costs[0]) - 1)
	return fmt.Sprintf("; %.1f %% less, %.1f %% more CPU than alone", slower, dearer)
}

func median(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}
