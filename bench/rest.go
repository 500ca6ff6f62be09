package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"time"
)

const (
	restRooms   = 10 // of each person, who is alone in them
	restMinutes = 2
)

// measureRest counts what nodes say to each other while everybody on them is silent.
func measureRest(ctx context.Context, o options, s *server) (err error) {
	net, err := newNetwork(o.nodes)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, net.close()) }()
	if err := s.stop(); err != nil {
		return err
	}
	s.host, s.pin, s.args = net.hosts[0], false, append(slices.Clone(clusterArgs), "--set", "cluster.bind="+net.hosts[0].address+":7846")
	if err := s.run(ctx); err != nil {
		return err
	}
	nodes := []*server{s}
	for _, h := range net.hosts[1:] {
		data, err := os.MkdirTemp("", "snug-bench-data-")
		if err != nil {
			return err
		}
		node, err := s.join(ctx, &server{binary: s.binary, data: data, host: h, args: append(slices.Clone(clusterArgs), "--set", "cluster.bind="+h.address+":7846")})
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, node.stop(), node.remove()) }()
		nodes = append(nodes, node)
	}
	cookies, err := s.signUp(ctx, o.people)
	if err != nil {
		return err
	}
	for i, cookie := range cookies {
		c, err := nodes[i%o.nodes].sitDown(ctx, i, cookie)
		if err != nil {
			return fmt.Errorf("person %d of %d: %w", i+1, o.people, err)
		}
		defer c.close()
		if (i+1)%250 == 0 {
			fmt.Fprintf(os.Stderr, "%d of %d people are in %d rooms each\n", i+1, o.people, restRooms)
		}
	}
	for range 2 {
		if err := settle(ctx); err != nil {
			return err
		}
	}
	return watchRest(ctx, o, net, nodes)
}

// watchRest prints the traffic of each node, for each minute and each way.
func watchRest(ctx context.Context, o options, net *network, nodes []*server) error {
	sent, got := make([]float64, o.nodes), make([]float64, o.nodes)
	memory, busy := make([]float64, o.nodes), make([]float64, o.nodes)
	last, used := make([][2]int64, o.nodes), make([]time.Duration, o.nodes)
	fmt.Printf("rest: nodes %d, people %d, rooms %d\n", o.nodes, o.people, o.people*restRooms)
	for minute := range restMinutes + 1 {
		for i, h := range net.hosts {
			tx, rx, err := h.traffic()
			if err != nil {
				return err
			}
			sent[i], got[i] = float64(tx-last[i][0])/60e3, float64(rx-last[i][1])/60e3
			last[i] = [2]int64{tx, rx}
			cpu, errCPU := nodes[i].cpu()
			resident, errMemory := nodes[i].memory()
			if err := errors.Join(errCPU, errMemory); err != nil {
				return err
			}
			memory[i], busy[i] = float64(resident)/(1<<20), 100*(cpu-used[i]).Seconds()/60
			used[i] = cpu
		}
		if minute > 0 {
			fmt.Printf("  minute %d            sent %.1f kB/s a node (%.1f to %.1f), received %.1f (%.1f to %.1f)\n", minute,
				median(sent), slices.Min(sent), slices.Max(sent), median(got), slices.Min(got), slices.Max(got))
			fmt.Printf("                       memory %.0f MiB a node (%.0f to %.0f), CPU %.1f %% of a core (%.1f to %.1f)\n",
				median(memory), slices.Min(memory), slices.Max(memory), median(busy), slices.Min(busy), slices.Max(busy))
		}
		if minute == restMinutes {
			break
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Minute):
		}
	}
	return nil
}

// sitDown opens a socket of Snug's own protocol for somebody, whose session may still be on its way to this node, and joins rooms.
func (s *server) sitDown(ctx context.Context, person int, cookie *http.Cookie) (*client, error) {
	c, err := s.dial(ctx, "/ws/", cookie)
	for tries := 0; err != nil && tries < 100 && ctx.Err() == nil; tries++ {
		time.Sleep(100 * time.Millisecond)
		c, err = s.dial(ctx, "/ws/", cookie)
	}
	if err != nil {
		return nil, err
	}
	for room := range restRooms {
		if err := c.send(fmt.Sprintf(`{"type":"join","ref":%d,"room":"rest%d"}`, room+1, person*restRooms+room)); err != nil {
			return nil, err
		}
	}
	joined := make(chan error, 1)
	go func() {
		defer close(joined)
		for rooms := 0; ; {
			frame, err := c.read()
			if err != nil {
				joined <- err
				return
			}
			switch {
			case bytes.HasPrefix(frame, []byte(`{"type":"error"`)):
				joined <- fmt.Errorf("the server answered %s", frame)
				return
			case bytes.HasPrefix(frame, []byte(`{"type":"joined"`)):
				if rooms++; rooms == restRooms {
					joined <- nil
				}
			}
		}
	}()
	return c, <-joined
}
