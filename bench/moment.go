package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"time"

	"snug/cluster"
	"snug/layer"
	"snug/web/socket"
)

const (
	// momentNode is what measureMoment calls the work of the processes that it starts.
	momentNode = "moment-node"
	// momentGroup is the one group of these.
	momentGroup = "room"
	// momentWait is how long the nodes may take to hear of each other's members.
	momentWait = 10 * time.Second
)

// measureMoment times what is only of the moment, and so is not stored: it goes from a socket to the channel layer, and over a link to the layer and the
// sockets of another node. Two processes of this program have the links, the layer and the sockets that a Snug has, and nothing else.
func measureMoment(ctx context.Context, o options, _ *server) (err error) {
	near, token, err := startMoment(ctx, o, "")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, near.stop(), near.remove()) }()
	far, _, err := startMoment(ctx, o, token)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, far.stop(), far.remove()) }()

	fmt.Printf("moment: frames %d at %d/s, size %d, receivers %d\n", o.messages, nodesRate, o.size, o.people)
	for _, to := range []struct {
		name string
		node *server
	}{{"to the same node     ", near}, {"to the other node    ", far}} {
		all, err := frames(ctx, o, near, to.node)
		if err != nil {
			return fmt.Errorf("%s: %w", strings.TrimSpace(to.name), err)
		}
		fmt.Printf("  %s%d of %d, p50 %v, p99 %v\n", to.name, all.count, o.messages*o.people, all.quantile(0.50), all.quantile(0.99))
	}
	return nil
}

// frames sends on one node and times the arrival at sockets on one.
func frames(ctx context.Context, o options, from, to *server) (*histogram, error) {
	nobody := &http.Cookie{}
	sender, err := from.dial(ctx, "/", nobody)
	if err != nil {
		return nil, err
	}
	defer sender.close()
	last, err := to.dial(ctx, "/?in", nobody)
	if err != nil {
		return nil, err
	}
	defer last.close()
	all, err := listeners(ctx, to, nobody, "/?in", o.people)
	if err != nil {
		return nil, err
	}
	defer all.close()
	if err := awaitMember(sender, last); err != nil {
		return nil, err
	}
	tick := time.NewTicker(time.Second / nodesRate)
	defer tick.Stop()
	for n := range o.messages {
		text := fmt.Sprintf("m 0 %d %d ", n, time.Now().UnixNano())
		if err := sender.send(`{"type":"typing","message":"` + text + strings.Repeat("x", max(o.size-len(text), 0)) + `"}`); err != nil {
			return nil, err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return &all.all, all.finish(o.messages)
}

// awaitMember sends until a socket gets something: then its node has told the sender's that it has members.
func awaitMember(sender, last *client) error {
	for began := time.Now(); time.Since(began) < momentWait; {
		if err := sender.send(`{"type":"warm"}`); err != nil {
			return err
		}
		last.conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
		switch _, err := last.read(); {
		case err == nil:
			return last.conn.Close() // it would only be one more receiver
		case !errors.Is(err, os.ErrDeadlineExceeded):
			return err
		}
	}
	return fmt.Errorf("nothing has arrived within %v", momentWait)
}

// startMoment starts a process that joins the cluster of an invitation, or begins one if there is none, and returns its own.
func startMoment(ctx context.Context, o options, token string) (s *server, invitation string, err error) {
	data, err := os.MkdirTemp("", "snug-bench-data-")
	if err != nil {
		return nil, "", err
	}
	s = &server{data: data, done: make(chan error, 1)}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.remove())
		}
	}()
	if token == "" {
		err = cluster.CreateSecret(data)
	} else {
		err = cluster.Join(ctx, token, data)
	}
	if err != nil {
		return nil, "", err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, "", err
	}
	s.cmd = exec.Command(self, "-limit", o.limit.String(), momentNode, data)
	s.cmd.Stderr = os.Stderr
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, "", err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, "", err
	}
	_, scanErr := fmt.Fscanln(bufio.NewReader(out), &s.addr, &invitation)
	go func() { s.done <- s.cmd.Wait() }()
	if scanErr != nil {
		return nil, "", errors.Join(fmt.Errorf("start a node: %w", scanErr), s.stop())
	}
	return s, invitation, nil
}

// runMoment is one of the two processes: it prints where its sockets are and an invitation, and serves until ctx ends.
func runMoment(ctx context.Context, data string) (err error) {
	mesh, err := cluster.Open(ctx, cluster.Options{Dir: data, Bind: "127.0.0.1:0", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, mesh.Close()) }()
	token, err := mesh.Invite(time.Minute)
	if err != nil {
		return err
	}
	common := layer.NewGossip(layer.NewMemory(layer.Options{}), mesh.Port("layer"))
	defer func() { err = errors.Join(err, common.Close()) }()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(l.Addr(), token)

	hub := socket.NewHub(socket.Options{})
	served := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hub.Serve(w, r, socket.Info{}, func(c *socket.Conn) socket.Consumer { return enter(c, common, r.URL.Query().Has("in")) })
	})}
	ended := make(chan error, 1)
	go func() { ended <- served.Serve(l) }()
	<-ctx.Done()
	err = errors.Join(hub.Shutdown(context.WithoutCancel(ctx)), served.Close())
	if end := <-ended; !errors.Is(end, http.ErrServerClosed) {
		err = errors.Join(err, end)
	}
	return err
}

// attendant is the consumer of a socket. What that sends goes to the group.
type attendant struct {
	layer layer.Layer
	stop  func()
}

// enter gives a socket its consumer, and makes it a member of the group where it is to listen.
func enter(c *socket.Conn, l layer.Layer, listen bool) socket.Consumer {
	a := attendant{l, func() {}}
	if !listen {
		return a
	}
	channel := "socket." + rand.Text()
	stop, err := l.Listen(channel, c)
	if err != nil {
		return nil
	}
	if err := l.GroupAdd(c.Context(), momentGroup, channel); err != nil {
		stop()
		return nil
	}
	return attendant{l, stop}
}

// Receive implements [socket.Consumer].
func (a attendant) Receive(c *socket.Conn, frame []byte) {
	m, err := layer.ParseMessage(frame)
	if err == nil {
		err = a.layer.GroupSend(c.Context(), momentGroup, m)
	}
	if err != nil {
		c.Close(1011, err.Error())
	}
}

// Closed implements [socket.Consumer].
func (a attendant) Closed(*socket.Conn) { a.stop() }
