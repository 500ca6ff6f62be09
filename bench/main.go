// Command bench measures a Snug server from outside: it builds the server, starts it on loopback with a fresh data directory, pins it
// to one core, speaks the tutorials' frames to it, counts every message exactly, and prints what it measured.
//
// It runs on Linux, where it can read a process's CPU time and memory.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

const usage = `bench measures a Snug server on this machine.

Usage: bench [flags] MEASUREMENT...

Measurements:
  room   people in one room, a given number of messages under way: deliveries/s, latency, CPU for a million deliveries, loss
  post   senders that each wait for their message to be stored: messages/s
  idle   sockets that do nothing: memory for each
  all    the three, and room once more with 16 messages under way
  bare   no server: one goroutine that writes to -people connections, by conn.Write and by sendto, which is the least that one write for each delivery can cost
  nodes  two nodes: from posting on one to arrival on the other, with -people receivers
  moment what is not stored: from a socket on one node over the channel layer to -people sockets, on the same node and on another,
         and by two programs that only pass it on
  peers  senders as in post, on a node alone, with one and with two others: what a peer costs one who posts
  rest   -nodes in a network of their own with -people online in ten rooms each, who do nothing: traffic, memory, CPU of each node (needs root)
  join   a new node joins one that has -messages: how long until it has them, and what they take on its disk

Flags:
`

// maxSize is what fits in the largest frame that a client here writes, with what stands around it.
const maxSize = 60_000

type options struct {
	people   int
	underway int
	messages int
	size     int
	senders  int
	sockets  int
	nodes    int
	binary   string
	pin      bool
	limit    time.Duration
}

func main() {
	var o options
	flag.IntVar(&o.people, "people", 1000, "people in the room")
	flag.IntVar(&o.underway, "underway", 1, "messages under way at the same time (room)")
	flag.IntVar(&o.messages, "messages", 2000, "messages in all (room), or for each sender (post: a tenth)")
	flag.IntVar(&o.size, "size", 200, fmt.Sprintf("characters in a message, 40 to %d", maxSize))
	flag.IntVar(&o.senders, "senders", 64, "senders (post)")
	flag.IntVar(&o.sockets, "sockets", 5000, "sockets (idle)")
	flag.IntVar(&o.nodes, "nodes", 5, "nodes (rest)")
	flag.StringVar(&o.binary, "binary", "", "a server to measure, instead of building this one")
	flag.BoolVar(&o.pin, "pin", true, "keep the server on the first core and this program on the others")
	flag.DurationVar(&o.limit, "limit", 5*time.Minute, "end the run after this time, whatever happens")
	flag.Usage = func() {
		fmt.Fprint(flag.CommandLine.Output(), usage)
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() == 0 || o.size < 40 || o.size > maxSize || o.people < 1 || o.underway < 1 || o.underway > o.people || o.messages < 1 || o.senders < 1 || o.sockets < 1 || o.nodes < 1 {
		flag.Usage()
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, o.limit)
	defer cancel()
	if err := run(ctx, o, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options, names []string) error {
	measurements := map[string]func(context.Context, options, *server) error{
		"room": measureRoom, "post": measurePost, "idle": measureIdle,
		"bare": measureBare, "nodes": measureNodes, "moment": measureMoment, "peers": measurePeers, "rest": measureRest, "join": measureJoin,
	}
	if names[0] == writeToName && len(names) == 3 {
		return writeTo(o, names[1], names[2])
	}
	if names[0] == momentNode && len(names) == 2 {
		return runMoment(ctx, names[1])
	}
	if names[0] == relayNode && len(names) == 2 {
		return runRelay(ctx, names[1])
	}
	var plan []string
	for _, name := range names {
		if name == "all" {
			plan = append(plan, "room", "room16", "post", "idle")
			continue
		}
		if measurements[name] == nil {
			return fmt.Errorf("there is no measurement %q: see bench -help", name)
		}
		plan = append(plan, name)
	}
	binary, clean, err := build(ctx, o)
	if err != nil {
		return err
	}
	defer clean()
	for _, name := range plan {
		o := o
		if name == "room16" {
			name, o.underway = "room", 16
		}
		if err := measure(ctx, o, binary, measurements[name]); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// measure gives each measurement a server of its own, so that none inherits another's memory or rows.
func measure(ctx context.Context, o options, binary string, f func(context.Context, options, *server) error) (err error) {
	s, err := start(ctx, o, binary)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.stop(), s.remove()) }()
	return f(ctx, o, s)
}
