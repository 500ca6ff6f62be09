package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// measureJoin posts -messages, has a new node join, and waits until it has them all.
func measureJoin(ctx context.Context, o options, s *server) (err error) {
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
	all := o
	all.messages = 10 * max(o.messages/o.senders, 1) // post has each sender post a tenth
	p, err := post(ctx, all, s, cookies)
	if err != nil {
		return err
	}
	began := time.Now()
	peer, err := s.beside(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, peer.stop(), peer.remove()) }()
	up := time.Since(began)
	if err := s.spread(ctx, 1, 100*time.Millisecond); err != nil {
		return err
	}
	took := time.Since(began)
	donor, errDonor := s.memory()
	taker, errTaker := peer.memory()
	busy, errCPU := peer.cpu()
	size, errSize := databaseSize(peer.data)
	if err := errors.Join(errDonor, errTaker, errCPU, errSize); err != nil {
		return err
	}
	fmt.Printf("join: messages %d of %d characters\n", p.messages, o.size)
	fmt.Printf("  from joining to all  %.1f s, %.0f messages/s (it answered after %.1f s, and used %.1f s of a core)\n",
		took.Seconds(), float64(p.messages)/took.Seconds(), up.Seconds(), busy.Seconds())
	fmt.Printf("  on its disk          %.1f MB, %.0f bytes a message\n", float64(size)/1e6, float64(size)/float64(p.messages))
	fmt.Printf("  memory               %.0f MiB there, %.0f MiB here\n", float64(taker)/(1<<20), float64(donor)/(1<<20))
	return nil
}

// databaseSize is what a node's database takes, with what has not moved into it yet.
func databaseSize(data string) (size int64, err error) {
	for _, name := range []string{"snug.db", "snug.db-wal"} {
		info, err := os.Stat(filepath.Join(data, name))
		if err != nil {
			return 0, err
		}
		size += info.Size()
	}
	return size, nil
}
