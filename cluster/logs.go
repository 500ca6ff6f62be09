package cluster

import (
	"log"
	"log/slog"
	"strings"
)

// libraryLog turns the lines of memberlist and mdns into records. All are of level debug: what an operator must know of
// them, this package finds out itself and says once, in words; they say it for each packet.
type libraryLog struct{ log *slog.Logger }

func newLibraryLog(l *slog.Logger) *log.Logger { return log.New(libraryLog{l}, "", 0) }

func (l libraryLog) Write(line []byte) (int, error) {
	text := strings.TrimSpace(string(line))
	level := ""
	if rest, ok := strings.CutPrefix(text, "["); ok {
		if name, after, found := strings.Cut(rest, "] "); found {
			level, text = name, after
		}
	}
	from, text, found := strings.Cut(text, ": ")
	if !found {
		from, text = "", from
	}
	l.log.Debug("gossip", "said", text, "by", from, "as", level)
	return len(line), nil
}
