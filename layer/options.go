package layer

import (
	"strings"
	"time"
)

// The defaults of [Options].
const (
	// DefaultCapacity is in unread messages a channel.
	DefaultCapacity = 100
	// DefaultExpiry is how long a message waits to be read.
	DefaultExpiry = 60 * time.Second
	// DefaultGroupExpiry is how long a membership lasts unless it is renewed.
	DefaultGroupExpiry = 24 * time.Hour
)

// maxExpiry keeps sums of a time and an expiry from overflowing.
const maxExpiry = 100 * 365 * 24 * time.Hour

// Options are the limits of a layer. A limit below one is the default.
type Options struct {
	// Capacity is how many unread messages a channel holds. It does not bind listeners, who have queues of their own.
	Capacity int
	// Capacities are exceptions from Capacity; the first whose pattern matches the name of the channel counts.
	Capacities []Capacity
	// Expiry is how long a message waits to be read. Then it is dropped.
	Expiry time.Duration
	// GroupExpiry is how long a membership lasts unless GroupAdd renews it.
	GroupExpiry time.Duration
	// OnFull is told of each message of a group that a channel without a listener had no room for. It is called
	// on the goroutine of the sender, with no lock held, and must not block. It may be nil.
	OnFull func(channel string)
}

// Capacity is the capacity of the channels whose name matches a pattern.
type Capacity struct {
	// Pattern is a name in which each `*` stands for any number of characters, none included: `slow.*`, `*!*`. It is
	// compared with the whole name.
	Pattern string
	// Capacity is how many unread messages each of these channels holds.
	Capacity int
}

// Stats is what a layer holds at one moment, and what it has counted since it was made.
type Stats struct {
	// Channels are those with an unread message, a receiver that waits, a listener or a membership.
	Channels int
	// Groups are those with members.
	Groups int
	// Members are the memberships of all groups together. Those that expired may be counted for half a minute more.
	Members int
	// Messages are the unread ones in all channels. Those that expired may be counted for half a minute more.
	Messages int
	// Dropped is how many messages a member of a group missed: one for each member and message.
	Dropped uint64
	// Expired is how many messages waited too long to be read.
	Expired uint64
}

func (o Options) withDefaults() Options {
	if o.Capacity < 1 {
		o.Capacity = DefaultCapacity
	}
	if o.Expiry < 1 {
		o.Expiry = DefaultExpiry
	}
	if o.GroupExpiry < 1 {
		o.GroupExpiry = DefaultGroupExpiry
	}
	o.Expiry = min(o.Expiry, maxExpiry)
	o.GroupExpiry = min(o.GroupExpiry, maxExpiry)
	if o.OnFull == nil {
		o.OnFull = func(string) {}
	}
	return o
}

// capacityOf is how many messages the channel may hold.
func (o Options) capacityOf(channel string) int {
	for _, c := range o.Capacities {
		if !matches(c.Pattern, channel) {
			continue
		}
		if c.Capacity < 1 {
			return DefaultCapacity
		}
		return c.Capacity
	}
	return o.Capacity
}

// matches says whether the whole name fits the pattern. It is not path.Match, which has patterns that are errors, and
// nobody would be there to hear of them.
func matches(pattern, name string) bool {
	parts := strings.Split(pattern, "*")
	first, last := parts[0], parts[len(parts)-1]
	if len(parts) == 1 {
		return pattern == name
	}
	rest, ok := strings.CutPrefix(name, first)
	if !ok {
		return false
	}
	for _, part := range parts[1 : len(parts)-1] {
		if _, rest, ok = strings.Cut(rest, part); !ok {
			return false
		}
	}
	return strings.HasSuffix(rest, last)
}
