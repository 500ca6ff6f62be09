package chat

import (
	"encoding/json"
	"errors"
	"fmt"
)

// Kind says what a Span is.
type Kind uint8

// The kinds of spans.
const (
	Text    Kind = iota // plain words, line breaks included
	Em                  // *emphasis*
	Strong              // **strong emphasis**
	Code                // `code`
	Pre                 // a block of text between lines of three backticks
	Link                // an http or https address, as typed
	Mention             // the name of somebody, written as @name
)

// Span is a piece of a message. Em and Strong hold Spans, the others Text.
type Span struct {
	Kind  Kind
	Text  string
	Spans Body
}

// Body is a text taken apart into spans. In JSON a span is a string, or an object with one key that names its kind.
type Body []Span

// key is the name of a kind on the wire; Text has none.
func (k Kind) key() string {
	switch k {
	case Em:
		return "em"
	case Strong:
		return "strong"
	case Code:
		return "code"
	case Pre:
		return "pre"
	case Link:
		return "link"
	case Mention:
		return "mention"
	}
	return ""
}

// MarshalJSON writes the whole tree in one go, so that encoding costs one call however many spans there are.
func (b Body) MarshalJSON() ([]byte, error) {
	return b.append(nil)
}

func (b Body) append(out []byte) ([]byte, error) {
	out = append(out, '[')
	for i, s := range b {
		if i > 0 {
			out = append(out, ',')
		}
		key := s.Kind.key()
		if key != "" {
			out = append(out, '{', '"')
			out = append(out, key...)
			out = append(out, '"', ':')
		}
		var err error
		if s.Kind == Em || s.Kind == Strong {
			out, err = s.Spans.append(out)
		} else {
			var text []byte
			text, err = json.Marshal(s.Text)
			out = append(out, text...)
		}
		if err != nil {
			return nil, err
		}
		if key != "" {
			out = append(out, '}')
		}
	}
	return append(out, ']'), nil
}

// UnmarshalJSON reads what MarshalJSON wrote, for clients written in Go.
func (b *Body) UnmarshalJSON(data []byte) error {
	var raw []json.RawMessage
	if err := json.Unmarshal(data, &raw); err != nil {
		return fmt.Errorf("read spans: %w", err)
	}
	spans := make(Body, len(raw))
	for i, r := range raw {
		if err := spans[i].unmarshal(r); err != nil {
			return err
		}
	}
	*b = spans
	return nil
}

func (s *Span) unmarshal(data []byte) error {
	if len(data) > 0 && data[0] == '"' {
		return json.Unmarshal(data, &s.Text)
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(data, &object); err != nil {
		return fmt.Errorf("read a span: %w", err)
	}
	if len(object) != 1 {
		return errors.New("read a span: it must have one key")
	}
	for kind := Em; kind <= Mention; kind++ {
		value, ok := object[kind.key()]
		if !ok {
			continue
		}
		s.Kind = kind
		if kind == Em || kind == Strong {
			return json.Unmarshal(value, &s.Spans)
		}
		return json.Unmarshal(value, &s.Text)
	}
	return errors.New("read a span: unknown kind")
}
