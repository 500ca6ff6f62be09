package socket

import (
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Options are the limits of a Hub. A zero value of a field is its default.
type Options struct {
	// MaxFrame is the size of the largest message that a client may send, in bytes; a larger one ends the socket with
	// code 1009. By default 64 KiB.
	MaxFrame int64
	// MaxControls is how many pings and pongs a client may send in ten seconds; one more, and the socket is cut. Each ping
	// is answered, and a flood of them takes more than a core. By default 200, which is many times what clients send.
	MaxControls int
	// QueueBytes and QueueFrames bound what waits in one outbox. A socket that has more to write is cut. By default
	// 1 MiB and 4,096 frames.
	QueueBytes  int
	QueueFrames int
	// WriteWait is how long one write may take before the socket is cut; an eighth less for one that follows another. By
	// default 10 s.
	WriteWait time.Duration
	// PingPeriod is the time between pings, by default 20 s.
	PingPeriod time.Duration
	// PongWait is how long a client may be silent before the socket ends. It must be more than PingPeriod; by default 45 s.
	PongWait time.Duration
	// Total is how many sockets there may be. 0 is no limit.
	Total int
	// PerUser and PerAddress are how many sockets one user (guests are not counted) and one address may have. 0 is no limit.
	PerUser    int
	PerAddress int
	// CheckOrigin says whether the page that opens a socket may do so. By default it must come from the same host.
	CheckOrigin func(*http.Request) bool
	// Refuse answers a request that may not have a socket. By default the answer is one line of text.
	Refuse func(w http.ResponseWriter, r *http.Request, status int, why string)
	// Logger gets what an operator may look for; by default slog.Default().
	Logger *slog.Logger
}

func (o Options) withDefaults() Options {
	byDefault(&o.MaxFrame, 64<<10)
	byDefault(&o.MaxControls, 200)
	byDefault(&o.QueueBytes, 1<<20)
	byDefault(&o.QueueFrames, 4096)
	byDefault(&o.WriteWait, 10*time.Second)
	byDefault(&o.PingPeriod, 20*time.Second)
	byDefault(&o.PongWait, 45*time.Second)
	if o.CheckOrigin == nil {
		o.CheckOrigin = sameHost
	}
	if o.Refuse == nil {
		o.Refuse = func(w http.ResponseWriter, _ *http.Request, status int, why string) { http.Error(w, why, status) }
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return o
}

func byDefault[N ~int | ~int64](n *N, value N) {
	if *n == 0 {
		*n = value
	}
}

// sameHost lets in the pages of the host that the socket is opened on, and programs that are no browser: those send
// no Origin, and carry no cookies of somebody else's session.
func sameHost(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	from, err := url.Parse(origin)
	return err == nil && strings.EqualFold(from.Host, r.Host)
}
