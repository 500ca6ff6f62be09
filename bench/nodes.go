package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

// nodesRate is how many messages a second are posted while the way between two nodes is measured.
const nodesRate = 100

var clusterArgs = []string{"--set", "cluster.enabled=true", "--set", "cluster.bind=127.0.0.1:0"}

// measureNodes posts on one node and times the arrival on it and on another one. Both ways begin at posting. The same node's holds a commit with a sync
// of the disk; the other one's holds two commits and waits for no disk. What the second node adds is told for each message, and may be less than nothing.
func measureNodes(ctx context.Context, o options, s *server) (err error) {
	if err := s.stop(); err != nil {
		return err
	}
	s.args = clusterArgs
	if err := s.run(ctx); err != nil {
		return err
	}
	peer, err := s.beside(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, peer.stop(), peer.remove()) }()
	cookies, err := s.signUp(ctx, 1)
	if err != nil {
		return err
	}
	poster, err := s.dial(ctx, roomPath, cookies[0])
	if err != nil {
		return err
	}
	defer poster.close()
	r := newRounds()
	far := &audience{rounds: r}
	defer far.close()
	if err := far.open(ctx, peer, cookies[0], roomPath, o.people); err != nil {
		return err
	}
	near := &audience{rounds: r}
	defer near.close()
	if err := near.open(ctx, s, cookies[0], roomPath, 1); err != nil {
		return err
	}
	if err := errors.Join(far.listen(), near.listen()); err != nil {
		return err
	}
	m := &member{client: poster, sender: 0}
	if err := r.pace(ctx, poster, o.messages, func(n int) string { return m.message(n, o.size) }); err != nil {
		return err
	}
	if err := errors.Join(near.finish(o.messages), far.finish(o.messages)); err != nil {
		return err
	}
	added := far.less(near)
	fmt.Printf("nodes: messages %d at %d/s, size %d, receivers on the other node %d\n", o.messages, nodesRate, o.size, o.people)
	fmt.Printf("  deliveries           %d of %d on the other node, %d of them noted late\n", far.all.count, o.messages*o.people, far.late)
	fmt.Printf("  to the same node     p50 %v, p99 %v\n", near.all.quantile(0.50), near.all.quantile(0.99))
	fmt.Printf("  to the other node    p50 %v, p99 %v\n", far.all.quantile(0.50), far.all.quantile(0.99))
	fmt.Printf("  added by it          p50 %v, p99 %v\n", at(added, 0.50).Round(time.Microsecond), at(added, 0.99).Round(time.Microsecond))
	return nil
}

// beside starts a second node, as an operator does, and waits until it knows the first one's people.
func (s *server) beside(ctx context.Context, args ...string) (*server, error) {
	data, err := os.MkdirTemp("", "snug-bench-data-")
	if err != nil {
		return nil, err
	}
	return s.join(ctx, &server{binary: s.binary, args: append(args, clusterArgs...), data: data})
}

// join starts a server as another node of this one's cluster.
func (s *server) join(ctx context.Context, peer *server) (*server, error) {
	invited, err := s.command(ctx, "invite", "--data", s.data).Output()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("invite a second node: %w", err), peer.remove())
	}
	join := append(strings.Fields(string(invited))[1:], "--data", peer.data)
	if out, err := peer.command(ctx, join...).CombinedOutput(); err != nil {
		return nil, errors.Join(fmt.Errorf("join a second node: %w\n%s", err, out), peer.remove())
	}
	if err := peer.run(ctx); err != nil {
		return nil, errors.Join(err, peer.remove())
	}
	return peer, nil
}

// audience is sockets that time what arrives.
type audience struct {
	rounds  *rounds
	members []*member
	readers sync.WaitGroup
	errs    []error
	all     histogram
	late    int // messages that were read with the next one, and so have its time
}

// open opens n sockets; the session may have to arrive on that node first.
func (a *audience) open(ctx context.Context, s *server, cookie *http.Cookie, path string, n int) error {
	for range n {
		c, err := s.dial(ctx, path, cookie)
		for tries := 0; err != nil && tries < 100 && ctx.Err() == nil; tries++ {
			time.Sleep(100 * time.Millisecond)
			c, err = s.dial(ctx, path, cookie)
		}
		if err != nil {
			return err
		}
		a.members = append(a.members, &member{client: c, took: map[int]time.Duration{}})
	}
	return nil
}

// listen reads from all sockets from now on, in rounds.
func (a *audience) listen() error {
	for _, m := range a.members {
		if err := m.stamp(a.rounds); err != nil {
			return err
		}
	}
	a.errs = make([]error, len(a.members))
	for i, m := range a.members {
		a.readers.Go(func() { a.errs[i] = m.time(a.rounds) })
	}
	return nil
}

// time notes how long each message took, until the rounds end.
func (m *member) time(r *rounds) error {
	var last time.Time
	for {
		payload, err := m.read()
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return nil
		}
		if err != nil {
			return err
		}
		if _, number, _, ok := parse(payload); ok {
			if m.at.Equal(last) {
				m.late++
			}
			last = m.at
			took := m.at.Sub(r.sentAt(number))
			m.latency.add(took)
			m.took[number] = took
		}
	}
}

// finish adds up when the rounds have ended.
func (a *audience) finish(want int) error {
	a.readers.Wait()
	for i, m := range a.members {
		a.all.merge(&m.latency)
		a.late += m.late
		if a.errs[i] != nil || m.latency.count != int64(want) {
			return errors.Join(fmt.Errorf("a receiver got %d of %d messages", m.latency.count, want), a.errs[i])
		}
	}
	return nil
}

// less tells by how much later each message came to each of these sockets than to the first of the others, in order.
func (a *audience) less(others *audience) (all []time.Duration) {
	for _, m := range a.members {
		for number, took := range m.took {
			all = append(all, took-others.members[0].took[number])
		}
	}
	slices.Sort(all)
	return all
}

// at is the value below which a part of the sorted values is.
func at(sorted []time.Duration, part float64) time.Duration {
	return sorted[min(int(part*float64(len(sorted))), len(sorted)-1)]
}

func (a *audience) close() {
	a.rounds.end()
	a.readers.Wait()
	for _, m := range a.members {
		m.close()
	}
}
