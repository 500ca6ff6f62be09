// Firstletter lets people talk only to those whose name begins with the same letter: one group of the channel layer for
// each letter. Run it, open http://localhost:8002/ in two tabs, and type in their consoles, with names of your choice:
//
//	ws = new WebSocket("ws://localhost:8002/ws?name=Ada"); ws.onmessage = (event) => console.log(event.data)
//	ws.send("hello")
package main

import (
	"crypto/rand"
	"fmt"
	"log"
	"net/http"
	"time"
	"unicode"
	"unicode/utf8"

	"snug/layer"
	"snug/presence"
	"snug/web/socket"
)

type app struct {
	hub     *socket.Hub
	layer   layer.Layer
	tracker *presence.Tracker
}

type person struct { // the consumer of one socket
	*app
	name, group string
	leave       func()
}

// join puts a new socket into its group, and tells all who are in it.
func (a *app) join(c *socket.Conn, name string, letter rune) socket.Consumer {
	channel := "person." + rand.Text()
	group := fmt.Sprintf("letter-%x", unicode.ToLower(letter)) // the names of groups are ASCII
	stop, err := a.layer.Listen(channel, c)                    // what comes to the channel goes out on the socket
	if err != nil {
		return nil // this closes the socket
	}
	visit := a.tracker.Enter(group, name)
	p := &person{a, name, group, func() { stop(); visit.Leave() }} // who stops listening is in no group any more
	if err := a.layer.GroupAdd(c.Context(), group, channel); err != nil {
		c.Close(1011, err.Error()) // Closed is called then
	}
	p.tell(c, map[string]any{"type": "here", "names": a.tracker.Users(group)})
	return p
}

func (p *person) tell(c *socket.Conn, v any) {
	if m, err := layer.NewMessage(v); err == nil {
		_ = p.layer.GroupSend(c.Context(), p.group, m)
	}
}

func (p *person) Receive(c *socket.Conn, frame []byte) {
	p.tell(c, map[string]string{"type": "message", "name": p.name, "text": string(frame)})
}

func (p *person) Closed(*socket.Conn) { p.leave() }

func (a *app) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := r.URL.Query().Get("name")
	letter, _ := utf8.DecodeRuneInString(name)
	if !unicode.IsLetter(letter) {
		http.Error(w, "add a name that begins with a letter: /ws?name=Ada", http.StatusBadRequest)
		return
	}
	a.hub.Serve(w, r, socket.Info{User: name}, func(c *socket.Conn) socket.Consumer { return a.join(c, name, letter) })
}

func newApp() *app {
	forever := layer.Options{GroupExpiry: 100 * 365 * 24 * time.Hour} // memberships end with their sockets: nobody renews them
	return &app{socket.NewHub(socket.Options{}), layer.NewMemory(forever), presence.New(presence.Options{})}
}

func main() { log.Fatal(http.ListenAndServe("localhost:8002", newApp())) }
