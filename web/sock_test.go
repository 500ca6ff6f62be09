package web

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// patienceOfTests is how long a test waits for a frame that must come.
const patienceOfTests = 10 * time.Second

// inTime has something begin that ends by itself after a while, and gives it longer until it has begun well before its end, however slow the machine is.
func inTime(t *testing.T, begin func(life time.Duration) error) {
	t.Helper()
	for life := time.Second; ; life *= 2 {
		begun := time.Now()
		err := begin(life)
		if err == nil && time.Since(begun) < life/2 {
			return
		}
		if life > patienceOfTests/2 {
			t.Fatalf("begun after %v: %v", time.Since(begun), err)
		}
	}
}

// frame is what came over a socket.
type frame map[string]any

func (f frame) kind() string {
	kind, _ := f["type"].(string)
	return kind
}

// sock is a client's end of a socket. Frames are read as they come.
type sock struct {
	t      testing.TB
	conn   *websocket.Conn
	frames chan frame // closed when the socket is
	end    error      // why it is; good after frames is closed

	mu  sync.Mutex
	all []frame // everything that came
}

// came is everything that came so far.
func (k *sock) came() []frame {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.all)
}

// dial opens a socket, which must work.
func (c *client) dial(path string, change ...func(http.Header)) *sock {
	c.site.t.Helper()
	k, response, err := c.tryDial(path, change...)
	if err != nil {
		status := 0
		if response != nil {
			status = response.StatusCode
		}
		c.site.t.Fatalf("open %s: status %d: %v", path, status, err)
	}
	return k
}

// refused opens a socket, which must not work, and returns the status.
func (c *client) refused(path string, change ...func(http.Header)) int {
	c.site.t.Helper()
	_, response, err := c.tryDial(path, change...)
	if err == nil {
		c.site.t.Fatalf("%s was opened", path)
	}
	if response == nil {
		c.site.t.Fatalf("open %s: %v", path, err)
	}
	return response.StatusCode
}

func (c *client) tryDial(path string, change ...func(http.Header)) (*sock, *http.Response, error) {
	t := c.site.t
	t.Helper()
	header := http.Header{}
	if c.token != "" {
		header.Set("Cookie", "snug="+c.token)
	}
	if c.bearer != "" {
		header.Set("Authorization", "Bearer "+c.bearer)
	}
	for _, f := range change {
		f(header)
	}
	conn, response, err := websocket.Dial(t.Context(), "ws"+strings.TrimPrefix(c.site.url, "http")+path,
		&websocket.DialOptions{HTTPHeader: header, HTTPClient: c.http})
	if err != nil {
		return nil, response, err
	}
	conn.SetReadLimit(16 << 20)
	k := &sock{t: t, conn: conn, frames: make(chan frame, 10_000)}
	read := make(chan struct{})
	go func() {
		defer close(read)
		k.read()
	}()
	t.Cleanup(func() {
		_ = conn.CloseNow()
		<-read
	})
	return k, response, nil
}

func (k *sock) read() {
	defer close(k.frames)
	for {
		_, body, err := k.conn.Read(context.Background())
		if err != nil {
			k.end = err
			return
		}
		var f frame
		if err := json.Unmarshal(body, &f); err != nil {
			k.t.Errorf("frame %q: %v", body, err)
			return
		}
		k.mu.Lock()
		k.all = append(k.all, f)
		k.mu.Unlock()
		k.frames <- f
	}
}

// next waits for a frame of one of the kinds, or for any, and drops those before it.
func (k *sock) next(kinds ...string) frame {
	k.t.Helper()
	timeout := time.After(patienceOfTests)
	var before []string
	for {
		select {
		case f, open := <-k.frames:
			if !open {
				k.t.Fatalf("socket closed (%v) before %q; came: %q", k.end, kinds, before)
			}
			if len(kinds) == 0 || slices.Contains(kinds, f.kind()) {
				return f
			}
			before = append(before, f.kind())
		case <-timeout:
			k.t.Fatalf("no %q came; came: %q", kinds, before)
		}
	}
}

// until waits for a frame that holds.
func (k *sock) until(what string, holds func(frame) bool) frame {
	k.t.Helper()
	timeout := time.After(patienceOfTests)
	for {
		select {
		case f, open := <-k.frames:
			if !open {
				k.t.Fatalf("socket closed (%v) before %s", k.end, what)
			}
			if holds(f) {
				return f
			}
		case <-timeout:
			k.t.Fatalf("%s did not come", what)
		}
	}
}

// only waits for the next frame, which must be of a kind.
func (k *sock) only(kind string) frame {
	k.t.Helper()
	f := k.next()
	if f.kind() != kind {
		k.t.Fatalf("frame is %v, want a %s", f, kind)
	}
	return f
}

// closed waits for the end of the socket and returns its close code.
func (k *sock) closed() websocket.StatusCode {
	k.t.Helper()
	timeout := time.After(patienceOfTests)
	for {
		select {
		case _, open := <-k.frames:
			if !open {
				return websocket.CloseStatus(k.end)
			}
		case <-timeout:
			k.t.Fatal("socket stays open")
		}
	}
}

func (k *sock) send(text string) {
	k.t.Helper()
	if err := k.conn.Write(k.t.Context(), websocket.MessageText, []byte(text)); err != nil {
		k.t.Fatalf("send %.100s: %v", text, err)
	}
}

// ask sends a frame of /ws/ and waits for the answer to its ref.
func (k *sock) ask(text string) frame {
	k.t.Helper()
	var sent frame
	if err := json.Unmarshal([]byte(text), &sent); err != nil {
		k.t.Fatal(err)
	}
	k.send(text)
	return k.until("the answer to "+text, func(f frame) bool { return f["ref"] == sent["ref"] })
}

// texts are the messages in a list of frames.
func texts(list any) []string {
	items, _ := list.([]any)
	said := []string{}
	for _, item := range items {
		event, _ := item.(map[string]any)
		text, _ := event["message"].(string)
		said = append(said, text)
	}
	return said
}

func strs(list any) []string {
	items, _ := list.([]any)
	all := []string{}
	for _, item := range items {
		text, _ := item.(string)
		all = append(all, text)
	}
	return all
}
