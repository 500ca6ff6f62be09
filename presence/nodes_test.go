package presence

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"snug/layer/mesh"
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

func TestUserOnSeveralNodesCountsOnce(t *testing.T) {
	inRing(t, 1, 3, func(r *ring) {
		first, second := r.node(0).Enter("lobby", "ada"), r.node(1).Enter("lobby", "ada")
		time.Sleep(time.Second)
		r.expect(present("lobby"))
		for i := range 3 {
			if n := r.node(i).Count("lobby"); n != 1 {
				t.Errorf("node %d counts %d", i, n)
			}
			r.node(i).expect(t, "+ada@lobby")
		}
		first.LeaveNow()
		time.Sleep(time.Second)
		r.expect(present("lobby"))
		second.LeaveNow()
		time.Sleep(time.Second)
		r.expect(nil)
		for i := range 3 {
			r.node(i).expect(t, "+ada@lobby", "-ada@lobby")
		}
	})
}

func TestCleanLeaveIsKnownEverywhereWithinTwoSeconds(t *testing.T) {
	inRing(t, 1, 3, func(r *ring) {
		// Even on links that are slow, in a crowd that comes and goes.
		r.net.Slow(meshtest.ID(0), meshtest.ID(1), time.Second, 500*time.Millisecond)
		var crowd []*Visit
		for i := range 1000 {
			crowd = append(crowd, r.node(i%3).Enter("", fmt.Sprint(i)))
		}
		ada := r.node(0).Enter("", "ada")
		time.Sleep(10 * time.Second)
		for _, v := range crowd {
			v.LeaveNow()
		}
		ada.LeaveNow()
		time.Sleep(2 * time.Second)
		r.expect(nil)
	})
}

func TestLingerHoldsOnAllNodes(t *testing.T) {
	inRing(t, 1, 2, func(r *ring) {
		r.node(0).Enter("", "ada").Leave()
		time.Sleep(DefaultLinger - time.Second)
		again := r.node(1).Enter("", "ada") // the page came back from the other node
		time.Sleep(time.Minute)
		r.expect(present(""))
		again.Leave()
		time.Sleep(DefaultLinger + 2*time.Second)
		r.expect(nil)
		for i := range 2 {
			r.node(i).expect(t, "+ada@", "-ada@")
		}
	})
}

func TestUsersOfADeadNodeLeaveWithinFifteenSeconds(t *testing.T) {
	for name, kill := range map[string]func(r *ring, id string){
		"crash": func(r *ring, id string) { r.net.Crash(id); r.stop(id) },
		"cable": func(r *ring, id string) { r.net.Split(id) },
	} {
		t.Run(name, func(t *testing.T) {
			inRing(t, 1, 3, func(r *ring) {
				dead := r.node(2)
				dead.Enter("", "grace")
				dead.Enter("", "ada")
				r.node(0).Enter("", "ada")
				time.Sleep(time.Second)
				kill(r, meshtest.ID(2))
				time.Sleep(15 * time.Second)
				for i := range 2 {
					if got := r.node(i).Users(""); !slices.Equal(got, []string{"ada"}) {
						t.Errorf("node %d knows %v", i, got)
					}
				}
				// It returns with other people.
				if name == "crash" {
					r.net.Restart(meshtest.ID(2))
					r.start(meshtest.ID(2))
					r.node(2).Enter("lobby", "ada")
					time.Sleep(5 * time.Second)
					r.expect(present("", "lobby"))
				} else {
					r.net.HealAll()
					time.Sleep(5 * time.Second)
					r.expect(map[key]bool{{"", "ada"}: true, {"", "grace"}: true})
				}
			})
		})
	}
}

func TestQuickRestartLeavesNoGhost(t *testing.T) {
	inRing(t, 1, 2, func(r *ring) {
		r.node(1).Enter("", "grace")
		r.node(1).Enter("", "ada")
		time.Sleep(time.Second)
		r.net.Crash(meshtest.ID(1))
		r.stop(meshtest.ID(1))
		r.net.Restart(meshtest.ID(1))
		r.start(meshtest.ID(1))
		r.node(1).Enter("", "ada")
		time.Sleep(3 * time.Second)
		r.expect(present(""))
		// Nobody saw ada go.
		r.node(0).diary.mu.Lock()
		if slices.Contains(r.node(0).lines, "-ada@") {
			t.Errorf("told %v", r.node(0).lines)
		}
		r.node(0).diary.mu.Unlock()
	})
}

func TestDropHoldsOnAllNodesAtOnce(t *testing.T) {
	inRing(t, 1, 3, func(r *ring) {
		var visits []*Visit
		for i := range 3 {
			visits = append(visits, r.node(i).Enter("", "ada"), r.node(i).Enter("lobby", "ada"))
			r.node(i).Enter("kitchen", "ada").Leave()
		}
		r.node(1).Enter("lobby", "grace")
		time.Sleep(time.Second)

		r.node(0).Drop("ada")
		time.Sleep(5 * time.Millisecond)
		r.expect(map[key]bool{{"lobby", "grace"}: true})

		// What is left of the old visits has no part in a new one.
		r.node(2).Enter("", "ada")
		for _, v := range visits {
			v.LeaveNow()
		}
		time.Sleep(time.Minute)
		r.expect(map[key]bool{{"lobby", "grace"}: true, {"", "ada"}: true})
	})
}

func TestCloseTakesItsUsersAway(t *testing.T) {
	inRing(t, 1, 2, func(r *ring) {
		r.node(1).Enter("", "ada")
		time.Sleep(time.Second)
		r.stop(meshtest.ID(1))
		time.Sleep(time.Second)
		r.expect(nil)
	})
}

func TestOddNamesStayOnTheirNode(t *testing.T) {
	inRing(t, 1, 2, func(r *ring) {
		long := strings.Repeat("x", mesh.MaxKey)
		a := r.node(0)
		r.node(1).Enter("a", "b\x00ada") // must not be taken for the next
		visits := []*Visit{a.Enter("a\x00b", "ada"), a.Enter("", long)}
		time.Sleep(time.Second)
		if !a.Present("a\x00b", "ada") || !a.Present("", long) || a.Count("a") != 1 {
			t.Error("somebody with an odd name is missing where they are")
		}
		if r.node(1).Present("a\x00b", "ada") || r.node(1).Present("", long) {
			t.Error("an odd name left its node")
		}
		for _, v := range visits {
			v.LeaveNow()
		}
		a.Drop(long)
		if a.Present("a\x00b", "ada") || a.Present("", long) {
			t.Error("somebody with an odd name stays")
		}
	})
}

func TestDamagedFramesOfPeersAreIgnored(t *testing.T) {
	inRing(t, 1, 1, func(r *ring) {
		r.node(0).Enter("", "ada")
		bad := r.net.Node("bad").Port("presence")
		time.Sleep(time.Second)
		for _, frame := range [][]byte{nil, {0}, {dropFrame}, {dropFrame + 1, 'a', 'd', 'a'}, make([]byte, mesh.MaxFrame), append([]byte{dropFrame}, make([]byte, mesh.MaxFrame-1)...)} {
			if err := bad.Send(meshtest.ID(0), frame); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
		}
		set := mesh.NewSet(bad, mesh.Options{})
		_ = set.Put("no place", []byte("value"))
		set.Start()
		defer set.Close()
		time.Sleep(time.Second)
		r.expect(present(""))
	})
}

func TestAloneRunsNothingMore(t *testing.T) {
	before := runtime.NumGoroutine()
	tr := New(Options{})
	defer tr.Close()
	if n := runtime.NumGoroutine() - before; n != 1 {
		t.Errorf("%d goroutines, want 1", n)
	}
	if tr.nodes != nil {
		t.Error("has nodes")
	}
}

func TestRingAgreesWithTheModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		steps := rapid.SliceOfN(rapid.Custom(drawStep), 1, 40).Draw(rt, "steps")
		at := rapid.SliceOfN(rapid.IntRange(0, 2), len(steps), len(steps)).Draw(rt, "nodes")
		var problem string
		inRing(t, 1, 0, func(r *ring) { problem = r.follow(steps, at) })
		if problem != "" {
			rt.Fatal(problem)
		}
	})
}

// follow does each step on one of three nodes, and compares all with the union of a model for each. It returns where they differ.
func (r *ring) follow(steps []step, at []int) string {
	for i := range 3 {
		r.start(meshtest.ID(i))
		r.node(i).linger = modelLinger
	}
	time.Sleep(time.Second)
	models := make([]model, 3)
	visits := make([][]*Visit, 3)
	for i, s := range steps {
		n := at[i]
		m, tr := &models[n], r.node(n)
		if s.what == "drop" {
			for j := range models {
				models[j].apply(s, time.Now())
			}
		} else {
			m.apply(s, time.Now())
		}
		switch s.what {
		case "enter":
			visits[n] = append(visits[n], tr.Enter(s.place, s.user))
		case "leave":
			if s.visit < len(visits[n]) {
				visits[n][s.visit].Leave()
			}
		case "leave now":
			if s.visit < len(visits[n]) {
				visits[n][s.visit].LeaveNow()
			}
		case "drop":
			tr.Drop(s.user)
		case "sleep":
			time.Sleep(s.sleep)
		}
		time.Sleep(2*mesh.Pace + 5*time.Millisecond)

		want := map[key]bool{}
		for j := range models {
			for k := range models[j].present(time.Now()) {
				want[k] = true
			}
		}
		if problems := r.problems(want); len(problems) > 0 {
			return fmt.Sprintf("step %d on node %d, %+v: %s", i, n, s, strings.Join(problems, "\n"))
		}
	}
	return ""
}

// TestNoGhostAfterChurn lets 1,000 people come and go for a minute while links fail and nodes die and return.
func TestNoGhostAfterChurn(t *testing.T) {
	for seed := range uint64(5) {
		t.Run(fmt.Sprintf("seed%d", seed), func(t *testing.T) {
			inRing(t, seed, 3, func(r *ring) {
				c := &churn{ring: r, random: rand.New(rand.NewPCG(seed, 1)), visits: map[string]map[int]*Visit{}}
				stop, stopped := make(chan struct{}), make(chan struct{})
				go func() {
					defer close(stopped)
					c.run(stop)
				}()
				r.net.Shake(meshtest.Faults{
					For:       time.Minute,
					Crashed:   c.crashed,
					Restarted: r.start,
				})
				close(stop)
				<-stopped
				time.Sleep(15 * time.Second)
				r.expect(c.truth())

				for _, visits := range c.visits {
					for _, v := range visits {
						v.LeaveNow()
					}
				}
				time.Sleep(2 * time.Second)
				r.expect(nil)
				for id, m := range r.members {
					if s := m.nodes.set.Stats(); s.Keys+s.CopiedKeys > 0 || len(m.stays)+len(m.present) > 0 {
						t.Errorf("node %s keeps %+v, %d stays, %d places", id, s, len(m.stays), len(m.present))
					}
				}
			})
		})
	}
}

// churn is 1,000 people, each at most once on each node, in one of ten places.
type churn struct {
	*ring
	random *rand.Rand
	mu     sync.Mutex // guards visits
	visits map[string]map[int]*Visit
}

func person(i int) key { return key{fmt.Sprint(i % 10), fmt.Sprint(i)} }

func (c *churn) run(stop chan struct{}) {
	for {
		select {
		case <-stop:
			return
		case <-time.After(5 * time.Millisecond):
		}
		c.step(meshtest.ID(c.random.IntN(3)), c.random.IntN(1000))
	}
}

// step makes somebody come to a node, or go from it.
func (c *churn) step(id string, who int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ring.mu.Lock()
	m := c.members[id]
	c.ring.mu.Unlock()
	if m == nil {
		return
	}
	if c.visits[id] == nil {
		c.visits[id] = map[int]*Visit{}
	}
	v := c.visits[id][who]
	if v == nil {
		k := person(who)
		c.visits[id][who] = m.Enter(k.place, k.user)
		return
	}
	delete(c.visits[id], who)
	if c.random.IntN(2) == 0 {
		v.Leave()
	} else {
		v.LeaveNow()
	}
}

func (c *churn) crashed(id string) {
	c.mu.Lock()
	delete(c.visits, id)
	c.mu.Unlock()
	c.stop(id)
}

func (c *churn) truth() map[key]bool {
	truth := map[key]bool{}
	for _, visits := range c.visits {
		for who := range visits {
			truth[person(who)] = true
		}
	}
	return truth
}
