package main

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"snug/config"
	"snug/control"
	"snug/store"
)

// openStore opens the data, and waits a while for a command that works on it at this moment, or for a server that is just ending. One that runs and
// answers will not end by itself.
func openStore(ctx context.Context, c *config.Config, logger *slog.Logger) (*store.Store, error) {
	for begun, told := time.Now(), false; ; told = true {
		st, err := store.Open(ctx, c.Server.Data, store.Options{Synchronous: c.Store.Synchronous, Logger: logger})
		if !errors.Is(err, store.ErrLocked) || time.Since(begun) > lockWait || answers(ctx, c.Server.Data) {
			return st, err
		}
		if !told {
			logger.Info("waiting for another process that uses the data directory", "data", c.Server.Data, "most", lockWait, "error", err)
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(lockPoll):
		}
	}
}

// answers reports whether a server runs on the data directory and takes commands, if only to say that it does not know this one.
func answers(ctx context.Context, dir string) bool {
	return !errors.Is(control.Dial(dir).Ask(ctx, "no-command", nil, nil), control.ErrNoServer)
}
