package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"unicode/utf8"

	"snug/chat"
)

// maxRef is the longest ref that a client may give, in bytes as it is sent.
const maxRef = 64

func badFrame(text string) *trouble {
	return &trouble{status: http.StatusBadRequest, code: codeBadFrame, text: text}
}

func badField(format string, args ...any) *trouble {
	return &trouble{status: http.StatusBadRequest, code: chat.CodeBadField, text: fmt.Sprintf(format, args...)}
}

// decodeFrame reads a frame into a struct of wire types. Fields that the struct does not have are ignored, as newer
// clients may send them; a field of another type than the struct's is an error that names it.
func decodeFrame(frame []byte, into any) error {
	// encoding/json would put U+FFFD in place of what is not UTF-8, and the text would not be what was sent.
	if !utf8.Valid(frame) {
		return badFrame("a frame must be UTF-8 text")
	}
	if trimmed := bytes.TrimLeft(frame, " \t\r\n"); len(trimmed) == 0 || trimmed[0] != '{' {
		return badFrame("a frame must be one JSON object")
	}
	err := json.Unmarshal(frame, into)
	var wrong *json.UnmarshalTypeError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &wrong):
		return badField("%q must be %s", wrong.Field, kindName(wrong.Type.Kind().String()))
	}
	return badFrame("a frame must be one JSON object")
}

// kindName is what JSON calls a type of Go.
func kindName(kind string) string {
	switch {
	case kind == "string":
		return "a string"
	case strings.HasPrefix(kind, "int"):
		return "a whole number"
	}
	return "of another type"
}

// decodeEnvelope reads the type and the ref of a frame of /ws/. The ref is returned with an error too where it could be
// read, so that the error can carry it.
func decodeEnvelope(frame []byte) (envelope, error) {
	var raw struct {
		Type json.RawMessage `json:"type"`
		Ref  json.RawMessage `json:"ref"`
	}
	if err := decodeFrame(frame, &raw); err != nil {
		return envelope{}, err
	}
	var e envelope
	switch ref := raw.Ref; {
	case len(ref) == 0 || string(ref) == "null":
	case len(ref) > maxRef+2: // two for the quotes of a string
		return e, badField(`"ref" is longer than %d bytes`, maxRef)
	case ref[0] == '"' || ref[0] == '-' || '0' <= ref[0] && ref[0] <= '9':
		e.Ref = ref
	default:
		return e, badField(`"ref" must be a number or a string`)
	}
	if len(raw.Type) == 0 {
		return e, badField(`"type" is missing`)
	}
	if err := json.Unmarshal(raw.Type, &e.Type); err != nil || raw.Type[0] != '"' {
		return e, badField(`"type" must be a string`)
	}
	return e, nil
}

// needed returns the text of a field that must be there. It may be empty.
func needed(name string, field *string) (string, error) {
	if field == nil {
		return "", badField("%q is missing", name)
	}
	return *field, nil
}

// spoken reads what a frame or a request with a message has of it: its text, and its id if the client chose one.
func spoken(message, id *string) (text string, chosen chat.ID, err error) {
	if text, err = needed("message", message); err != nil {
		return "", chat.ID{}, err
	}
	chosen, err = messageID("id", id)
	return text, chosen, err
}

// messageID reads the id of a message; nil is the zero id.
func messageID(name string, field *string) (chat.ID, error) {
	if field == nil {
		return chat.ID{}, nil
	}
	id, err := chat.ParseID(*field)
	if err != nil || id == (chat.ID{}) {
		return chat.ID{}, badField("%q must be a message id: 36 characters, such as 019aa5b2-7c00-7000-8000-0000000000a1", name)
	}
	return id, nil
}

// errorAnswer is the frame that tells a client what could not be done.
func errorAnswer(ref json.RawMessage, err error) errorFrame {
	t := explain(err)
	text := t.text
	var refused *chat.Error
	if errors.As(err, &refused) && t.code == refused.Code {
		text = refused.Message
	}
	return errorFrame{Type: "error", Ref: ref, Code: t.code, Message: text, RetryAfter: t.seconds()}
}
