package web

import (
	"context"
	"io"
	"net/http"
	"time"
)

// readyWait bounds the trial write of a readiness check, so that a stuck disk is an answer too.
const readyWait = 3 * time.Second

// getHealth says that the process is alive.
// Pages of other nodes may ask it too, before they go here.
func (s *Server) getHealth(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Access-Control-Allow-Origin", "*")
	plain(w, http.StatusOK, "ok")
}

// getReady says whether this server should get work: it is not stopping, and its store takes writes.
func (s *Server) getReady(w http.ResponseWriter, r *http.Request) {
	if s.stopping.Load() {
		plain(w, http.StatusServiceUnavailable, "the server is stopping")
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), readyWait)
	defer cancel()
	if err := s.ready(ctx); err != nil {
		s.logger.Warn("not ready", "error", err)
		plain(w, http.StatusServiceUnavailable, "the store cannot be written: "+err.Error())
		return
	}
	plain(w, http.StatusOK, "ready")
}

// plain answers a program with a line of text.
func plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text+"\n") // the reader may be gone; nothing to do about it
}
