package mesh

import "time"

// The times of a [Set].
const (
	// Pace is how long changes are collected before they are sent, except for the first after a pause.
	Pace = 20 * time.Millisecond
	// DigestEvery is how often each node tells its peers what they should have.
	DigestEvery = 5 * time.Second
	// Silence is how long a peer with a link may say nothing until its copy is dropped.
	Silence = missable * DigestEvery
)

const (
	// window is how many chunks of a snapshot are under way, and how many frames of changes are sent at once: a quarter of a MiB.
	window = 4
	// missable is how many digests may be missing, since links can be slow and machines busy.
	missable = 4
	// snapshotEvery bounds the work for a peer that asks all the time.
	snapshotEvery = time.Second
)

// parcel is a frame on its way out.
type parcel struct {
	to    string
	peer  *peer
	link  uint64
	frame []byte
}

// run sends until Close. It is the only one who sends, so that all is in order.
func (s *Set) run() {
	defer close(s.done)
	digest := time.NewTicker(DigestEvery)
	defer digest.Stop()
	again := time.NewTimer(0)
	defer again.Stop()

	for {
		select {
		case <-s.quit:
			return
		case <-digest.C:
			s.tick()
		case <-s.wake:
		case <-again.C:
		}
		parcels, wait := s.collect(time.Now())
		for _, p := range parcels {
			s.send(p)
		}
		if wait > 0 {
			again.Reset(wait)
		}
	}
}

// tick asks for digests to be sent, and drops the copies of peers from whom none came. A snapshot of which nothing arrives any
// more is given up: the peer begins anew when it sees a digest again.
func (s *Set) tick() {
	s.update(func() (changes []Change) {
		for id, p := range s.peers {
			p.digest = p.linked
			if p.silence++; p.silence > missable {
				changes = append(changes, s.drop(id, p)...)
			}
			if p.snap == nil {
				continue
			}
			if p.snap.idle++; p.snap.idle > missable {
				p.snap = nil
			}
		}
		return changes
	})
}

// collect takes what is to be sent now. If something must wait, it says how long.
func (s *Set) collect(now time.Time) (parcels []parcel, wait time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()

	changes := now.Sub(s.changes) >= Pace
	later := func(d time.Duration) {
		if wait == 0 || d < wait {
			wait = d
		}
	}
	for id, p := range s.peers {
		if !p.linked {
			continue
		}
		put := func(f frame) { parcels = append(parcels, parcel{id, p, p.link, f.encode()}) }
		for _, f := range p.replies {
			put(f)
		}
		p.replies = nil

		if p.want {
			if rest := p.began.Add(snapshotEvery).Sub(now); rest > 0 {
				later(rest)
			} else {
				p.want, p.began, p.snap = false, now, s.own.snapshot()
				s.stats.Snapshots++
			}
		}
		for p.snap != nil && p.snap.window > 0 {
			f, last := p.snap.chunk()
			put(f)
			if last {
				p.synced, p.base, p.snap = true, p.snap.counter, nil
			}
		}
		switch {
		case !p.synced || p.base == s.own.counter:
		case !changes:
			later(s.changes.Add(Pace).Sub(now))
		default:
			s.changes = now
			s.putChanges(p, put)
			if p.base != s.own.counter {
				later(Pace)
			}
		}
		// While something is on its way, the version would only confuse.
		if p.digest && p.snap == nil && !p.want && (!p.synced || p.base == s.own.counter) {
			put(frame{kind: kindDigest, version: s.own.version})
			p.digest = false
		}
	}
	for _, p := range parcels {
		s.stats.Frames++
		s.stats.Bytes += uint64(len(p.frame))
	}
	return parcels, wait
}

// putChanges sends what the peer lacks, or as much as is good for the link at once. A peer so far behind that the log does not reach gets
// everything.
func (s *Set) putChanges(p *peer, put func(frame)) {
	for range window {
		if p.base == s.own.counter {
			return
		}
		if !s.own.remembers(p.base) {
			p.synced, p.want = false, true
			s.awake()
			return
		}
		f := s.own.delta(p.base)
		put(f)
		p.base = f.counter
	}
}

// send gives a frame to the port. Where that fails, nothing more is sent to the peer before Up.
func (s *Set) send(p parcel) {
	if s.port.Send(p.to, p.frame) == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.peer.link == p.link {
		p.peer.linked = false
	}
}

// sayGoodbye tells the peers that everything is gone. The sender has ended, nothing follows.
func (s *Set) sayGoodbye() {
	s.mu.Lock()
	bye := frame{kind: kindChunk, version: version{life: s.own.life, counter: s.own.counter + 1}}
	var linked []string
	for id, p := range s.peers {
		if p.linked {
			linked = append(linked, id)
		}
	}
	s.mu.Unlock()

	for _, id := range linked {
		// A peer that cannot hear it will hear that this node is down.
		_ = s.port.Send(id, bye.encode())
	}
}
