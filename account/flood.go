package account

import (
	"fmt"
	"sync"
	"time"
)

// summaryPeriod is how long what is not noted one by one is counted before its number is noted.
const summaryPeriod = 10 * time.Minute

// maxFloodAddresses is how many addresses of a flood are told apart.
const maxFloodAddresses = 1000

// floodOf says how many events of a kind are noted one by one: so many at once, and after that so many a minute. What
// strangers can bring about as often as they like must neither fill the disk nor hide the rest: a flood of it for a whole
// year is half a million entries. Of all else, every one is noted where two thousand people log in on the same morning.
func floodOf(kind string) (burst, perMinute float64) {
	switch kind {
	case EventLoginFailed, EventLoginThrottled, EventConfirmFailed, EventSignupThrottled:
		return 30, 1
	}
	return 2000, 10
}

// floods bounds how much of each kind is noted.
type floods struct {
	mu    sync.Mutex
	kinds map[string]*flood // by kind; guarded by mu
}

type flood struct {
	tokens    float64
	at        time.Time // when tokens were counted
	more      int       // events that were not noted
	since     time.Time // when the first of them was
	addresses map[string]struct{}
}

func newFloods() *floods { return &floods{kinds: make(map[string]*flood)} }

// admit tells whether an event is to be noted, and counts it if not.
func (f *floods) admit(e Event, now time.Time) bool {
	burst, perMinute := floodOf(e.Kind)
	f.mu.Lock()
	defer f.mu.Unlock()
	k := f.kinds[e.Kind]
	if k == nil {
		k = &flood{tokens: burst, at: now}
		f.kinds[e.Kind] = k
	}
	if past := now.Sub(k.at); past > 0 {
		k.tokens = min(burst, k.tokens+past.Minutes()*perMinute)
		k.at = now
	}
	if k.tokens >= 1 {
		k.tokens--
		return true
	}
	if k.more == 0 {
		k.since, k.addresses = now, make(map[string]struct{})
	}
	k.more++
	if e.Address != "" && len(k.addresses) < maxFloodAddresses {
		k.addresses[e.Address] = struct{}{}
	}
	return false
}

// due gives one entry for each flood that has been counted for long enough.
func (f *floods) due(now time.Time) []AuditEntry { return f.take(now, summaryPeriod) }

// rest gives one for each flood that was counted at all.
func (f *floods) rest(now time.Time) []AuditEntry { return f.take(now, 0) }

func (f *floods) take(now time.Time, least time.Duration) []AuditEntry {
	f.mu.Lock()
	defer f.mu.Unlock()
	var all []AuditEntry
	for kind, k := range f.kinds {
		if k.more == 0 || now.Sub(k.since) < least {
			continue
		}
		all = append(all, AuditEntry{Event: Event{Kind: kind, Detail: k.words(now)}, At: now, More: k.more})
		k.more, k.addresses = 0, nil
	}
	return all
}

// words tell of a flood.
func (k *flood) words(now time.Time) string {
	from := ""
	switch n := len(k.addresses); {
	case n == 1:
		for address := range k.addresses {
			from = ", all from " + address
		}
	case n == maxFloodAddresses:
		from = fmt.Sprintf(", from more than %d addresses", n)
	case n > 1:
		from = fmt.Sprintf(", from %d addresses", n)
	}
	return fmt.Sprintf("%d more within %v%s", k.more, max(now.Sub(k.since).Round(time.Second), time.Second), from)
}
