package presence

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"snug/layer/mesh"
	"snug/layer/mesh/meshtest"
)

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
