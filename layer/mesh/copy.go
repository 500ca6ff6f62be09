package mesh

import "bytes"

// replica is a copy of what another node publishes.
type replica struct {
	version
	entries map[string][]byte
	latest  uint64 // counter at which the newest of the entries were sent
	peak    int    // the most that entries held
}

// coming is a snapshot of which some chunks have arrived, in any order. All are there when the hashes are equal.
type coming struct {
	replica
	want uint64 // the hash of all
	full bool   // more than the limits allow: the rest is not kept
}

func (c *coming) add(entries []entry) {
	for _, e := range entries {
		old, ok := c.entries[e.key]
		switch {
		case ok:
			c.hash -= hashEntry(e.key, old)
		case len(c.entries) >= MaxKeys:
			c.full = true
			return
		}
		c.entries[e.key] = e.value
		c.hash += hashEntry(e.key, e.value)
	}
}

// apply changes one entry, and reports whether that made a difference; full means that there was no room.
func (r *replica) apply(e entry) (changed, full bool) {
	old, ok := r.entries[e.key]
	switch {
	case e.gone && !ok, !e.gone && ok && bytes.Equal(old, e.value):
		return false, false
	case !e.gone && !ok && len(r.entries) >= MaxKeys:
		return false, true
	}
	if ok {
		r.hash -= hashEntry(e.key, old)
	}
	if e.gone {
		delete(r.entries, e.key)
		r.entries = shrink(r.entries, &r.peak)
	} else {
		r.entries[e.key] = e.value
		r.hash += hashEntry(e.key, e.value)
	}
	return true, false
}

// difference is what must be applied to the old entries to have the new ones.
func difference(old, new map[string][]byte) []entry {
	var diff []entry
	for key := range old {
		if _, ok := new[key]; !ok {
			diff = append(diff, entry{key: key, gone: true})
		}
	}
	for key, value := range new {
		if before, ok := old[key]; !ok || !bytes.Equal(before, value) {
			diff = append(diff, entry{key: key, value: value})
		}
	}
	return diff
}
