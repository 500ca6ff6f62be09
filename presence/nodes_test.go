package presence

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"snug/layer/mesh"
	"snug/layer/mesh/meshtest"
)

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

func TestRetiredNodeHidesWhoIsHereAndStillSees(t *testing.T) {
	inRing(t, 1, 2, func(r *ring) {
		r.node(0).Enter("lobby", "ada")
		r.node(1).Enter("lobby", "grace")
		time.Sleep(time.Second)
		r.node(0).Retire()
		r.node(0).Enter("lobby", "late")
		time.Sleep(2 * time.Second)
		if got := r.node(1).Users("lobby"); !slices.Equal(got, []string{"grace"}) {
			t.Errorf("the other node sees %q, want grace alone", got)
		}
		r.node(1).Enter("lobby", "mary")
		time.Sleep(time.Second)
		if got := slices.Sorted(slices.Values(r.node(0).Users("lobby"))); !slices.Equal(got, []string{"ada", "grace", "late", "mary"}) {
			t.Errorf("the retired node sees %q, want everybody", got)
		}
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
