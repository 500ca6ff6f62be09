// Push shows everybody who watches a value what it is now, and each change of it from then on. Run it, open
// http://localhost:8003/ in a browser, and type in its console:
//
//	ws = new WebSocket("ws://localhost:8003/ws"); ws.onmessage = (event) => console.log(event.data)
//
// Then change the value, and see it arrive: curl -X PUT -d '21 degrees' http://localhost:8003/value
package main

import (
	"crypto/rand"
	"fmt"
	"io"
	"log"
	"net/http"
	"sync"
	"time"

	"snug/layer"
	"snug/web/socket"
)

type app struct {
	hub   *socket.Hub
	layer layer.Layer
	mu    sync.Mutex // held while watchers are told, so that all see the changes in the same order; telling never waits
	now   *layer.Message
}

// change sets the value and tells all who watch.
func (a *app) change(w http.ResponseWriter, r *http.Request) {
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 4096))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.now, _ = layer.NewMessage(map[string]string{"type": "value", "value": string(text)})
	_ = a.layer.GroupSend(r.Context(), "watchers", a.now)
}

// watcher is the consumer of one socket. What it is sent is ignored.
type watcher struct{ stop func() } // stop ends listening, and with it the membership

func (watcher) Receive(*socket.Conn, []byte) {}
func (w watcher) Closed(*socket.Conn)        { w.stop() }

// watch sends a new socket the present value, and makes it hear of changes.
func (a *app) watch(c *socket.Conn) socket.Consumer {
	a.mu.Lock()
	defer a.mu.Unlock()
	channel := "watcher." + rand.Text()
	stop, err := a.layer.Listen(channel, c) // what comes to the channel goes out on the socket
	if err != nil {
		return nil // this closes the socket
	}
	if err := a.layer.GroupAdd(c.Context(), "watchers", channel); err != nil {
		c.Close(1011, err.Error()) // Closed is called then
	} else if a.now != nil {
		_ = c.Deliver(a.now)
	}
	return watcher{stop}
}

func (a *app) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("PUT /value", a.change)
	mux.HandleFunc("POST /value", a.change)
	mux.HandleFunc("GET /ws", func(w http.ResponseWriter, r *http.Request) { a.hub.Serve(w, r, socket.Info{}, a.watch) })
	mux.HandleFunc("GET /", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "See examples/push/main.go.") })
	return http.NewCrossOriginProtection().Handler(mux) // no page of another site may change the value
}

func newApp() *app {
	forever := layer.Options{GroupExpiry: 100 * 365 * 24 * time.Hour} // memberships end with their sockets: nobody renews them
	return &app{hub: socket.NewHub(socket.Options{}), layer: layer.NewMemory(forever)}
}

func main() { log.Fatal(http.ListenAndServe("localhost:8003", newApp().handler())) }
