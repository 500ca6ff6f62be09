package mesh_test

import (
	"fmt"
	"maps"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"snug/layer/mesh"
	"snug/layer/mesh/meshtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is some nodes with a Set each.
type world struct {
	t    *testing.T
	net  *meshtest.Net
	mu   sync.Mutex // guards the field below: faults change it while people write
	sets map[string]*member
}

// member is a Set, and what its watcher believes to be there.
type member struct {
	*mesh.Set
	t      *testing.T
	life   int
	count  int
	mirror map[string]map[string]string // node, key; only for the watcher, and after synctest.Wait
	lives  map[string]int               // the newest life seen of a node
	seen   map[string]int               // the newest count seen of a node's key, in that life
}

func inWorld(t *testing.T, seed uint64, nodes int, test func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, net: meshtest.New(t, seed), sets: map[string]*member{}}
		defer w.close()
		for i := range nodes {
			w.start(id(i))
		}
		time.Sleep(time.Second)
		test(w)
	})
}

func id(i int) string { return meshtest.ID(i) }

func (w *world) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, m := range w.sets {
		m.Close()
	}
}

// start makes the Set of a node that has begun.
func (w *world) start(id string) { w.startWith(id, w.net.Node(id).Port("set")) }

func (w *world) startWith(id string, port mesh.Port) {
	w.mu.Lock()
	defer w.mu.Unlock()
	m := &member{
		Set: mesh.NewSet(port, mesh.Options{}), t: w.t,
		mirror: map[string]map[string]string{}, lives: map[string]int{}, seen: map[string]int{},
	}
	if before := w.sets[id]; before != nil {
		m.life = before.life + 1
	}
	m.Watch(m.watch)
	w.sets[id] = m
	m.Start()
}

// stop puts away the Set of a node that crashed.
func (w *world) stop(id string) { w.set(id).Close() }

func (w *world) set(id string) *member {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.sets[id]
}

// put writes a key, with a value that tells the life of its owner and counts up.
func (m *member) put(key string) {
	m.count++
	if err := m.Put(key, fmt.Appendf(nil, "%d.%d", m.life, m.count)); err != nil {
		m.t.Error(err)
	}
}

func (m *member) watch(c mesh.Change) {
	old, had := m.mirror[c.Node][c.Key]
	if c.Gone {
		if !had {
			m.t.Errorf("%s: %q is gone, but was not there", c.Node, c.Key)
		}
		delete(m.mirror[c.Node], c.Key)
		return
	}
	if had && old == string(c.Value) {
		m.t.Errorf("%s: %q is said to change and is the same", c.Node, c.Key)
	}
	before, after, _ := strings.Cut(string(c.Value), ".")
	life, _ := strconv.Atoi(before)
	count, _ := strconv.Atoi(after)
	if life < m.lives[c.Node] {
		m.t.Errorf("%s: life %d after %d", c.Node, life, m.lives[c.Node])
	}
	if life > m.lives[c.Node] {
		clear(m.seen)
		m.lives[c.Node] = life
	}
	if at := c.Node + c.Key; count < m.seen[at] {
		m.t.Errorf("%s: %q has value %d after %d", c.Node, c.Key, count, m.seen[at])
	} else {
		m.seen[at] = count
	}
	if m.mirror[c.Node] == nil {
		m.mirror[c.Node] = map[string]string{}
	}
	m.mirror[c.Node][c.Key] = string(c.Value)
}

func (m *member) all(node string) map[string]string {
	all := map[string]string{}
	m.Each(node, func(key string, value []byte) { all[key] = string(value) })
	return all
}

// expectEqual compares every copy, and what every watcher made of what it heard, with what the owner has.
func (w *world) expectEqual() {
	w.t.Helper()
	synctest.Wait()
	for owner, o := range w.sets {
		want := o.all(owner)
		for node, m := range w.sets {
			if node == owner {
				continue
			}
			if got := m.all(owner); !maps.Equal(got, want) {
				w.t.Errorf("%s has %d keys of %s, want %d", node, len(got), owner, len(want))
			}
			if got := m.mirror[owner]; !maps.Equal(got, want) {
				w.t.Errorf("the watcher of %s knows %d keys of %s, want %d", node, len(got), owner, len(want))
			}
			for key := range want {
				has := false
				for _, id := range m.Owners(key) {
					has = has || id == owner
				}
				if !has {
					w.t.Errorf("%s does not count %s among the owners of %q", node, owner, key)
				}
			}
		}
	}
}
