package mesh

import (
	"bytes"
	"fmt"
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
		{kind: kindChunk, version: noHash},
		{kind: kindChunk, version: v, entries: []entry{{key: "a", value: []byte("1")}, {key: ""}}},
		{kind: kindDelta, version: noHash, from: 3, now: 9, entries: []entry{{key: "a", gone: true}, {key: "b", value: make([]byte, MaxValue)}}},
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
		"that is huge":          append(chunk.encode(), bytes.Repeat([]byte{0, 1}, maxSetFrame)...),
		"cut short":             chunk.encode()[:10],
		"with more behind":      append(frame{kind: kindMore}.encode(), 0),
		"with a long key":       long.encode(),
		"with a long value":     frame{kind: kindChunk, entries: []entry{{value: make([]byte, MaxValue+1)}}}.encode(),
		"with a deletion":       frame{kind: kindChunk, entries: []entry{{key: "k", gone: true}}}.encode(),
		"with a cut entry":      append(chunk.encode(), 1),
		"with a long number":    append(chunk.encode(), 0x80, 0, 1),
		"that ends before from": frame{kind: kindDelta, version: version{counter: 3}, from: 3, now: 3}.encode(),
		"of changes to come":    frame{kind: kindDelta, version: version{counter: 3}, from: 2, now: 2}.encode(),
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
