package store

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// hold keeps the writer busy inside a transaction until release is called.
func hold(t testing.TB, s *Store) (release func()) {
	t.Helper()
	entered, leave, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	var enter sync.Once
	go func() {
		done <- s.writer.submit(context.Background(), "hold", func(*tx) error {
			enter.Do(func() { close(entered) })
			<-leave
			return nil
		})
	}()
	<-entered
	return func() {
		t.Helper()
		close(leave)
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// queued starts a write and returns when it waits in the queue.
func queued(s *Store, write func() error) (result func() error) {
	waiting := len(s.writer.queue)
	done := make(chan error, 1)
	go func() { done <- write() }()
	for len(s.writer.queue) == waiting {
		runtime.Gosched()
	}
	return func() error { return <-done }
}

func postNow(s *Store, text string) func() error {
	return func() error {
		_, _, err := s.PostMessage(context.Background(), Message{Room: RoomID("lobby"), Author: ID{1}, Text: text})
		return err
	}
}

func TestWritesThatWaitAreCommittedTogether(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	commits, stop := record(s)
	release := hold(t, s)
	var results []func() error
	for range 10 {
		results = append(results, queued(s, postNow(s, "hello")))
	}
	release()
	for _, result := range results {
		if err := result(); err != nil {
			t.Error(err)
		}
	}
	stop()
	say(t, s, RoomID("lobby"), ID{1}, "unwatched")
	if len(*commits) != 1 || len((*commits)[0]) != 10 {
		t.Fatalf("%d commits, want one of 10 rows", len(*commits))
	}
	for i, row := range (*commits)[0] {
		h := row.row()
		if h.Place != int64(i+1) || h.Seq != uint64(i+1) || PlaceOf(row) != h.Place {
			t.Errorf("row %d has header %+v", i, h)
		}
	}
}

func TestABatchIsBounded(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	release := hold(t, s)
	commits, stop := record(s)
	defer stop()
	var results []func() error
	for range maxBatch + 1 {
		results = append(results, queued(s, postNow(s, "hello")))
	}
	release()
	for _, result := range results {
		if err := result(); err != nil {
			t.Error(err)
		}
	}
	var sizes []int
	for _, rows := range *commits {
		sizes = append(sizes, len(rows))
	}
	if diff := cmp.Diff([]int{maxBatch, 1}, sizes); diff != "" {
		t.Error(diff)
	}
}

// One write of a batch fails in an unexpected way; the others, before and after
// it, are stored, and no number is lost or given twice.
func TestOnlyTheCulpritFails(t *testing.T) {
	t.Parallel()
	odd := errors.New("odd")
	culprits := map[string]struct {
		run  func(*tx) error
		want string
	}{
		"SQL error": {func(t *tx) error {
			return t.write(putRoom, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil)
		}, "NOT NULL"},
		"bad statement": {func(t *tx) error { return t.write("nonsense") }, "syntax"},
		"bad query": {func(t *tx) error {
			_, err := find[Room](t, "SELECT nonsense")
			return err
		}, "nonsense"},
		"panic":               {func(*tx) error { panic("at the disco") }, "at the disco"},
		"panic after writing": {func(t *tx) error { _ = t.post(&Message{ID: NewID(), Room: ID{1}}); panic("late") }, "late"},
		"error after writing": {func(t *tx) error {
			if err := t.post(&Message{ID: NewID(), Room: RoomID("lobby"), Text: "half"}); err != nil {
				return err
			}
			return odd
		}, "odd"},
		"error before writing": {func(*tx) error { return odd }, "odd"},
	}
	for name, tt := range culprits {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openTest(t)
			ctx := context.Background()
			commits, stop := record(s)
			release := hold(t, s)
			before := queued(s, postNow(s, "before"))
			culprit := queued(s, func() error { return s.writer.submit(ctx, "do mischief", tt.run) })
			after := queued(s, postNow(s, "after"))
			release()
			if err := errors.Join(before(), after()); err != nil {
				t.Error(err)
			}
			if err := culprit(); err == nil || !strings.Contains(err.Error(), tt.want) || !strings.HasPrefix(err.Error(), "do mischief: ") {
				t.Errorf("error = %v, want one with %q", err, tt.want)
			}
			say(t, s, RoomID("lobby"), ID{1}, "later")
			stop()
			msgs, _, err := s.Since(ctx, RoomID("lobby"), 0, 10)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{"before", "after", "later"}, texts(msgs)); diff != "" {
				t.Error(diff)
			}
			for i, m := range msgs {
				if m.Place != int64(i+1) || m.Seq != uint64(i+1) {
					t.Errorf("message %d has header %+v", i, m.Header)
				}
			}
			told := 0
			for _, rows := range *commits {
				told += len(rows)
			}
			if told != 3 {
				t.Errorf("watchers were told of %d rows, want 3", told)
			}
		})
	}
}

// Two of a batch want the same name: the transaction must see its own writes.
func TestABatchChecksAgainstItself(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	ctx := context.Background()
	create := func() error {
		_, err := s.CreateUser(ctx, User{Name: "ada", Key: "ada"})
		return err
	}
	release := hold(t, s)
	first, second := queued(s, create), queued(s, create)
	release()
	if err := first(); err != nil {
		t.Error(err)
	}
	if err := second(); !errors.Is(err, ErrNameTaken) {
		t.Errorf("second: %v, want ErrNameTaken", err)
	}
	if s.Seq() != 1 {
		t.Errorf("%d places, want 1", s.Seq())
	}
}

func TestContextEndsTheWait(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	ctx, cancel := context.WithCancel(context.Background())
	post := func() error {
		_, _, err := s.PostMessage(ctx, Message{Room: RoomID("lobby"), Text: "given up"})
		return err
	}
	release := hold(t, s)
	waiting := queued(s, post)
	for len(s.writer.queue) < queueLength {
		s.writer.queue <- &operation{ctx: ctx, run: func(*tx) error { return errors.New("ran") }, done: make(chan error, 1)}
	}
	full := make(chan error)
	go func() { full <- post() }()
	cancel()
	for name, err := range map[string]error{"queued": waiting(), "queue full": <-full, "before": post()} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v, want context.Canceled", name, err)
		}
	}
	release()
	say(t, s, RoomID("lobby"), ID{1}, "after")
	msgs, _, err := s.Since(context.Background(), RoomID("lobby"), 0, 10)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"after"}, texts(msgs)); diff != "" {
		t.Error(diff)
	}
	if _, err := s.UserByKey(ctx, "ada"); !errors.Is(err, context.Canceled) {
		t.Errorf("read: %v, want context.Canceled", err)
	}
}

func TestCloseWritesWhatIsQueued(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openAt(t, dir, Options{})
	release := hold(t, s)
	var results []func() error
	for range 300 {
		results = append(results, queued(s, postNow(s, "hello")))
	}
	closed := make(chan error)
	go func() { closed <- s.Close() }()
	<-s.writer.closing
	release()
	for _, result := range results {
		if err := result(); err != nil {
			t.Error(err)
		}
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
	if s = openAt(t, dir, Options{}); s.Seq() != 300 {
		t.Errorf("%d rows are there, want 300", s.Seq())
	}
}

// An operation that ends its goroutine takes the writer with it. That must be an
// error for everybody, not a wait for ever.
func TestNobodyWaitsForAWriterThatIsGone(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	release := hold(t, s)
	killer := queued(s, func() error {
		return s.writer.submit(context.Background(), "exit", func(*tx) error { runtime.Goexit(); return nil })
	})
	waiting := queued(s, postNow(s, "hello"))
	release()
	for name, err := range map[string]error{"killer": killer(), "waiting": waiting(), "later": postNow(s, "hello")()} {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("%s: %v, want ErrClosed", name, err)
		}
	}
}

func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	ctx := context.Background()
	var places []int64
	stop := s.Watch(func(rows []Row) {
		for _, row := range rows {
			places = append(places, PlaceOf(row))
		}
	})
	room := addRoom(t, s, "lobby")
	const people, messages = 16, 25
	var wg sync.WaitGroup
	for i := range people {
		wg.Go(func() {
			me := addUser(t, s, string(rune('a'+i)))
			seq := int64(0)
			for range messages {
				m := say(t, s, room.ID, me.ID, "hello")
				if m.Place <= seq {
					t.Errorf("place %d after %d", m.Place, seq)
				}
				msgs, _, newest, err := s.Latest(ctx, room.ID, 5)
				if err != nil || newest < m.Place || len(msgs) == 0 {
					t.Errorf("latest: %d messages up to %d, %v; posted at %d", len(msgs), newest, err, m.Place)
				}
				for _, m := range msgs {
					if m.Place > newest {
						t.Errorf("message at %d in a window up to %d", m.Place, newest)
					}
				}
				if _, err := s.UpdateMessage(ctx, m.ID, func(m *Message) error { m.Deleted = true; return nil }); err != nil {
					t.Error(err)
				}
				seq = m.Place
			}
		})
	}
	wg.Wait()
	stop()
	if want := 1 + people + 2*people*messages; len(places) != want || s.Seq() != int64(want) {
		t.Errorf("%d rows, newest place %d; want %d", len(places), s.Seq(), want)
	}
	for i, place := range places {
		if place != int64(i+1) {
			t.Fatalf("row %d has place %d", i, place)
		}
	}
}
