package mesh

import "bytes"

// history is how many of the latest changes a set remembers at least, to tell a peer those that it missed instead of everything.
const history = 4096

// own is what this node publishes.
type own struct {
	version
	entries map[string][]byte // values are replaced, never changed
	peak    int               // the most that entries held
	// log has the keys of the latest changes: the last one made counter what it is.
	log []string
}

// put returns false if the value is there already.
func (o *own) put(key string, value []byte) bool {
	old, ok := o.entries[key]
	if ok && bytes.Equal(old, value) {
		return false
	}
	if ok {
		o.hash -= hashEntry(key, old)
	}
	o.entries[key] = bytes.Clone(value)
	o.hash += hashEntry(key, value)
	o.changed(key)
	return true
}

// remove returns false if the key is not there.
func (o *own) remove(key string) bool {
	old, ok := o.entries[key]
	if !ok {
		return false
	}
	delete(o.entries, key)
	o.entries = shrink(o.entries, &o.peak)
	o.hash -= hashEntry(key, old)
	o.changed(key)
	return true
}

func (o *own) changed(key string) {
	o.counter++
	if len(o.log) == 2*history {
		n := copy(o.log, o.log[history:])
		clear(o.log[n:])
		o.log = o.log[:n]
	}
	o.log = append(o.log, key)
}

// remembers reports whether all changes after the counter are in the log.
func (o *own) remembers(counter uint64) bool {
	return counter <= o.counter && o.counter-counter <= uint64(len(o.log))
}

// delta makes one frame with changes after the counter, which the log must remember. Its own counter tells how far it goes. The
// values are those of now: they may be newer than the counter, but a frame that reaches the end makes all equal.
func (o *own) delta(from uint64) frame {
	f := frame{kind: kindDelta, version: version{life: o.life}, from: from, now: o.counter}
	missed := o.log[uint64(len(o.log))-(o.counter-from):]
	inFrame := map[string]struct{}{}
	size := 0
	for _, key := range missed {
		if _, ok := inFrame[key]; !ok {
			value, ok := o.entries[key]
			e := entry{key: key, value: value, gone: !ok}
			if size += e.size(); size > frameSize && len(f.entries) > 0 {
				break
			}
			inFrame[key] = struct{}{}
			f.entries = append(f.entries, e)
		}
		from++
	}
	f.counter = from
	return f
}

// snapshot is all that was published at one moment, on its way to one peer.
type snapshot struct {
	version
	entries []entry // those not yet sent
	window  int     // chunks that may be sent before one is said to have arrived
	idle    int     // digests that were left out since one was
}

func (o *own) snapshot() *snapshot {
	s := &snapshot{version: o.version, window: window}
	s.entries = make([]entry, 0, len(o.entries))
	for key, value := range o.entries {
		s.entries = append(s.entries, entry{key: key, value: value})
	}
	return s
}

// chunk makes the next frame; last is true if nothing is left.
func (s *snapshot) chunk() (f frame, last bool) {
	size, n := 0, 0
	for n < len(s.entries) && (size == 0 || size+s.entries[n].size() <= frameSize) {
		size += s.entries[n].size()
		n++
	}
	f = frame{kind: kindChunk, version: s.version, entries: s.entries[:n]}
	s.entries = s.entries[n:]
	s.window--
	return f, len(s.entries) == 0
}
