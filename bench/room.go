package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const roomPath = "/ws/chat/bench/"

// member is one person in the measured room. Its fields belong to its reading goroutine until that has ended.
type member struct {
	*client
	sender  int   // which sender it is, or -1
	next    []int // by sender: the number that its next message must have
	got     int
	doubled int
	lost    int // numbers that were passed over
	latency histogram
	took    map[int]time.Duration // by number of the message, where that is wanted
	late    int                   // messages that came before the next one and have its time
}

// round is what all members of one measurement share.
type round struct {
	o         options
	each      int // messages of each sender
	warm      atomic.Int64
	delivered atomic.Int64
	last      atomic.Int64 // when something was last delivered, in ns since 1970
	failed    chan error
	finished  chan struct{}
	want      int64
}

func measureRoom(ctx context.Context, o options, s *server) error {
	cookies, err := s.signUp(ctx, o.people)
	if err != nil {
		return err
	}
	r := &round{o: o, each: max(o.messages/o.underway, 1), failed: make(chan error, o.people), finished: make(chan struct{})}
	r.want = int64(r.each) * int64(o.underway) * int64(o.people)
	members, err := r.join(ctx, s, cookies)
	defer func() {
		for _, m := range members {
			m.close()
		}
	}()
	if err != nil {
		return err
	}
	var readers sync.WaitGroup
	for _, m := range members {
		readers.Go(func() {
			if err := r.read(m); err != nil {
				r.failed <- err
			}
		})
	}
	if err := r.warmUp(ctx, members); err != nil {
		return err
	}
	before, err := s.cpu()
	if err != nil {
		return err
	}
	began := time.Now()
	for _, m := range members[:o.underway] {
		if err := m.post(0, o.size); err != nil {
			return err
		}
	}
	waitErr := r.wait(ctx)
	took := time.Duration(r.last.Load() - began.UnixNano())
	after, err := s.cpu()
	if err := errors.Join(waitErr, err); err != nil {
		return err
	}
	for _, m := range members {
		m.conn.SetReadDeadline(time.Now())
	}
	readers.Wait()
	r.report(members, took, after-before)
	return nil
}

func (r *round) join(ctx context.Context, s *server, cookies []*http.Cookie) ([]*member, error) {
	members := make([]*member, 0, len(cookies))
	for i, cookie := range cookies {
		c, err := s.dial(ctx, roomPath, cookie)
		if err != nil {
			return members, err
		}
		m := &member{client: c, sender: -1, next: make([]int, r.o.underway)}
		if i < r.o.underway {
			m.sender = i
		}
		members = append(members, m)
	}
	fmt.Fprintf(os.Stderr, "%d people are in the room\n", len(members))
	return members, nil
}

// warmUp waits until everybody has seen one message, and so has the joins of all others behind them.
func (r *round) warmUp(ctx context.Context, members []*member) error {
	if err := members[len(members)-1].send(`{"message":"warm"}`); err != nil {
		return err
	}
	for r.warm.Load() < int64(len(members)) {
		select {
		case err := <-r.failed:
			return err
		case <-ctx.Done():
			return fmt.Errorf("wait for everybody to be in the room: %w", ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
	return nil
}

// wait ends when every delivery was counted, or when none has come for ten seconds: what is missing by then is lost.
func (r *round) wait(ctx context.Context) error {
	r.last.Store(time.Now().UnixNano())
	for {
		select {
		case <-r.finished:
			return nil
		case err := <-r.failed:
			return err
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Second):
			if time.Since(time.Unix(0, r.last.Load())) > 10*time.Second {
				return nil
			}
		}
	}
}

func (r *round) read(m *member) error {
	for {
		payload, err := m.read()
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return nil
		}
		if err != nil {
			return err
		}
		sender, number, sent, ok := parse(payload)
		if !ok {
			if bytes.Contains(payload, warm) {
				r.warm.Add(1)
			}
			continue
		}
		m.got++
		switch want := m.next[sender]; {
		case number < want:
			m.doubled++
		default:
			m.lost += number - want
			m.next[sender] = number + 1
		}
		m.latency.add(m.at.Sub(sent))
		r.last.Store(m.at.UnixNano())
		if r.delivered.Add(1) == r.want {
			close(r.finished)
		}
		if sender == m.sender && number+1 < r.each {
			if err := m.post(number+1, r.o.size); err != nil {
				return err
			}
		}
	}
}

func (m *member) post(number, size int) error { return m.send(m.message(number, size)) }

// message is the member's with that number: who, which, when, and filling up to size.
func (m *member) message(number, size int) string {
	text := fmt.Sprintf("m %d %d %d ", m.sender, number, time.Now().UnixNano())
	return `{"message":"` + text + strings.Repeat("x", max(size-len(text), 0)) + `"}`
}

var (
	warm   = []byte(`"message":"warm"`)
	marker = []byte(`"message":"m `)
)

// parse reads the numbers that post wrote. It allocates nothing: a million deliveries a second pass through it.
func parse(payload []byte) (sender, number int, sent time.Time, ok bool) {
	at := bytes.Index(payload, marker)
	if at < 0 {
		return 0, 0, time.Time{}, false
	}
	rest := payload[at+len(marker):]
	s, rest := digits(rest)
	n, rest := digits(rest)
	nanos, _ := digits(rest)
	return int(s), int(n), time.Unix(0, nanos), nanos > 0
}

// digits reads a decimal number and the character after it.
func digits(b []byte) (n int64, rest []byte) {
	for i, c := range b {
		if c < '0' || c > '9' {
			return n, b[i+1:]
		}
		n = 10*n + int64(c-'0')
	}
	return 0, nil
}

func (r *round) report(members []*member, took, cpu time.Duration) {
	var all histogram
	var got, doubled, passed int
	for _, m := range members {
		got += m.got
		doubled += m.doubled
		passed += m.lost
		all.merge(&m.latency)
	}
	lost := int(r.want) - (got - doubled)
	fmt.Printf("room: people %d, messages %d, under way %d, size %d\n", len(members), r.each*r.o.underway, r.o.underway, r.o.size)
	fmt.Printf("  deliveries           %d of %d: lost %d, doubled %d, out of order %d\n", got, r.want, lost, doubled, max(passed-lost, 0))
	fmt.Printf("  deliveries/s         %.0f (%.2f s)\n", float64(got)/took.Seconds(), took.Seconds())
	fmt.Printf("  latency              p50 %v, p99 %v\n", all.quantile(0.50), all.quantile(0.99))
	fmt.Printf("  CPU-s per million    %.2f (%.2f s in all)\n", cpu.Seconds()/float64(got)*1e6, cpu.Seconds())
}
