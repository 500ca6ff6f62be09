package layer_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"snug/layer"
)

func TestNewMessageTakesObjectsWithType(t *testing.T) {
	t.Parallel()
	type text struct {
		Type string `json:"type"`
		Text string `json:"text"`
	}
	for _, v := range []any{
		text{Type: "chat.text", Text: "grüß <b> 🙂"},
		&text{Type: "chat.text", Text: "grüß <b> 🙂"},
		map[string]any{"type": "chat.text", "text": "grüß <b> 🙂"},
		json.RawMessage(`{"text":"grüß <b> 🙂","type":"chat.text"}`),
	} {
		m, err := layer.NewMessage(v)
		if err != nil {
			t.Errorf("message of %#v: %v", v, err)
			continue
		}
		var got text
		if err := m.Decode(&got); err != nil {
			t.Errorf("decode %s: %v", m.Bytes(), err)
		}
		if diff := cmp.Diff(text{Type: "chat.text", Text: "grüß <b> 🙂"}, got); diff != "" {
			t.Errorf("message of %#v differs (-want +got):\n%s", v, diff)
		}
		if m.Type() != "chat.text" {
			t.Errorf("type %q, want chat.text", m.Type())
		}
	}
}

func TestNewMessageRefusesWhatIsNoMessage(t *testing.T) {
	t.Parallel()
	for what, v := range map[string]any{
		"nil":          nil,
		"a nil map":    map[string]any(nil),
		"a string":     "type",
		"a list":       []string{"type"},
		"no type":      map[string]any{"text": "hello"},
		"empty type":   map[string]any{"type": ""},
		"number type":  map[string]any{"type": 7},
		"null type":    map[string]any{"type": nil},
		"another case": map[string]any{"Type": "chat.text"},
		"a channel":    map[string]any{"type": "x", "c": make(chan int)},
		"not a number": map[string]any{"type": "x", "n": math.NaN()},
		"too large":    map[string]any{"type": "x", "text": strings.Repeat("x", layer.MaxMessage)},
	} {
		if m, err := layer.NewMessage(v); !errors.Is(err, layer.ErrMessage) || m != nil {
			t.Errorf("message of %s: %v, error %v; want ErrMessage", what, m, err)
		}
	}
}

func TestParseMessageRefusesWhatIsNoMessage(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		"", " ", "null", "{}", "[]", `"type"`, `{"type":"x"`, `{"type":"x"} {}`, `{"type":"x"}x`, `{"TYPE":"x"}`, `{"type":["x"]}`,
		`{"type":"x","type":7}`, `{"type":{"type":"x"}}`, `{"a":"type"}`, `["type","x"]`, `[{"type":"x"}]`,
		"{\"type\":\"\xff\"}", `{"type":"x","n":01}`, `{'type':'x'}`,
		strings.Repeat("[", 1<<20),
		`{"type":"x","t":"` + strings.Repeat("x", layer.MaxMessage) + `"}`,
	} {
		if _, err := layer.ParseMessage([]byte(body)); !errors.Is(err, layer.ErrMessage) {
			t.Errorf("message of %.40q: error %v, want ErrMessage", body, err)
		}
	}
}

func TestLargestMessageFits(t *testing.T) {
	t.Parallel()
	frame := `{"type":"x","t":""}`
	body := strings.Replace(frame, `""`, `"`+strings.Repeat("x", layer.MaxMessage-len(frame))+`"`, 1)
	m, err := layer.ParseMessage([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Bytes()) != layer.MaxMessage {
		t.Errorf("%d bytes, want %d", len(m.Bytes()), layer.MaxMessage)
	}
}

func TestParseMessageKeepsBytesAndCopiesThem(t *testing.T) {
	t.Parallel()
	const text = ` {"n": 1.50, "type": "x"} `
	body := []byte(text)
	m, err := layer.ParseMessage(body)
	if err != nil {
		t.Fatal(err)
	}
	clear(body)
	if string(m.Bytes()) != text {
		t.Errorf("message is %q, want %q", m.Bytes(), text)
	}
	if grown := append(m.Bytes(), 'x'); &grown[0] == &m.Bytes()[0] {
		t.Error("appending to the bytes of a message writes into memory of the message")
	}
}

func TestDecodeSaysWhatMessageItWas(t *testing.T) {
	t.Parallel()
	m, err := layer.ParseMessage([]byte(`{"type":"chat.text","n":"seven"}`))
	if err != nil {
		t.Fatal(err)
	}
	var v struct{ N int }
	if err := m.Decode(&v); err == nil || !strings.Contains(err.Error(), "chat.text") {
		t.Errorf("error %v, want one that names the message", err)
	}
}

func TestDerivedIsComputedOnce(t *testing.T) {
	m, err := layer.ParseMessage([]byte(`{"type":"x"}`))
	if err != nil {
		t.Fatal(err)
	}
	calls := 0
	form := func(body []byte) []byte {
		calls++
		return bytes.ToUpper(body)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if got := m.Derived(form); string(got) != `{"TYPE":"X"}` {
				t.Errorf("derived form %q", got)
			}
		})
	}
	wg.Wait()
	if calls != 1 {
		t.Errorf("the form was computed %d times, want once", calls)
	}
	if n := testing.AllocsPerRun(100, func() { m.Derived(form) }); n != 0 {
		t.Errorf("the derived form costs %v allocations each time, want none", n)
	}
}

func TestTheTypeOfAMessageIsThatWhichDecodingFinds(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`{"type":"x"}`, ` { "n" : { "type" : "inner" } , "type" : "x" } `, `{"type":"x","n":{"type":"inner"},"l":["type","y",{"type":"z"}]}`,
		`{"type":"first","type":"x"}`, `{"type":"x","text":"\"type\":\"y\""}`, `{"text":"a\\","type":"x"}`, `{"\u0074ype":"x"}`,
		`{"type":"\u0078\"\\"}`, `{"type":"\ud800"}`, `{"Type":"y","type":"x","TYPE":"z"}`, `{"a":"type","b":"y","type":"x"}`, `{"":"","type":"x"}`,
		`{"n":[1,2,{"a":[]}],"type":"x","t":true,"u":null,"f":-1e9}`,
	} {
		if m, err := layer.ParseMessage([]byte(body)); err != nil || m.Type() != decodedType([]byte(body)) {
			t.Errorf("message of %s: %v, %v; want type %q", body, m, err, decodedType([]byte(body)))
		}
	}
}

// decodedType is the "type" of an object, where that is a string.
func decodedType(body []byte) (kind string) {
	var fields map[string]json.RawMessage
	if json.Unmarshal(body, &fields) != nil || json.Unmarshal(fields["type"], &kind) != nil {
		return ""
	}
	return kind
}

func FuzzParseMessage(f *testing.F) {
	for _, body := range []string{`{"type":"x","n":{"type":["y"]}}`, `{"\u0074ype":"x","type":7}`, `["type","x"]`} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		m, err := layer.ParseMessage(body)
		if err != nil {
			if !errors.Is(err, layer.ErrMessage) {
				t.Errorf("message of %q: error %v, want it to be ErrMessage", body, err)
			}
			if kind := decodedType(body); kind != "" && utf8.Valid(body) && len(body) <= layer.MaxMessage {
				t.Errorf("message of %q, which has type %q: %v", body, kind, err)
			}
			return
		}
		if !bytes.Equal(m.Bytes(), body) || !utf8.Valid(body) || len(body) > layer.MaxMessage {
			t.Errorf("message of %q is %q", body, m.Bytes())
		}
		if m.Type() == "" || m.Type() != decodedType(body) {
			t.Errorf("message of %q has type %q", body, m.Type())
		}
		again, err := layer.NewMessage(json.RawMessage(body))
		if err != nil {
			// Escaping what HTML cannot hold may make it longer.
			if len(body) < layer.MaxMessage/6 {
				t.Errorf("%q can be parsed and not made: %v", body, err)
			}
			return
		}
		if again.Type() != m.Type() {
			t.Errorf("%q was parsed as type %q and made as %q", body, m.Type(), again.Type())
		}
	})
}
