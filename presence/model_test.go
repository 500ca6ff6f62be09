package presence

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// modelLinger is half a second off every moment at which a step happens, so that no two things happen at once.
const modelLinger = 2500 * time.Millisecond

// step is one thing that happens to the Tracker.
type step struct {
	what        string // "enter", "leave", "leave now", "drop", "sleep"
	place, user string
	visit       int // which of those made so far
	sleep       time.Duration
}

func drawStep(t *rapid.T) step {
	return step{
		what:  rapid.SampledFrom([]string{"enter", "enter", "leave", "leave", "leave now", "drop", "sleep"}).Draw(t, "what"),
		place: rapid.SampledFrom([]string{"", "lobby"}).Draw(t, "place"),
		user:  rapid.SampledFrom([]string{"ada", "grace", "alan"}).Draw(t, "user"),
		visit: rapid.IntRange(0, 30).Draw(t, "visit"),
		sleep: time.Duration(rapid.IntRange(1, 4).Draw(t, "seconds")) * time.Second,
	}
}

// model says the same as a Tracker, from first principles: the list of all visits that ever were.
type model struct {
	visits []*modelVisit
}

type modelVisit struct {
	key   key
	until time.Time // when it stops to count; zero while it is live
	left  bool
}

func (m *model) present(now time.Time) map[key]bool {
	present := map[key]bool{}
	for _, v := range m.visits {
		if v.until.IsZero() || v.until.After(now) {
			present[v.key] = true
		}
	}
	return present
}

func (m *model) apply(s step, now time.Time) {
	switch s.what {
	case "enter":
		m.visits = append(m.visits, &modelVisit{key: key{s.place, s.user}})
	case "leave", "leave now":
		if s.visit >= len(m.visits) || m.visits[s.visit].left || !m.visits[s.visit].until.IsZero() {
			return
		}
		v := m.visits[s.visit]
		v.left = true
		v.until = now.Add(modelLinger)
		if s.what == "leave" {
			return
		}
		// Who says goodbye on the last live connection takes those that linger along.
		for _, other := range m.visits {
			if other.key == v.key && !other.left && other.until.IsZero() {
				v.until = now
				return
			}
		}
		for _, other := range m.visits {
			if other.key == v.key {
				other.until = now
			}
		}
	case "drop":
		for _, v := range m.visits {
			if v.key.user == s.user {
				v.until = now
			}
		}
	}
}

func TestTrackerAgreesWithTheModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		steps := rapid.SliceOfN(rapid.Custom(drawStep), 1, 60).Draw(rt, "steps")
		var problem string
		synctest.Test(t, func(*testing.T) { problem = runSteps(steps) })
		if problem != "" {
			rt.Fatal(problem)
		}
	})
}

// runSteps does the steps to a Tracker and to a model, and returns where they differ.
func runSteps(steps []step) string {
	tr := New(Options{Linger: modelLinger})
	defer tr.Close()
	var mu sync.Mutex
	told := map[key]bool{}
	var doubled []string
	tr.Watch(func(e Event) {
		mu.Lock()
		defer mu.Unlock()
		k := key{e.Place, e.User}
		if told[k] == e.Present {
			doubled = append(doubled, line(e))
		}
		told[k] = e.Present
	})

	m := &model{}
	var visits []*Visit
	for i, s := range steps {
		m.apply(s, time.Now())
		switch s.what {
		case "enter":
			visits = append(visits, tr.Enter(s.place, s.user))
		case "leave":
			if s.visit < len(visits) {
				visits[s.visit].Leave()
			}
		case "leave now":
			if s.visit < len(visits) {
				visits[s.visit].LeaveNow()
			}
		case "drop":
			tr.Drop(s.user)
		case "sleep":
			time.Sleep(s.sleep)
		}
		synctest.Wait()

		mu.Lock()
		problem := compare(tr, told, m.present(time.Now()))
		if len(doubled) > 0 {
			problem = fmt.Sprintf("told twice: %v", doubled)
		}
		mu.Unlock()
		if problem != "" {
			return fmt.Sprintf("step %d %+v: %s", i, s, problem)
		}
	}
	return ""
}

func compare(tr *Tracker, told, want map[key]bool) string {
	for _, place := range []string{"", "lobby"} {
		var users []string
		for k := range want {
			if k.place == place {
				users = append(users, k.user)
			}
		}
		slices.Sort(users)
		if got := slices.Sorted(slices.Values(tr.Users(place))); !slices.Equal(got, users) {
			return fmt.Sprintf("users of %q are %v, want %v", place, got, users)
		}
		if got := tr.Count(place); got != len(users) {
			return fmt.Sprintf("count of %q is %d, want %d", place, got, len(users))
		}
	}
	maps.DeleteFunc(told, func(_ key, present bool) bool { return !present })
	if !maps.Equal(told, want) {
		return fmt.Sprintf("the watcher knows %v, want %v", told, want)
	}
	return ""
}
