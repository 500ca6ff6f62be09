package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// copyDatabase takes the files as a crash at this moment would leave them. The
// log only grows while it is copied, because the tests here stop checkpoints.
func copyDatabase(t testing.TB, from string) (to string) {
	t.Helper()
	to = t.TempDir()
	for _, name := range []string{databaseFile, databaseFile + "-wal"} {
		b, err := os.ReadFile(filepath.Join(from, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(to, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return to
}

// pragma sets something on the connection that writes.
func pragma(t testing.TB, s *Store, setting string) {
	t.Helper()
	err := s.writer.submit(context.Background(), "set", func(t *tx) error {
		rows, err := t.query(context.Background(), "PRAGMA "+setting)
		if err != nil {
			return err
		}
		return rows.Close()
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestCrashKeepsWhatWasAcknowledged(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	dir := t.TempDir()
	s := openAt(t, dir, Options{})
	pragma(t, s, "wal_autocheckpoint = 0")
	var (
		mu    sync.Mutex
		acked []Message // guarded by mu
		wg    sync.WaitGroup
	)
	stop := make(chan struct{})
	progress := make(chan struct{}, 1)
	for range 8 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				m := say(t, s, RoomID("lobby"), ID{1}, "hello")
				mu.Lock()
				acked = append(acked, m)
				mu.Unlock()
				select {
				case progress <- struct{}{}:
				default:
				}
			}
		})
	}
	var last int64
	for range 5 {
		for range 20 {
			<-progress
		}
		mu.Lock()
		before := acked
		mu.Unlock()
		crashed := openAt(t, copyDatabase(t, dir), Options{})
		for _, m := range before {
			if got, err := crashed.MessageByID(ctx, m.ID); err != nil || got != m {
				t.Errorf("acknowledged %+v, found %+v, %v", m, got, err)
			}
		}
		if seq := crashed.Seq(); seq < before[len(before)-1].Place || seq < last {
			t.Errorf("place %d after one of %d was acknowledged", seq, before[len(before)-1].Place)
		}
		last = crashed.Seq()
		if m := say(t, crashed, RoomID("lobby"), ID{1}, "after"); m.Place != last+1 || m.Stamp <= before[len(before)-1].Stamp {
			t.Errorf("first write after the crash: %+v", m)
		}
	}
	close(stop)
	wg.Wait()
}

func TestCrashForgetsWhatWasNotCommitted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openAt(t, dir, Options{})
	say(t, s, RoomID("lobby"), ID{1}, "committed")
	release := hold(t, s)
	waiting := queued(s, postNow(s, "waiting"))
	crashed := openAt(t, copyDatabase(t, dir), Options{})
	if crashed.Seq() != 1 {
		t.Errorf("newest place = %d, want 1", crashed.Seq())
	}
	release()
	if err := waiting(); err != nil {
		t.Error(err)
	}
}

// fileBytes is all that the database files hold.
func fileBytes(t testing.TB, dir string) []byte {
	t.Helper()
	var all []byte
	for _, name := range []string{databaseFile, databaseFile + "-wal"} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		all = append(all, b...)
	}
	return all
}

func TestDeletedTextLeavesTheFiles(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	dir := t.TempDir()
	s := openAt(t, dir, Options{})
	room := RoomID("lobby")
	// One that fits into a page among others, one that fills many pages.
	short, long := "s3cret", strings.Repeat("l0ng s3cret ", 2000)
	kept := say(t, s, room, ID{1}, "kept text")
	var ids []ID
	for i := range 20 {
		ids = append(ids, say(t, s, room, ID{1}, short).ID, say(t, s, room, ID{1}, fmt.Sprint("filler ", i)).ID)
	}
	ids = append(ids, say(t, s, room, ID{1}, long).ID)
	edited := say(t, s, room, ID{1}, "s3cret, to be edited")
	if !bytes.Contains(fileBytes(t, dir), []byte("s3cret")) {
		t.Fatal("the text is not in the files to begin with")
	}
	if _, err := s.UpdateMessage(ctx, edited.ID, func(m *Message) error { m.Text = "x"; return nil }); err != nil {
		t.Fatal(err)
	}
	for _, id := range ids {
		if _, err := s.UpdateMessage(ctx, id, func(m *Message) error { m.Deleted = true; return nil }); err != nil {
			t.Fatal(err)
		}
	}
	// While it runs, shortly after.
	deadline := time.Now().Add(30 * time.Second)
	for bytes.Contains(fileBytes(t, dir), []byte("s3cret")) {
		if time.Now().After(deadline) {
			t.Fatal("deleted text is still in the files of the running store")
		}
		if err := s.Ready(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	b := fileBytes(t, dir)
	if bytes.Contains(b, []byte("s3cret")) || bytes.Contains(b, []byte("filler")) {
		t.Error("deleted text is in the files of the closed store")
	}
	if !bytes.Contains(b, []byte(kept.Text)) {
		t.Error("the text that was kept is gone")
	}
}

// fillUp posts until there is no space, and says what was acknowledged.
func fillUp(t testing.TB, s *Store) (acked []Message) {
	t.Helper()
	text := strings.Repeat("x", 4000)
	for range 10_000 {
		m, _, err := s.PostMessage(context.Background(), Message{Room: RoomID("lobby"), Text: text})
		if err != nil {
			if !errors.Is(err, ErrDiskFull) {
				t.Fatalf("error = %v, want ErrDiskFull", err)
			}
			return acked
		}
		acked = append(acked, m)
	}
	t.Fatal("the disk never filled up")
	return nil
}

// surviveFullDisk holds for any way in which space ends and comes back.
func surviveFullDisk(t *testing.T, s *Store, makeSpace func()) {
	ctx := context.Background()
	acked := fillUp(t, s)
	if len(acked) == 0 {
		t.Fatal("full before the first message")
	}
	last := acked[len(acked)-1]
	// Several at once: each is told, none is stored in part.
	release := hold(t, s)
	var results []func() error
	for range 5 {
		results = append(results, queued(s, postNow(s, strings.Repeat("y", 100_000))))
	}
	release()
	for _, result := range results {
		if err := result(); !errors.Is(err, ErrDiskFull) {
			t.Errorf("error = %v, want ErrDiskFull", err)
		}
	}
	for _, m := range acked {
		if got, err := s.MessageByID(ctx, m.ID); err != nil || got != m {
			t.Fatalf("acknowledged %v is %+v, %v", m.ID, got.Header, err)
		}
	}
	makeSpace()
	m := say(t, s, RoomID("lobby"), ID{1}, strings.Repeat("z", 100_000))
	if m.Place <= last.Place || m.Stamp <= last.Stamp {
		t.Errorf("first write with space: %+v after %+v", m.Header, last.Header)
	}
	all, _, err := s.Since(ctx, RoomID("lobby"), 0, len(acked)+10)
	if err != nil || all[len(all)-1] != m {
		t.Errorf("last of %d messages is not the newest, %v", len(all), err)
	}
	for i, m := range all {
		if m.Seq != uint64(i+1) || m.Place != int64(i+1) {
			t.Fatalf("message %d has header %+v", i, m.Header)
		}
	}
}

// The limit is SQLite's own here; it reports it as it does a full disk.
func TestFullDatabaseLosesNothing(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	pragma(t, s, "max_page_count = 100")
	surviveFullDisk(t, s, func() { pragma(t, s, "max_page_count = 1000000") })
	if err := s.Ready(context.Background()); err != nil {
		t.Error(err)
	}
}

func TestErrorsOfAFullDiskAreWorded(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	pragma(t, s, "max_page_count = 50")
	fillUp(t, s)
	_, err := s.CreateUser(context.Background(), User{Name: "ada", Key: "ada", Standing: Standing{Password: strings.Repeat("x", 100_000)}})
	if !errors.Is(err, ErrDiskFull) || !strings.HasPrefix(err.Error(), "create user: disk is full") {
		t.Errorf("error = %q", err)
	}
}
