package chat

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"snug/store"
)

func texts(events []Event) []string {
	texts := make([]string, len(events))
	for i, e := range events {
		texts[i] = e.Message
	}
	return texts
}

func TestHistoryGoesBackStepByStep(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Options{})
	ada := w.user("ada")
	room := w.room(ada, "lobby")
	w.room(ada, "kitchen")
	for i := range 7 {
		w.post(ada, "lobby", fmt.Sprint(i))
		w.post(ada, "kitchen", "elsewhere")
	}
	var before ID
	for _, step := range []struct {
		want []string
		more bool
	}{{[]string{"4", "5", "6"}, true}, {[]string{"1", "2", "3"}, true}, {[]string{"0"}, false}} {
		events, more, err := w.History(t.Context(), ada, room, before, 3)
		if err != nil || more != step.more {
			t.Fatalf("more is %t, %v, want %t", more, err, step.more)
		}
		if diff := cmp.Diff(step.want, texts(events)); diff != "" {
			t.Error(diff)
		}
		before = events[0].ID
	}
	_, _, err := w.History(t.Context(), ada, room, store.NewID(), 3)
	wantCode(t, err, CodeNotFound)
	_, _, err = w.History(t.Context(), ada, Room{ID: store.RoomID("attic"), Name: "attic"}, ID{}, 3)
	wantCode(t, err, CodeNotFound)
}

func TestHistoryIsBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Options{})
	ada := w.user("ada")
	room := w.room(ada, "lobby")
	for range MaxHistory + 1 {
		w.post(ada, "lobby", "x")
	}
	for limit, want := range map[int]int{0: WindowSize, -1: WindowSize, 1000: MaxHistory} {
		if events, more, err := w.History(t.Context(), ada, room, ID{}, limit); err != nil || !more || len(events) != want {
			t.Errorf("limit %d: %d events, more %t, %v", limit, len(events), more, err)
		}
	}
}

func TestHistoryShowsTheStateOfMessages(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Options{})
	ada := w.user("ada")
	w.user("grace")
	room := w.room(ada, "Lobby")
	edited := w.post(ada, "lobby", "old")
	deleted := w.post(ada, "lobby", "/pm grace secret")
	if _, err := w.Edit(t.Context(), ada, edited.ID, "hi @Grace, @nobody"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Delete(t.Context(), ada, deleted.ID); err != nil {
		t.Fatal(err)
	}
	events, _, err := w.History(t.Context(), ada, room, ID{}, 10)
	if err != nil || len(events) != 1 {
		t.Fatalf("got %+v, %v", events, err)
	}
	if e := events[0]; e.Type != TypeMessage || e.Room != "Lobby" || e.Edited == 0 || e.Time != edited.Time || e.Seq <= edited.Seq {
		t.Errorf("got %+v", e)
	}
	if got, want := asJSON(t, events[0].Body), `["hi ",{"mention":"grace"},", @nobody"]`; got != want {
		t.Errorf("body is %s, want %s", got, want)
	}
	events, _, err = w.PrivateHistory(t.Context(), ada, "grace", ID{}, 10)
	if err != nil || len(events) != 1 {
		t.Fatalf("got %+v, %v", events, err)
	}
	want := fmt.Sprintf(`{"type":"private_message","user":"ada","target":"grace","message":"","id":"%s","time":%d,"deleted":true,"seq":%d}`,
		deleted.ID, deleted.Time, events[0].Seq)
	if got := asJSON(t, events[0]); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	_, _, err = w.PrivateHistory(t.Context(), ada, "nobody", ID{}, 10)
	wantCode(t, err, CodeNotFound)
}

func TestAMentionCountsFromTheMomentSomebodyHasTheName(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Options{})
	ada := w.user("ada")
	room := w.room(ada, "lobby")
	ear := w.listen(RoomGroup(room.ID))
	w.post(ada, "lobby", "hi @grace")
	if got := ear.events(1)[0].Body; got != nil {
		t.Errorf("mentioned nobody: %v", got)
	}
	w.user("grace")
	w.post(ada, "lobby", "hi @grace")
	if got, want := asJSON(t, ear.events(1)[0].Body), `["hi ",{"mention":"grace"}]`; got != want {
		t.Errorf("body is %s, want %s", got, want)
	}
}

func TestANewNameIsShownFromThenOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Options{})
	ada := w.user("ada")
	room := w.room(ada, "lobby")
	ear := w.listen(RoomGroup(room.ID))
	w.post(ada, "lobby", "one")
	if _, err := w.store.UpdateUser(t.Context(), ada.ID, func(u *store.User) error {
		u.Name, u.Key = "Lovelace", "lovelace"
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	w.post(ada, "lobby", "two")
	if events := ear.events(2); events[0].User != "ada" || events[1].User != "Lovelace" {
		t.Errorf("got %+v", events)
	}
	_, err := w.Private(t.Context(), ada, "ada", ID{}, "hi")
	wantCode(t, err, CodeNotFound)
	if _, err := w.Private(t.Context(), ada, "LOVELACE", ID{}, "hi"); err != nil {
		t.Error(err)
	}
}

func TestWindowWithoutAPlaceIsTheLastMessages(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Options{})
	ada := w.user("ada")
	room := w.room(ada, "lobby")
	empty, err := w.Window(t.Context(), ada, room, 0, "")
	if err != nil || empty.Messages == nil || len(empty.Messages) != 0 || empty.More || empty.Seq == 0 {
		t.Errorf("of an empty room: %+v, %v", empty, err)
	}
	var last Receipt
	for i := range WindowSize + 1 {
		last = w.post(ada, "lobby", fmt.Sprint(i))
	}
	window, err := w.Window(t.Context(), ada, room, 0, "")
	if err != nil || len(window.Messages) != WindowSize || !window.More || window.Seq != last.Seq || window.Log != w.Log() || window.Recovered {
		t.Fatalf("got %+v, %v", window, err)
	}
	if first := window.Messages[0].Message; first != "1" {
		t.Errorf("it begins with %q", first)
	}
}

func TestWindowRecoversExactlyWhatWasMissed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Options{})
	ada := w.user("ada")
	room := w.room(ada, "lobby")
	w.room(ada, "kitchen")
	first, second := w.post(ada, "lobby", "one"), w.post(ada, "lobby", "two")
	w.post(ada, "lobby", "three")
	window, err := w.Window(t.Context(), ada, room, 0, "")
	if err != nil {
		t.Fatal(err)
	}
	w.post(ada, "kitchen", "elsewhere")
	w.post(ada, "lobby", "four")
	if _, err := w.Edit(t.Context(), ada, first.ID, "ONE"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Delete(t.Context(), ada, second.ID); err != nil {
		t.Fatal(err)
	}
	missed, err := w.Window(t.Context(), ada, room, window.Seq, window.Log)
	if err != nil || !missed.Recovered {
		t.Fatalf("got %+v, %v", missed, err)
	}
	if diff := cmp.Diff([]string{"four", "ONE", ""}, texts(missed.Messages)); diff != "" {
		t.Error(diff)
	}
	if e := missed.Messages[1]; e.Type != TypeMessage || e.Edited == 0 || missed.Messages[2].ID != second.ID || !missed.Messages[2].Deleted {
		t.Errorf("got %+v", missed.Messages)
	}
	nothing, err := w.Window(t.Context(), ada, room, missed.Seq, missed.Log)
	if err != nil || !nothing.Recovered || len(nothing.Messages) != 0 || nothing.Seq != missed.Seq || nothing.Messages == nil {
		t.Errorf("got %+v, %v", nothing, err)
	}
}

func TestWindowSaysWhenItCannotRecover(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Options{})
	ada := w.user("ada")
	room := w.room(ada, "lobby")
	begin := w.Seq()
	for range MaxMissed {
		w.post(ada, "lobby", "x")
	}
	recovers := func(after int64, log string) bool {
		t.Helper()
		window, err := w.Window(t.Context(), ada, room, after, log)
		if err != nil {
			t.Fatal(err)
		}
		if !window.Recovered && (len(window.Messages) != WindowSize || !window.More) {
			t.Errorf("instead it has %d messages", len(window.Messages))
		}
		return window.Recovered
	}
	for _, tt := range []struct {
		name  string
		after int64
		log   string
		want  bool
	}{
		{"as many as are allowed", begin, w.Log(), true},
		{"another log", begin, "5f0c4e5a9b1d4c7e8f60718293a4b5c6", false},
		{"no log", begin, "", false},
		{"no place", 0, w.Log(), false},
		{"less than no place", -1, w.Log(), false},
		{"a place to come", w.Seq() + 1, w.Log(), false},
		{"the newest place", w.Seq(), w.Log(), true},
	} {
		if got := recovers(tt.after, tt.log); got != tt.want {
			t.Errorf("%s: recovered is %t, want %t", tt.name, got, tt.want)
		}
	}
	w.post(ada, "lobby", "one too many")
	if recovers(begin, w.Log()) {
		t.Error("more than are allowed were recovered")
	}
}

func TestInboxListsConversations(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Options{})
	ada, grace, eve := w.user("ada"), w.user("Grace"), w.user("eve")
	private := func(who Person, target, text string) Receipt {
		t.Helper()
		r, err := w.Private(t.Context(), who, target, ID{}, text)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	empty, err := w.Inbox(t.Context(), ada, 0, "")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := asJSON(t, empty), fmt.Sprintf(`{"conversations":[],"messages":[],"seq":%d,"log":"%s","recovered":false}`, empty.Seq, w.Log()); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	first := private(ada, "grace", "one")
	private(eve, "ada", "two")
	private(eve, "grace", "not for ada")
	last := private(grace, "ada", "three")
	own := private(ada, "eve", "two, too")
	note := private(ada, "ada", "note")
	w.EnterServer(grace)

	inbox, err := w.Inbox(t.Context(), ada, 0, "")
	if err != nil {
		t.Fatal(err)
	}
	want := []Conversation{
		{User: "ada", Time: note.Time, From: "ada", Message: "note"},
		{User: "eve", Time: own.Time, From: "ada", Message: "two, too"},
		{User: "Grace", Online: true, Time: last.Time, From: "Grace", Message: "three"},
	}
	if diff := cmp.Diff(want, inbox.Conversations); diff != "" || inbox.Recovered || len(inbox.Messages) != 0 {
		t.Errorf("%s%+v", diff, inbox)
	}

	if _, err := w.Edit(t.Context(), ada, first.ID, "ONE"); err != nil {
		t.Fatal(err)
	}
	missed, err := w.Inbox(t.Context(), ada, last.Seq, w.Log())
	if err != nil || !missed.Recovered {
		t.Fatalf("got %+v, %v", missed, err)
	}
	if diff := cmp.Diff([]string{"two, too", "note", "ONE"}, texts(missed.Messages)); diff != "" {
		t.Error(diff)
	}
	for _, e := range missed.Messages {
		if e.Type != TypePrivate || e.Room != "" || e.Target == "" {
			t.Errorf("got %+v", e)
		}
	}
	again, err := w.Inbox(t.Context(), ada, missed.Seq, w.Log())
	if err != nil || !again.Recovered || len(again.Messages) != 0 {
		t.Errorf("got %+v, %v", again, err)
	}
}

// swollen is a text that is twelve times as long in its frame: each character is escaped, in the text and in the spans.
func swollen() string { return "*a*" + strings.Repeat("<", 3997) }

func encodedLength(t *testing.T, v any) int {
	t.Helper()
	body, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return len(body)
}

func TestAnswersHaveAsManyLongMessagesAsFit(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Options{})
	ada := w.user("ada")
	w.user("grace")
	room := w.room(ada, "lobby")
	before := w.Seq()
	var last Receipt
	for range 15 {
		last = w.post(ada, "lobby", swollen())
		w.post(ada, "lobby", "/pm grace "+swollen()[:4000-len("/pm grace ")])
	}

	window, err := w.Window(t.Context(), ada, room, 0, "")
	if n := len(window.Messages); err != nil || n == 0 || n == 15 || !window.More || window.Messages[n-1].ID != last.ID {
		t.Errorf("a window has %d messages, more %t, %v", n, window.More, err)
	}
	if n := encodedLength(t, window); n > maxAnswer+1000 {
		t.Errorf("a window has %d bytes", n)
	}
	window, err = w.Window(t.Context(), ada, room, before, w.Log())
	if err != nil || window.Recovered || len(window.Messages) == 0 {
		t.Errorf("of too much to recover: recovered %t, %d messages, %v", window.Recovered, len(window.Messages), err)
	}
	inbox, err := w.Inbox(t.Context(), ada, before, w.Log())
	if err != nil || inbox.Recovered || len(inbox.Messages) != 0 {
		t.Errorf("of too much to recover: recovered %t, %d messages, %v", inbox.Recovered, len(inbox.Messages), err)
	}

	// Step by step all of it can be read.
	seen, id, more := 0, ID{}, true
	for more {
		var events []Event
		if events, more, err = w.History(t.Context(), ada, room, id, WindowSize); err != nil || len(events) == 0 {
			t.Fatalf("%d events, %v", len(events), err)
		}
		if n := encodedLength(t, events); n > maxAnswer+1000 {
			t.Errorf("history has %d bytes", n)
		}
		seen, id = seen+len(events), events[0].ID
	}
	if seen != 15 {
		t.Errorf("history has %d messages in all", seen)
	}
}

func TestAnInboxShowsTheBeginningOfLongMessages(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Options{})
	ada := w.user("ada")
	w.user("grace")
	for text, want := range map[string]string{
		strings.Repeat("é", maxPreview):   strings.Repeat("é", maxPreview),
		strings.Repeat("é", maxPreview+1): strings.Repeat("é", maxPreview) + "…",
	} {
		w.post(ada, "lobby", "/pm grace "+text)
		inbox, err := w.Inbox(t.Context(), ada, 0, "")
		if err != nil || len(inbox.Conversations) != 1 || inbox.Conversations[0].Message != want {
			t.Errorf("got %+v, %v", inbox, err)
		}
	}
}
