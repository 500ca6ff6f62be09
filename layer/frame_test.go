package layer

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

func TestFramesAreReadAsWritten(t *testing.T) {
	t.Parallel()
	largest := `{"type":"x","t":"` + strings.Repeat("x", MaxMessage-len(`{"type":"x","t":""}`)) + `"}`
	for _, body := range []string{`{"type":"x"}`, ` {"n": 1.50, "type": "grüß"} `, largest} {
		m, err := ParseMessage([]byte(body))
		if err != nil {
			t.Fatal(err)
		}
		for kind, name := range map[byte]string{
			groupFrame:   strings.Repeat("g", MaxName),
			channelFrame: "socket!0123456789abcdef0123456789abcdef.x",
		} {
			gotKind, gotName, got, err := decodeFrame(encodeFrame(kind, name, m))
			if err != nil {
				t.Fatalf("frame with %.40s: %v", body, err)
			}
			if gotKind != kind || gotName != name || string(got.Bytes()) != body || got.Type() != m.Type() {
				t.Errorf("frame of kind %d for %q with %.40s came back as %d for %q with %.40s", kind, name, body, gotKind, gotName, got.Bytes())
			}
		}
	}
}

func TestFramesThatAreNotOursAreRefused(t *testing.T) {
	t.Parallel()
	for what, b := range map[string]string{
		"empty":                 "",
		"one byte":              "\x80",
		"no name and message":   "\x80\x00",
		"no message":            "\x80\x01g",
		"name cut off":          "\x80\x63room",
		"no name":               "\x80\x00{\"type\":\"x\"}",
		"kind below":            "\x7f\x01g{\"type\":\"x\"}",
		"kind above":            "\x82\x01g{\"type\":\"x\"}",
		"group with a mark":     "\x80\x03a!b{\"type\":\"x\"}",
		"channel of two marks":  "\x81\x05a!b!c{\"type\":\"x\"}",
		"name with a space":     "\x80\x03a b{\"type\":\"x\"}",
		"name too long":         "\x80\x64" + strings.Repeat("g", 100) + `{"type":"x"}`,
		"message without type":  "\x80\x01g{}",
		"message cut off":       "\x80\x01g{\"type\":\"x\"",
		"two messages":          "\x80\x01g{\"type\":\"x\"}{\"type\":\"x\"}",
		"message not in UTF-8":  "\x80\x01g{\"type\":\"\xff\"}",
		"message too large":     "\x80\x01g{\"type\":\"x\",\"t\":\"" + strings.Repeat("x", MaxMessage) + `"}`,
		"message nested deeply": "\x80\x01g{\"type\":\"x\",\"t\":" + strings.Repeat("[", MaxMessage/2),
	} {
		if _, _, m, err := decodeFrame([]byte(b)); !errors.Is(err, errFrame) || m != nil {
			t.Errorf("%s: message %v, error %v; want it to be refused", what, m, err)
		}
	}
}

func TestHomeIsInTheNameOfAChannel(t *testing.T) {
	t.Parallel()
	const node = "0123456789abcdef0123456789abcdef"
	for channel, want := range map[string]string{
		"socket!" + node + ".x":                          node,
		"a.b!" + node + ".x.y":                           node,
		strings.Repeat("x", 64) + "!" + node + ".x":      node,
		strings.Repeat("x", 65) + "!" + node + ".x":      "",
		"socket!" + node + ".":                           "",
		"socket!" + node + "x":                           "",
		"socket!" + node:                                 "",
		"socket!" + node[1:] + ".x":                      "",
		"socket!" + strings.ToUpper(node) + ".x":         "",
		"socket!0123456789abcdef!123456789abcdef.x":      "",
		"socket!0123456789abcdefg123456789abcdef.random": "",
		"socket!" + node + ".x y":                        "",
		"!" + node + ".x":                                "",
		node + ".x":                                      "",
		"socket!x":                                       "",
		"line":                                           "",
		"":                                               "",
	} {
		if got := homeOf(channel); got != want {
			t.Errorf("home of %q is %q, want %q", channel, got, want)
		}
	}
}

func FuzzDecodeFrame(f *testing.F) {
	f.Fuzz(func(t *testing.T, b []byte) {
		before := bytes.Clone(b)
		kind, name, m, err := decodeFrame(b)
		if !bytes.Equal(b, before) {
			t.Errorf("reading %q changed it", before)
		}
		if err != nil {
			if !errors.Is(err, errFrame) {
				t.Errorf("frame %q: error %v, want it to be errFrame", b, err)
			}
			return
		}
		if kind == groupFrame && CheckGroup(name) != nil || CheckChannel(name) != nil || m.check() != nil || len(m.Bytes()) > MaxMessage {
			t.Errorf("frame %q is for %q with %q", b, name, m.Bytes())
		}
		if again := encodeFrame(kind, name, m); !bytes.Equal(again, b) {
			t.Errorf("frame %q is written as %q", b, again)
		}
	})
}
