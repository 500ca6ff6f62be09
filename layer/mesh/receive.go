package mesh

import (
	"slices"
	"time"
)

// maxLife is later than any clock will say. A life is raised above what a peer has seen, but not above this, so that it always
// has a next one.
const maxLife = 1 << 63

// raiseEvery bounds how often peers can make a node begin a new life, in case they do so without reason.
const raiseEvery = time.Minute

// peer is what a Set knows of a peer, from Up to Down. The lock of the Set guards it.
type peer struct {
	// On the way there.
	linked bool
	link   uint64 // how often there was Up: a frame for one link says nothing about the next
	digest bool   // our version is to be sent
	synced bool   // the peer has our set as it was at base, once what was sent has arrived
	base   uint64
	want   bool // the peer is to have a snapshot
	began  time.Time
	snap   *snapshot // being sent; nil if none is

	// On the way here.
	copy    *replica // nil: none yet
	coming  *coming  // a snapshot that is arriving
	greeted bool     // the peer said its version over this link
	asked   uint64   // the life about which we said what we have; 0 if there was an answer
	replies []frame  // to be sent, few: each answers a frame
	silence int      // digests that should have come since the last frame
}

// handler is a Set as the handler of its port.
type handler Set

func (h *handler) Up(id string) {
	s := (*Set)(h)
	s.mu.Lock()
	p := s.peers[id]
	if p == nil {
		p = &peer{}
		s.peers[id] = p
	}
	p.linked, p.link, p.digest = true, p.link+1, true
	p.synced, p.want, p.snap = false, false, nil
	p.coming, p.greeted, p.asked, p.replies = nil, false, 0, nil
	s.awake()
	s.mu.Unlock()

	if s.rest != nil {
		s.rest.Up(id)
	}
}

func (h *handler) Down(id string) {
	s := (*Set)(h)
	s.update(func() []Change {
		p := s.peers[id]
		if p == nil {
			return nil
		}
		delete(s.peers, id)
		return s.drop(id, p)
	})

	if s.rest != nil {
		s.rest.Down(id)
	}
}

func (h *handler) Received(id string, b []byte) {
	s := (*Set)(h)
	if len(b) > 0 && b[0] >= RestKind {
		if s.rest != nil {
			s.rest.Received(id, b)
		}
		return
	}
	f, err := decodeFrame(b)
	s.update(func() []Change {
		p := s.peers[id]
		if err != nil {
			s.stats.Refused++
			return nil
		}
		if p == nil {
			return nil
		}
		p.silence = 0
		return s.receive(id, p, f)
	})
}

// update changes something under the lock, and tells the watchers of the changes that it returns.
func (s *Set) update(fn func() []Change) {
	s.telling.Lock()
	defer s.telling.Unlock()

	s.mu.Lock()
	changes := fn()
	watchers := s.watchers
	s.mu.Unlock()

	for _, c := range changes {
		for _, w := range watchers {
			w.fn(c)
		}
	}
}

// receive takes in a frame of a peer. The lock is held.
func (s *Set) receive(id string, p *peer, f frame) []Change {
	switch f.kind {
	case kindDigest:
		s.receiveDigest(p, f)
	case kindHave:
		s.receiveHave(p, f)
	case kindMore:
		if p.snap != nil && p.snap.life == f.life && p.snap.counter == f.counter {
			p.snap.window = min(p.snap.window+1, window)
			p.snap.idle = 0
			s.awake()
		}
	case kindChunk:
		return s.receiveChunk(id, p, f)
	case kindDelta:
		return s.receiveDelta(id, p, f)
	}
	return nil
}

// receiveDigest compares. The first digest of a link is always answered, since the owner does not know what we have. A question
// that is open is not repeated before the next digest.
func (s *Set) receiveDigest(p *peer, f frame) {
	same := p.copy != nil && p.copy.version == f.version
	switch {
	case p.greeted && same:
		p.asked = 0
	case p.asked == f.life:
		p.asked = 0
	default:
		p.coming = nil
		s.ask(p, f.version)
	}
	p.greeted = true
}

// ask says what we have; said is what the owner says to have, as far as it did. Where our copy should be the same and is not, we
// have nothing.
func (s *Set) ask(p *peer, said version) {
	have := version{}
	if p.copy != nil {
		have = p.copy.version
		if have.life == said.life && have.counter == said.counter && have.hash != said.hash {
			have = version{}
		}
	}
	p.asked = said.life
	s.reply(p, frame{kind: kindHave, version: have})
}

// reply sends a frame soon. Answers are dropped where too many wait: whoever asks that often has a link that does not move.
func (s *Set) reply(p *peer, f frame) {
	if len(p.replies) < 4*window {
		p.replies = append(p.replies, f)
	}
	s.awake()
}

// receiveHave is the peer's question for what it lacks.
func (s *Set) receiveHave(p *peer, f frame) {
	if f.newer(s.own.version) {
		s.raise(f.life)
		return
	}
	p.snap = nil
	p.synced = f.life == s.own.life && s.own.remembers(f.counter) && (f.counter < s.own.counter || f.hash == s.own.hash)
	p.base = f.counter
	p.want = !p.synced
	s.awake()
}

// raise begins a new life, later than one that a peer has seen of us: our clock was set back since, or the whole machine was. The
// peers believe nothing older than what they have.
func (s *Set) raise(seen uint64) {
	now := time.Now()
	if seen >= maxLife || !s.raised.IsZero() && now.Sub(s.raised) < raiseEvery {
		return
	}
	s.raised = now
	s.own.life = seen + 1
	for _, p := range s.peers {
		p.synced, p.want, p.snap = false, false, nil
		p.digest = p.linked
	}
	s.awake()
}

func (s *Set) receiveChunk(id string, p *peer, f frame) []Change {
	if p.copy != nil && p.copy.version == f.version {
		s.reply(p, frame{kind: kindMore, version: f.version}) // for one that is sent a second time, to the end
		return nil
	}
	// Some of the entries may be newer than the counter that they reach.
	if p.copy != nil && (p.copy.newer(f.version) || p.copy.life == f.life && p.copy.latest > f.counter) {
		if p.asked != f.life {
			s.ask(p, version{life: f.life})
		}
		return nil
	}
	if p.coming == nil || f.newer(p.coming.version) {
		p.coming = &coming{replica: replica{version: version{life: f.life, counter: f.counter}, entries: map[string][]byte{}, latest: f.counter}, want: f.hash}
	}
	c := p.coming
	if c.life != f.life || c.counter != f.counter {
		return nil
	}
	p.asked = 0
	c.add(f.entries)
	if c.full {
		s.stats.Refused++
		p.coming = nil
		return nil
	}
	s.reply(p, frame{kind: kindMore, version: c.version})
	if c.hash != c.want {
		return nil
	}

	p.coming = nil
	var old map[string][]byte
	if p.copy != nil {
		old = p.copy.entries
	}
	diff := difference(old, c.entries)
	p.copy = &c.replica
	return s.changed(id, diff)
}

func (s *Set) receiveDelta(id string, p *peer, f frame) []Change {
	if p.copy == nil || p.copy.life != f.life || p.copy.counter < f.from {
		if p.asked != f.life {
			s.ask(p, version{life: f.life})
		}
		return nil
	}
	p.asked = 0
	if f.counter <= p.copy.counter || f.now < p.copy.latest {
		return nil
	}
	var applied []entry
	for _, e := range f.entries {
		changed, full := p.copy.apply(e)
		if full {
			s.stats.Refused++
			continue // the next digest will not agree
		}
		if changed {
			applied = append(applied, e)
		}
	}
	p.copy.counter, p.copy.latest = f.counter, f.now
	if p.coming != nil && !p.coming.newer(p.copy.version) {
		p.coming = nil // it was overtaken, and the rest of it may never come
	}
	return s.changed(id, applied)
}

// drop forgets the copy of a peer. The lock is held.
func (s *Set) drop(id string, p *peer) []Change {
	if p.copy == nil {
		return nil
	}
	diff := difference(p.copy.entries, nil)
	p.copy = nil
	return s.changed(id, diff)
}

// changed keeps owners, and returns what is to be told. The lock is held.
func (s *Set) changed(id string, diff []entry) []Change {
	changes := make([]Change, len(diff))
	for i, e := range diff {
		changes[i] = Change{Node: id, Key: e.key, Value: e.value, Gone: e.gone}
		nodes := s.owners[e.key]
		at := slices.Index(nodes, id)
		switch {
		case e.gone && len(nodes) == 1:
			delete(s.owners, e.key)
			s.owners = shrink(s.owners, &s.peak)
		case e.gone:
			s.owners[e.key] = slices.Delete(slices.Clone(nodes), at, at+1)
		case at < 0:
			s.owners[e.key] = append(slices.Clip(nodes), id)
		}
	}
	return changes
}
