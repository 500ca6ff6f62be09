package cluster

import (
	"context"
	"log/slog"
)

// maxLines is how many lines may wait for the log; more are lost. They are written by a goroutine of their own because most are found out
// while a lock is held that everything waits for, and the reader of a log may stand still.
const maxLines = 256

type line struct {
	level slog.Level
	text  string
	args  []any
}

// note logs without waiting.
func (m *Mesh) note(level slog.Level, text string, args ...any) {
	select {
	case m.lines <- line{level, text, args}:
	default:
	}
}

func (m *Mesh) logLoop() {
	for {
		select {
		case l := <-m.lines:
			m.write(l)
		case <-m.ctx.Done():
			for len(m.lines) > 0 {
				m.write(<-m.lines)
			}
			return
		}
	}
}

func (m *Mesh) write(l line) { m.log.Log(context.WithoutCancel(m.ctx), l.level, l.text, l.args...) }
