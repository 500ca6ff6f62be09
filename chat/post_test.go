package chat

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"snug/store"
)

func TestPostTellsTheRoomWhatIsOnDisk(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Options{})
	ada := w.user("ada")
	room := w.room(ada, "Lobby")
	ear := w.listen(RoomGroup(room.ID))
	id := store.NewID()
	r, err := w.Post(t.Context(), ada, "lobby", id, "hello, **everybody**")
	if err != nil {
		t.Fatal(err)
	}
	if r.ID != id || r.Seq == 0 || time.Since(time.UnixMilli(r.Time)) > time.Minute {
		t.Errorf("receipt is %+v", r)
	}
	want := fmt.Sprintf(`{"type":"chat_message","room":"Lobby","user":"ada","message":"hello, **everybody**",`+
		`"body":["hello, ",{"strong":["everybody"]}],"id":"%s","time":%d,"seq":%d}`, id, r.Time, r.Seq)
	if got := ear.next(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	stored, err := w.store.MessageByID(t.Context(), id)
	if err != nil || stored.Text != "hello, **everybody**" || stored.Author != ada.ID || stored.Place != r.Seq {
		t.Errorf("stored %+v, %v", stored, err)
	}
}

func TestPostKeepsTextExactly(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Options{})
	ada := w.user("ada")
	room := w.room(ada, "lobby")
	ear := w.listen(RoomGroup(room.ID))
	for _, text := range []string{
		" a\r\n\tb\n ", "e\u0301 \u00e9", "👩‍👩‍👧 \u202eabc", "<img src=x onerror=alert(1)>", "\u2028\u0001\"\\", "/pmx", " /pm grace hi", "/p", "\ufeffa",
		strings.Repeat("𝕏", DefaultMaxMessage),
	} {
		w.post(ada, "lobby", text)
		if got := ear.events(1)[0].Message; got != text {
			t.Errorf("told %q, want %q", got, text)
		}
		events, _, err := w.History(t.Context(), ada, room, ID{}, 1)
		if err != nil || len(events) != 1 || events[0].Message != text {
			t.Errorf("history has %v, %v, want %q", events, err, text)
		}
	}
}

func TestPostRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Options{MaxMessage: 10})
	ada := w.user("ada")
	w.room(ada, "lobby")
	for _, tt := range []struct {
		name, room, text, code, says string
		who                          Person
		id                           ID
	}{
		{name: "a guest", room: "lobby", text: "hi", code: CodeForbidden, says: "log in"},
		{name: "no text", who: ada, room: "lobby", code: CodeEmpty},
		{name: "only white space", who: ada, room: "lobby", text: " \t\r\n\u00a0\u3000", code: CodeEmpty},
		{name: "only what shows nothing", who: ada, room: "lobby", text: "\u200b\ufeff\u2060", code: CodeEmpty},
		{name: "too long", who: ada, room: "lobby", text: strings.Repeat("é", 11), code: CodeTooLong, says: "11 characters: at most 10"},
		{name: "a NUL", who: ada, room: "lobby", text: "a\x00b", code: CodeBadField, says: "NUL"},
		{name: "no UTF-8", who: ada, room: "lobby", text: "a\xff", code: CodeBadField, says: "UTF-8"},
		{name: "no such room", who: ada, room: "kitchen", text: "hi", code: CodeNotFound, says: `"kitchen"`},
		{name: "no room name", who: ada, room: "a b", text: "hi", code: CodeRoomName},
		{name: "an id that is no UUIDv7", who: ada, room: "lobby", text: "hi", id: ID(uuid.New()), code: CodeBadField, says: "UUIDv7"},
		{name: "an id of another variant", who: ada, room: "lobby", text: "hi", id: ID{6: 0x70, 8: 0xc0}, code: CodeBadField},
		{name: "/pm without a name", who: ada, room: "lobby", text: "/pm", code: CodeBadField, says: "/pm NAME TEXT"},
		{name: "/pm without a text", who: ada, room: "lobby", text: "/pm ada \n", code: CodeBadField, says: "/pm NAME TEXT"},
		{name: "/pm to nobody", who: ada, room: "lobby", text: "/pm grase hello", code: CodeNotFound, says: `there is nobody called "grase"`},
		{name: "/pm to what is no name", who: ada, room: "lobby", text: "/pm \u202e hello", code: CodeNotFound},
		{name: "/pm of a guest", room: "lobby", text: "/pm ada hi", code: CodeForbidden},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := w.Post(t.Context(), tt.who, tt.room, tt.id, tt.text)
			if refusal := wantCode(t, err, tt.code); !strings.Contains(refusal.Message, tt.says) {
				t.Errorf("it says %q, want %q in it", refusal.Message, tt.says)
			}
		})
	}
}

func TestPostAtTheLimitIsAllowed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Options{MaxMessage: 10})
	ada := w.user("ada")
	w.room(ada, "lobby")
	w.post(ada, "lobby", strings.Repeat("字", 10))
	w.post(ada, "lobby", "/pm ada "+strings.Repeat("字", 10)) // the command does not count
}

func TestPostingTheSameIDAgainIsOneMessage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Options{})
	ada, grace := w.user("ada"), w.user("grace")
	room := w.room(ada, "lobby")
	w.room(ada, "kitchen")
	ear := w.listen(RoomGroup(room.ID), UserGroup(grace.ID))
	id := store.NewID()
	var receipts []Receipt
	for range 3 {
		r, err := w.Post(t.Context(), ada, "lobby", id, "once")
		if err != nil {
			t.Fatal(err)
		}
		receipts = append(receipts, r)
	}
	again := receipts[0]
	again.Again = true
	if receipts[0].Again || receipts[1] != again || receipts[2] != again {
		t.Errorf("receipts differ: %+v", receipts)
	}
	_, err := w.Post(t.Context(), grace, "lobby", id, "mine")
	wantCode(t, err, CodeConflict)
	_, err = w.Post(t.Context(), ada, "kitchen", id, "elsewhere")
	wantCode(t, err, CodeConflict)
	_, err = w.Private(t.Context(), ada, "grace", id, "elsewhere")
	wantCode(t, err, CodeConflict)

	w.post(ada, "lobby", "last")
	if events := ear.events(2); events[0].ID != id || events[1].Message != "last" {
		t.Errorf("told %+v", events)
	}
}

func TestPrivateMessageIsToldToBothAndNobodyElse(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Options{})
	ada, grace, eve := w.user("ada"), w.user("Grace"), w.user("eve")
	room := w.room(ada, "lobby")
	adas, graces := w.listen(UserGroup(ada.ID)), w.listen(UserGroup(grace.ID))
	others := w.listen(UserGroup(eve.ID), RoomGroup(room.ID))

	for _, text := range []string{"/pm grace are you there?", "/pm GRACE  \n are you there?"} {
		r := w.post(ada, "lobby", text)
		want := fmt.Sprintf(`"user":"ada","target":"Grace","message":"are you there?","id":"%s","time":%d,"seq":%d}`, r.ID, r.Time, r.Seq)
		if got := graces.next(); got != `{"type":"private_message",`+want {
			t.Errorf("she gets %s, want %s", got, want)
		}
		if got := adas.next(); got != `{"type":"private_message_delivered",`+want {
			t.Errorf("ada gets %s, want %s", got, want)
		}
	}

	r, err := w.Private(t.Context(), ada, "ada", ID{}, "/pm note")
	if err != nil {
		t.Fatal(err)
	}
	if got := adas.events(2); got[0].Type != TypePrivate || got[1].Type != TypeDelivered || got[1].ID != r.ID || got[0].Message != "/pm note" {
		t.Errorf("a note to oneself is told as %+v", got)
	}
	if _, err := w.Edit(t.Context(), ada, r.ID, "*note*"); err != nil {
		t.Fatal(err)
	}
	if got := adas.events(1)[0]; got.Type != TypeEdited || got.Target != "ada" || got.Room != "" || len(got.Body) != 1 {
		t.Errorf("an edited note is told as %+v", got)
	}
	w.post(ada, "lobby", "last")
	if got := others.events(1)[0]; got.Message != "last" {
		t.Errorf("others were told %+v", got)
	}
	if rest := append(adas.rest(), graces.rest()...); len(rest) > 0 {
		t.Errorf("told more: %s", rest)
	}
}

func TestEditAndDeleteAreToldToWhoGotTheMessage(t *testing.T) {
	t.Parallel()
	now := time.UnixMilli(1763721660456)
	w := newWorld(t, Options{Now: func() time.Time { return now }})
	ada, grace := w.user("ada"), w.user("grace")
	room := w.room(ada, "lobby")
	ear, graces := w.listen(RoomGroup(room.ID)), w.listen(UserGroup(grace.ID), UserGroup(ada.ID))

	posted := w.post(ada, "lobby", "hello")
	edited, err := w.Edit(t.Context(), ada, posted.ID, "hello, everyone")
	if err != nil {
		t.Fatal(err)
	}
	again, err := w.Edit(t.Context(), ada, posted.ID, "hello, everyone")
	if err != nil || again != edited {
		t.Errorf("the same edit again is %+v, %v, want %+v", again, err, edited)
	}
	deleted, err := w.Delete(t.Context(), ada, posted.ID)
	if err != nil {
		t.Fatal(err)
	}
	if again, err = w.Delete(t.Context(), ada, posted.ID); err != nil || again != deleted {
		t.Errorf("the same deletion again is %+v, %v, want %+v", again, err, deleted)
	}
	_, err = w.Edit(t.Context(), ada, posted.ID, "back")
	wantCode(t, err, CodeNotFound)

	ear.next()
	want := fmt.Sprintf(`{"type":"message_edited","room":"lobby","user":"ada","message":"hello, everyone","id":"%s","time":%d,"edited":1763721660456,"seq":%d}`,
		posted.ID, posted.Time, edited.Seq)
	if got := ear.next(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	want = fmt.Sprintf(`{"type":"message_deleted","room":"lobby","user":"ada","message":"","id":"%s","time":%d,"deleted":true,"seq":%d}`,
		posted.ID, posted.Time, deleted.Seq)
	if got := ear.next(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if posted.Seq >= edited.Seq || edited.Seq >= deleted.Seq {
		t.Errorf("places %d, %d, %d do not grow", posted.Seq, edited.Seq, deleted.Seq)
	}
	stored, err := w.store.MessageByID(t.Context(), posted.ID)
	if err != nil || stored.Text != "" || !stored.Deleted {
		t.Errorf("the store has %+v, %v", stored, err)
	}

	private, err := w.Private(t.Context(), ada, "grace", ID{}, "psst")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Delete(t.Context(), ada, private.ID); err != nil {
		t.Fatal(err)
	}
	for i, event := range graces.events(4) {
		if wantType := []string{TypePrivate, TypeDelivered, TypeDeleted, TypeDeleted}[i]; event.Type != wantType || event.Target != "grace" || event.Room != "" {
			t.Errorf("frame %d is %+v, want %s", i, event, wantType)
		}
	}
	if rest := append(graces.rest(), ear.rest()...); len(rest) > 0 {
		t.Errorf("told more: %s", rest)
	}
}

func TestOnlyTheAuthorChangesAMessage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Options{})
	ada, grace, eve := w.user("ada"), w.user("grace"), w.user("eve")
	w.room(ada, "lobby")
	public := w.post(ada, "lobby", "hello").ID
	private := w.post(ada, "lobby", "/pm grace psst").ID
	for _, tt := range []struct {
		name string
		who  Person
		id   ID
		code string
	}{
		{"a guest", Person{}, public, CodeForbidden},
		{"another person", grace, public, CodeForbidden},
		{"who got a private message", grace, private, CodeForbidden},
		{"who cannot know of it", eve, private, CodeNotFound},
		{"nothing there", ada, store.NewID(), CodeNotFound},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := w.Edit(t.Context(), tt.who, tt.id, "changed")
			wantCode(t, err, tt.code)
			_, err = w.Delete(t.Context(), tt.who, tt.id)
			wantCode(t, err, tt.code)
		})
	}
	_, err := w.Edit(t.Context(), ada, public, " ")
	wantCode(t, err, CodeEmpty)
	for id, text := range map[ID]string{public: "hello", private: "psst"} {
		if m, err := w.store.MessageByID(t.Context(), id); err != nil || m.Text != text || m.Deleted || !m.Edited.IsZero() {
			t.Errorf("the message became %+v, %v", m, err)
		}
	}
}

// TestRefusalsHideWhatOthersSay holds that a private message of others and none at all look the same.
func TestRefusalsHideWhatOthersSay(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Options{})
	ada, grace, eve := w.user("ada"), w.user("grace"), w.user("eve")
	r, err := w.Private(t.Context(), ada, "grace", ID{}, "psst")
	if err != nil {
		t.Fatal(err)
	}
	_, there := w.Edit(t.Context(), eve, r.ID, "x")
	_, not := w.Edit(t.Context(), eve, store.NewID(), "x")
	if there.Error() != not.Error() {
		t.Errorf("%q and %q differ", there, not)
	}
	if _, _, err := w.PrivateHistory(t.Context(), eve, "ada", r.ID, 10); err == nil {
		t.Error("a message of others is a place in a history")
	}
	if events, _, err := w.PrivateHistory(t.Context(), grace, "ada", ID{}, 10); err != nil || len(events) != 1 {
		t.Errorf("grace reads %v, %v", events, err)
	}
}

func TestPostAfterTheStoreClosedIsUnavailable(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Options{})
	ada := w.user("ada")
	w.room(ada, "lobby")
	if err := w.store.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := w.Post(t.Context(), ada, "lobby", ID{}, "hello")
	wantCode(t, err, CodeUnavailable)
	if r, err := w.Edit(t.Context(), ada, store.NewID(), "hello"); err == nil {
		t.Errorf("got %+v", r)
	}
}

func TestErrorsOfTheStoreHaveCodes(t *testing.T) {
	t.Parallel()
	for cause, code := range map[error]string{
		store.ErrDiskFull:    CodeUnavailable,
		store.ErrNotWritable: CodeUnavailable,
		store.ErrBusy:        CodeUnavailable,
		store.ErrClosed:      CodeUnavailable,
		store.ErrConflict:    CodeConflict,
	} {
		err := fromStore(fmt.Errorf("post message: %w", cause), "post")
		wantCode(t, err, code)
	}
	if err := fromStore(context.Canceled, "post a message"); err.Error() != "post a message: context canceled" {
		t.Errorf("got %v", err)
	}
}

func TestReceiptSaysWhetherAnotherNodeHasTheMessage(t *testing.T) {
	t.Parallel()
	confirmed := true
	var asked []store.Origin
	w := newWorld(t, Options{Confirm: func(_ context.Context, written store.Origin) bool {
		asked = append(asked, written)
		return confirmed
	}})
	ada := w.user("ada")
	w.room(ada, "lobby")
	r, err := w.Post(t.Context(), ada, "lobby", ID{}, "hello")
	if err != nil || r.OnlyHere {
		t.Errorf("receipt %+v, %v", r, err)
	}
	confirmed = false
	if r, err = w.Edit(t.Context(), ada, r.ID, "hello again"); err != nil || !r.OnlyHere {
		t.Errorf("receipt %+v, %v", r, err)
	}
	if len(asked) != 2 || asked[0].Seq >= asked[1].Seq || asked[0].Feed != w.store.Feed() {
		t.Errorf("asked for %+v", asked)
	}
}
