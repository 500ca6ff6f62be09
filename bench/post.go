package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// measurePost has each sender wait for its own message, each alone in a room of its own, so that storing is all that is measured.
func measurePost(ctx context.Context, o options, s *server) error {
	cookies, err := s.signUp(ctx, o.senders)
	if err != nil {
		return err
	}
	p, err := post(ctx, o, s, cookies)
	if err != nil {
		return err
	}
	fmt.Printf("post: senders %d, messages %d, size %d, each on disk before it is delivered\n", o.senders, p.messages, o.size)
	fmt.Printf("  messages/s           %.0f (%.2f s)\n", p.rate(), p.took.Seconds())
	fmt.Printf("  latency              p50 %v, p99 %v\n", p.latency.quantile(0.50), p.latency.quantile(0.99))
	fmt.Printf("  CPU per message      %v\n", p.cost().Round(time.Microsecond))
	return nil
}

// posting is what became of some messages.
type posting struct {
	messages int
	took     time.Duration
	cpu      time.Duration // of the server
	latency  histogram
}

func (p *posting) rate() float64       { return float64(p.messages) / p.took.Seconds() }
func (p *posting) cost() time.Duration { return p.cpu / time.Duration(p.messages) }

// post has everybody post a tenth of the messages.
func post(ctx context.Context, o options, s *server, cookies []*http.Cookie) (*posting, error) {
	senders := make([]*member, len(cookies))
	for i, cookie := range cookies {
		c, err := s.dial(ctx, fmt.Sprintf("/ws/chat/bench%d/", i), cookie)
		if err != nil {
			return nil, err
		}
		defer c.close()
		senders[i] = &member{client: c, sender: i}
	}
	each := max(o.messages/10, 1)
	before, err := s.cpu()
	if err != nil {
		return nil, err
	}
	began := time.Now()
	var wg sync.WaitGroup
	results := make([]error, len(senders))
	for i, m := range senders {
		wg.Go(func() { results[i] = m.postInTurn(each, o.size) })
	}
	wg.Wait()
	took := time.Since(began)
	after, err := s.cpu()
	if err := errors.Join(append(results, err)...); err != nil {
		return nil, err
	}
	p := &posting{messages: each * len(senders), took: took, cpu: after - before}
	for _, m := range senders {
		p.latency.merge(&m.latency)
	}
	return p, nil
}

// postInTurn posts n messages, each after the one before it has come back.
func (m *member) postInTurn(n, size int) error {
	for number := range n {
		began := time.Now()
		if err := m.post(number, size); err != nil {
			return err
		}
		for {
			payload, err := m.read()
			if err != nil {
				return err
			}
			if bytes.Contains(payload, []byte(`"type":"error"`)) {
				return fmt.Errorf("the server answered %s", payload)
			}
			if _, got, _, ok := parse(payload); ok {
				if got != number {
					return fmt.Errorf("sender %d got message %d in place of %d", m.sender, got, number)
				}
				break
			}
		}
		m.latency.add(time.Since(began))
	}
	return nil
}
