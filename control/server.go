package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

const (
	// headWait is how long a request may take to say what it wants. Commands send it at once.
	headWait = 5 * time.Second
	// stopWait is how long requests under way may take when the server stops.
	stopWait = time.Second
)

// Server answers requests on the socket of a directory, from [Listen] to Close.
type Server struct {
	path   string
	made   os.FileInfo // the socket, to tell it from one that another process made since
	http   *http.Server
	cancel context.CancelFunc
	done   chan struct{} // closed when nothing is accepted any more
}

// Listen makes the socket of a directory and answers requests on it. A socket that is there already is replaced: the caller sees to it
// that there is one server for each directory.
func Listen(dir string, handlers Handlers, logger *slog.Logger) (*Server, error) {
	l, err := listen(dir)
	if err != nil {
		return nil, fmt.Errorf("make the control socket in %s: %w", dir, err)
	}
	path := filepath.Join(dir, fileName)
	made, err := os.Lstat(path)
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	ctx, cancel := context.WithCancel(context.Background())
	s := &Server{path: path, made: made, cancel: cancel, done: make(chan struct{})}
	s.http = &http.Server{
		Handler:           handlers.mux(logger),
		ReadHeaderTimeout: headWait,
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelWarn),
		BaseContext:       func(net.Listener) context.Context { return ctx },
	}
	go func() {
		defer close(s.done)
		if err := s.http.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			logger.Error("the control socket is closed; commands cannot reach this server any more", "error", err)
		}
	}()
	return s, nil
}

// listen makes the socket where nobody else can open it, and moves it to its place when it is private: there is no moment in which
// others could.
func listen(dir string) (net.Listener, error) {
	private, err := os.MkdirTemp(dir, ".control-") // with mode 0700
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(private)
	var l *net.UnixListener
	err = atPath(private, fileName, func(path string) (err error) {
		l, err = net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
		return err
	})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false) // it would remove what is at the path of today
	made := filepath.Join(private, fileName)
	if err = os.Chmod(made, 0o600); err == nil {
		err = os.Rename(made, filepath.Join(dir, fileName))
	}
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// Close removes the socket, and ends requests that do not end by themselves soon.
func (s *Server) Close() error {
	// Another process may have put its own socket there, if it was told to use the directory by force.
	if now, err := os.Lstat(s.path); err == nil && os.SameFile(now, s.made) {
		_ = os.Remove(s.path) // one that stays is replaced at the next start
	}
	ctx, cancel := context.WithTimeout(context.Background(), stopWait)
	defer cancel()
	err := s.http.Shutdown(ctx)
	s.cancel()
	if err != nil {
		err = s.http.Close()
	}
	<-s.done
	return err
}

func (handlers Handlers) mux(logger *slog.Logger) http.Handler {
	mux := http.NewServeMux()
	for name, handle := range handlers {
		mux.HandleFunc("POST /"+name, func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
			if err != nil {
				answer(w, logger, http.StatusBadRequest, problem{err.Error()})
				return
			}
			out, err := handle(r.Context(), body)
			if err != nil {
				answer(w, logger, http.StatusUnprocessableEntity, problem{err.Error()})
				return
			}
			answer(w, logger, http.StatusOK, out)
		})
	}
	return mux
}

func answer(w http.ResponseWriter, logger *slog.Logger, status int, out any) {
	body, err := json.Marshal(out)
	if err != nil {
		logger.Error("answer of the control socket could not be written", "error", err)
		status, body = http.StatusInternalServerError, []byte(`{"error":"the answer could not be written; the reason is in the log"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body) // who asked may be gone
}
