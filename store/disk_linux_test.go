package store

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// TestFullDiskLosesNothing fills a real file system, where this process may mount
// one. TestFullDatabaseLosesNothing holds the same rules everywhere.
func TestFullDiskLosesNothing(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("snug-test", dir, "tmpfs", 0, "size=2m"); err != nil {
		t.Logf("no file system of our own: mount: %v", err)
		return
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, 0); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
	s := openAt(t, filepath.Join(dir, "data"), Options{})
	ballast := filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 512<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	surviveFullDisk(t, s, func() {
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
	})
	if err := s.Ready(t.Context()); err != nil {
		t.Errorf("with space again: %v", err)
	}
	f, err := os.Create(ballast)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for err == nil {
		_, err = f.Write(make([]byte, 4096))
	}
	// However short ago it was ready.
	if err := s.Ready(t.Context()); !errors.Is(err, ErrDiskFull) {
		t.Errorf("ready on a full disk: %v, want ErrDiskFull", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	// A disk that is full already when the store is opened.
	other := filepath.Join(dir, "other")
	if _, err := Open(context.Background(), other, Options{}); !errors.Is(err, ErrDiskFull) {
		t.Errorf("open: %v, want ErrDiskFull", err)
	}
}
