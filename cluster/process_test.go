package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/rpc"
	"os"
	"os/exec"
	"slices"
	"sync"
	"testing"
	"time"

	"snug/layer"
	"snug/layer/mesh"
)

// processDir is the environment variable that makes the test binary a process with a node, in that directory, which does what it is told over its input.
const processDir = "CLUSTER_TEST_PROCESS"

// process is a node in a process of its own, as the test sees it.
type process struct {
	tb     testing.TB
	id     string
	addr   string
	client *rpc.Client
}

// startProcess starts a node that knows of another one. It ends with the test.
func startProcess(tb testing.TB, dir, seed string) *process {
	tb.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), processDir+"="+dir)
	cmd.Stderr = tb.Output()
	in, err := cmd.StdinPipe()
	if err != nil {
		tb.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	p := &process{tb: tb, client: rpc.NewClient(pipes{out, in})}
	tb.Cleanup(func() {
		p.client.Close() // the end of its input ends it
		if err := cmd.Wait(); err != nil {
			tb.Errorf("the process of a node ended badly: %v", err)
		}
	})
	started := p.call("Start", Order{Name: seed})
	p.id, p.addr = started.Texts[0], started.Texts[1]
	return p
}

// call has the process do something that cannot go wrong.
func (p *process) call(what string, o Order) Result {
	p.tb.Helper()
	r, err := p.try(what, o)
	if err != nil {
		p.tb.Fatalf("%s in another process: %v", what, err)
	}
	return r
}

func (p *process) try(what string, o Order) (Result, error) {
	var r Result
	if err := p.client.Call("Served."+what, o, &r); err != nil {
		return r, fmt.Errorf("%s in another process: %w", what, err)
	}
	return r, r.error()
}

// Order is what a process is told, and Result what it answers. Package rpc wants them exported.
type (
	Order struct {
		Name    string // of a channel, a group or a seed
		Other   string // the channel to put into a group
		Message []byte
		Ended   bool // the context is over
	}

	Result struct {
		Error   string
		Is      []int // places in sentinels
		Texts   []string
		Version mesh.Version
		Traffic layer.Traffic
		Frames  map[string]int // with messages, sent to a peer since this was asked last
	}
)

// sentinels are the errors that must be told apart also when they come from another process.
var sentinels = []error{
	context.Canceled, layer.ErrChannelFull, layer.ErrClosed, layer.ErrElsewhere, layer.ErrInUse, layer.ErrMessage, layer.ErrName, layer.ErrUnreachable,
}

func failed(err error) (r Result) {
	if err == nil {
		return r
	}
	r.Error = err.Error()
	for i, sentinel := range sentinels {
		if errors.Is(err, sentinel) {
			r.Is = append(r.Is, i)
		}
	}
	return r
}

func (r Result) error() error {
	if r.Error == "" {
		return nil
	}
	all := []error{errors.New(r.Error)}
	for _, i := range r.Is {
		all = append(all, sentinels[i])
	}
	return errors.Join(all...)
}

// serveProcess is the life of such a process.
func serveProcess(dir string) {
	s := &Served{dir: dir}
	server := rpc.NewServer()
	if err := server.Register(s); err != nil {
		panic(err)
	}
	server.ServeConn(pipes{os.Stdin, os.Stdout})
	_ = s.Close(Order{}, &Result{})
	if s.mesh != nil {
		s.mesh.Close()
	}
}

// Served is what a process can be told to do. It is exported because package rpc asks for that.
type Served struct {
	dir  string
	mesh *Mesh

	mu    sync.Mutex // guards the fields below
	port  *counted
	layer *layer.Gossip
}

// Start opens the node.
func (s *Served) Start(o Order, r *Result) (err error) {
	opts := Options{
		Dir: s.dir, Bind: "127.0.0.1:0", Seeds: []string{o.Name}, Name: fmt.Sprint("process ", os.Getpid()), Timing: quick(),
		Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
	}
	calm(&opts)
	s.mesh, err = Open(context.Background(), opts)
	if err == nil {
		r.Texts = []string{s.mesh.ID(), s.mesh.Addr()}
	}
	return err
}

// Open makes the layer anew.
func (s *Served) Open(Order, *Result) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.port, s.layer = openLayer(s.mesh, layer.Options{})
	return nil
}

func (s *Served) now() (*layer.Gossip, *counted) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.layer, s.port
}

// Close closes the layer.
func (s *Served) Close(_ Order, r *Result) error {
	if l, _ := s.now(); l != nil {
		*r = failed(l.Close())
	}
	return nil
}

// Nodes are those with members of a group.
func (s *Served) Nodes(o Order, r *Result) error {
	l, _ := s.now()
	r.Texts = l.Nodes(o.Name)
	return nil
}

// Version is how far a node has told of its groups.
func (s *Served) Version(o Order, r *Result) error {
	l, _ := s.now()
	r.Version = l.Version(o.Name)
	return nil
}

// Traffic tells what went over the links.
func (s *Served) Traffic(_ Order, r *Result) error {
	l, port := s.now()
	r.Traffic, r.Frames = l.Traffic(), port.take()
	return nil
}

// Add puts a channel of this process into a group.
func (s *Served) Add(o Order, r *Result) error {
	l, _ := s.now()
	*r = failed(l.GroupAdd(o.context(), o.Name, o.Other))
	return nil
}

// Discard takes it out.
func (s *Served) Discard(o Order, r *Result) error {
	l, _ := s.now()
	*r = failed(l.GroupDiscard(o.context(), o.Name, o.Other))
	return nil
}

// Send sends to a channel, of whatever process.
func (s *Served) Send(o Order, r *Result) error { return s.send(o, r, (*layer.Gossip).Send) }

// GroupSend sends to a group.
func (s *Served) GroupSend(o Order, r *Result) error { return s.send(o, r, (*layer.Gossip).GroupSend) }

func (s *Served) send(o Order, r *Result, how func(*layer.Gossip, context.Context, string, *layer.Message) error) error {
	l, _ := s.now()
	var m *layer.Message
	if o.Message != nil {
		var err error
		if m, err = layer.ParseMessage(o.Message); err != nil {
			return err
		}
	}
	*r = failed(how(l, o.context(), o.Name, m))
	return nil
}

// Flush forgets what this process has of the layer.
func (s *Served) Flush(o Order, r *Result) error {
	l, _ := s.now()
	*r = failed(l.Flush(o.context()))
	return nil
}

func (o Order) context() context.Context {
	if !o.Ended {
		return context.Background()
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// openLayer makes a layer over the real links of a node.
func openLayer(m *Mesh, opts layer.Options) (*counted, *layer.Gossip) {
	port := &counted{Port: m.PromptPort("layer"), frames: map[string]int{}}
	return port, layer.NewGossip(layer.NewMemory(opts), port)
}

// counted is a port that counts the frames with messages that leave through it.
type counted struct {
	mesh.Port
	mu     sync.Mutex
	frames map[string]int // by peer
}

func (c *counted) Send(peer string, frame []byte) error {
	if len(frame) > 0 && frame[0] >= mesh.RestKind {
		c.mu.Lock()
		c.frames[peer]++
		c.mu.Unlock()
	}
	return c.Port.Send(peer, frame)
}

// take gives what was counted since it was asked last.
func (c *counted) take() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	frames := c.frames
	c.frames = map[string]int{}
	return frames
}

// pipes are one connection made of two files.
type pipes struct {
	in  interface{ Read([]byte) (int, error) }
	out interface {
		Write([]byte) (int, error)
		Close() error
	}
}

func (p pipes) Read(b []byte) (int, error)  { return p.in.Read(b) }
func (p pipes) Write(b []byte) (int, error) { return p.out.Write(b) }
func (p pipes) Close() error                { return p.out.Close() }

// remote is the layer of a process, as [layertest.Pair] wants it.
type remote struct{ *process }

func (p remote) Send(ctx context.Context, channel string, m *layer.Message) error {
	return p.send(ctx, "Send", channel, m)
}

func (p remote) GroupSend(ctx context.Context, group string, m *layer.Message) error {
	return p.send(ctx, "GroupSend", group, m)
}

func (p remote) send(ctx context.Context, what, name string, m *layer.Message) error {
	o := Order{Name: name, Ended: ctx.Err() != nil}
	if m != nil {
		o.Message = m.Bytes()
	}
	_, err := p.try(what, o)
	return err
}

func (p remote) Flush(ctx context.Context) error {
	_, err := p.try("Flush", Order{Ended: ctx.Err() != nil})
	return err
}

func (p remote) Close() error {
	_, err := p.try("Close", Order{})
	return err
}

func (p remote) Version(node string) mesh.Version {
	return p.call("Version", Order{Name: node}).Version
}
func (p remote) Traffic() layer.Traffic { return p.call("Traffic", Order{}).Traffic }

// wholeWith waits until the layer of this process and those of others, made a moment ago, know each other. That there is a link is not enough: it may
// still be for the layers from before.
func wholeWith(tb testing.TB, here *layer.Gossip, processes ...*process) {
	tb.Helper()
	lives := func(version func(node string) mesh.Version) (all []uint64) {
		all = append(all, version(here.Self()).Life)
		for _, p := range processes {
			all = append(all, version(p.id).Life)
		}
		return all
	}
	eventually(tb, 15*time.Second, func() bool {
		ours := lives(here.Version)
		for _, p := range processes {
			if !slices.Equal(lives(remote{p}.Version), ours) {
				return false
			}
		}
		return !slices.Contains(ours, 0)
	})
}
