package main

import (
	"errors"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"snug/config"
	"snug/store"
)

// lines is a writer that gives on what is written, one call at a time.
type lines chan string

func (l lines) Write(b []byte) (int, error) {
	l <- string(b)
	return len(b), nil
}

func TestServerWaitsForACommandThatHoldsTheData(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	command, err := store.Open(t.Context(), dir, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	effective, err := config.Load(config.Sources{File: os.DevNull, Environment: []string{"SNUG_SERVER_DATA=" + dir}})
	if err != nil {
		t.Fatal(err)
	}
	said, opened := make(lines, 10), make(chan error, 1)
	var st *store.Store
	go func() {
		var err error
		st, err = openStore(t.Context(), &effective.Config, slog.New(slog.NewTextHandler(said, nil)))
		opened <- err
	}()
	select {
	case line := <-said:
		if !strings.Contains(line, "waiting for another process") || !strings.Contains(line, dir) {
			t.Errorf("it says %s", line)
		}
	case err := <-opened:
		t.Fatalf("it did not wait: %v", err)
	}
	if err := command.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-opened; err != nil {
		t.Fatalf("after the command: %v", err)
	}
	defer st.Close()
	if len(said) != 0 {
		t.Errorf("it says more: %s", <-said)
	}
	began := time.Now()
	if _, err := openStore(t.Context(), &effective.Config, slog.New(slog.DiscardHandler)); !errors.Is(err, store.ErrLocked) || time.Since(began) < lockWait {
		t.Errorf("somebody who does not end: %v after %v, want that it is in use after %v", err, time.Since(began), lockWait)
	}
}
