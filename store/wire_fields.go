package store

import (
	"encoding/json"
	"fmt"
	"time"
)

// fields are those of a row that are not read yet, by their exact names.
type fields struct {
	values map[string]json.RawMessage
	err    error // the first
}

func (f *fields) fail(name string, err error) {
	if f.err == nil {
		f.err = fmt.Errorf("field %s: %w", name, err)
	}
}

// take reads a field, and leaves what is not there as it is.
func (f *fields) take(name string, into any) {
	value, ok := f.values[name]
	if !ok {
		return
	}
	delete(f.values, name)
	if err := json.Unmarshal(value, into); err != nil {
		f.fail(name, err)
	}
}

// time reads milliseconds. Any that a clock may show are good, and fit everywhere.
func (f *fields) time(name string) time.Time {
	var ms int64
	f.take(name, &ms)
	if ms < 0 || ms >= maxMillis {
		f.fail(name, fmt.Errorf("time %d is out of range", ms))
		return time.Time{}
	}
	return timeOf(ms)
}

// rest gives all fields that were not taken, in their one spelling.
func (f *fields) rest() string {
	if len(f.values) == 0 {
		return ""
	}
	return string(encode(f.values))
}
