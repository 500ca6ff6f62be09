package store

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// countSyncs puts something in place of the syncs of the log, from now on.
func countSyncs(s *Store, fail *atomic.Bool) (count *atomic.Int64) {
	count = new(atomic.Int64)
	s.wal.syncing.Lock()
	defer s.wal.syncing.Unlock()
	s.wal.sync = func(f *os.File) error {
		count.Add(1)
		if fail != nil && fail.Load() {
			return syscall.EIO
		}
		return syncData(f)
	}
	return count
}

// fromElsewhere is a message as another node sends it.
func fromElsewhere(seq uint64) Row {
	id := ID{9, byte(seq)}
	return &Message{Header: Header{Origin: Origin{Stamp: Stamp(seq), Feed: ID{7}, Seq: seq}}, ID: id, Room: RoomID("lobby"), Author: ID{1}, Posted: Stamp(seq), Text: "hello"}
}

func TestWritesWaitForTheDiskAndMergesDoNot(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	syncs := countSyncs(s, nil)
	merge(t, s, fromElsewhere(1))
	if n := syncs.Load(); n != 0 {
		t.Errorf("%d syncs for a merge, want none", n)
	}
	if err := s.Sync(t.Context()); err != nil || syncs.Load() != 1 {
		t.Errorf("%d syncs after Sync (%v), want 1", syncs.Load(), err)
	}
	say(t, s, RoomID("lobby"), ID{1}, "mine")
	if n := syncs.Load(); n != 2 {
		t.Errorf("%d syncs after a write, want 2", n)
	}
	release := hold(t, s)
	write := queued(s, postNow(s, "mine"))
	merged := queued(s, func() error { _, err := s.Merge(context.Background(), []Row{fromElsewhere(2)}); return err })
	release()
	if err := errors.Join(write(), merged()); err != nil || syncs.Load() != 4 {
		t.Errorf("%d syncs after a write in one commit with a merge, and that of the test before it (%v), want 4", syncs.Load(), err)
	}
}

// Where a plain sync does not reach the disk, checkpoints must not be content with it: they are what makes room in the log.
func TestCheckpointsReachTheDiskItself(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	for name, want := range map[string]number{"fullfsync": 1, "checkpoint_fullfsync": 1, "synchronous": 1} {
		var got number
		err := s.writer.submit(t.Context(), "read a setting", func(t *tx) (err error) {
			got, err = find[number](t, "PRAGMA "+name)
			return err
		})
		if err != nil || got != want {
			t.Errorf("%s = %d, %v, want %d", name, got, err, want)
		}
	}
}

func TestEarlyWatchersHearBeforeTheDiskAndOthersAfter(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	syncs := countSyncs(s, nil)
	var early, late []int64
	s.WatchEarly(func([]Row) { early = append(early, syncs.Load()) })
	s.Watch(func([]Row) { late = append(late, syncs.Load()) })
	say(t, s, RoomID("lobby"), ID{1}, "hello")
	merge(t, s, fromElsewhere(1))
	if len(early) != 2 || len(late) != 2 || early[0] != 0 || late[0] != 1 || late[1] != 1 {
		t.Errorf("syncs before early watchers %v, before others %v; want [0 1] and [1 1]", early, late)
	}
}

// A sync that fails may leave the system without what it could not write, so nothing more is acknowledged before all of the log is in the database.
func TestFailedSyncIsToldAndMended(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	dir := t.TempDir()
	s := openAt(t, dir, Options{})
	var broken atomic.Bool
	syncs := countSyncs(s, &broken)
	broken.Store(true)
	m := Message{ID: NewID(), Room: RoomID("lobby"), Author: ID{1}, Text: "hello"}
	if _, _, err := s.PostMessage(ctx, m); !errors.Is(err, syscall.EIO) {
		t.Fatalf("post with a failing disk: %v, want the disk's error", err)
	}
	if err := s.Sync(ctx); err != nil {
		t.Fatalf("mend: %v", err)
	}
	if info, err := os.Stat(filepath.Join(dir, databaseFile+"-wal")); err != nil || info.Size() != 0 {
		t.Errorf("the log is still there: %v, %v", info, err)
	}
	broken.Store(false)
	before := syncs.Load()
	got, created, err := s.PostMessage(ctx, m)
	if err != nil || created || got.Text != m.Text {
		t.Errorf("the same once more: %+v, created %v, %v; want the first one", got, created, err)
	}
	say(t, s, RoomID("lobby"), ID{1}, "later")
	if syncs.Load() == before {
		t.Error("the log is not synced any more")
	}
}

// Who tries again what could not be brought to the disk finds it done, and must not be told that it is.
func TestWhatIsFoundDoneIsNotOnDiskEither(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	dir := t.TempDir()
	s := openAt(t, dir, Options{})
	x, err := s.CreateSession(ctx, Session{Token: [32]byte{1}, User: ID{1}})
	if err != nil {
		t.Fatal(err)
	}
	var broken atomic.Bool
	countSyncs(s, &broken)
	broken.Store(true)
	done := errors.New("it is revoked already")
	revoke := func() error {
		_, err := s.UpdateSession(ctx, x.ID, func(x *Session) error {
			if x.Revoked {
				return done
			}
			x.Revoked = true
			return nil
		})
		return err
	}
	other := connect(t, filepath.Join(dir, databaseFile)) // its snapshot keeps the log from being emptied
	mustExec(t, other, "BEGIN")
	mustRead(t, other, "SELECT count(*) FROM sessions")
	if err := revoke(); !errors.Is(err, syscall.EIO) {
		t.Fatalf("revoke with a failing disk: %v", err)
	}
	if err := revoke(); !errors.Is(err, ErrBusy) {
		t.Errorf("once more: %v, want that the log cannot be emptied", err)
	}
	mustExec(t, other, "COMMIT")
	if err := revoke(); !errors.Is(err, done) {
		t.Errorf("when it is on the disk: %v, want %v", err, done)
	}
}

// What the disk has failed to take may be gone after a power cut, and its author was told that it is not stored: nobody may be shown it before it is, nor anything that
// stands behind it.
func TestWatchersHearOfNothingThatTheDiskHasFailedToTake(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openAt(t, dir, Options{})
	var broken atomic.Bool
	countSyncs(s, &broken)
	early, told := make(chan int64, 10), make(chan int64, 10)
	hear := func(into chan int64) func([]Row) {
		return func(rows []Row) {
			for _, r := range rows {
				into <- PlaceOf(r)
			}
		}
	}
	s.WatchEarly(hear(early))
	s.Watch(hear(told))
	broken.Store(true)
	other := connect(t, filepath.Join(dir, databaseFile)) // its snapshot keeps the log from being emptied
	mustExec(t, other, "BEGIN")
	mustRead(t, other, "SELECT count(*) FROM sessions")
	m := Message{ID: NewID(), Room: RoomID("lobby"), Author: ID{1}, Text: "hello"}
	for range 2 { // the second time it is there
		if _, _, err := s.PostMessage(t.Context(), m); err == nil {
			t.Fatal("acknowledged with a failing disk")
		}
	}
	merge(t, s, fromElsewhere(1))
	if len(early) != 2 || len(told) != 0 {
		t.Fatalf("%d rows were told to other nodes and %d here, want 2 and none", len(early), len(told))
	}
	broken.Store(false)
	mustExec(t, other, "COMMIT") // from here on it mends itself, though nobody writes
	if first, second := <-told, <-told; first != 1 || second != 2 {
		t.Errorf("told of places %d and %d, want 1 and 2", first, second)
	}
	if next := say(t, s, m.Room, m.Author, "later"); <-told != next.Place {
		t.Error("what is written later is not told")
	}
}

// Who waits for a sync while another one fails must not take the next that succeeds for an answer: the system has told of what it lost, and tells it once.
func TestSyncAfterAFailedOneAnswersNobody(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	var broken atomic.Bool
	syncs := countSyncs(s, &broken)
	merge(t, s, fromElsewhere(1))
	broken.Store(true)
	if err := s.Sync(t.Context()); !errors.Is(err, syscall.EIO) {
		t.Fatalf("sync with a failing disk: %v", err)
	}
	broken.Store(false)
	if err := s.wal.flush(); err == nil || syncs.Load() != 1 {
		t.Errorf("the next one: %v after %d syncs, want an error and no other sync", err, syncs.Load())
	}
	say(t, s, RoomID("lobby"), ID{1}, "once all is in the database")
	if err := s.wal.flush(); err != nil || syncs.Load() != 3 { // one of them was of the empty log
		t.Errorf("afterwards: %v after %d syncs, want 3", err, syncs.Load())
	}
}

// The system tells a failure to each open file of its own. What SQLite was told of, and this package was not yet, concerns nothing that is written after the log was emptied.
func TestAFailureOfTheOldLogRefusesNothingNew(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	var broken atomic.Bool
	countSyncs(s, &broken)
	broken.Store(true)
	m := Message{ID: NewID(), Room: RoomID("lobby"), Author: ID{1}, Text: "hello"}
	if _, _, err := s.PostMessage(t.Context(), m); !errors.Is(err, ErrFailing) {
		t.Fatalf("post with a failing disk: %v, want %v", err, ErrFailing)
	}
	once := true
	s.wal.syncing.Lock()
	s.wal.sync = func(f *os.File) error {
		if once {
			once = false
			return syscall.EIO
		}
		return syncData(f)
	}
	s.wal.syncing.Unlock()
	for range 2 {
		if _, _, err := s.PostMessage(t.Context(), m); err != nil {
			t.Errorf("post on a disk that works again: %v", err)
		}
	}
}

func TestTheLogSaysOnceThatTheDiskFailsAndOnceThatItWorks(t *testing.T) {
	t.Parallel()
	var said bytes.Buffer
	s := openAt(t, t.TempDir(), Options{Logger: slog.New(slog.NewTextHandler(&said, nil))})
	var broken atomic.Bool
	countSyncs(s, &broken)
	other := connect(t, filepath.Join(s.dir, databaseFile)) // its snapshot keeps the log from being emptied
	mustExec(t, other, "BEGIN")
	mustRead(t, other, "SELECT count(*) FROM sessions")
	for range 2 { // it may fail again, and then it is said again
		broken.Store(true)
		said.Reset()
		for range 3 {
			if err := s.Ready(t.Context()); !errors.Is(err, ErrFailing) {
				t.Fatalf("ready with a failing disk: %v, want %v", err, ErrFailing)
			}
		}
		merge(t, s, fromElsewhere(1))
		if why := s.Trouble(); !errors.Is(why, ErrFailing) {
			t.Errorf("the trouble with a failing disk is %v", why)
		}
		broken.Store(false)
		mustExec(t, other, "COMMIT")
		for range 3 {
			if err := s.Ready(t.Context()); err != nil {
				t.Fatalf("ready on a disk that works again: %v", err)
			}
		}
		if why := s.Trouble(); why != nil {
			t.Errorf("the trouble with a disk that works again is %v", why)
		}
		if text := said.String(); strings.Count(text, "level=ERROR") != 1 || strings.Count(text, "mend or replace it") != 1 || strings.Count(text, "takes what is written again") != 1 {
			t.Errorf("the log says\n%s", text)
		}
		mustExec(t, other, "BEGIN")
		mustRead(t, other, "SELECT count(*) FROM sessions")
	}
	mustExec(t, other, "COMMIT")
}

// A disk may say only when it is synced that it is full.
func TestASyncThatFindsTheDiskFullIsToldAsThat(t *testing.T) {
	t.Parallel()
	var said bytes.Buffer
	s := openAt(t, t.TempDir(), Options{Logger: slog.New(slog.NewTextHandler(&said, nil))})
	s.wal.syncing.Lock()
	s.wal.sync = func(*os.File) error { return syscall.ENOSPC }
	s.wal.syncing.Unlock()
	if err := s.Ready(t.Context()); !errors.Is(err, ErrDiskFull) || !errors.Is(err, ErrFailing) {
		t.Errorf("ready: %v, want %v and %v", err, ErrDiskFull, ErrFailing)
	}
	if text := said.String(); !strings.Contains(text, "free some space") || strings.Contains(text, "mend or replace it") {
		t.Errorf("the log says\n%s", text)
	}
	if why := s.Trouble(); !errors.Is(why, ErrDiskFull) {
		t.Errorf("the trouble is %v", why)
	}
}

// That somebody asks for what cannot be done says nothing of the disk: nothing was written.
func TestWhatWritesNothingDoesNotSayThatTheDiskWorksAgain(t *testing.T) {
	t.Parallel()
	var said bytes.Buffer
	s := openAt(t, t.TempDir(), Options{Logger: slog.New(slog.NewTextHandler(&said, nil))})
	pragma(t, s, "max_page_count = 50")
	fillUp(t, s)
	for range 3 {
		if _, err := s.UpdateUser(t.Context(), ID{9}, func(*User) error { return nil }); !errors.Is(err, ErrNotFound) {
			t.Fatalf("update of nobody: %v", err)
		}
		fillUp(t, s)
	}
	if text := said.String(); strings.Count(text, "the disk is full") != 1 || strings.Contains(text, "takes what is written again") {
		t.Errorf("the log says\n%s", text)
	}
	pragma(t, s, "max_page_count = 1000000")
	say(t, s, RoomID("lobby"), ID{1}, "hello")
	if text := said.String(); strings.Count(text, "takes what is written again") != 1 {
		t.Errorf("with space again, the log says\n%s", text)
	}
}

// Who looks after the machine is told that all is well again, though nobody writes there any more.
func TestADiskThatWorksAgainIsFoundOutWhereNobodyWrites(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var said bytes.Buffer
		s := openAt(t, t.TempDir(), Options{Logger: slog.New(slog.NewTextHandler(&said, nil))})
		mustExec(t, s.conn, "PRAGMA query_only = 1")
		if err := s.Ready(t.Context()); !errors.Is(err, ErrNotWritable) {
			t.Fatalf("ready where nothing can be written: %v, want %v", err, ErrNotWritable)
		}
		time.Sleep(3*againDelay + time.Second)
		if why := s.Trouble(); !errors.Is(why, ErrNotWritable) {
			t.Errorf("the trouble is %v, want %v", why, ErrNotWritable)
		}
		mustExec(t, s.conn, "PRAGMA query_only = 0")
		time.Sleep(againDelay)
		synctest.Wait()
		if why := s.Trouble(); why != nil {
			t.Errorf("where all can be written again, the trouble is %v", why)
		}
		if text := said.String(); strings.Count(text, "level=ERROR") != 1 || strings.Count(text, "takes what is written again") != 1 {
			t.Errorf("the log says\n%s", text)
		}
	})
}

// What a copy of the files would be after a power cut: the log up to its last sync.
func TestPowerCutTakesOnlyWhatIsMergedAndNotSynced(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	dir := t.TempDir()
	s := openAt(t, dir, Options{})
	pragma(t, s, "wal_autocheckpoint = 0")
	size := func() int64 {
		info, err := os.Stat(filepath.Join(dir, databaseFile+"-wal"))
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	var safe atomic.Int64
	s.wal.syncing.Lock()
	s.wal.sync = func(*os.File) error { safe.Store(size()); return nil }
	s.wal.syncing.Unlock()

	merge(t, s, fromElsewhere(1))
	mine := say(t, s, RoomID("lobby"), ID{1}, "mine")
	merge(t, s, fromElsewhere(2))
	if safe.Load() == size() {
		t.Fatal("nothing to lose")
	}
	cut := copyDatabase(t, dir)
	if err := os.Truncate(filepath.Join(cut, databaseFile+"-wal"), safe.Load()); err != nil {
		t.Fatal(err)
	}
	after := openAt(t, cut, Options{})
	if got, err := after.MessageByID(ctx, mine.ID); err != nil || got != mine {
		t.Errorf("what was acknowledged is %+v, %v", got, err)
	}
	vector, _, err := after.Vector(ctx)
	if err != nil || vector[ID{7}] != 1 {
		t.Errorf("the other feed is known up to %d (%v), want 1: what is lost is fetched again", vector[ID{7}], err)
	}
	if _, err := after.MessageByID(ctx, ID{9, 2}); !errors.Is(err, ErrNotFound) {
		t.Errorf("the row behind: %v, want ErrNotFound", err)
	}
	if after.GoesOn(s.Log(), s.Seq()) || !after.GoesOn(s.Log(), mine.Place) {
		t.Error("who remembers a place that was lost goes on from there, or who does not begins anew")
	}
	merge(t, after, fromElsewhere(2))
	if vector, _, err = after.Vector(ctx); err != nil || vector[ID{7}] != 2 {
		t.Errorf("fetched again: the other feed is known up to %d (%v), want 2", vector[ID{7}], err)
	}
}
