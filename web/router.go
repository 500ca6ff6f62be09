package web

import "net/http"

// router is a mux that knows what was put into it: a test tries every route that it has, so that none comes in which nobody has thought about.
type router struct {
	mux      *http.ServeMux
	patterns []string // in the order in which they came
}

func newRouter() *router { return &router{mux: http.NewServeMux()} }

// Handle is that of the mux.
func (t *router) Handle(pattern string, h http.Handler) {
	t.patterns = append(t.patterns, pattern)
	t.mux.Handle(pattern, h)
}

// HandleFunc is that of the mux.
func (t *router) HandleFunc(pattern string, h http.HandlerFunc) { t.Handle(pattern, h) }
