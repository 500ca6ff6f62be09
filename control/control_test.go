package control

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

type greeting struct {
	Name string `json:"name"`
}

func serve(t *testing.T, dir string, handlers Handlers) *Server {
	t.Helper()
	s, err := Listen(dir, handlers, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func greet(_ context.Context, in greeting) (greeting, error) {
	if in.Name == "" {
		return greeting{}, errors.New("nobody to greet")
	}
	return greeting{"Hello " + in.Name}, nil
}

func TestRequestIsAnswered(t *testing.T) {
	dir := t.TempDir()
	serve(t, dir, Handlers{"greet": Handle(greet)})
	var out greeting
	if err := Dial(dir).Ask(t.Context(), "greet", greeting{"Ada"}, &out); err != nil || out.Name != "Hello Ada" {
		t.Errorf("the answer is %q, %v", out.Name, err)
	}
	if err := Dial(dir).Ask(t.Context(), "greet", greeting{"Ada"}, nil); err != nil {
		t.Errorf("an answer that nobody wants: %v", err)
	}
}

func TestErrorOfTheServerArrivesAsItsText(t *testing.T) {
	dir := t.TempDir()
	serve(t, dir, Handlers{"greet": Handle(greet), "odd": func(context.Context, json.RawMessage) (any, error) { return func() {}, nil }})
	var said *Error
	if err := Dial(dir).Ask(t.Context(), "greet", greeting{}, nil); !errors.As(err, &said) || said.Text != "nobody to greet" {
		t.Errorf("got %v", err)
	}
	if err := Dial(dir).Ask(t.Context(), "greet", 5, nil); !errors.As(err, &said) || !strings.Contains(said.Text, "read the request") {
		t.Errorf("a request of another type: %v", err)
	}
	if err := Dial(dir).Ask(t.Context(), "greet", strings.Repeat("a", maxBody+1), nil); !errors.As(err, &said) {
		t.Errorf("a request that is too large: %v", err)
	}
	if err := Dial(dir).Ask(t.Context(), "odd", nil, nil); !errors.As(err, &said) || !strings.Contains(said.Text, "log") {
		t.Errorf("an answer that is no JSON: %v", err)
	}
}

func TestUnknownRequestIsToldFromAnError(t *testing.T) {
	dir := t.TempDir()
	serve(t, dir, Handlers{"greet": Handle(greet)})
	if err := Dial(dir).Ask(t.Context(), "dance", nil, nil); !errors.Is(err, ErrUnknown) {
		t.Errorf("got %v", err)
	}
}

func TestNoServerIsSaid(t *testing.T) {
	empty, left := t.TempDir(), t.TempDir()
	l, err := net.Listen("unix", filepath.Join(left, fileName))
	if err != nil {
		t.Fatal(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	l.Close()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for what, dir := range map[string]string{
		"an empty directory": empty, "no directory": filepath.Join(empty, "none"), "a socket that was left behind": left, "a file": file,
	} {
		if err := Dial(dir).Ask(t.Context(), "greet", nil, nil); !errors.Is(err, ErrNoServer) || !strings.Contains(err.Error(), dir) {
			t.Errorf("with %s: %v", what, err)
		}
	}
}

func TestSocketIsPrivateAndGoneAtTheEnd(t *testing.T) {
	dir := t.TempDir()
	s := serve(t, dir, nil)
	info, err := os.Stat(filepath.Join(dir, fileName))
	if err != nil {
		t.Fatal(err)
	}
	if mode := info.Mode(); mode.Perm() != 0o600 || mode.Type() != fs.ModeSocket {
		t.Errorf("the mode is %v", mode)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) > 0 {
		t.Errorf("the directory holds %v, %v", left, err)
	}
}

func TestSocketLeftBehindIsReplaced(t *testing.T) {
	dir := t.TempDir()
	first := serve(t, dir, nil)
	serve(t, dir, Handlers{"greet": Handle(greet)})
	if err := Dial(dir).Ask(t.Context(), "greet", greeting{"Ada"}, nil); err != nil {
		t.Errorf("the new server is not reached: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Error(err)
	}
	if err := Dial(dir).Ask(t.Context(), "greet", greeting{"Ada"}, nil); err != nil {
		t.Errorf("the end of the old server took the new one's socket: %v", err)
	}
}

func TestLongPathOfTheDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), strings.Repeat("long", 40))
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	serve(t, dir, Handlers{"greet": Handle(greet)})
	if err := Dial(dir).Ask(t.Context(), "greet", greeting{"Ada"}, nil); err != nil {
		t.Error(err)
	}
}

func TestDirectoryThatCannotHoldASocket(t *testing.T) {
	if s, err := Listen(filepath.Join(t.TempDir(), "none"), nil, slog.New(slog.DiscardHandler)); err == nil {
		s.Close()
		t.Error("there is a server in no directory")
	}
}

func TestCloseEndsRequestsUnderWay(t *testing.T) {
	dir := t.TempDir()
	begun := make(chan struct{})
	s := serve(t, dir, Handlers{"wait": Handle(func(ctx context.Context, _ any) (any, error) {
		close(begun)
		<-ctx.Done()
		return nil, ctx.Err()
	})})
	asked := make(chan error, 1)
	go func() { asked <- Dial(dir).Ask(context.Background(), "wait", nil, nil) }()
	<-begun
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := <-asked; err == nil {
		t.Error("a request that was cut off is answered")
	}
}

func TestServerThatDiesBeforeItAnswersIsToldPlainly(t *testing.T) {
	for _, said := range []string{"", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"} {
		dir := t.TempDir()
		l, err := net.Listen("unix", filepath.Join(dir, fileName))
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = http.ReadRequest(bufio.NewReader(conn)) // else what is not read makes it a reset
			_, _ = io.WriteString(conn, said)
			_ = conn.Close()
		}()
		err = Dial(dir).Ask(t.Context(), "greet", greeting{"Ada"}, nil)
		if !errors.Is(err, ErrBroken) || !strings.Contains(err.Error(), "look before you try again") {
			t.Errorf("after %q the command says: %v", said, err)
		}
		_ = l.Close()
		<-done
	}
}
