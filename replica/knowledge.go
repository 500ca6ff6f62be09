package replica

// knowledge is a vector that knows what has changed lately, so that peers are told
// only that: a vector grows by one feed with every start of every node.
type knowledge struct {
	feed    Feed // under which it is told; the running one, but while a new one is being opened
	vector  Vector
	version uint64 // grows with each change, and from one knowledge to the next
	changed map[Feed]uint64
}

func newKnowledge(feed Feed, version uint64) *knowledge {
	return &knowledge{feed: feed, vector: Vector{}, version: version, changed: map[Feed]uint64{}}
}

func (k *knowledge) raiseOne(feed Feed, seq uint64) {
	if seq > k.vector[feed] {
		k.version++
		k.vector[feed] = seq
		k.changed[feed] = k.version
	}
}

func (k *knowledge) raise(v Vector) {
	for feed, seq := range v {
		k.raiseOne(feed, seq)
	}
}

// since gives what has changed after a version.
func (k *knowledge) since(version uint64) Vector {
	v := Vector{}
	if version == k.version {
		return v
	}
	for feed, changed := range k.changed {
		if changed > version {
			v[feed] = k.vector[feed]
		}
	}
	return v
}
