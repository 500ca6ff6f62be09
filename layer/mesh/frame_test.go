package mesh

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

func someFrames() []frame {
	v := version{life: 1 << 60, counter: 7, hash: 3}
	noHash := version{life: v.life, counter: v.counter}
	return []frame{
		{kind: kindDigest, version: v},
		{kind: kindHave, version: v},
		{kind: kindMore, version: noHash},
		{kind: kindChunk, version: noHash, flags: chunkFirst | chunkLast},
		{kind: kindChunk, version: noHash, entries: []entry{{key: "a", value: []byte("1")}, {key: ""}}},
		{kind: kindDelta, version: noHash, from: 3, entries: []entry{{key: "a", gone: true}, {key: "b", value: make([]byte, MaxValue)}}},
	}
}

func TestFramesSurviveTheWay(t *testing.T) {
	for _, f := range someFrames() {
		got, err := decodeFrame(f.encode())
		if err != nil || fmt.Sprint(got) != fmt.Sprint(f) {
			t.Errorf("%+v became %+v, %v", f, got, err)
		}
	}
}

func TestDamagedFramesAreRefused(t *testing.T) {
	chunk := frame{kind: kindChunk, version: version{life: 1}}
	long := frame{kind: kindChunk, entries: []entry{{key: strings.Repeat("k", MaxKey+1)}}}
	for name, b := range map[string][]byte{
		"empty":                 nil,
		"of no kind":            make([]byte, 17),
		"cut short":             chunk.encode()[:10],
		"with more behind":      append(frame{kind: kindMore}.encode(), 0),
		"with unknown flags":    frame{kind: kindChunk, flags: 4}.encode(),
		"with a long key":       long.encode(),
		"with a long value":     frame{kind: kindChunk, entries: []entry{{value: make([]byte, MaxValue+1)}}}.encode(),
		"with a deletion":       frame{kind: kindChunk, entries: []entry{{key: "k", gone: true}}}.encode(),
		"with a cut entry":      append(chunk.encode(), 1),
		"with a long number":    append(chunk.encode(), 0x80, 0, 1),
		"that ends before from": frame{kind: kindDelta, version: version{counter: 3}, from: 3}.encode(),
	} {
		if f, err := decodeFrame(b); err == nil {
			t.Errorf("a frame %s is %+v", name, f)
		}
	}
}

func FuzzFrame(f *testing.F) {
	for _, frame := range someFrames() {
		f.Add(frame.encode())
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		frame, err := decodeFrame(b)
		if err == nil && !bytes.Equal(frame.encode(), b) {
			t.Errorf("%x is %+v, which is %x", b, frame, frame.encode())
		}
	})
}

// sink is a port that takes everything.
type sink struct{}

func (sink) Self() string              { return "self" }
func (sink) Join(Handler) func()       { return func() {} }
func (sink) Send(string, []byte) error { return nil }
func (sink) Peers() []string           { return nil }

// FuzzReceive gives a Set any frames in any order, as a peer that has gone mad would send them. What the Set publishes stays
// as it is, and what it copied stays consistent.
func FuzzReceive(f *testing.F) {
	f.Add(uint64(1), uint64(2))
	f.Fuzz(func(t *testing.T, seed, seed2 uint64) { goMad(t, rand.New(rand.NewPCG(seed, seed2))) })
}

func TestMadPeerBreaksNothing(t *testing.T) {
	for seed := range uint64(300) {
		goMad(t, rand.New(rand.NewPCG(seed, 0)))
	}
}

func goMad(t *testing.T, random *rand.Rand) {
	s := NewSet(sink{}, Options{})
	told := map[string]string{}
	s.Watch(func(c Change) {
		if _, had := told[c.Key]; c.Gone && !had {
			t.Errorf("%q is gone and was not there", c.Key)
		}
		if told[c.Key] = string(c.Value); c.Gone {
			delete(told, c.Key)
		}
	})
	if err := s.Put("own", nil); err != nil {
		t.Fatal(err)
	}
	h := (*handler)(s)
	own := s.own.version
	number := func() uint64 {
		return []uint64{0, 1, 2, 3, own.life, own.life + 1, own.counter, own.hash, 1<<64 - 1}[random.IntN(9)]
	}
	for range 300 {
		switch random.IntN(20) {
		case 0:
			h.Up("mad")
		case 1:
			h.Down("mad")
		case 2:
			s.tick()
		case 3:
			b := make([]byte, random.IntN(40))
			for i := range b {
				b[i] = byte(random.IntN(256))
			}
			h.Received("mad", b)
		default:
			f := frame{kind: kind(1 + random.IntN(5)), version: version{number(), number(), number()}, from: number(), flags: byte(random.IntN(4))}
			for range random.IntN(4) {
				f.entries = append(f.entries, entry{key: string(rune('a' + random.IntN(3))), value: []byte{byte(random.IntN(2))}, gone: f.kind == kindDelta && random.IntN(2) == 0})
			}
			h.Received("mad", f.encode())
		}
		if random.IntN(2) == 0 {
			s.collect(s.changes.Add(Pace))
		}
		if p := s.peers["mad"]; p != nil {
			checkPeer(t, s, p, told)
		}
	}
	if len(s.own.entries) != 1 || s.own.life < own.life {
		t.Errorf("what this node publishes became %v", s.own)
	}
	h.Down("mad")
	if len(s.owners)+len(told)+len(s.peers) > 0 {
		t.Errorf("left behind: %v, told %v", s.owners, told)
	}
}

func checkPeer(t *testing.T, s *Set, p *peer, told map[string]string) {
	t.Helper()
	if len(p.replies) > 4*window {
		t.Errorf("%d replies wait", len(p.replies))
	}
	entries := map[string][]byte{}
	if p.copy != nil {
		entries = p.copy.entries
		var sum uint64
		for key, value := range entries {
			sum += hashEntry(key, value)
		}
		if p.copy.hash != sum {
			t.Error("the hash of a copy is wrong")
		}
	}
	if len(told) != len(entries) || len(s.owners) != len(entries) {
		t.Errorf("%d keys, told %d, %d have owners", len(entries), len(told), len(s.owners))
	}
}

func TestLogRemembersTheLatestChanges(t *testing.T) {
	o := own{entries: map[string][]byte{}}
	for i := range 3*history + 1 {
		o.put(fmt.Sprint(i%10), []byte(fmt.Sprint(i)))
		if !o.remembers(o.counter - min(o.counter, history)) {
			t.Fatalf("after %d changes the last %d are forgotten", i+1, history)
		}
		if len(o.log) > 2*history {
			t.Fatalf("the log has %d keys", len(o.log))
		}
	}
	if o.remembers(0) || o.remembers(o.counter+1) {
		t.Error("remembers what it cannot know")
	}
	f := o.delta(o.counter - history)
	if len(f.entries) != 10 || f.counter != o.counter {
		t.Errorf("%d entries up to %d, want 10 up to %d", len(f.entries), f.counter, o.counter)
	}
	if !o.remove("3") || o.remove("3") || o.put("4", o.entries["4"]) {
		t.Error("a change is taken for none, or none for one")
	}
}

func TestHashDependsOnWhatIsWhere(t *testing.T) {
	seen := map[uint64]string{}
	for _, e := range []entry{{key: "ab"}, {key: "a", value: []byte("b")}, {value: []byte("ab")}, {}, {key: "ba"}, {key: "a\xff", value: []byte("b")}} {
		h := hashEntry(e.key, e.value)
		if other, ok := seen[h]; ok {
			t.Errorf("%q and %s have one hash", e.key, other)
		}
		seen[h] = fmt.Sprintf("%q=%q", e.key, e.value)
	}
}
