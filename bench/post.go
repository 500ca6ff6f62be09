package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// measurePost has each sender wait for its own message, each alone in a room of its own, so that storing is all that is measured.
func measurePost(ctx context.Context, o options, s *server) error {
	cookies, err := s.signUp(ctx, o.senders)
	if err != nil {
		return err
	}
	senders := make([]*member, len(cookies))
	for i, cookie := range cookies {
		c, err := dial(ctx, s.addr, fmt.Sprintf("/ws/chat/bench%d/", i), cookie)
		if err != nil {
			return err
		}
		defer c.close()
		senders[i] = &member{client: c, sender: i}
	}
	each := max(o.messages/10, 1)
	before, err := s.cpu()
	if err != nil {
		return err
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
		return err
	}
	var all histogram
	for _, m := range senders {
		all.merge(&m.latency)
	}
	total := each * len(senders)
	fmt.Printf("post: senders %d, messages %d, size %d, each on disk before it is delivered\n", len(senders), total, o.size)
	fmt.Printf("  messages/s           %.0f (%.2f s)\n", float64(total)/took.Seconds(), took.Seconds())
	fmt.Printf("  latency              p50 %v, p99 %v\n", all.quantile(0.50), all.quantile(0.99))
	fmt.Printf("  CPU per message      %v\n", ((after - before) / time.Duration(total)).Round(time.Microsecond))
	return nil
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
