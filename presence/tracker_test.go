package presence

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// diary keeps what a watcher was told, as "+user@place" and "-user@place".
type diary struct {
	mu    sync.Mutex
	lines []string
	last  Event
}

func watch(tb testing.TB, t *Tracker) *diary {
	tb.Helper()
	d := &diary{}
	t.Watch(func(e Event) {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.lines = append(d.lines, line(e))
		d.last = e
	})
	return d
}

func line(e Event) string {
	sign := "-"
	if e.Present {
		sign = "+"
	}
	return sign + e.User + "@" + e.Place
}

// expect waits for the watcher to be told all, and compares.
func (d *diary) expect(t *testing.T, want ...string) {
	t.Helper()
	synctest.Wait()
	d.mu.Lock()
	defer d.mu.Unlock()
	if !slices.Equal(d.lines, want) {
		t.Errorf("told %v, want %v", d.lines, want)
	}
}

// inTime runs a test with a Tracker that lingers for 5 seconds, in time that passes only by Sleep.
func inTime(t *testing.T, test func(t *testing.T, tr *Tracker)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		tr := New(Options{})
		defer tr.Close()
		test(t, tr)
	})
}

func TestSeveralConnectionsCountOnce(t *testing.T) {
	inTime(t, func(t *testing.T, tr *Tracker) {
		d := watch(t, tr)
		first := tr.Enter("lobby", "ada")
		second := tr.Enter("lobby", "ada")
		tr.Enter("lobby", "grace")

		if n := tr.Count("lobby"); n != 2 {
			t.Errorf("count %d, want 2", n)
		}
		first.LeaveNow()
		if !tr.Present("lobby", "ada") {
			t.Error("ada is gone while a connection is left")
		}
		d.expect(t, "+ada@lobby", "+grace@lobby")
		second.LeaveNow()
		if tr.Present("lobby", "ada") {
			t.Error("ada is present without a connection")
		}
		d.expect(t, "+ada@lobby", "+grace@lobby", "-ada@lobby")
	})
}

func TestBrokenConnectionLingers(t *testing.T) {
	inTime(t, func(t *testing.T, tr *Tracker) {
		d := watch(t, tr)
		v := tr.Enter("", "ada")
		left := time.Now()
		v.Leave()

		time.Sleep(DefaultLinger - time.Millisecond)
		d.expect(t, "+ada@")
		if !tr.Present("", "ada") {
			t.Error("gone before the linger ended")
		}

		time.Sleep(time.Millisecond)
		d.expect(t, "+ada@", "-ada@")
		if !d.last.At.Equal(left) {
			t.Errorf("left at %v, want %v, when the connection ended", d.last.At, left)
		}
	})
}

func TestReturnWithinLingerIsNotNoticed(t *testing.T) {
	inTime(t, func(t *testing.T, tr *Tracker) {
		d := watch(t, tr)
		for range 10 {
			v := tr.Enter("", "ada")
			time.Sleep(time.Second)
			v.Leave()
			time.Sleep(DefaultLinger - time.Second)
		}
		d.expect(t, "+ada@")
		time.Sleep(time.Second)
		d.expect(t, "+ada@", "-ada@")
	})
}

func TestLingerBeginsAtTheLastLeave(t *testing.T) {
	inTime(t, func(t *testing.T, tr *Tracker) {
		first, second := tr.Enter("", "ada"), tr.Enter("", "ada")
		first.Leave()
		time.Sleep(time.Minute)
		second.Leave()
		time.Sleep(DefaultLinger - time.Millisecond)
		if !tr.Present("", "ada") {
			t.Error("the linger was counted from the first leave")
		}
	})
}

func TestLeaveNowEndsALinger(t *testing.T) {
	inTime(t, func(t *testing.T, tr *Tracker) {
		broken, other := tr.Enter("", "ada"), tr.Enter("", "ada")
		broken.Leave()
		other.LeaveNow()
		if tr.Present("", "ada") {
			t.Error("present after goodbye on the last connection")
		}
	})
}

func TestLeavingTwiceCountsOnce(t *testing.T) {
	inTime(t, func(t *testing.T, tr *Tracker) {
		first, second := tr.Enter("", "ada"), tr.Enter("", "ada")
		first.LeaveNow()
		first.LeaveNow()
		first.Leave()
		if !tr.Present("", "ada") {
			t.Error("one visit left for two")
		}
		second.LeaveNow()
		if tr.Present("", "ada") {
			t.Error("present without a connection")
		}
	})
}

func TestNoLinger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := New(Options{Linger: -1})
		defer tr.Close()
		tr.Enter("", "ada").Leave()
		if tr.Present("", "ada") {
			t.Error("lingers")
		}
	})
}

func TestDropLeavesEverywhereAtOnce(t *testing.T) {
	inTime(t, func(t *testing.T, tr *Tracker) {
		server, room := tr.Enter("", "ada"), tr.Enter("lobby", "ada")
		tr.Enter("kitchen", "ada").Leave()
		tr.Enter("", "grace")

		tr.Drop("ada")
		for _, place := range []string{"", "lobby", "kitchen"} {
			if tr.Present(place, "ada") {
				t.Errorf("present in %q after Drop", place)
			}
		}
		if !tr.Present("", "grace") {
			t.Error("somebody else was dropped")
		}

		// What is left of the old visits has no part in a new one.
		again := tr.Enter("", "ada")
		server.Leave()
		server.LeaveNow()
		room.Leave()
		time.Sleep(time.Minute)
		if !tr.Present("", "ada") {
			t.Error("a visit from before Drop ended one from after")
		}
		again.LeaveNow()
		if tr.Present("", "ada") {
			t.Error("present without a connection")
		}
	})
}

func TestSlowWatcherIsToldTheNetChange(t *testing.T) {
	inTime(t, func(t *testing.T, tr *Tracker) {
		var told []string
		release := make(chan struct{})
		tr.Watch(func(e Event) {
			told = append(told, line(e))
			<-release
		})
		tr.Enter("", "first") // holds the watcher
		synctest.Wait()

		stays := tr.Enter("", "stays")
		for range 1000 {
			tr.Enter("", "comes and goes").LeaveNow()
			stays.LeaveNow()
			stays = tr.Enter("", "stays")
		}
		if n := tr.news.waiting.Len(); n != 1 {
			t.Errorf("%d events wait, want 1", n)
		}
		close(release)
		synctest.Wait()
		if want := []string{"+first@", "+stays@"}; !slices.Equal(told, want) {
			t.Errorf("told %v, want %v", told, want)
		}
	})
}

func TestWatcherMayCallTheTracker(t *testing.T) {
	inTime(t, func(t *testing.T, tr *Tracker) {
		counts := make(chan int, 10)
		var stop func()
		stop = tr.Watch(func(e Event) {
			counts <- tr.Count(e.Place)
			if !e.Present {
				stop()
				return
			}
			tr.Drop(e.User)
		})
		tr.Enter("", "ada")
		synctest.Wait()
		tr.Enter("", "grace")
		synctest.Wait()
		close(counts)
		var got []int
		for n := range counts {
			got = append(got, n)
		}
		if want := []int{1, 0}; !slices.Equal(got, want) {
			t.Errorf("counted %v, want %v", got, want)
		}
	})
}

func TestStoppedWatcherIsNotCalled(t *testing.T) {
	inTime(t, func(t *testing.T, tr *Tracker) {
		other := watch(t, tr)
		stop := tr.Watch(func(e Event) { t.Errorf("told %s after stop", line(e)) })
		stop()
		stop()
		tr.Enter("", "ada")
		other.expect(t, "+ada@")
	})
}

func TestCloseTellsWhatHappenedBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := New(Options{})
		d := watch(t, tr)
		for i := range 100 {
			tr.Enter("", fmt.Sprint(i)).Leave()
		}
		tr.Close()
		if n := len(d.lines); n != 100 {
			t.Errorf("told %d events before Close returned, want 100", n)
		}
		tr.Enter("", "late").Leave()
		time.Sleep(time.Minute)
		if n := len(d.lines); n != 100 {
			t.Errorf("told of %d events after Close", n-100)
		}
	})
}

func TestNothingIsKeptOfThoseWhoLeft(t *testing.T) {
	inTime(t, func(t *testing.T, tr *Tracker) {
		watch(t, tr)
		for i := range 1000 {
			user := fmt.Sprint(i)
			tr.Enter("", user)
			tr.Enter("room "+user, user).Leave()
			tr.Enter("lobby", user).LeaveNow()
			tr.Drop(user)
		}
		synctest.Wait()
		if len(tr.stays) != 0 || len(tr.present) != 0 || len(tr.news.byKey) != 0 {
			t.Errorf("kept %d stays, %d places, %d events", len(tr.stays), len(tr.present), len(tr.news.byKey))
		}
	})
}

func TestConcurrentUse(t *testing.T) {
	tr := New(Options{Linger: time.Millisecond})
	var mu sync.Mutex
	told := map[key]bool{}
	tr.Watch(func(e Event) {
		mu.Lock()
		defer mu.Unlock()
		k := key{e.Place, e.User}
		if told[k] == e.Present {
			t.Errorf("told %s twice", line(e))
		}
		told[k] = e.Present
	})

	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 500 {
				user := fmt.Sprint((g + i) % 5)
				v := tr.Enter("lobby", user)
				tr.Count("lobby")
				tr.Users("lobby")
				switch i % 7 {
				case 0:
					tr.Drop(user)
				case 1, 2:
					v.Leave()
				default:
					v.LeaveNow()
				}
			}
		})
	}
	wg.Wait()
	for user := range 5 {
		tr.Drop(fmt.Sprint(user))
	}
	tr.Close()

	for k, present := range told {
		if present {
			t.Errorf("%v is present to the watcher when all have left", k)
		}
	}
	if n := tr.Count("lobby"); n != 0 {
		t.Errorf("count %d when all have left", n)
	}
}
