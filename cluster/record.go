package cluster

import (
	"log/slog"
	"slices"
	"strings"
	"time"
)

// record is what is known of another node. It is guarded by Mesh.mu.
type record struct {
	id, name, addr, version string
	url                     string // where browsers find it, as it gossips

	gossip  bool      // memberlist has it alive
	at      string    // where memberlist has it
	since   time.Time // gossip
	acked   time.Time // last answer to a probe over UDP
	left    bool
	link    *link
	linked  time.Time   // since when link is there, or was last
	lost    time.Time   // since when it is not
	failing time.Time   // since when it is out of reach; zero: it is not
	garbled uint64      // frames of the control port that make no sense
	brief   int         // how many links in a row ended soon
	seen    time.Time   // last time there was a link; zero: not since this process started
	timer   *time.Timer // tells the ports that it is gone
	keeping bool        // a goroutine dials it
	kick    chan struct{}

	reach     Trouble // why there is no link
	ails      Trouble // what it says of itself
	udp       Trouble
	clock     Trouble
	duplicate Trouble
	doubled   time.Time // when duplicate was found last

	state   State
	changed time.Time // state
	told    State     // what the log said last

	newest, primary string // ids of the newest key that it has, and of the one that it uses; "" if it never said
}

// seed is an address that was given, not a node.
type seed struct {
	since   time.Time
	node    string // who answered there
	found   bool   // by discovery: not what somebody wants to hear of, unless it is there
	trouble Trouble
}

func (r *record) stopTimer() {
	if r.timer != nil {
		r.timer.Stop()
		r.timer = nil
	}
}

func (r *record) now() State {
	switch {
	case r.link != nil && !r.link.silent():
		return Alive
	case r.left:
		return Left
	case r.link != nil || r.gossip:
		return Suspect
	}
	return Dead
}

func (r *record) trouble() Trouble {
	for _, t := range []Trouble{r.duplicate, r.reach, r.ails, r.udp, r.clock} {
		if t.Kind != NoTrouble {
			return t
		}
	}
	return Trouble{}
}

// label is how logs name a node.
func (r *record) label() string {
	if r.name == "" {
		return r.id[:8]
	}
	return r.name
}

func (m *Mesh) recordLocked(id string) *record {
	r := m.records[id]
	if r == nil {
		r = &record{id: id, state: Dead, changed: time.Now(), told: Unknown, kick: make(chan struct{}, 1)}
		m.records[id] = r
		m.dirty = true
	}
	return r
}

func (m *Mesh) describeLocked(r *record, name, addr, version string) {
	if addr == "" {
		addr = r.addr
	}
	if r.name != name || r.addr != addr || r.version != version {
		r.name, r.addr, r.version = name, addr, version
		m.dirty = true
	}
}

// backLocked notes that a node is here, if it had left.
func (m *Mesh) backLocked(r *record) {
	if r.left {
		r.left, m.dirty = false, true
	}
}

// setTrouble puts a trouble in its place, and says it once.
func (m *Mesh) setTrouble(place *Trouble, t Trouble, args ...any) {
	if place.Kind != t.Kind && t.Kind != NoTrouble {
		m.note(slog.LevelWarn, "trouble in the cluster: "+t.Text, append(args, "kind", string(t.Kind))...)
	}
	if *place != t {
		*place = t
		m.changed()
	}
}

// reviewLocked notes what time alone has changed.
func (m *Mesh) reviewLocked() {
	now := time.Now()
	alive := 0
	for _, r := range m.records {
		if s := r.now(); s != r.state {
			if !m.leaving && (s != Suspect || r.state == Alive) { // who comes is suspect for a moment, until there is a link
				text := "node is " + string(s)
				if s == Left {
					text = "node has left"
				}
				m.note(slog.LevelInfo, text, "node", r.label(), "id", r.id, "address", r.addr, "was", string(r.told))
				r.told = s
			}
			r.state, r.changed = s, now
			m.changed()
		}
		if r.link != nil {
			r.seen = now
		}
		if r.gossip {
			alive++
		}
		if r.duplicate.Kind != NoTrouble && now.Sub(r.doubled) > 4*m.opts.Timing.RejoinMax {
			m.setTrouble(&r.duplicate, Trouble{})
		}
	}
	if now.Sub(m.elsewhere.last) > 4*m.opts.Timing.RejoinMax {
		m.elsewhere = expected{}
		m.setTrouble(&m.conflict, Trouble{})
	}
	if len(m.records) < maxNodes {
		m.setTrouble(&m.crowded, Trouble{})
	}
	// Each member is probed in turn, once in so many intervals as there are members, unless this process stood still.
	limit := 6 * time.Duration(alive+1) * m.opts.Timing.Probe
	if now.Sub(m.reviewed) > limit/2 {
		m.awake = now
	}
	m.reviewed = now
	for _, r := range m.records {
		last := r.acked
		for _, t := range []time.Time{r.since, r.linked, m.awake} {
			if t.After(last) {
				last = t
			}
		}
		var t Trouble
		if r.gossip && r.link != nil && now.Sub(last) > limit {
			t = udpTrouble(r)
		}
		m.setTrouble(&r.udp, t, "node", r.label(), "id", r.id)
	}
}

// Members are this node, then all others ever seen and not forgotten, by name, then the seeds where nobody has answered.
func (m *Mesh) Members() []Member {
	m.mu.RLock()
	defer m.mu.RUnlock()
	list := make([]Member, 0, len(m.records))
	for _, r := range m.records {
		list = append(list, r.member())
	}
	slices.SortFunc(list, func(a, b Member) int {
		if c := strings.Compare(a.Name, b.Name); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	var unknown []Member
	for addr, s := range m.seeds {
		if s.node == "" && !s.found {
			unknown = append(unknown, Member{Addr: addr, State: Unknown, Since: s.since, Trouble: s.trouble})
		}
	}
	slices.SortFunc(unknown, func(a, b Member) int { return strings.Compare(a.Addr, b.Addr) })
	others := slices.Concat(list, unknown)
	if m.leaving {
		for i := range others {
			others[i] = others[i].unattended()
		}
	}
	return slices.Concat([]Member{m.selfLocked()}, others)
}

func (m *Mesh) selfLocked() Member {
	me := Member{
		ID: m.id, Name: m.opts.Name, Addr: m.Addr(), Version: m.opts.Version, Self: true, State: Alive,
		Since: time.UnixMilli(int64(m.life >> 16)), Seen: time.Now(), Trouble: m.fenced,
	}
	for _, t := range []Trouble{m.ails, m.conflict, m.crowded} {
		if me.Trouble.Kind == NoTrouble {
			me.Trouble = t
		}
	}
	if m.leaving || m.closed {
		me.State = Left
		if m.leaving {
			me.Since = m.left
		}
	}
	return me
}

func (r *record) member() Member {
	mb := Member{
		ID: r.id, Name: r.name, Addr: r.addr, Version: r.version, URL: r.url, State: r.now(), Since: r.changed, Seen: r.seen, FramesBad: r.garbled,
		Trouble: r.trouble(),
	}
	if mb.State != r.state {
		mb.Since = time.Now()
	}
	if l := r.link; l != nil {
		mb.Seen = time.Unix(0, l.heard.Load())
		if s, ok := l.clock.best(); ok {
			mb.RTT, mb.ClockDiff = s.rtt, s.diff
		}
		mb.QueuedBytes, mb.QueuedFrames = l.queued()
	}
	return mb
}

// Trouble is what is wrong with this node itself.
func (m *Mesh) Trouble() Trouble {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.selfLocked().Trouble
}
