package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"time"
)

// socketsPerPerson keeps the idle measurement from hashing thousands of passwords; a socket costs the same whosever it is.
const socketsPerPerson = 50

// measureIdle opens sockets in rooms of ten and lets them rest. It takes the resident set of the server with the sockets open and quiet,
// less that of the same process before them.
func measureIdle(ctx context.Context, o options, s *server) error {
	cookies, err := s.signUp(ctx, (o.sockets+socketsPerPerson-1)/socketsPerPerson)
	if err != nil {
		return err
	}
	if err := s.restart(ctx); err != nil { // hashing passwords leaves garbage that the sockets would then seem to get for nothing
		return err
	}
	if err := settle(ctx); err != nil {
		return err
	}
	before, err := s.memory()
	if err != nil {
		return err
	}
	for i := range o.sockets {
		c, err := s.open(ctx, i, cookies[i/socketsPerPerson])
		if err != nil {
			return fmt.Errorf("socket %d of %d: %w", i+1, o.sockets, err)
		}
		defer c.close()
		if (i+1)%1000 == 0 {
			fmt.Fprintf(os.Stderr, "%d of %d sockets are open\n", i+1, o.sockets)
		}
	}
	if err := settle(ctx); err != nil {
		return err
	}
	after, err := s.memory()
	if err != nil {
		return err
	}
	fmt.Printf("idle: sockets %d\n", o.sockets)
	fmt.Printf("  memory for each      %.1f KiB (resident: %.1f MiB before, %.1f MiB with them)\n",
		float64(after-before)/1024/float64(o.sockets), float64(before)/(1<<20), float64(after)/(1<<20))
	return nil
}

// open opens a socket and keeps reading it, as a client at rest does.
func (s *server) open(ctx context.Context, i int, cookie *http.Cookie) (*client, error) {
	c, err := s.dial(ctx, fmt.Sprintf("/ws/chat/idle%d/", i/10), cookie)
	if err != nil {
		return nil, err
	}
	go func() {
		for {
			if _, err := c.read(); err != nil {
				return // closed by measureIdle when it is done
			}
		}
	}()
	return c, nil
}

// settle gives the server time to collect garbage and to return what it does not use.
func settle(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(10 * time.Second):
		return nil
	}
}
