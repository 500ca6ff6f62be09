package snugtest

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// startWait is how long a server may take to say where it is, or to end.
const startWait = time.Minute

// Options say how a server is started. The zero value is a server on a free port of localhost, with a new data directory.
type Options struct {
	Args []string // flags of snug serve; --listen and --data need not be among them
	Env  []string // SNUG_… variables; those of the test itself are not handed on
	Dir  string   // the data directory; "": a new one
	Via  []string // the command that starts it, such as [Host.Via]; nil: none

	Binary string // what [BuildTo] made; "": that of [Build]
}

// Server is a running snug serve.
type Server struct {
	URL   string // http://localhost:PORT or https://…, without a slash at the end
	Dir   string // the data directory
	Setup string // the link that makes the first admin, "" if there is one
	Said  string // all that it says at its start

	t       testing.TB
	options Options
	listen  string
	process *process
	earlier string // what processes before this one have logged
}

// Start starts a server and waits until it says where it is.
func Start(t testing.TB, o Options) *Server {
	t.Helper()
	s := &Server{t: t, options: o, Dir: o.Dir, listen: "localhost:0"}
	if s.Dir == "" {
		s.Dir = filepath.Join(t.TempDir(), "data")
	}
	t.Cleanup(func() {
		if s.process == nil {
			return
		}
		s.process.kill()
		if t.Failed() {
			t.Logf("snug logged:\n%s%s", s.earlier, s.Stderr())
		}
	})
	if s.options.Binary == "" {
		s.options.Binary = Build(t)
	}
	s.start()
	return s
}

// Restart starts the server again after [Server.Stop] or [Server.Kill], with the same data and address.
func (s *Server) Restart() {
	s.t.Helper()
	s.earlier += s.Stderr() + "--- restart ---\n"
	s.start()
}

func (s *Server) start() {
	s.t.Helper()
	args := append([]string{"serve", "--listen", s.listen, "--data", s.Dir}, s.options.Args...)
	p, err := launch(s.t, s.options.Via, s.options.Binary, args, s.options.Env)
	if err != nil {
		s.t.Fatal(err)
	}
	s.process, s.Setup = p, ""
	select {
	case welcome := <-p.welcome:
		s.read(welcome)
	case <-p.ended:
		s.t.Fatalf("snug ended at its start, with code %d:\n%s", p.code(), p.errors)
	case <-time.After(startWait):
		p.quit()
		s.t.Fatalf("snug did not say where it is:\n%s", p.errors)
	}
}

// read finds the addresses in what the server says at its start.
func (s *Server) read(welcome string) {
	s.t.Helper()
	s.Said = welcome
	for word := range strings.FieldsSeq(welcome) {
		u, err := url.Parse(word)
		switch {
		case err != nil || (u.Scheme != "http" && u.Scheme != "https"):
		case u.Query().Has("setup"):
			s.Setup = word
		case s.URL == "":
			s.URL, s.listen = strings.TrimSuffix(word, "/"), u.Host
		}
	}
	if s.URL == "" {
		s.t.Fatalf("snug printed no address:\n%s", welcome)
	}
}

// Kill ends the server as a power cut would, with SIGKILL, and waits until it is gone.
func (s *Server) Kill() {
	s.t.Helper()
	s.process.kill()
}

// Stop asks the server to stop, with SIGTERM, and fails the test unless it ends well.
func (s *Server) Stop() {
	s.t.Helper()
	s.Signal(syscall.SIGTERM)
	if code := s.Wait(); code != 0 {
		s.t.Errorf("snug stopped with code %d:\n%s", code, s.Stderr())
	}
}

// Signal sends a signal to the server.
func (s *Server) Signal(sig os.Signal) {
	s.t.Helper()
	if err := s.process.cmd.Process.Signal(sig); err != nil {
		s.t.Fatal(err)
	}
}

// Wait waits until the server has ended. Its exit code is -1 if a signal ended it.
func (s *Server) Wait() int {
	s.t.Helper()
	select {
	case <-s.process.ended:
	case <-time.After(startWait):
		s.process.quit()
		s.t.Fatalf("snug did not end:\n%s", s.Stderr())
	}
	return s.process.code()
}

// Pid is the process id of the running server.
func (s *Server) Pid() int { return s.process.cmd.Process.Pid }

// Stderr is what the server has logged since its last start.
func (s *Server) Stderr() string { return s.process.errors.String() }

// WaitStderr waits until the server has logged a text.
func (s *Server) WaitStderr(text string) {
	s.t.Helper()
	if !s.process.errors.wait(text, startWait) {
		s.t.Fatalf("snug never logged %q:\n%s", text, s.Stderr())
	}
}

// Result is what a command that ended by itself left behind.
type Result struct {
	Code     int
	Out, Err string
}

// Run runs snug with arguments until it ends.
func Run(t testing.TB, args ...string) Result {
	t.Helper()
	return run(t, nil, args)
}

func run(t testing.TB, via, args []string) Result {
	t.Helper()
	p, err := launch(t, via, Build(t), args, nil)
	if err != nil {
		t.Fatal(err)
	}
	select {
	case <-p.ended:
	case <-time.After(startWait):
		p.quit()
		t.Fatalf("snug %s did not end:\n%s", strings.Join(args, " "), p.errors)
	}
	return Result{Code: p.code(), Out: p.out.String(), Err: p.errors.String()}
}
