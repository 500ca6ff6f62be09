package store

import (
	"log/slog"
	"runtime/debug"
	"sync"
)

// watchers are the functions to tell of new rows.
type watchers struct {
	mu   sync.Mutex
	next int
	// fns is never changed in place, so that call needs no lock while it calls.
	fns []watcher
}

type watcher struct {
	number int
	fn     func([]Row)
}

func (ws *watchers) add(fn func([]Row)) (stop func()) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	ws.next++
	number := ws.next
	ws.fns = append(ws.fns[:len(ws.fns):len(ws.fns)], watcher{number, fn})
	return func() {
		ws.mu.Lock()
		defer ws.mu.Unlock()
		var rest []watcher
		for _, w := range ws.fns {
			if w.number != number {
				rest = append(rest, w)
			}
		}
		ws.fns = rest
	}
}

func (ws *watchers) call(logger *slog.Logger, rows []Row) {
	ws.mu.Lock()
	fns := ws.fns
	ws.mu.Unlock()
	for _, w := range fns {
		w.call(logger, rows)
	}
}

// call keeps a watcher that panics from taking the writer with it: the rows are
// stored, whatever becomes of the news.
func (w watcher) call(logger *slog.Logger, rows []Row) {
	defer func() {
		if p := recover(); p != nil {
			logger.Error("watcher of the store panicked", "panic", p, "stack", string(debug.Stack()))
		}
	}()
	w.fn(rows)
}
