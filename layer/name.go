package layer

import (
	"errors"
	"fmt"
	"strings"
)

// MaxName is the length of the longest name of a channel or group, in characters, the `!` and what follows it included.
const MaxName = 99

// ErrName says that the name of a channel or group is not allowed. The error that wraps it says why.
var ErrName = errors.New("name not allowed")

// CheckChannel returns nil if name may be the name of a channel, or an error that wraps [ErrName].
//
// A name has ASCII letters, digits, hyphens, underscores and full stops, at least one and at most [MaxName]. One
// exclamation mark may stand inside it, neither first nor last: `prefix!suffix` is a channel that is local to a process.
func CheckChannel(name string) error {
	if why := fault(name, 1); why != "" {
		return fmt.Errorf("channel %.120q: %w: %s", name, ErrName, why)
	}
	return nil
}

// CheckGroup returns nil if name may be the name of a group, or an error that wraps [ErrName].
//
// The rules are those of [CheckChannel], without the exclamation mark: a group belongs to everybody.
func CheckGroup(name string) error {
	if why := fault(name, 0); why != "" {
		return fmt.Errorf("group %.120q: %w: %s", name, ErrName, why)
	}
	return nil
}

// fault says what is wrong with a name that may have so many exclamation marks, or nothing.
func fault(name string, marks int) string {
	if name == "" {
		return "it is empty"
	}
	if len(name) > MaxName {
		return "it has 100 characters or more"
	}
	for i := range len(name) {
		c := name[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_', c == '.':
		case c == '!' && marks == 0:
			return "it has an exclamation mark too many"
		case c == '!':
			marks--
		default:
			return "only ASCII letters, digits, hyphens, underscores and full stops are allowed"
		}
	}
	if strings.HasPrefix(name, "!") || strings.HasSuffix(name, "!") {
		return "something must stand on both sides of the exclamation mark"
	}
	return ""
}
