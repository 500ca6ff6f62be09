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
// sockets of another node. Two processes of this program have the links, the layer and the sockets that a Snug has, and nothing else. Two more do no more than
// pass on what they get: that takes this machine the least.
func measureMoment(ctx context.Context, o options, _ *server) error {
	fmt.Printf("moment: frames %d at %d/s, size %d, receivers %d\n", o.messages, nodesRate, o.size, o.people)
	return errors.Join(betweenNodes(ctx, o), betweenRelays(ctx, o))
}

func betweenNodes(ctx context.Context, o options) (err error) {
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
	return errors.Join(report(ctx, o, "to the same node", near, near), report(ctx, o, "to the other node", near, far))
}

func betweenRelays(ctx context.Context, o options) (err error) {
	far, _, err := startSelf(o, "", relayNode, "")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, far.stop()) }()
	near, _, err := startSelf(o, "", relayNode, far.addr)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, near.stop()) }()
	return report(ctx, o, "by bare relays", near, far)
}

func report(ctx context.Context, o options, name string, from, to *server) error {
	all, err := frames(ctx, o, from, to)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	fmt.Printf("  %-20s %d of %d, %d of them noted late, p50 %v, p99 %v\n", name, all.all.count, o.messages*o.people, all.late, all.all.quantile(0.50), all.all.quantile(0.99))
	return nil
}

// frames sends on one node and times the arrival at sockets on one.
func frames(ctx context.Context, o options, from, to *server) (*audience, error) {
	nobody := &http.Cookie{}
	sender, err := from.dial(ctx, "/", nobody)
	if err != nil {
		return nil, err
	}
	defer sender.close()
	all := &audience{rounds: newRounds()}
	defer all.close()
	if err := all.open(ctx, to, nobody, "/?in", o.people); err != nil {
		return nil, err
	}
	if err := awaitMembers(sender, all.members); err != nil {
		return nil, err
	}
	if err := all.listen(); err != nil {
		return nil, err
	}
	m := &member{client: sender}
	err = all.rounds.pace(ctx, sender, o.messages, func(n int) string {
		return `{"type":"typing",` + m.message(n, o.size)[1:]
	})
	if err != nil {
		return nil, err
	}
	return all, all.finish(o.messages)
}

// awaitMembers sends until all sockets have got something: then they are in the group, and the sender's node knows it.
func awaitMembers(sender *client, all []*member) error {
	began := time.Now()
	for _, m := range all {
		for ready := false; !ready; {
			if err := sender.send(`{"type":"warm"}`); err != nil {
				return err
			}
			m.conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
			_, err := m.read()
			switch ready = err == nil; {
			case !ready && !errors.Is(err, os.ErrDeadlineExceeded):
				return err
			case !ready && time.Since(began) > momentWait:
				return fmt.Errorf("nothing has arrived within %v", momentWait)
			}
		}
	}
	return nil
}

// startMoment starts a process that joins the cluster of an invitation, or begins one if there is none, and returns its own.
func startMoment(ctx context.Context, o options, token string) (s *server, invitation string, err error) {
	data, err := os.MkdirTemp("", "snug-bench-data-")
	if err != nil {
		return nil, "", err
	}
	if token == "" {
		err = cluster.CreateSecret(data)
	} else {
		err = cluster.Join(ctx, token, data)
	}
	if err == nil {
		s, invitation, err = startSelf(o, data, momentNode, data)
	}
	if err != nil {
		return nil, "", errors.Join(err, os.RemoveAll(data))
	}
	return s, invitation, nil
}

// startSelf starts this program once more, with other work, and returns the second word that it prints; the first is its address.
func startSelf(o options, data string, work ...string) (s *server, word string, err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, "", err
	}
	s = &server{data: data, done: make(chan error, 1), cmd: exec.Command(self, append([]string{"-limit", o.limit.String()}, work...)...)}
	s.cmd.Stderr = os.Stderr
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, "", err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, "", err
	}
	_, scanErr := fmt.Fscanln(bufio.NewReader(out), &s.addr, &word)
	go func() { s.done <- s.cmd.Wait() }()
	if scanErr != nil {
		return nil, "", errors.Join(fmt.Errorf("start a node: %w", scanErr), s.stop())
	}
	return s, word, nil
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
	common := layer.NewGossip(layer.NewMemory(layer.Options{}), mesh.PromptPort("layer"))
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
