package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// server is the measured process.
type server struct {
	cmd    *exec.Cmd
	binary string
	pin    bool
	nice   bool     // of lower priority than this program
	args   []string // besides --listen and --data
	host   *host    // nil: this machine
	addr   string   // host:port
	data   string
	done   chan error
}

// build makes the server's binary from this checkout, unless the options name one.
func build(ctx context.Context, o options) (path string, clean func(), err error) {
	if o.binary != "" {
		return o.binary, func() {}, nil
	}
	dir, err := os.MkdirTemp("", "snug-bench-")
	if err != nil {
		return "", nil, err
	}
	path = filepath.Join(dir, "snug")
	fmt.Fprintln(os.Stderr, "building the server")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", path, "snug")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		os.RemoveAll(dir)
		return "", nil, fmt.Errorf("build the server: %w\n%s", err, out)
	}
	return path, func() { os.RemoveAll(dir) }, nil
}

// start runs a server on a new data directory.
func start(ctx context.Context, o options, binary string) (*server, error) {
	data, err := os.MkdirTemp("", "snug-bench-data-")
	if err != nil {
		return nil, err
	}
	s := &server{binary: binary, pin: o.pin, data: data}
	if err := s.run(ctx); err != nil {
		return nil, errors.Join(err, s.remove())
	}
	return s, nil
}

// run starts the process with limits off and waits until it says where it is.
func (s *server) run(ctx context.Context) error {
	cmd := s.command(context.Background(), append([]string{"serve", "--listen", "127.0.0.1:0", "--data", s.data}, s.args...)...)
	cmd.Env = os.Environ()
	for _, limit := range []string{"SOCKETS_PER_ADDRESS", "SOCKETS_PER_USER", "MESSAGES_PER_SECOND", "LOGINS_PER_MINUTE", "SIGNUPS_PER_HOUR", "ROOMS_PER_HOUR"} {
		cmd.Env = append(cmd.Env, "SNUG_LIMITS_"+limit+"=0")
	}
	if s.pin {
		cmd.Env = append(cmd.Env, "GOMAXPROCS=1")
	}
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start the server: %w", err)
	}
	s.cmd, s.addr, s.done = cmd, "", make(chan error, 1)
	lines := bufio.NewScanner(out)
	for s.addr == "" && lines.Scan() {
		if i := strings.Index(lines.Text(), "http://"); i >= 0 {
			if u, err := url.Parse(strings.Fields(lines.Text()[i:])[0]); err == nil {
				s.addr = u.Host
			}
		}
	}
	go func() {
		for lines.Scan() { // whatever else it prints must not fill the pipe
		}
		s.done <- cmd.Wait()
	}()
	if s.addr == "" {
		return errors.Join(errors.New("the server did not print its address"), s.stop())
	}
	if s.pin {
		if err := pinApart(cmd.Process.Pid); err != nil {
			return errors.Join(err, s.stop())
		}
	}
	return ctx.Err()
}

// command runs the binary where the server is.
func (s *server) command(ctx context.Context, args ...string) *exec.Cmd {
	if s.nice {
		return exec.CommandContext(ctx, "nice", append([]string{s.binary}, args...)...) // ten steps lower
	}
	if s.host == nil {
		return exec.CommandContext(ctx, s.binary, args...)
	}
	return exec.CommandContext(ctx, "ip", append([]string{"netns", "exec", s.host.namespace, s.binary}, args...)...)
}

// dial opens a WebSocket on the server.
func (s *server) dial(ctx context.Context, path string, cookie *http.Cookie) (*client, error) {
	return dial(ctx, s.host, s.addr, path, cookie)
}

// restart gives the same data to a new process, which carries none of the old one's garbage.
func (s *server) restart(ctx context.Context) error {
	if err := s.stop(); err != nil {
		return err
	}
	return s.run(ctx)
}

func (s *server) stop() error {
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case err := <-s.done:
		return err
	case <-time.After(15 * time.Second):
		return errors.Join(errors.New("the server did not stop within 15 s"), s.cmd.Process.Kill())
	}
}

func (s *server) remove() error { return os.RemoveAll(s.data) }

// pinApart keeps the server on core 0 and this program on the others, where there are others.
func pinApart(pid int) error {
	var first, rest unix.CPUSet
	first.Set(0)
	for cpu := 1; cpu < runtime.NumCPU(); cpu++ {
		rest.Set(cpu)
	}
	if err := pinThreads(pid, &first); err != nil {
		return err
	}
	if rest.Count() == 0 {
		return nil
	}
	return pinThreads(os.Getpid(), &rest)
}

// pinThreads pins every thread there is; later ones inherit it from the thread that makes them.
func pinThreads(pid int, set *unix.CPUSet) error {
	tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		return fmt.Errorf("pin process %d: %w", pid, err)
	}
	for _, task := range tasks {
		tid, err := strconv.Atoi(task.Name())
		if err != nil {
			continue
		}
		if err := unix.SchedSetaffinity(tid, set); err != nil && !errors.Is(err, unix.ESRCH) {
			return fmt.Errorf("pin process %d: %w", pid, err)
		}
	}
	return nil
}

// cpu is the processor time the server has used, user and system together; the kernel counts it in hundredths of a second.
func (s *server) cpu() (time.Duration, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
	var ticks int64
	for _, f := range fields[11:13] { // utime, stime: proc_pid_stat(5)
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond, nil
}

// memory is the server's resident set in bytes.
func (s *server) memory() (int64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", s.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	pages, err := strconv.ParseInt(strings.Fields(string(b))[1], 10, 64)
	return pages * int64(os.Getpagesize()), err
}

// signUp makes n accounts and returns their session cookies. The server hashes each password, so a thousand take half a minute.
func (s *server) signUp(ctx context.Context, n int) ([]*http.Cookie, error) {
	cookies := make([]*http.Cookie, n)
	client := &http.Client{Transport: &http.Transport{DialContext: s.host.dial}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	var (
		wg    sync.WaitGroup
		mu    sync.Mutex
		first error
		made  int
	)
	next := make(chan int)
	for range 8 {
		wg.Go(func() {
			for i := range next {
				cookie, err := s.signUpOne(ctx, client, fmt.Sprintf("person%05d", i))
				mu.Lock()
				cookies[i] = cookie
				if err != nil && first == nil {
					first = err
				}
				if made++; made%250 == 0 || made == n {
					fmt.Fprintf(os.Stderr, "signed up %d of %d people\n", made, n)
				}
				mu.Unlock()
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
	return cookies, first
}

func (s *server) signUpOne(ctx context.Context, client *http.Client, name string) (*http.Cookie, error) {
	form := url.Values{"username": {name}, "password1": {"correct horse " + name + " staple"}}
	form.Set("password2", form.Get("password1"))
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+s.addr+"/sign_up/", strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	for _, c := range res.Cookies() {
		if strings.HasSuffix(c.Name, "snug") && c.Value != "" {
			return c, nil
		}
	}
	return nil, fmt.Errorf("sign up %s: no session, status %s", name, res.Status)
}
