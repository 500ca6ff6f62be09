package mesh

import (
	"encoding/binary"
	"errors"
	"math/bits"
)

// The limits of a [Set].
const (
	// MaxKey and MaxValue are in bytes.
	MaxKey   = 256
	MaxValue = 256
	// MaxKeys is how many keys one node publishes in a set: far more than there are people or groups on a node. With the
	// limits of key and value it bounds a copy to some 64 MiB, whatever its owner sends.
	MaxKeys = 1 << 17
)

// frameSize is the size in bytes that frames with entries aim at: the link is free for others soon again. One entry may exceed it.
const frameSize = 64 << 10

// maxSetFrame is the most that is taken of a frame of a Set: several times what is sent, and little in memory however small its entries are.
const maxSetFrame = 4 * frameSize

// kind is the first byte of a frame. Those from [RestKind] on are not of the Set.
type kind byte

const (
	// kindDigest says what its sender publishes: life, counter, hash.
	kindDigest kind = 1 + iota
	// kindHave says what its sender has of the other's set, and so asks for the rest: life, counter, hash; all zero for nothing.
	kindHave
	// kindChunk is a part of a snapshot at (life, counter), which is complete when the entries have the hash: hash, entries.
	kindChunk
	// kindMore says that a chunk of the snapshot at (life, counter) has arrived.
	kindMore
	// kindDelta has the keys that changed after from, up to counter, as they were at now: life, counter, from, now, entries.
	kindDelta
)

// RestKind is the least first byte of the frames that a [Set] passes to [Options.Rest].
const RestKind = 0x80

// version is the state of a set at one moment. A later life is newer whatever the counter.
type version struct {
	life    uint64 // when the owner began: milliseconds since 1970 shifted left by 16, and 16 random bits
	counter uint64 // changes in this life
	hash    uint64 // of the entries, the same in any order
}

// newer reports whether v is a later state than w.
func (v version) newer(w version) bool {
	return v.life > w.life || v.life == w.life && v.counter > w.counter
}

// frame is any frame of a Set.
type frame struct {
	kind    kind
	version        // hash is not in kindMore and kindDelta
	from    uint64 // kindDelta, as is now
	now     uint64
	entries []entry // kindChunk and kindDelta
}

// entry is a key with its value, or a key that is gone.
type entry struct {
	key   string
	value []byte
	gone  bool
}

// size is at least what the entry takes in a frame.
func (e entry) size() int { return len(e.key) + len(e.value) + 2*binary.MaxVarintLen16 }

func (f frame) encode() []byte {
	size := 64
	for _, e := range f.entries {
		size += e.size()
	}
	b := make([]byte, 0, size)
	b = append(b, byte(f.kind))
	b = binary.BigEndian.AppendUint64(b, f.life)
	b = binary.BigEndian.AppendUint64(b, f.counter)
	switch f.kind {
	case kindDigest, kindHave, kindChunk:
		b = binary.BigEndian.AppendUint64(b, f.hash)
	case kindDelta:
		b = binary.BigEndian.AppendUint64(b, f.from)
		b = binary.BigEndian.AppendUint64(b, f.now)
	}
	for _, e := range f.entries {
		b = binary.AppendUvarint(b, uint64(len(e.key)))
		b = append(b, e.key...)
		if e.gone {
			b = append(b, 0)
			continue
		}
		b = binary.AppendUvarint(b, uint64(len(e.value))+1)
		b = append(b, e.value...)
	}
	return b
}

var errFrame = errors.New("mesh: damaged frame of a set")

// decodeFrame is strict: it accepts only what encode makes. Nothing in the result points into b.
func decodeFrame(b []byte) (frame, error) {
	if len(b) > maxSetFrame {
		return frame{}, errFrame
	}
	r := reader{b: b}
	f := frame{kind: kind(r.byte())}
	f.life = r.uint64()
	f.counter = r.uint64()
	switch f.kind {
	case kindDigest, kindHave:
		f.hash = r.uint64()
	case kindMore:
	case kindDelta:
		f.from = r.uint64()
		f.now = r.uint64()
		f.entries = r.entries()
		r.bad = r.bad || f.from >= f.counter || f.counter > f.now
	case kindChunk:
		f.hash = r.uint64()
		f.entries = r.entries()
		for _, e := range f.entries {
			r.bad = r.bad || e.gone
		}
	default:
		r.bad = true
	}
	if r.bad || len(r.b) > 0 {
		return frame{}, errFrame
	}
	return f, nil
}

// reader takes a frame apart. After the first thing missing it is bad, and gives zeros.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) take(n uint64) []byte {
	if r.bad || n > uint64(len(r.b)) {
		r.bad = true
		return nil
	}
	taken := r.b[:n]
	r.b = r.b[n:]
	return taken
}

func (r *reader) byte() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) uint64() uint64 {
	if b := r.take(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

// length reads a number up to limit in its shortest form.
func (r *reader) length(limit uint64) uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 || v > limit || n != max(1, (bits.Len64(v)+6)/7) {
		r.bad = true
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) entries() []entry {
	var entries []entry
	for len(r.b) > 0 && !r.bad {
		e := entry{key: string(r.take(r.length(MaxKey)))}
		if n := r.length(MaxValue + 1); n > 0 {
			e.value = append(e.value, r.take(n-1)...)
		} else {
			e.gone = true
		}
		entries = append(entries, e)
	}
	return entries
}

// The numbers of the 64-bit FNV-1a hash.
const (
	hashBasis = 14695981039346656037
	hashPrime = 1099511628211
)

// hashEntry is the part of an entry in the hash of its set, which is the sum over all. It finds mistakes, not attacks: only the
// owner, who may say what it likes, sends both the entries and the hash.
func hashEntry(key string, value []byte) uint64 {
	h := uint64(hashBasis)
	for i := range len(key) {
		h = (h ^ uint64(key[i])) * hashPrime
	}
	h = mix(h)
	for _, c := range value {
		h = (h ^ uint64(c)) * hashPrime
	}
	return mix(h)
}

// mix spreads every bit over all, so that sums of similar keys differ.
func mix(h uint64) uint64 {
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	h *= 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}
