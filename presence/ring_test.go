package presence

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"snug/layer/mesh/meshtest"
)

// ring is some nodes with a Tracker each.
type ring struct {
	t   *testing.T
	net *meshtest.Net

	mu      sync.Mutex // guards the fields below: faults change them while people come and go
	members map[string]*member
}

// member is the Tracker of a node, and what its watcher believes.
type member struct {
	*Tracker
	*diary
	mu    sync.Mutex // guards known
	known map[key]bool
}

// inRing runs a test with nodes that are linked; their trackers linger for 5 seconds.
func inRing(t *testing.T, seed uint64, size int, test func(r *ring)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := &ring{t: t, net: meshtest.New(t, seed), members: map[string]*member{}}
		defer r.close()
		for i := range size {
			r.start(meshtest.ID(i))
		}
		time.Sleep(time.Second)
		test(r)
	})
}

func (r *ring) start(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	m := &member{Tracker: New(Options{Port: r.net.Node(id).Port("presence")}), known: map[key]bool{}}
	m.diary = watch(r.t, m.Tracker)
	m.Watch(func(e Event) {
		m.mu.Lock()
		defer m.mu.Unlock()
		if k := (key{e.Place, e.User}); m.known[k] == e.Present {
			r.t.Errorf("node %s is told twice: %s", id, line(e))
		} else if m.known[k] = e.Present; !e.Present {
			delete(m.known, k)
		}
	})
	r.members[id] = m
}

// stop puts away what ran on a node that crashed.
func (r *ring) stop(id string) {
	r.mu.Lock()
	m := r.members[id]
	delete(r.members, id)
	r.mu.Unlock()
	m.Close()
}

func (r *ring) close() {
	for _, id := range r.net.IDs() {
		if r.members[id] != nil {
			r.stop(id)
		}
	}
}

func (r *ring) node(i int) *member { return r.members[meshtest.ID(i)] }

// expect compares what every node and its watcher know with who should be there.
func (r *ring) expect(want map[key]bool) {
	r.t.Helper()
	for _, problem := range r.problems(want) {
		r.t.Error(problem)
	}
}

func (r *ring) problems(want map[key]bool) (problems []string) {
	synctest.Wait()
	for id, m := range r.members {
		got := map[key]bool{}
		m.Tracker.mu.RLock()
		for place, users := range m.present {
			for user := range users {
				got[key{place, user}] = true
			}
		}
		m.Tracker.mu.RUnlock()
		if problem := differ(got, want); problem != "" {
			problems = append(problems, fmt.Sprintf("node %s: %s", id, problem))
		}
		m.mu.Lock()
		if problem := differ(m.known, want); problem != "" {
			problems = append(problems, fmt.Sprintf("watcher of node %s: %s", id, problem))
		}
		m.mu.Unlock()
	}
	return problems
}

// differ tells the first few that are present and should not be, and the other way round.
func differ(got, want map[key]bool) string {
	var lines []string
	for k := range got {
		if !want[k] {
			lines = append(lines, "ghost "+k.user+"@"+k.place)
		}
	}
	for k := range want {
		if !got[k] {
			lines = append(lines, "missing "+k.user+"@"+k.place)
		}
	}
	slices.Sort(lines)
	if len(lines) == 0 {
		return ""
	}
	return fmt.Sprintf("%d wrong: %s", len(lines), strings.Join(lines[:min(5, len(lines))], ", "))
}

func present(places ...string) map[key]bool {
	want := map[key]bool{}
	for _, place := range places {
		want[key{place, "ada"}] = true
	}
	return want
}
