package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"syscall"
)

// Client asks the server of a directory.
type Client struct {
	dir  string
	http *http.Client
}

// Dial makes a client for the server that runs on a directory. Whether there is one shows at the first [Client.Ask].
func Dial(dir string) *Client {
	return &Client{dir: dir, http: &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true, // a command asks once
		DialContext: func(ctx context.Context, _, _ string) (conn net.Conn, err error) {
			err = atPath(dir, fileName, func(path string) error {
				var d net.Dialer
				conn, err = d.DialContext(ctx, "unix", path)
				return err
			})
			return conn, err
		},
	}}}
}

// Ask sends a request and reads the answer into out, unless that is nil. What the server says against it is an [*Error].
func (c *Client) Ask(ctx context.Context, name string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	// The host is in no use, but a request has one.
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://snug/"+name, bytes.NewReader(body))
	if err != nil {
		return err
	}
	response, err := c.http.Do(r)
	if err != nil {
		return c.explain(err)
	}
	defer response.Body.Close()
	if body, err = io.ReadAll(io.LimitReader(response.Body, maxBody)); err != nil {
		return c.explain(err)
	}
	switch response.StatusCode {
	case http.StatusOK:
		if out == nil {
			return nil
		}
		return json.Unmarshal(body, out)
	case http.StatusNotFound, http.StatusMethodNotAllowed:
		return ErrUnknown
	}
	var p problem
	if err := json.Unmarshal(body, &p); err != nil || p.Error == "" {
		return fmt.Errorf("the Snug that runs on %s answered with %s", c.dir, response.Status)
	}
	return &Error{p.Error}
}

// explain says in one line why nobody answers.
func (c *Client) explain(err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ENOTDIR):
		return fmt.Errorf("%w (%s)", ErrNoServer, c.dir)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w (%s)", ErrNotAllowed, c.dir)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return fmt.Errorf("%w (%s): it may have done this or not, so look before you try again", ErrBroken, c.dir)
	}
	return fmt.Errorf("ask the Snug that runs on %s: %w", c.dir, err)
}
