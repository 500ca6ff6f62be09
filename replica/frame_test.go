package replica

import (
	"bytes"
	"reflect"
	"testing"
)

// samples has a frame of each kind.
var samples = []frame{
	&vectorFrame{Full: true, Feed: Feed{1}, Version: 4, Place: 300, Vector: Vector{{1}: 1, {2}: 1 << 40}},
	&vectorFrame{Want: true, Since: 4, Version: 5, Vector: Vector{}},
	&liveFrame{Feed: Feed{2}, First: 7, Bodies: [][]byte{[]byte("a"), []byte("bc")}},
	&pullFrame{Number: 1, Cursor: Cursor{Feed{3}, 99}, Vector: Vector{{2}: 5}},
	&chunkFrame{Number: 1, Index: 2, Place: 5, Rows: []Row{{Feed{4}, 9, []byte("row")}}},
	&ackFrame{1, 2},
	&doneFrame{Number: 1, Index: 3, Place: 6, Vector: Vector{{2}: 5}},
	&stopFrame{1, false},
	&stopFrame{1, true},
	&calmFrame{},
}

func TestFramesSurviveTheWay(t *testing.T) {
	for _, f := range samples {
		got, err := decode(encode(f))
		if err != nil || !reflect.DeepEqual(got, f) {
			t.Errorf("%+v became %+v, %v", f, got, err)
		}
	}
}

func TestDamagedFramesAreRefused(t *testing.T) {
	for _, f := range samples {
		b := encode(f)
		for n := range b {
			if got, err := decode(b[:n]); err == nil {
				t.Errorf("first %d bytes of %+v became %+v", n, f, got)
			}
		}
		if got, err := decode(append(b, 0)); err == nil {
			t.Errorf("%+v with a byte too many became %+v", f, got)
		}
	}
	for name, b := range map[string][]byte{
		"number in too many bytes": {kindStop, 0, 0x81, 0x00},
		"number too large":         {kindStop, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01},
		"many rows in no bytes":    {kindChunk, 1, 0, 1, 0xff, 0xff, 0x7f},
		"unknown flag":             append([]byte{kindVector, 4}, make([]byte, 20)...),
		"unknown flag of a stop":   {kindStop, 2, 1},
		"no live rows":             append([]byte{kindLive}, append(make([]byte, 16), 1, 0)...),
	} {
		if got, err := decode(b); err == nil {
			t.Errorf("%s: became %+v", name, got)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, s := range samples {
		f.Add(encode(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := decode(b)
		if err != nil {
			return
		}
		if again := encode(got); !bytes.Equal(again, b) {
			t.Errorf("%x became %+v and then %x", b, got, again)
		}
	})
}
