package chat

import (
	"fmt"
	"strings"
	"testing"

	"snug/store"
)

func TestAWebhookPostsInItsOwnName(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Options{})
	ctx := t.Context()
	ada := w.user("ada")
	room := w.room(ada, "lobby")
	_, _, err := w.CreateHook(ctx, ada, false, "Lobby", "build  server")
	wantCode(t, err, CodeBadField)
	secret, made, err := w.CreateHook(ctx, ada, false, "Lobby", " build server ")
	if err != nil || made.Name != "build server" || made.Room != room.ID || made.ByName != "ada" || !strings.HasPrefix(secret, HookPrefix) {
		t.Fatalf("made %+v, %v", made, err)
	}
	hook, err := w.Hook(ctx, secret)
	if err != nil || hook.ID != made.ID {
		t.Fatalf("found %+v, %v", hook, err)
	}
	ear := w.listen(RoomGroup(room.ID))
	if _, err := w.PostHook(ctx, hook, ID{}, "/pm ada not a command"); err != nil {
		t.Fatal(err)
	}
	if e := ear.events(1)[0]; e.Hook != "build server" || e.User != "build server (webhook)" {
		t.Errorf("the room is told %+v", e)
	}
	messages, _, err := w.History(ctx, ada, room, ID{}, 10)
	if err != nil || len(messages) != 1 {
		t.Fatalf("history is %v, %v", messages, err)
	}
	if m := messages[0]; m.User != "build server (webhook)" || m.Hook != "build server" || m.Message != "/pm ada not a command" || m.Room != "lobby" {
		t.Errorf("message is %+v", m)
	}
	if _, err := w.Edit(ctx, ada, messages[0].ID, "mine"); err == nil {
		t.Error("somebody edits what a webhook has said")
	}
	grace := w.user("grace")
	_, err = w.DeletePosted(ctx, grace, false, messages[0].ID)
	wantCode(t, err, CodeForbidden)
	hers, err := w.Post(ctx, grace, "lobby", ID{}, "hers")
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.DeletePosted(ctx, ada, true, hers.ID)
	wantCode(t, err, CodeForbidden)
	_, err = w.DeletePosted(ctx, ada, false, store.NewID())
	wantCode(t, err, CodeNotFound)
	again, err := w.PostHook(ctx, hook, ID{}, "spam")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.DeletePosted(ctx, ada, false, again.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := w.RevokeHook(ctx, ada, false, "lobby", made.ID); err != nil {
		t.Fatal(err)
	}
	_, err = w.Hook(ctx, secret)
	wantCode(t, err, CodeNotFound)
	_, err = w.RevokeHook(ctx, ada, false, "lobby", made.ID)
	wantCode(t, err, CodeNotFound)
	if left, err := w.Hooks(ctx, ada, false, "lobby"); err != nil || len(left) != 0 {
		t.Errorf("webhooks are %v, %v", left, err)
	}
	messages, _, err = w.History(ctx, ada, room, ID{}, 10)
	if last := messages[len(messages)-1]; !last.Deleted || last.Message != "" || last.Hook == "" {
		t.Errorf("what was deleted is %+v", last)
	}
	if err != nil || messages[0].User != "build server (webhook)" {
		t.Errorf("what it said is %v, %v", messages, err)
	}
}

func TestWebhooksAreForWhoModerates(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Options{})
	ctx := t.Context()
	ada, grace := w.user("ada"), w.user("grace")
	w.room(ada, "lobby")
	w.room(ada, "attic")
	_, hook, err := w.CreateHook(ctx, ada, false, "lobby", "ci")
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = w.CreateHook(ctx, grace, false, "lobby", "ci")
	wantCode(t, err, CodeForbidden)
	_, err = w.Hooks(ctx, grace, false, "lobby")
	wantCode(t, err, CodeForbidden)
	_, err = w.RevokeHook(ctx, grace, false, "lobby", hook.ID)
	wantCode(t, err, CodeForbidden)
	_, err = w.RevokeHook(ctx, ada, false, "attic", hook.ID)
	wantCode(t, err, CodeNotFound)
	if hooks, err := w.Hooks(ctx, grace, true, "lobby"); err != nil || len(hooks) != 1 || hooks[0].ByName != "ada" {
		t.Errorf("an administrator sees %v, %v", hooks, err)
	}
	for i := 1; i < MaxHooks; i++ {
		if _, _, err := w.CreateHook(ctx, ada, false, "lobby", fmt.Sprint("ci ", i)); err != nil {
			t.Fatal(err)
		}
	}
	_, _, err = w.CreateHook(ctx, ada, false, "lobby", "one more")
	wantCode(t, err, CodeForbidden)
	if _, _, err := w.CreateHook(ctx, ada, false, "attic", "elsewhere"); err != nil {
		t.Error(err)
	}
}

// TestASecretIsNotStored holds that whoever reads the database cannot post by a webhook.
func TestASecretIsNotStored(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Options{})
	ada := w.user("ada")
	room := w.room(ada, "lobby")
	secret, _, err := w.CreateHook(t.Context(), ada, false, "lobby", "ci")
	if err != nil {
		t.Fatal(err)
	}
	records, err := w.store.RecordsOf(t.Context(), store.KindHook, room.ID)
	if err != nil || len(records) != 1 {
		t.Fatalf("records are %v, %v", records, err)
	}
	if row := string(store.EncodeRow(&records[0])); strings.Contains(row, secret) || strings.Contains(row, strings.TrimPrefix(secret, HookPrefix)) {
		t.Errorf("the record holds the secret: %s", row)
	}
	for _, wrong := range []string{"", HookPrefix, secret + "x", secret[:len(secret)-1], records[0].Key, strings.Repeat("x", 1000)} {
		_, err := w.Hook(t.Context(), wrong)
		wantCode(t, err, CodeNotFound)
	}
}

func TestHookNames(t *testing.T) {
	t.Parallel()
	for name, good := range map[string]bool{
		"ci": true, "Build server": true, "grüße_1.2-x": true, strings.Repeat("x", 32): true,
		"": false, " ": false, "a  b": false, strings.Repeat("x", 33): false, "a\u202eb": false, "a\nb": false, "a(b)": false, "\u0301a": false, "<b>": false, "a\u200bb": false, "\xff": false,
	} {
		if _, err := HookName(name); (err == nil) != good {
			t.Errorf("%q: %v", name, err)
		}
	}
}
