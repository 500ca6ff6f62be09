package store

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// spoil changes the log as a system does that reads something older than what it has failed to write.
func spoil(t *testing.T, dir string, at int64) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(dir, databaseFile+"-wal"), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if at < 0 {
		info, err := f.Stat()
		if err != nil {
			t.Fatal(err)
		}
		at += info.Size()
	}
	b := make([]byte, 1)
	if _, err := f.ReadAt(b, at); err != nil {
		t.Fatal(err)
	}
	b[0]++
	if _, err := f.WriteAt(b, at); err != nil {
		t.Fatal(err)
	}
}

func TestTheCheckOfTheLogFindsEachByteThatIsNotWhatWasWritten(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	for range 3 {
		say(t, s, RoomID("lobby"), ID{1}, "hello")
	}
	if err := s.wal.check(); err != nil {
		t.Fatalf("of the log as it was written: %v", err)
	}
	for what, at := range map[string]int64{
		"first byte": 0, "salt": 17, "sum of the header": 31, "page number": logHeaderSize, "salt of a frame": logHeaderSize + 8, "sum of a frame": logHeaderSize + 16,
		"page": logHeaderSize + frameHeaderSize, "last byte": -1,
	} {
		spoil(t, s.dir, at)
		if err := s.wal.check(); !errors.Is(err, ErrLost) {
			t.Errorf("%s: %v, want %v", what, err, ErrLost)
		}
		f := filepath.Join(s.dir, databaseFile+"-wal")
		all, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if at < 0 {
			at += int64(len(all))
		}
		if err := s.wal.check(); !errors.Is(err, ErrLost) {
			t.Errorf("%s: %v", what, err)
		}
		if _, err := s.wal.file.WriteAt([]byte{all[at] - 1}, at); err != nil {
			t.Fatal(err)
		}
		if err := s.wal.check(); err != nil {
			t.Fatalf("%s, put right: %v", what, err)
		}
	}
	if err := s.wal.file.Truncate(5000); err != nil {
		t.Fatal(err)
	}
	if err := s.wal.check(); !errors.Is(err, ErrLost) {
		t.Errorf("too short: %v, want %v", err, ErrLost)
	}
}

// A log that a failing disk has spoilt must not get into the database, neither now nor at the end. After a restart all is there that was acknowledged.
func TestWhatTheDiskHasLostDoesNotSpoilTheDatabase(t *testing.T) {
	t.Parallel()
	var said bytes.Buffer
	dir := t.TempDir()
	s, err := Open(t.Context(), dir, Options{Logger: slog.New(slog.NewTextHandler(&said, nil))})
	if err != nil {
		t.Fatal(err)
	}
	kept := say(t, s, RoomID("lobby"), ID{1}, "kept")
	var broken atomic.Bool
	countSyncs(s, &broken)
	broken.Store(true)
	refused := Message{ID: NewID(), Room: RoomID("lobby"), Author: ID{1}, Text: strings.Repeat("refused ", 400)}
	if _, _, err := s.PostMessage(t.Context(), refused); !errors.Is(err, ErrFailing) {
		t.Fatalf("post with a failing disk: %v, want %v", err, ErrFailing)
	}
	spoil(t, dir, -1)
	broken.Store(false)
	for range 3 {
		if _, _, err := s.PostMessage(t.Context(), refused); !errors.Is(err, ErrFailing) || !errors.Is(err, ErrLost) {
			t.Errorf("post when the log is spoilt: %v, want %v", err, ErrLost)
		}
	}
	if text := said.String(); strings.Count(text, "restart Snug") != 1 {
		t.Errorf("the log says\n%s", text)
	}
	if why := s.Trouble(); !errors.Is(why, ErrLost) {
		t.Errorf("the trouble is %v, want %v", why, ErrLost)
	}
	s.writer.scrub.Reset(0) // as after a deletion
	if err := s.Ready(t.Context()); !errors.Is(err, ErrLost) {
		t.Errorf("ready when the log is spoilt: %v, want %v", err, ErrLost)
	}
	if err := s.Close(); !errors.Is(err, ErrLost) {
		t.Errorf("close: %v, want %v", err, ErrLost)
	}

	// What another process finds. This one has the files open still.
	again := t.TempDir()
	for _, name := range []string{databaseFile, databaseFile + "-wal"} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err == nil {
			err = os.WriteFile(filepath.Join(again, name), b, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(s.wal.close(), s.conn.Close(), s.database.Close()); err != nil {
		t.Fatal(err)
	}
	s = openAt(t, again, Options{})
	msgs, _, err := s.History(t.Context(), RoomID("lobby"), ID{}, 10)
	if err != nil || len(msgs) != 1 || msgs[0].ID != kept.ID {
		t.Errorf("after a restart there are %v (%v), want only what was acknowledged", msgs, err)
	}
	if _, _, err := s.PostMessage(t.Context(), refused); err != nil {
		t.Errorf("posting again: %v", err)
	}
}
