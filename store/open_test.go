package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// That a disk fails is no question of who may write there.
func TestOpenOnADiskThatFails(t *testing.T) {
	t.Parallel()
	for why, want := range map[syscall.Errno]error{syscall.EIO: ErrFailing, syscall.ENOSPC: ErrDiskFull, syscall.EACCES: ErrNotWritable, syscall.EROFS: ErrNotWritable} {
		err := explainOpen(t.TempDir(), fmt.Errorf("%w: %w", ErrNotWritable, &fs.PathError{Op: "open", Path: lockFile, Err: why}))
		for _, is := range []error{ErrFailing, ErrDiskFull} {
			if errors.Is(err, is) != (is == want) {
				t.Errorf("%v is told as %v", why, err)
			}
		}
		if !errors.Is(err, want) || !errors.Is(err, why) {
			t.Errorf("%v is told as %v, want %v", why, err, want)
		}
	}
}

func TestOpenMakesPrivateFiles(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "some where", "snüg ?a=b&c#d %41")
	s := openAt(t, dir, Options{})
	say(t, s, RoomID("lobby"), NewID(), "hello")
	for name, want := range map[string]os.FileMode{
		".": 0o700 | os.ModeDir, "snug.db": 0o600, "snug.db-wal": 0o600, "snug.db-shm": 0o600, "snug.lock": 0o600,
	} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode() != want {
			t.Errorf("%s: mode %v, %v; want %v", name, info, err, want)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(dir, "snug.db"), 0o644); err != nil {
		t.Fatal(err)
	}
	openAt(t, dir, Options{})
	if info, err := os.Stat(filepath.Join(dir, "snug.db")); err != nil || info.Mode() != 0o600 {
		t.Errorf("opened again: mode %v, %v", info.Mode(), err)
	}
}

func TestSecondOpenIsLockedOut(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openAt(t, dir, Options{})
	_, err := Open(context.Background(), dir, Options{})
	if !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), fmt.Sprint("process ", os.Getpid())) {
		t.Errorf("error = %v, want ErrLocked with the process", err)
	}
	say(t, s, RoomID("lobby"), NewID(), "still works")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	openAt(t, dir, Options{})
}

func TestOpenSaysWhyItCannot(t *testing.T) {
	t.Parallel()
	write := func(t *testing.T, path, content string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	database := func(t *testing.T, path, query string) {
		t.Helper()
		conn := connect(t, path)
		mustExec(t, conn, query)
		if err := conn.Close(); err != nil {
			t.Fatal(err)
		}
	}
	tests := map[string]struct {
		prepare func(t *testing.T, dir string) (open string)
		want    error
	}{
		"directory is a file": {func(t *testing.T, dir string) string {
			write(t, filepath.Join(dir, "file"), "")
			return filepath.Join(dir, "file")
		}, ErrNotWritable},
		"directory below a file": {func(t *testing.T, dir string) string {
			write(t, filepath.Join(dir, "file"), "")
			return filepath.Join(dir, "file", "below")
		}, ErrNotWritable},
		"lock cannot be made": {func(t *testing.T, dir string) string {
			if err := os.Mkdir(filepath.Join(dir, lockFile), 0o700); err != nil {
				t.Fatal(err)
			}
			return dir
		}, ErrNotWritable},
		"text in the file": {func(t *testing.T, dir string) string {
			write(t, filepath.Join(dir, databaseFile), strings.Repeat("Dear diary, ", 1000))
			return dir
		}, ErrDamaged},
		"another program's database": {func(t *testing.T, dir string) string {
			database(t, filepath.Join(dir, databaseFile), "CREATE TABLE recipes (name)")
			return dir
		}, ErrDamaged},
		"another program's mark": {func(t *testing.T, dir string) string {
			database(t, filepath.Join(dir, databaseFile), "PRAGMA application_id = 42")
			return dir
		}, ErrDamaged},
		"damaged pages": {func(t *testing.T, dir string) string {
			s := openAt(t, dir, Options{})
			addUser(t, s, "ada")
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(dir, databaseFile)
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			// The schema page keeps its header and loses the rest.
			for i := 100; i < len(b); i++ {
				b[i] = 0xa5
			}
			write(t, path, string(b))
			return dir
		}, ErrDamaged},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := tt.prepare(t, t.TempDir())
			for range 2 { // the second time too: nothing was left locked
				s, err := Open(context.Background(), dir, Options{})
				if err == nil {
					s.Close()
				}
				if !errors.Is(err, tt.want) || !strings.Contains(fmt.Sprint(err), dir) {
					t.Errorf("error = %v, want %q and the directory", err, tt.want)
				}
			}
		})
	}
}

func TestNewerDatabaseIsLeftAlone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openAt(t, dir, Options{})
	addUser(t, s, "ada")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, databaseFile)
	conn := connect(t, path)
	mustExec(t, conn, "PRAGMA user_version = 4711")
	mustExec(t, conn, "PRAGMA journal_mode = DELETE")
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = Open(context.Background(), dir, Options{})
	var newer *NewerSchemaError
	if !errors.As(err, &newer) || newer.Have != 4711 || newer.Known != len(knownSteps(t)) {
		t.Fatalf("error = %v, want a NewerSchemaError", err)
	}
	if after, err := os.ReadFile(path); err != nil || string(after) != string(before) {
		t.Errorf("the file was changed (%v)", err)
	}
}

func TestOpenRefusesUnknownSynchronous(t *testing.T) {
	t.Parallel()
	if _, err := Open(context.Background(), t.TempDir(), Options{Synchronous: "off"}); err == nil {
		t.Error("synchronous off was accepted")
	}
	openAt(t, t.TempDir(), Options{Synchronous: "normal"})
}

func TestReopenGoesOnWhereItStopped(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	now := day
	opts := Options{Now: func() time.Time { return now }}
	s := openAt(t, dir, opts)
	log, m := s.Log(), say(t, s, RoomID("lobby"), NewID(), "first")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "snug.db-*")); len(left) != 0 {
		t.Errorf("left after Close: %v", left)
	}
	now = day.Add(-24 * time.Hour) // the wall clock was set back
	s = openAt(t, dir, opts)
	if !s.GoesOn(log, m.Place) || s.Seq() != m.Place {
		t.Errorf("at %d, want %d, and to go on from there", s.Seq(), m.Place)
	}
	next := say(t, s, m.Room, m.Author, "second")
	if next.Stamp <= m.Stamp || next.Place != m.Place+1 || next.Feed == m.Feed || next.Seq != 1 {
		t.Errorf("second %+v after first %+v", next.Header, m.Header)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	conn := connect(t, filepath.Join(dir, databaseFile))
	for feed, seq := range map[ID]string{m.Feed: "1", next.Feed: "1"} {
		if got := mustRead(t, conn, fmt.Sprintf("SELECT seq FROM feeds WHERE feed = x'%s'", feed.Hex())); got != seq {
			t.Errorf("feed %v stands at %s, want %s", feed, got, seq)
		}
	}
}

func TestDatabasesHaveDifferentLogs(t *testing.T) {
	t.Parallel()
	a, b := openTest(t), openTest(t)
	if a.Log() == b.Log() || len(a.Log()) != 32 {
		t.Errorf("logs %q and %q", a.Log(), b.Log())
	}
}

func TestClosedStoreSaysSo(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	ctx := context.Background()
	for range 2 {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	_, errRead := s.UserByKey(ctx, "ada")
	_, _, _, errLatest := s.Latest(ctx, ID{}, 1)
	_, errWrite := s.CreateUser(ctx, User{Name: "ada", Key: "ada"})
	for _, err := range []error{errRead, errLatest, errWrite, s.Ready(ctx)} {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("error = %v, want ErrClosed", err)
		}
	}
}
