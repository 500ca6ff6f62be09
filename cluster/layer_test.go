package cluster

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"snug/layer"
	"snug/layer/layertest"
)

// TestLayerKeepsItsRulesBetweenProcesses runs the suite with the sender in another process, and real links in between.
func TestLayerKeepsItsRulesBetweenProcesses(t *testing.T) {
	s := NewSecret()
	n := open(t, newDir(t, s), calm)
	p := startProcess(t, newDir(t, s), n.Addr())
	layertest.RunReal(t, func(tb testing.TB, opts layer.Options) layertest.Layer {
		p.call("Open", Order{})
		_, here := openLayer(n.Mesh, opts)
		wholeWith(tb, here, p)
		return layertest.Pair(remote{p}, here)
	})
}

// TestGroupMessageGoesOnceToEachProcessThatHasMembers changes groups at random, and counts what goes over the links.
func TestGroupMessageGoesOnceToEachProcessThatHasMembers(t *testing.T) {
	t.Parallel()
	const steps, groups = 60, 3
	s := NewSecret()
	n := open(t, newDir(t, s), calm)
	var processes []*process
	for range 3 {
		processes = append(processes, startProcess(t, newDir(t, s), n.Addr()))
	}
	for _, p := range processes {
		p.call("Open", Order{})
	}
	_, here := openLayer(n.Mesh, layer.Options{})
	defer here.Close()
	wholeWith(t, here, processes...)

	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	members := map[string]map[string]int{} // group, process: how many
	for step := range steps {
		group := fmt.Sprint("group", random.IntN(groups))
		if members[group] == nil {
			members[group] = map[string]int{}
		}
		p := processes[random.IntN(len(processes))]
		if have := members[group][p.id]; have > 0 && random.IntN(2) == 0 {
			members[group][p.id]--
			p.call("Discard", Order{Name: group, Other: fmt.Sprint("channel", have)})
		} else {
			members[group][p.id]++
			p.call("Add", Order{Name: group, Other: fmt.Sprint("channel", have+1)})
		}
		maps.DeleteFunc(members[group], func(_ string, have int) bool { return have == 0 })

		// Any of them sends, as soon as it knows who is concerned.
		sender := processes[random.IntN(len(processes))]
		want := map[string]int{}
		for id := range members[group] {
			if id != sender.id {
				want[id] = 1
			}
		}
		eventually(t, 5*time.Second, func() bool {
			return slices.Equal(slices.Sorted(slices.Values(sender.call("Nodes", Order{Name: group}).Texts)), slices.Sorted(maps.Keys(members[group])))
		})
		before := received(processes)
		sender.call("GroupSend", Order{Name: group, Message: fmt.Appendf(nil, `{"type":"step","n":%d}`, step)})
		if sent := sender.call("Traffic", Order{}).Frames; !maps.Equal(sent, want) {
			t.Fatalf("step %d: frames went to %v, and members are in %v", step, sent, members[group])
		}
		eventually(t, 5*time.Second, func() bool { return received(processes) == before+uint64(len(want)) })
	}
	if got := here.Traffic().Received; got != 0 {
		t.Errorf("a process that was never in a group got %d messages", got)
	}
}

// received is how many frames with messages have come to all of them.
func received(processes []*process) (frames uint64) {
	for _, p := range processes {
		frames += p.call("Traffic", Order{}).Traffic.Received
	}
	return frames
}
