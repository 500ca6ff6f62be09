package cluster

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"testing"
	"unicode/utf8"
)

func TestFramesComeBack(t *testing.T) {
	t.Parallel()
	var b []byte
	b = appendFrame(b, framePing, nil, 1<<63)
	b = append(appendDataHead(b, 300, 5), "hello"...)
	b = appendFrame(b, frameBye, nil)
	r := bufio.NewReader(bytes.NewReader(b))
	if kind, body, err := readFrame(r, maxBody); kind != framePing || err != nil {
		t.Fatal(kind, err)
	} else if n, rest, err := number(body); n != 1<<63 || len(rest) != 0 || err != nil {
		t.Fatal(n, rest, err)
	}
	kind, body, err := readFrame(r, maxBody)
	if n, rest, nerr := number(body); kind != frameData || n != 300 || string(rest) != "hello" || errors.Join(err, nerr) != nil {
		t.Fatal(kind, body, err)
	}
	if kind, body, err := readFrame(r, maxBody); kind != frameBye || len(body) != 0 || err != nil {
		t.Fatal(kind, body, err)
	}
	if _, _, err := readFrame(r, maxBody); !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
}

func FuzzReadFrame(f *testing.F) {
	f.Add(appendFrame(nil, framePing, nil, 1))
	f.Add(append(appendDataHead(nil, 1, 2), "xy"...))
	f.Add([]byte{0})
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 5})
	f.Fuzz(func(t *testing.T, data []byte) {
		const limit = 1 << 10
		r := bufio.NewReader(bytes.NewReader(data))
		for {
			kind, body, err := readFrame(r, limit)
			if err != nil {
				return
			}
			if len(body) >= limit {
				t.Fatalf("a body of %d bytes", len(body))
			}
			again := appendFrame(nil, kind, body)
			if k, b, err := readFrame(bufio.NewReader(bytes.NewReader(again)), limit); k != kind || !bytes.Equal(b, body) || err != nil {
				t.Fatalf("%d %x became %d %x, %v", kind, body, k, b, err)
			}
		}
	})
}

// FuzzLinkControl gives a link any frames that a peer with the secret may send.
func FuzzLinkControl(f *testing.F) {
	f.Add(byte(frameOpen), appendFrame(nil, 0, []byte("port"), 1)[2:])
	f.Add(byte(frameCredit), []byte{1, 1})
	f.Add(byte(framePong), []byte{1, 2, 3})
	f.Add(byte(frameShut), []byte{0})
	f.Fuzz(func(_ *testing.T, kind byte, body []byte) {
		m := &Mesh{opts: Options{}.withDefaults(), records: map[string]*record{}}
		m.closed = true // nothing outside the link may start
		l := newLink(m, &greeting{peer: identity{ID: "x"}})
		in := &inbound{link: l, number: 1, lane: &lane{to: &joined{}}}
		in.lane.stop()
		l.inbound[1] = in
		l.channels["port"] = &channel{name: "port", local: 1, remote: 1, credit: window}
		if kind == frameData {
			_ = l.data(body)
		} else {
			_ = l.hearControl(kind, body)
		}
		_ = l.hearControl(frameShut, []byte{1})
	})
}

func FuzzParseToken(f *testing.F) {
	good := token{
		Addresses: []string{"10.0.0.1:7846"}, Fingerprint: make([]byte, 32), Code: make([]byte, codeSize), Expires: 1,
	}
	f.Add(good.encode())
	f.Add("snug1_")
	f.Add("snug1_e30")
	f.Fuzz(func(t *testing.T, s string) {
		tok, err := parseToken(s)
		if err != nil {
			if !errors.Is(err, ErrToken) {
				t.Fatal(err)
			}
			return
		}
		if _, err := parseToken(tok.encode()); err != nil && len(tok.encode()) <= maxToken {
			t.Fatalf("%q is good, and %q is not: %v", s, tok.encode(), err)
		}
	})
}

func FuzzWelcome(f *testing.F) {
	f.Add([]byte(`{"cluster":"00000000000000000000000000000000","secret":"00","keys":[{"gen":1,"secret":"00"}]}`))
	f.Add([]byte(`{"refused":true}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		ks, _, err := decodeWelcome(body)
		if err == nil && (len(ks.all) == 0 || len(ks.all) > maxKeys || !validID(ks.cluster)) {
			t.Fatalf("%q taken for %+v", body, ks)
		}
	})
}

func FuzzStatus(f *testing.F) {
	k := key{gen: 1, secret: Secret{1}}
	good, _ := json.Marshal(status{Keys: saveKeys([]key{{secret: Secret{2}}, k}), Newest: k.id(), Primary: k.id()})
	f.Add(good)
	f.Add([]byte(`{"forget":"00000000000000000000000000000000"}`))
	f.Add([]byte(`{"keys":[{"gen":1,"secret":"00"}],"newest":"00","primary":"00"}`))
	f.Add([]byte("null"))
	f.Fuzz(func(t *testing.T, frame []byte) {
		s, theirs, err := decodeStatus(frame)
		if err != nil {
			if len(err.Error()) > 2*maxStatus {
				t.Fatalf("an error of %d bytes", len(err.Error()))
			}
			return
		}
		forget := s.Forget != "" && validID(s.Forget) && theirs == nil
		tell := s.Forget == "" && len(theirs) > 0 && len(theirs) <= maxKeys && len(s.Newest) == len(k.id()) && len(s.Primary) == len(k.id())
		if !forget && !tell {
			t.Fatalf("%q taken for %+v", frame, s)
		}
	})
}

func FuzzMeta(f *testing.F) {
	f.Add(meta{Protocol: spoken(), Name: "porch", Version: "1", Life: 1, URL: "https://porch/"}.encode())
	f.Add([]byte(`{"n":"\u0000\n\ud800","v":"\"\\","u":7}`))
	f.Add([]byte("null"))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := decodeMeta(b)
		if err != nil {
			return
		}
		if len(m.Name) > 64 || len(m.Version) > 64 || len(m.URL) > maxURL || tidyName(m.Name) != m.Name || !utf8.ValidString(m.Name) {
			t.Fatalf("%q taken for %+v", b, m)
		}
	})
}
