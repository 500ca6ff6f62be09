package layer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"unicode/utf8"
)

// MaxMessage is the size of the largest message, in bytes of JSON. It is far above what people write and low enough that
// a full channel of such messages does not hurt.
const MaxMessage = 1 << 20

// ErrMessage says that something cannot be a message. The error that wraps it says why.
var ErrMessage = errors.New("not a message")

// Message is a JSON object with a "type". It never changes once it is made, so that any number of goroutines and
// receivers share one without copying and without locks.
type Message struct {
	body []byte
	kind string

	once    sync.Once
	derived []byte
}

// NewMessage makes a message of anything that [json.Marshal] turns into an object with a non-empty string "type" and at
// most [MaxMessage] bytes. Anything else is an error that wraps [ErrMessage]. What v holds may be changed afterwards.
func NewMessage(v any) (*Message, error) {
	body, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMessage, err)
	}
	return newMessage(body)
}

// ParseMessage makes a message of JSON that came from elsewhere, under the rules of [NewMessage]; besides, it must be
// valid UTF-8, because it may leave in a text frame. It takes a copy: body may be changed afterwards.
func ParseMessage(body []byte) (*Message, error) {
	if err := checkSize(body); err != nil {
		return nil, err
	}
	return newMessage(bytes.Clone(body))
}

func newMessage(body []byte) (*Message, error) {
	if err := checkSize(body); err != nil {
		return nil, err
	}
	if !utf8.Valid(body) {
		return nil, fmt.Errorf("%w: not UTF-8", ErrMessage)
	}
	if !json.Valid(body) {
		return nil, fmt.Errorf("%w: %w", ErrMessage, json.Unmarshal(body, new(json.RawMessage))) // says what is wrong with it
	}
	kind := typeOf(body)
	if kind == "" {
		return nil, fmt.Errorf(`%w: no object with a string in its "type"`, ErrMessage)
	}
	return &Message{body: body[:len(body):len(body)], kind: kind}, nil
}

// typeOf returns the "type" of valid JSON in UTF-8, or nothing if that is not an object or has no string there. It does so in one pass and takes
// nothing apart, because each message comes by here once on each node. Like [json.Unmarshal] into a map it goes by the last of several,
// and "Type" is another name.
func typeOf(body []byte) string {
	if bytes.TrimLeft(body, " \t\r\n")[0] != '{' {
		return ""
	}
	var text, kind []byte // the string that was last in the object itself, and the one that is its "type"
	depth, isKind := 0, false
	for i := 0; i < len(body); i++ {
		switch body[i] {
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		case '"':
			end := stringEnd(body, i)
			if depth == 1 {
				text = body[i:end]
				if isKind {
					kind = text
				}
			}
			i = end - 1
		case ':':
			if depth == 1 {
				isKind = string(text) == `"type"` || bytes.IndexByte(text, '\\') >= 0 && unquote(text) == "type"
				if isKind {
					kind = nil
				}
			}
		case ',':
			if depth == 1 {
				isKind = false
			}
		}
	}
	return unquote(kind)
}

// stringEnd returns where the string ends that begins at a place in valid JSON.
func stringEnd(body []byte, begin int) int {
	for i := begin + 1; ; i++ {
		switch body[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
}

// unquote returns what a JSON string says, and nothing for no string.
func unquote(text []byte) (s string) {
	switch {
	case len(text) == 0:
		return ""
	case bytes.IndexByte(text, '\\') < 0:
		return string(text[1 : len(text)-1])
	}
	_ = json.Unmarshal(text, &s) // it is valid
	return s
}

func checkSize(body []byte) error {
	if len(body) > MaxMessage {
		return fmt.Errorf("%w: %d bytes, and at most %d are allowed", ErrMessage, len(body), MaxMessage)
	}
	return nil
}

// check refuses what neither NewMessage nor ParseMessage has made: it would hurt only the receiver, far from the mistake.
func (m *Message) check() error {
	if m == nil || m.kind == "" {
		return fmt.Errorf("%w: it is empty", ErrMessage)
	}
	return nil
}

// Type is the value of "type".
func (m *Message) Type() string { return m.kind }

// Bytes is the message as JSON. All receivers share these bytes: they must not be changed.
func (m *Message) Bytes() []byte { return m.body }

// Decode stores the message in what v points to, as [json.Unmarshal] does. Each call makes new values.
func (m *Message) Decode(v any) error {
	if err := json.Unmarshal(m.body, v); err != nil {
		return fmt.Errorf("decode message %q: %w", m.kind, err)
	}
	return nil
}

// Derived is another form of the message, such as a WebSocket frame, computed once for all receivers: the first call runs
// form, the others get its result. It must be called with the same function always, and neither the
// argument nor the result of that function may be changed.
func (m *Message) Derived(form func(body []byte) []byte) []byte {
	m.once.Do(func() { m.derived = form(m.body) })
	return m.derived
}
