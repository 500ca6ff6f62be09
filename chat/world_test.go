package chat

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"snug/layer"
	"snug/presence"
	"snug/store"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

// patience is how long a test waits for what must come.
const patience = 20 * time.Second

// world is a Chat with a real store on disk, a real layer and a real tracker.
type world struct {
	*Chat
	t       testing.TB
	dir     string // of the store
	store   *store.Store
	layer   *layer.Memory
	tracker *presence.Tracker
}

func newWorld(t testing.TB, opts Options) *world {
	t.Helper()
	synchronous := "normal" // no power cuts in tests
	if _, measured := t.(*testing.B); measured {
		synchronous = "full"
	}
	dir := t.TempDir()
	st, err := store.Open(t.Context(), dir, store.Options{Synchronous: synchronous})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{
		t:       t,
		dir:     dir,
		store:   st,
		layer:   layer.NewMemory(layer.Options{}),
		tracker: presence.New(presence.Options{Linger: -1}),
	}
	w.Chat = New(st, w.layer, w.tracker, opts)
	t.Cleanup(func() {
		w.Close()
		w.tracker.Close()
		if err := errors.Join(w.layer.Close(), st.Close()); err != nil {
			t.Error(err)
		}
	})
	return w
}

// user signs somebody up.
func (w *world) user(name string) Person {
	w.t.Helper()
	u, err := w.store.CreateUser(w.t.Context(), store.User{Name: name, Key: strings.ToLower(name), Created: time.Now()})
	if err != nil {
		w.t.Fatal(err)
	}
	return Person{ID: u.ID, Name: u.Name}
}

func (w *world) room(who Person, name string) Room {
	w.t.Helper()
	room, err := w.OpenRoom(w.t.Context(), who, name)
	if err != nil {
		w.t.Fatal(err)
	}
	return room
}

func (w *world) post(who Person, room, text string) Receipt {
	w.t.Helper()
	r, err := w.Post(w.t.Context(), who, room, ID{}, text)
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

// wantCode fails unless err is a refusal with that code.
func wantCode(t testing.TB, err error, code string) *Error {
	t.Helper()
	var refusal *Error
	if !errors.As(err, &refusal) || refusal.Code != code {
		t.Fatalf("got %v, want a refusal with code %s", err, code)
	}
	if refusal.Message == "" {
		t.Errorf("refusal %s has no words", code)
	}
	return refusal
}

// ear is a listener that keeps the frames of some groups.
type ear struct {
	t testing.TB

	mu     sync.Mutex // guards frames
	frames []*layer.Message
	came   chan struct{}
}

func (w *world) listen(groups ...string) *ear {
	w.t.Helper()
	e := &ear{t: w.t, came: make(chan struct{}, 1)}
	ctx := w.t.Context()
	name, err := w.layer.NewChannel(ctx, "ear")
	if err != nil {
		w.t.Fatal(err)
	}
	stop, err := w.layer.Listen(name, e)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(stop)
	for _, group := range groups {
		if err := w.layer.GroupAdd(ctx, group, name); err != nil {
			w.t.Fatal(err)
		}
	}
	return e
}

func (e *ear) Deliver(m *layer.Message) error {
	e.mu.Lock()
	e.frames = append(e.frames, m)
	e.mu.Unlock()
	select {
	case e.came <- struct{}{}:
	default:
	}
	return nil
}

func (e *ear) Full() {}

// take waits for n frames and takes them.
func (e *ear) take(n int) []*layer.Message {
	e.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		e.mu.Lock()
		if len(e.frames) >= n {
			taken := e.frames[:n:n]
			e.frames = e.frames[n:]
			e.mu.Unlock()
			return taken
		}
		have := len(e.frames)
		e.mu.Unlock()
		select {
		case <-e.came:
		case <-ctx.Done():
			e.t.Fatalf("got %d frames, want %d", have, n)
		}
	}
}

// next waits for the next frame.
func (e *ear) next() string {
	e.t.Helper()
	return string(e.take(1)[0].Bytes())
}

// events waits for n frames that are states of messages.
func (e *ear) events(n int) []Event {
	e.t.Helper()
	events := make([]Event, n)
	for i, m := range e.take(n) {
		if err := m.Decode(&events[i]); err != nil {
			e.t.Fatal(err)
		}
	}
	return events
}

// rest is what came and was not taken.
func (e *ear) rest() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	var rest []string
	for _, m := range e.frames {
		rest = append(rest, string(m.Bytes()))
	}
	return rest
}

func asJSON(t testing.TB, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
