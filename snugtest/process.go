package snugtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// process is a started binary.
type process struct {
	cmd     *exec.Cmd
	welcome chan string // what it printed first
	out     *output
	errors  *output
	ended   chan struct{} // closed when it has ended and all that it wrote was read
}

// launch starts the binary with the environment of the test, but none of its SNUG_… variables, and with no file of the machine. Via is a command that
// starts it, such as that of a [Host]; nil: none.
func launch(t testing.TB, via []string, binary string, args, env []string) (*process, error) {
	t.Helper()
	p := &process{welcome: make(chan string, 1), out: &output{}, errors: &output{}, ended: make(chan struct{})}
	p.out.first = p.welcome
	words := slices.Concat(via, []string{binary}, args)
	p.cmd = exec.Command(words[0], words[1:]...)
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.errors
	for _, entry := range os.Environ() {
		if !strings.HasPrefix(entry, "SNUG_") {
			p.cmd.Env = append(p.cmd.Env, entry)
		}
	}
	none := filepath.Join(t.TempDir(), "none.toml")
	if err := os.WriteFile(none, nil, 0o600); err != nil {
		return nil, err
	}
	p.cmd.Env = append(append(p.cmd.Env, "SNUG_CONFIG="+none), env...)
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = p.cmd.Wait() // the code tells
		close(p.ended)
	}()
	return p, nil
}

// quit ends a process that hangs so that it writes where each of its goroutines is.
func (p *process) quit() {
	_ = p.cmd.Process.Signal(syscall.SIGQUIT) // it may have ended
	select {
	case <-p.ended:
	case <-time.After(10 * time.Second):
		p.kill()
	}
}

func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may have ended
	<-p.ended
}

// code is the exit code of a process that has ended.
func (p *process) code() int { return p.cmd.ProcessState.ExitCode() }

// output keeps what a process writes.
type output struct {
	first chan<- string // gets the first write, which is whole: a pipe does not split short ones; nil: nobody wants it

	mu      sync.Mutex // guards what follows
	text    strings.Builder
	changed chan struct{} // closed at the next write; nil: nobody waits
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.first != nil {
		o.first <- string(b) // has room for one
		o.first = nil
	}
	if o.changed != nil {
		close(o.changed)
		o.changed = nil
	}
	return o.text.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// wait reports whether a text came within a time.
func (o *output) wait(text string, limit time.Duration) bool {
	end := time.After(limit)
	for {
		o.mu.Lock()
		found := strings.Contains(o.text.String(), text)
		if o.changed == nil {
			o.changed = make(chan struct{})
		}
		changed := o.changed
		o.mu.Unlock()
		if found {
			return true
		}
		select {
		case <-changed:
		case <-end:
			return false
		}
	}
}
