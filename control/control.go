// Package control is how a command reaches the server that runs on the same data directory: a socket there, which only its owner can open,
// and named requests over it with JSON in both directions.
//
// Whoever can open the socket may do everything, so it holds no secrets back and asks for none. Nothing of it is reachable from the network.
//
//	server, err := control.Listen(dir, control.Handlers{
//		"greet": control.Handle(func(ctx context.Context, name string) (string, error) { return "Hello " + name, nil }),
//	}, logger)
//
//	client := control.Dial(dir)
//	var greeting string
//	err := client.Ask(ctx, "greet", "Ada", &greeting)
package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
)

// fileName is the socket's, in the data directory.
const fileName = "control.sock"

// maxBody bounds a request and an answer, in bytes: enough for a list of thousands of nodes.
const maxBody = 4 << 20

// ErrNoServer means that no server runs on the directory.
var ErrNoServer = errors.New("no Snug runs on this data directory")

// ErrNotAllowed means that a server may run on the directory, but this user must not talk to it.
var ErrNotAllowed = errors.New("only the user that runs Snug, and root, may do this")

// ErrBroken means that the server ended before it answered. Whether it did what was asked cannot be known.
var ErrBroken = errors.New("the Snug that runs on this data directory stopped before it answered")

// ErrUnknown means that the server does not know the request: it is of another version than the command.
var ErrUnknown = errors.New("the Snug that runs there does not know this command; it is of another version")

// Error is what the server said against a request. Its text is for people.
type Error struct{ Text string }

func (e *Error) Error() string { return e.Text }

// Handler answers one kind of request.
type Handler func(ctx context.Context, in json.RawMessage) (any, error)

// Handlers are what a server answers, by the names of the requests: letters and hyphens.
type Handlers map[string]Handler

// Handle makes a handler of a function with types. A text of the error goes to the one who asked.
func Handle[In, Out any](fn func(ctx context.Context, in In) (Out, error)) Handler {
	return func(ctx context.Context, raw json.RawMessage) (any, error) {
		var in In
		if err := json.Unmarshal(raw, &in); err != nil {
			return nil, fmt.Errorf("read the request: %w", err)
		}
		return fn(ctx, in)
	}
}

// Ask answers a request in this process, as a server would: for a command that finds no server and does the work itself.
func (handlers Handlers) Ask(ctx context.Context, name string, in, out any) error {
	handle, ok := handlers[name]
	if !ok {
		return ErrUnknown
	}
	raw, err := json.Marshal(in)
	if err != nil {
		return err
	}
	answer, err := handle(ctx, raw)
	if err != nil || out == nil {
		return err
	}
	if raw, err = json.Marshal(answer); err != nil {
		return err
	}
	return json.Unmarshal(raw, out)
}

// problem is the body of an answer that is not good.
type problem struct {
	Error string `json:"error"`
}
