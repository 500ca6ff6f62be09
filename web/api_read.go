package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// What programs send is read strictly: a field or a parameter that nobody knows is more often misspelt than meant to be
// ignored.

// readBody reads the JSON object that is the body of a request into a struct of wire types.
func readBody(r *http.Request, into any) error {
	kind, parameters, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" {
		return errMediaType
	}
	if charset, ok := parameters["charset"]; ok && !strings.EqualFold(charset, "utf-8") {
		return errMediaType
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	return decodeBody(body, into)
}

func decodeBody(body []byte, into any) error {
	if !utf8.Valid(body) {
		return badFrame("The body must be UTF-8.")
	}
	if err := checkFields(body, fieldNames(into)); err != nil {
		return err
	}
	err := json.Unmarshal(body, into)
	var wrong *json.UnmarshalTypeError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &wrong):
		return badField("%q must be %s.", wrong.Field, kindName(wrong.Type.Kind().String()))
	}
	return errNotObject()
}

func errNotObject() error { return badFrame("The body must be one JSON object.") }

// checkFields refuses names that are not known, and those that stand twice: encoding/json takes the last of them, and
// takes "ID" for "id".
func checkFields(body []byte, known []string) error {
	decoder := json.NewDecoder(bytes.NewReader(body))
	if first, err := decoder.Token(); err != nil || first != json.Delim('{') {
		return errNotObject()
	}
	seen := make(map[string]bool)
	for decoder.More() {
		token, err := decoder.Token()
		if err != nil {
			return errNotObject()
		}
		name, _ := token.(string)
		switch {
		case !slices.Contains(known, name):
			return badField("There is no field %.64q; there are: %s.", name, quoted(known))
		case seen[name]:
			return badField("The field %q stands twice.", name)
		}
		seen[name] = true
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return errNotObject()
		}
	}
	if _, err := decoder.Token(); err != nil {
		return errNotObject()
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errNotObject()
	}
	return nil
}

// fieldNames are the names on the wire of a struct's fields.
func fieldNames(pointer any) []string {
	kind := reflect.TypeOf(pointer).Elem()
	names := make([]string, kind.NumField())
	for i := range names {
		names[i], _, _ = strings.Cut(kind.Field(i).Tag.Get("json"), ",")
	}
	return names
}

func quoted(names []string) string {
	all := make([]string, len(names))
	for i, name := range names {
		all[i] = strconv.Quote(name)
	}
	return strings.Join(all, ", ")
}

// readQuery reads the parameters of an address, of which only the known ones may be there.
func readQuery(r *http.Request, known ...string) (url.Values, error) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, badField("The address cannot be read.")
	}
	for name, values := range query {
		switch {
		case len(known) == 0:
			return nil, badField("There is no parameter %.64q; this address has none.", name)
		case !slices.Contains(known, name):
			return nil, badField("There is no parameter %.64q; there are: %s.", name, quoted(known))
		case len(values) > 1 && name != "room":
			return nil, badField("The parameter %q stands twice.", name)
		case !utf8.ValidString(strings.Join(values, "")):
			return nil, badField("The parameter %q must be UTF-8.", name)
		}
	}
	return query, nil
}

// noQuery is readQuery for addresses without parameters.
func noQuery(r *http.Request) error {
	_, err := readQuery(r)
	return err
}

// readLimit reads how many things a page shall have.
func readLimit(query url.Values, usual, most int) (int, error) {
	if !query.Has("limit") {
		return usual, nil
	}
	limit, err := strconv.Atoi(query.Get("limit"))
	if err != nil || limit < 1 || limit > most {
		return 0, badField(`"limit" must be a whole number from 1 to %d.`, most)
	}
	return limit, nil
}

// readBool reads a parameter that is true or false; false if it is not there.
func readBool(query url.Values, name string) (bool, error) {
	switch query.Get(name) {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	if query.Has(name) {
		return false, badField("%q must be true or false.", name)
	}
	return false, nil
}

// cursor is a place in the server's order of events, as programs hold it.
type cursor struct {
	log string
	seq int64
}

func (c cursor) String() string { return fmt.Sprintf("%s-%d", c.log, c.seq) }

// maxCursor is the longest cursor that is looked at, in bytes.
const maxCursor = 100

func parseCursor(text string) (cursor, error) {
	log, digits, ok := strings.Cut(text, "-")
	seq, err := strconv.ParseInt(digits, 10, 64)
	if !ok || err != nil || seq < 0 || log == "" || len(text) > maxCursor {
		return cursor{}, badField("A cursor is given back as it came, such as 5f0c4e5a9b1d4c7e8f60718293a4b5c6-4711.")
	}
	return cursor{log, seq}, nil
}
