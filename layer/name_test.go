package layer_test

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	"snug/layer"
)

// The rules of names, said a second way.
var (
	channelName = regexp.MustCompile(`\A[a-zA-Z0-9._-]+(![a-zA-Z0-9._-]+)?\z`)
	groupName   = regexp.MustCompile(`\A[a-zA-Z0-9._-]+\z`)
)

func TestNameErrorsSayWhatIsWrong(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"":                       "empty",
		strings.Repeat("x", 100): "100 characters",
		"a b":                    "only ASCII letters",
		"a!b!c":                  "exclamation mark too many",
		"!a":                     "both sides",
	} {
		err := layer.CheckChannel(name)
		if !errors.Is(err, layer.ErrName) || !strings.Contains(err.Error(), want) {
			t.Errorf("channel %q: error %v, want one that says %q", name, err, want)
		}
	}
	if err := layer.CheckGroup("a!b"); err == nil || !strings.Contains(err.Error(), "exclamation mark too many") {
		t.Errorf("group a!b: error %v, want one about the exclamation mark", err)
	}
}

func TestNameErrorsStayShort(t *testing.T) {
	t.Parallel()
	if err := layer.CheckGroup(strings.Repeat("x", 1<<20)); len(err.Error()) > 300 {
		t.Errorf("the error has %d bytes, want a line", len(err.Error()))
	}
}

func FuzzCheckChannel(f *testing.F) {
	f.Fuzz(func(t *testing.T, name string) {
		err := layer.CheckChannel(name)
		if want := len(name) <= layer.MaxName && channelName.MatchString(name); (err == nil) != want {
			t.Errorf("channel %q: error %v, want none: %t", name, err, want)
		}
		if err != nil && !errors.Is(err, layer.ErrName) {
			t.Errorf("channel %q: error %v, want it to be ErrName", name, err)
		}
	})
}

func FuzzCheckGroup(f *testing.F) {
	f.Fuzz(func(t *testing.T, name string) {
		err := layer.CheckGroup(name)
		if want := len(name) <= layer.MaxName && groupName.MatchString(name); (err == nil) != want {
			t.Errorf("group %q: error %v, want none: %t", name, err, want)
		}
		if err == nil && layer.CheckChannel(name) != nil {
			t.Errorf("%q may be a group and not a channel", name)
		}
	})
}
