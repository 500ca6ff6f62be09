package mesh

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// sink is a port that takes everything.
type sink struct{}

func (sink) Self() string              { return "self" }
func (sink) Join(Handler) func()       { return func() {} }
func (sink) Send(string, []byte) error { return nil }
func (sink) Peers() []string           { return nil }

// victim is a Set with a peer that may do anything, and what must hold all the time.
type victim struct {
	*Set
	t     *testing.T
	told  map[string]string
	first version // of what the Set publishes
	last  version // of the copy
}

func newVictim(t *testing.T) *victim {
	t.Helper()
	v := &victim{Set: NewSet(sink{}, Options{}), t: t, told: map[string]string{}}
	v.Watch(func(c Change) {
		if _, had := v.told[c.Key]; c.Gone && !had {
			t.Errorf("%q is gone and was not there", c.Key)
		}
		if v.told[c.Key] = string(c.Value); c.Gone {
			delete(v.told, c.Key)
		}
	})
	if err := v.Put("own", nil); err != nil {
		t.Fatal(err)
	}
	v.first = v.own.version
	return v
}

func (v *victim) handler() *handler { return (*handler)(v.Set) }

// now does what the sender would do after a while.
func (v *victim) now() { v.collect(v.changes.Add(Pace)) }

func (v *victim) check() {
	v.t.Helper()
	if len(v.own.entries) != 1 || v.own.life < v.first.life || v.own.life > max(v.first.life, maxLife) {
		v.t.Errorf("what this node publishes became %v", v.own)
	}
	p := v.peers["mad"]
	if p == nil || p.copy == nil {
		v.last = version{}
		if len(v.owners)+len(v.told) > 0 {
			v.t.Errorf("left behind: %v, told %v", v.owners, v.told)
		}
		return
	}
	if len(p.replies) > 4*window {
		v.t.Errorf("%d replies wait", len(p.replies))
	}
	if v.last.newer(p.copy.version) {
		v.t.Errorf("a copy at %v became older: %v", v.last, p.copy.version)
	}
	v.last = p.copy.version
	var sum uint64
	for key, value := range p.copy.entries {
		sum += hashEntry(key, value)
		if told, ok := v.told[key]; !ok || told != string(value) {
			v.t.Errorf("%q has a value that nobody was told of", key)
		}
	}
	if p.copy.hash != sum {
		v.t.Error("the hash of a copy is wrong")
	}
	if n := len(p.copy.entries); len(v.told) != n || len(v.owners) != n {
		v.t.Errorf("%d keys, told %d, %d have owners", n, len(v.told), len(v.owners))
	}
}

// FuzzReceive gives a Set what a peer sends that has gone mad: each step is a byte, and a frame after its length.
func FuzzReceive(f *testing.F) {
	var all []byte
	for _, frame := range someFrames() {
		b := frame.encode()
		script := append([]byte{0, byte(len(b)), byte(len(b) >> 8)}, b...)
		all = append(all, script[1:]...)
		f.Add(script)
	}
	f.Add(append([]byte{0}, all...))
	f.Fuzz(func(t *testing.T, script []byte) {
		v := newVictim(t)
		for len(script) > 0 {
			step := script[0]
			script = script[1:]
			switch step {
			case 0:
				v.handler().Up("mad")
			case 1:
				v.handler().Down("mad")
			case 2:
				v.tick()
			case 3:
				v.now()
			default:
				if len(script) == 0 {
					return
				}
				n := min(len(script)-1, int(step)|int(script[0])<<8)
				v.handler().Received("mad", script[1:][:n])
				script = script[1+n:]
			}
			v.check()
		}
	})
}

func TestMadPeerBreaksNothing(t *testing.T) {
	for seed := range uint64(300) {
		random := rand.New(rand.NewPCG(seed, 0))
		v := newVictim(t)
		number := func() uint64 {
			own := v.own.version
			return []uint64{0, 1, 2, 3, own.life, own.life + 1, own.counter, own.hash, 1<<64 - 1}[random.IntN(9)]
		}
		lives, life := 0, uint64(0)
		for range 300 {
			switch random.IntN(20) {
			case 0:
				v.handler().Up("mad")
			case 1:
				v.handler().Down("mad")
			case 2:
				v.tick()
			case 3:
				b := make([]byte, random.IntN(40))
				for i := range b {
					b[i] = byte(random.IntN(256))
				}
				v.handler().Received("mad", b)
			default:
				f := frame{kind: kind(1 + random.IntN(5)), version: version{number(), number(), number()}, from: number(), now: number()}
				for range random.IntN(4) {
					f.entries = append(f.entries, entry{key: string(rune('a' + random.IntN(3))), value: []byte{byte(random.IntN(2))}, gone: f.kind == kindDelta && random.IntN(2) == 0})
				}
				if f.kind == kindChunk && random.IntN(2) == 0 { // a whole snapshot
					c := coming{replica: replica{entries: map[string][]byte{}}}
					c.add(f.entries)
					f.hash = c.hash
				}
				if random.IntN(2) == 0 {
					f.now = max(f.now, f.counter)
				}
				v.handler().Received("mad", f.encode())
			}
			if random.IntN(2) == 0 {
				v.now()
			}
			v.check()
			if v.own.life != life {
				lives, life = lives+1, v.own.life
			}
		}
		if lives > 2 {
			t.Errorf("a peer made this node begin %d lives in a moment", lives-1)
		}
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func TestPeerThatAsksAllTheTimeGetsFewSnapshots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newVictim(t)
		v.handler().Up("mad")
		for range 10_000 {
			v.handler().Received("mad", frame{kind: kindHave}.encode())
			v.collect(time.Now())
			time.Sleep(time.Millisecond)
		}
		if n := v.Stats().Snapshots; n != uint64(10*time.Second/snapshotEvery) {
			t.Errorf("%d snapshots in 10 seconds", n)
		}
	})
}

func TestPeerTooFarBehindGetsASnapshot(t *testing.T) {
	v := newVictim(t)
	v.handler().Up("slow")
	v.handler().Received("slow", frame{kind: kindHave, version: v.own.version}.encode())
	for i := range 2*history + 1 {
		if err := v.Put("own", fmt.Append(nil, i)); err != nil {
			t.Fatal(err)
		}
	}
	v.now()
	v.collect(time.Now())
	if n := v.Stats().Snapshots; n != 1 {
		t.Errorf("%d snapshots", n)
	}
	if p := v.peers["slow"]; !p.synced || p.base != v.own.counter {
		t.Errorf("the peer is at %d of %d", p.base, v.own.counter)
	}
}

// A peer that stops in the middle of a snapshot holds up nothing but itself.
func TestStalledSnapshotIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newVictim(t)
		for i := range 10_000 {
			if err := v.Put(fmt.Sprint(i), make([]byte, 100)); err != nil {
				t.Fatal(err)
			}
		}
		h := v.handler()
		h.Up("mad")
		h.Received("mad", frame{kind: kindHave}.encode())
		v.collect(time.Now())
		if n := v.peers["mad"].snap.window; n != 0 {
			t.Errorf("the window is %d", n)
		}
		for range missable + 1 {
			if parcels, _ := v.collect(time.Now()); len(parcels) > 0 {
				t.Errorf("%d frames more than the window", len(parcels))
			}
			v.tick()
		}
		parcels, _ := v.collect(time.Now())
		if len(parcels) != 1 || kind(parcels[0].frame[0]) != kindDigest {
			t.Errorf("%d frames, want a digest", len(parcels))
		}
	})
}

// copyOf is what a victim has of a peer.
func (v *victim) copyOf(peer string) string {
	p := v.peers[peer]
	if p == nil || p.copy == nil {
		return "nothing"
	}
	return fmt.Sprint(p.copy.counter, v.told)
}

func TestCopyTakesNothingSentBeforeWhatItHas(t *testing.T) {
	v := newVictim(t)
	v.handler().Up("mad")
	receive := func(want string, frames ...frame) {
		t.Helper()
		for _, f := range frames {
			f.life = 1
			v.handler().Received("mad", f.encode())
		}
		v.check()
		if got := v.copyOf("mad"); got != want {
			t.Errorf("the copy is %s, want %s", got, want)
		}
	}
	value := func(s string) []entry { return []entry{{key: "a", value: []byte(s)}} }
	receive("0 map[]", frame{kind: kindChunk})
	receive("2 map[a:new]", frame{kind: kindDelta, from: 0, version: version{counter: 2}, now: 9, entries: value("new")})
	receive("2 map[a:new]", frame{kind: kindDelta, from: 0, version: version{counter: 5}, now: 5, entries: value("old")})
	receive("2 map[a:new]", frame{kind: kindChunk, version: version{counter: 5, hash: hashEntry("a", []byte("old"))}, entries: value("old")})
	receive("9 map[a:newer]", frame{kind: kindDelta, from: 2, version: version{counter: 9}, now: 9, entries: value("newer")})
}

func TestSnapshotThatWasOvertakenIsNotKept(t *testing.T) {
	v := newVictim(t)
	v.handler().Up("mad")
	part := func(counter uint64) frame {
		return frame{kind: kindChunk, version: version{life: 1, counter: counter, hash: 7}, entries: []entry{{key: "b"}}}
	}
	changes := func(from, to uint64) frame {
		return frame{kind: kindDelta, from: from, version: version{life: 1, counter: to}, now: to, entries: []entry{{key: "a"}}}
	}
	for _, f := range []frame{{kind: kindChunk, version: version{life: 1}}, part(5), changes(0, 4)} {
		v.handler().Received("mad", f.encode())
		v.check()
	}
	if v.peers["mad"].coming == nil {
		t.Error("one that is newer than the changes is dropped")
	}
	v.handler().Received("mad", changes(4, 5).encode())
	v.check()
	if v.peers["mad"].coming != nil {
		t.Error("one that says nothing new is kept")
	}
}

func TestSnapshotMayComeInAnyOrder(t *testing.T) {
	v := newVictim(t)
	v.handler().Up("mad")
	owner := own{version: version{life: 1}, entries: map[string][]byte{}}
	chunks := func() (frames []frame) {
		s := owner.snapshot()
		for last := false; !last; {
			var f frame
			f, last = s.chunk()
			frames = append(frames, f)
		}
		return frames
	}
	receive := func(f frame, want string) {
		t.Helper()
		v.peers["mad"].replies = nil
		v.handler().Received("mad", f.encode())
		v.check()
		got := "nothing"
		if p := v.peers["mad"]; p.copy != nil {
			got = fmt.Sprintf("%d keys at %d", len(p.copy.entries), p.copy.counter)
		}
		if got != want {
			t.Errorf("the copy is %s, want %s", got, want)
		}
	}
	for i := range 1000 {
		owner.put(fmt.Sprint(i), make([]byte, 200))
	}
	old := chunks()
	owner.put("one", nil)
	all := chunks()
	if len(all) < 4 {
		t.Fatalf("%d chunks", len(all))
	}
	receive(old[0], "nothing")
	for _, f := range all[1:] {
		receive(f, "nothing")
		receive(f, "nothing")
		receive(old[1], "nothing")
	}
	receive(all[0], "1001 keys at 1001")
	for _, f := range slices.Concat(old, all, all[:1]) {
		receive(f, "1001 keys at 1001")
	}
	if v.peers["mad"].coming != nil {
		t.Error("what came twice is kept")
	}
	if replies := v.peers["mad"].replies; len(replies) != 1 || replies[0].kind != kindMore {
		t.Errorf("answered %v, so that the owner waits with the rest", replies)
	}
}

func TestSnapshotOfAsManyKeysAsThereMayBeComesTwice(t *testing.T) {
	c := coming{replica: replica{entries: map[string][]byte{}}}
	var all []entry
	for i := range MaxKeys {
		all = append(all, entry{key: fmt.Sprint(i)})
	}
	c.add(all)
	hash := c.hash
	if c.add(all[:10]); c.full || c.hash != hash {
		t.Errorf("full: %v, hash %x after %x", c.full, c.hash, hash)
	}
	if c.add([]entry{{key: "more"}}); !c.full {
		t.Error("one more has room")
	}
}
