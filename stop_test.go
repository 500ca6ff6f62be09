package main

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"

	"snug/snugtest"
)

func TestStopTellsSocketsToComeBackAndKeepsEverything(t *testing.T) {
	t.Parallel()
	s := snugtest.Start(t, snugtest.Options{})
	ada := snugtest.SignUp(t, s.URL, "ada", password)
	socket := snugtest.Dial(t, ada, s.URL+"/ws/")
	socket.Ask(t, snugtest.Frame{"type": "join", "room": "lobby"})
	if ack := socket.Ask(t, snugtest.Frame{"type": "post", "room": "lobby", "message": "before"}); ack["type"] != "ack" {
		t.Fatalf("posting was answered with %v", ack)
	}
	s.Signal(syscall.SIGTERM)
	if code := closeCode(t, socket); code != websocket.StatusServiceRestart {
		t.Errorf("the socket was closed with %d, want 1012", code)
	}
	if code := s.Wait(); code != 0 {
		t.Errorf("the exit code is %d", code)
	}
	if _, err := os.Stat(filepath.Join(s.Dir, "snug.db-wal")); err == nil {
		t.Error("the write-ahead log was left behind: the store was not closed")
	}
	s.Restart()
	joined := snugtest.Dial(t, ada, s.URL+"/ws/").Ask(t, snugtest.Frame{"type": "join", "room": "lobby"})
	if messages := joined.Frames("messages"); len(messages) != 1 || messages[0].Text("message") != "before" {
		t.Errorf("after the restart the room holds %v", messages)
	}
	s.Stop()
}

// closeCode reads until the server closes the socket.
func closeCode(t *testing.T, socket *snugtest.Socket) websocket.StatusCode {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		if _, err := socket.Receive(ctx); err != nil {
			return websocket.CloseStatus(err)
		}
	}
}

func TestInterruptAndHangUpStopToo(t *testing.T) {
	t.Parallel()
	for _, sig := range []os.Signal{os.Interrupt, syscall.SIGHUP} {
		s := snugtest.Start(t, snugtest.Options{})
		s.Signal(sig)
		if code := s.Wait(); code != 0 {
			t.Errorf("%v: the exit code is %d", sig, code)
		}
	}
}

func TestLogThatNobodyReadsStopsNothing(t *testing.T) {
	t.Parallel()
	cmd := exec.Command(snugtest.Build(t), "--listen", "localhost:0", "--data", filepath.Join(t.TempDir(), "data"))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	log, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() }) // in most runs it has ended
	var address string
	if _, err := fmt.Fscanf(out, "Snug is at %s\n", &address); err != nil {
		t.Fatal(err)
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address+"healthz", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = "evil.example" // is logged
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

func TestSecondSignalEndsAtOnce(t *testing.T) {
	t.Parallel()
	s := snugtest.Start(t, snugtest.Options{Args: []string{"--set", "server.shutdown_timeout=10m", "--set", "limits.request_timeout=10m"}})
	// A form that is never finished keeps the server waiting for it.
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", u.Host)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "POST /log_in/ HTTP/1.1\r\nHost: %s\r\nContent-Type: application/x-www-form-urlencoded\r\nExpect: 100-continue\r\nContent-Length: 100\r\n\r\n", u.Host)
	if _, err := conn.Read(make([]byte, 1)); err != nil { // "100 Continue": the handler waits for the form
		t.Fatal(err)
	}
	s.Signal(syscall.SIGTERM)
	s.WaitStderr("stopping")
	s.Signal(syscall.SIGTERM)
	if code := s.Wait(); code != -1 {
		t.Errorf("the exit code is %d, want an end by the signal", code)
	}
}

func TestTheFirstAdminIsMadeByTheLinkOnce(t *testing.T) {
	t.Parallel()
	s := snugtest.Start(t, snugtest.Options{})
	if s.Setup == "" {
		t.Fatal("the first start prints no link for the admin")
	}
	link, err := url.Parse(s.Setup)
	if err != nil {
		t.Fatal(err)
	}
	form := url.Values{"username": {"root"}, "password1": {password}, "setup": {link.Query().Get("setup")}}
	if code := submit(t, s.URL+"/sign_up/", form); code != http.StatusSeeOther {
		t.Errorf("the link was answered with %d", code)
	}
	form.Set("username", "second")
	if code := submit(t, s.URL+"/sign_up/", form); code == http.StatusSeeOther {
		t.Error("the link worked twice")
	}
	s.Stop()
	s.Restart()
	if s.Setup != "" {
		t.Errorf("there is an admin, and the start prints %s", s.Setup)
	}
}

// submit sends a form and follows nothing.
func submit(t *testing.T, address string, form url.Values) int {
	t.Helper()
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	defer client.CloseIdleConnections()
	response, err := client.PostForm(address, form)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, response.Body)
	return response.StatusCode
}

func TestOneProcessForEachDirectoryAndAddress(t *testing.T) {
	t.Parallel()
	s := snugtest.Start(t, snugtest.Options{})
	host := strings.TrimPrefix(s.URL, "http://")
	refused(t, snugtest.Run(t, "serve", "--listen", "localhost:0", "--data", s.Dir),
		fmt.Sprintf("process %d ", s.Pid()), s.Dir, "stop that process, or choose another directory with --data DIR")
	refused(t, snugtest.Run(t, "serve", "--listen", host, "--data", t.TempDir()),
		"address already in use", host[strings.Index(host, ":"):], "choose another address with --listen ADDR")
	snugtest.SignUp(t, s.URL, "ada", password) // the first one noticed nothing
}

// refused checks that a start ended with one line that holds certain words.
func refused(t *testing.T, r snugtest.Result, words ...string) {
	t.Helper()
	if r.Code != 1 || r.Out != "" || strings.Count(r.Err, "\n") != 1 {
		t.Errorf("code %d, output %q, and these errors, where one line was wanted:\n%s", r.Code, r.Out, r.Err)
	}
	for _, w := range words {
		if !strings.Contains(r.Err, w) {
			t.Errorf("the error does not say %q:\n%s", w, r.Err)
		}
	}
}

func TestDatabaseOfANewerSnugIsLeftAlone(t *testing.T) {
	t.Parallel()
	s := snugtest.Start(t, snugtest.Options{})
	s.Stop()
	path := filepath.Join(s.Dir, "snug.db")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec("PRAGMA user_version = 999"); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	refused(t, snugtest.Run(t, "serve", "--listen", "localhost:0", "--data", s.Dir), "schema version 999", "use a newer Snug")
	after, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(before) != string(after) {
		t.Error("the database was changed")
	}
}
