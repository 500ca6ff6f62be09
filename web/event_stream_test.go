package web

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// sent is one server-sent event as a browser's EventSource would give it out.
type sent struct {
	id, event string
	data      map[string]any
}

// eventStream is an open stream of events.
type eventStream struct {
	t      testing.TB
	close  func()
	events chan sent // closed when the stream ends
}

// events opens a stream. The query begins with "?", or is empty.
func (c *client) events(query string, change ...func(*http.Request)) *eventStream {
	t := c.site.t
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, "GET", c.site.url+apiPath+"events"+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	if c.token != "" {
		r.AddCookie(&http.Cookie{Name: "snug", Value: c.token})
	}
	for _, f := range change {
		f(r)
	}
	response, err := c.http.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if kind := response.Header.Get("Content-Type"); response.StatusCode != http.StatusOK || kind != "text/event-stream" {
		t.Fatalf("stream is answered by %d, %q", response.StatusCode, kind)
	}
	st := &eventStream{t: t, close: cancel, events: make(chan sent, 10_000)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer close(st.events)
		defer response.Body.Close()
		st.read(response.Body)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	return st
}

// read takes events apart as the HTML standard says.
func (st *eventStream) read(body io.Reader) {
	lines := bufio.NewReader(body)
	var e sent
	var data, id string
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimSuffix(line, "\n")
		field, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case line == "":
			if data != "" && json.Unmarshal([]byte(data), &e.data) == nil {
				e.id = id
				st.events <- e
			}
			e, data = sent{}, ""
		case field == "id":
			id = value
		case field == "event":
			e.event = value
		case field == "data":
			data += value
		}
	}
}

// next is the next event of one of some types; others are passed over.
func (st *eventStream) next(kinds ...string) sent {
	st.t.Helper()
	late := time.After(patienceOfTests)
	for {
		select {
		case e, ok := <-st.events:
			if !ok {
				st.t.Fatalf("the stream ended before any of %v", kinds)
			}
			if e.event != e.data["type"] {
				st.t.Errorf("event %q is %v", e.event, e.data)
			}
			if slices.Contains(kinds, e.event) {
				return e
			}
		case <-late:
			st.t.Fatalf("none of %v came", kinds)
		}
	}
}

// ended waits for the end of the stream and returns the last event before it.
func (st *eventStream) ended() (last sent) {
	st.t.Helper()
	late := time.After(patienceOfTests)
	for {
		select {
		case e, ok := <-st.events:
			if !ok {
				return last
			}
			last = e
		case <-late:
			st.t.Fatal("the stream did not end")
		}
	}
}

// until asks again and again, for what happens by itself.
func (s *site) until(what string, happened func() bool) {
	s.t.Helper()
	deadline := time.After(patienceOfTests)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !happened() {
		select {
		case <-deadline:
			s.t.Fatalf("it never came true that %s", what)
		case <-tick.C:
		}
	}
}

func (c *client) say(room, text string) map[string]any {
	c.site.t.Helper()
	return c.call("POST", "rooms/"+room+"/messages", map[string]any{"message": text}).want(c.site.t, 201).object(c.site.t)
}
