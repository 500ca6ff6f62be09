package chat

import (
	"bytes"
	"encoding/json"
	"os"
	"regexp"
	"testing"
)

// TestEventsAreThoseOfTheProtocol holds the frames of docs/protocol.md that chat makes against the structs: each is
// read strictly, and written again as it stands there.
func TestEventsAreThoseOfTheProtocol(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	empty := map[string]func() any{
		TypeMessage:   func() any { return new(Event) },
		TypePrivate:   func() any { return new(Event) },
		TypeDelivered: func() any { return new(Event) },
		TypeEdited:    func() any { return new(Event) },
		TypeDeleted:   func() any { return new(Event) },
		TypeJoin:      func() any { return new(RoomEvent) },
		TypeLeave:     func() any { return new(RoomEvent) },
		TypePresence:  func() any { return new(PresenceEvent) },
		TypeRoom:      func() any { return new(CountEvent) },
	}
	seen := make(map[string]bool)
	frames := regexp.MustCompile("<!-- frame: server \\w+ (\\w+) -->\n```json\n(.*)\n```")
	for _, frame := range frames.FindAllSubmatch(page, -1) {
		kind, want := string(frame[1]), frame[2]
		if empty[kind] == nil {
			continue
		}
		seen[kind] = true
		event := empty[kind]()
		strict := json.NewDecoder(bytes.NewReader(want))
		strict.DisallowUnknownFields()
		if err := strict.Decode(event); err != nil {
			t.Errorf("%s: %v", want, err)
		}
		if got := asJSON(t, event); got != string(want) {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	if len(seen) != len(empty) {
		t.Errorf("the page shows %d of %d types", len(seen), len(empty))
	}
}
