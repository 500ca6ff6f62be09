package store

import (
	"database/sql"
	"errors"
	"path/filepath"
	"testing"
)

func TestWritesWaitForAnotherProgramNotForEver(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openAt(t, dir, Options{})
	pragma(t, s, "busy_timeout = 1") // for the test only: a write waits longer
	other, err := sql.Open("sqlite", dataSource(filepath.Join(dir, databaseFile), nil))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	other.SetMaxOpenConns(1)
	if _, err := other.Exec("BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.CreateUser(t.Context(), User{Name: "ada", Key: "ada"}); !errors.Is(err, ErrBusy) {
		t.Errorf("a write while another program writes: %v, want ErrBusy", err)
	}
	if err := s.Ready(t.Context()); !errors.Is(err, ErrBusy) {
		t.Errorf("ready while another program writes: %v, want ErrBusy", err)
	}
	if _, err := other.Exec("ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.CreateUser(t.Context(), User{Name: "ada", Key: "ada"}); err != nil {
		t.Errorf("a write after that: %v", err)
	}
}
