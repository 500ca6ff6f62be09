package replica

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
)

// Endings are as in the real store: one of each life that ended all logins of somebody, but one perhaps. A login is over if there is one that its node did not know when it
// began, and that does not keep it.

// meant is every ending by what it was meant to be, whatever becomes of its row: what whoever hears of it is told of by it.
type meant struct {
	mu   sync.Mutex
	told map[string]map[string]bool // by key and stamp; guarded by mu
}

func act(key string, stamp uint64) string { return fmt.Sprint(key, "@", stamp) }

// of is what a row of an ending tells.
func (m *meant) of(s *state) map[string]bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.told[act(s.key(), s.stands())]
}

func (m *meant) add(s *state, told map[string]bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.told[act(s.key(), s.Stamp)] = told
}

// hear notes what an ending tells, in the database that has it.
func (d *database) hear(told map[string]bool) {
	if len(told) > 0 { // never changed in place
		d.heard = maps.Clone(d.heard)
		maps.Copy(d.heard, told)
	}
}

// whose is whom a login or an ending concerns.
func (s *state) whose() string { return strings.SplitN(s.ID, "/", 2)[0] }

// endings are those of somebody.
func (d *database) endings(user string) (all []*state) {
	for _, s := range d.rows {
		if s.Kind == "ending" && s.whose() == user {
			all = append(all, s)
		}
	}
	return all
}

// over says that somebody's endings end a login.
func (d *database) over(login *state) bool {
	if login.Final {
		return true
	}
	all := d.endings(login.whose())
	return slices.ContainsFunc(all, func(e *state) bool {
		taken := e.Gives && slices.ContainsFunc(all, func(by *state) bool { return by.ID == e.Taker && by.stands() >= e.TakenAt })
		return !taken && e.Keeps != login.ID && login.Known[e.ID] < e.stands()
	})
}

// note has a login know what its node knows.
func (d *database) note(login *state) {
	login.Known = map[string]uint64{}
	for _, e := range d.endings(login.whose()) {
		login.Known[e.ID] = e.stands()
	}
	login.Heard = d.heard
}

// end completes an ending of this life and gives what else is to be written behind it.
func (d *database) end(e *state, m *meant) (behind []state) {
	user := e.whose()
	if kept := d.rows["login "+e.Keeps]; kept == nil || kept.whose() != user || d.over(kept) {
		e.Keeps = ""
	}
	told := map[string]bool{act(e.key(), e.Stamp): true}
	for _, old := range d.endings(user) {
		_, life, _ := strings.Cut(old.ID, "/")
		if life != d.feed.String() && !slices.Contains(d.lives, life) {
			continue
		}
		maps.Copy(told, m.of(old))
		if old.ID != e.ID && !old.Gives {
			behind = append(behind, state{Kind: "ending", ID: old.ID, Keeps: old.Keeps, Gives: true, Taker: e.ID, TakenAt: e.Stamp})
		}
	}
	m.add(e, told)
	d.hear(told)
	return behind
}

// login begins a login, or ends all others of the same person. The node is locked.
func (n *node) login() []state {
	user := fmt.Sprint(n.random.IntN(3))
	if n.random.IntN(2) == 0 {
		n.posts++
		return []state{{Kind: "login", ID: fmt.Sprintf("%s/%s.%d-%d", user, n.id[28:], n.lives, n.posts)}}
	}
	s := state{Kind: "ending", ID: user}
	if old := n.store.pick(n.random); old != nil && old.Kind == "login" {
		s.ID, s.Keeps = old.whose(), old.ID
	}
	return []state{s}
}

// checkEnded wants every login to be over that somebody ended, but for who knew.
func (w *world) checkEnded(when string, n *node) {
	w.t.Helper()
	d := n.store.save()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range d.rows {
		if s.Kind != "login" || d.over(s) {
			continue
		}
		for _, e := range w.ended {
			if e.whose() == s.whose() && e.Keeps != s.ID && !s.Heard[act(e.key(), e.Stamp)] {
				w.t.Errorf("%s: on node %s login %s goes on, which %s ended; it knew %v", when, n.id[28:], s.ID, act(e.key(), e.Stamp), s.Known)
			}
		}
	}
}

// forgetEnded leaves out endings that were only on a disk that is no more.
func (w *world) forgetEnded() {
	w.ended = slices.DeleteFunc(w.ended, func(e *state) bool {
		return !slices.ContainsFunc(w.nodes, func(n *node) bool { return n.store.save().heard[act(e.key(), e.Stamp)] })
	})
}
