package cluster

import (
	"context"
	"log/slog"
	"net"
	"time"
)

// DefaultPort is the port of gossip and links, TCP and UDP. It is not the usual one of memberlist: rings of strangers have merged over that.
const DefaultPort = 7846

// Options say how a node takes part in a cluster. Dir is required.
type Options struct {
	// Dir holds the files node.id, cluster.key, cluster.json and peers.json. The first is made if missing, the second must be there:
	// made by [CreateSecret] or [Join].
	Dir string
	// Bind is the address to listen on, "0.0.0.0:7846" if empty. Port 0 takes any free port.
	Bind string
	// Advertise is where others reach this node, as host or host:port. If empty, it is the address in Bind, or one
	// that this machine has, which is logged.
	Advertise string
	// Seeds are addresses (host or host:port) to try besides those of the peers ever seen.
	Seeds []string
	// Discover also asks the local network for nodes of this cluster, by multicast DNS.
	Discover bool
	// Name is what people call this node; the host name if empty. It need not be unique.
	Name string
	// Version of the program, shown to people.
	Version string
	// Ails tells what keeps this node from storing anything: [NoTrouble], or one of the kinds from [DiskFull] to [DatabaseBusy]. It is asked often, and the
	// others are told. Nil: nothing does.
	Ails func() TroubleKind
	// Logger is told what happens; nil is slog.Default.
	Logger *slog.Logger
	// Timing is for tests; zero values are good.
	Timing Timing
	// Now is the wall clock, for tests; nil is time.Now.
	Now func() time.Time

	protocols protocolRange // for tests: what this node speaks
	network   network       // for tests: how it reaches others
}

// Timing has every duration that this package goes by. A zero value takes the default that stands with each.
type Timing struct {
	Heartbeat time.Duration // 1.5 s: how often each side of a link says something; silent for three times that, the link is dropped
	Down      time.Duration // 5 s: how long a link may be gone before the peer is
	Handshake time.Duration // 5 s: the most that setting up a link may take
	RedialMin time.Duration // 100 ms: first wait before a member is dialled again, doubled each time
	RedialMax time.Duration // 5 s
	RejoinMin time.Duration // 5 s: how often those that are missing are tried again, at random between this
	RejoinMax time.Duration // 15 s: and this; soon after a change faster, from a fifth of RejoinMin on
	Probe     time.Duration // 1 s: how often memberlist probes somebody
	Gossip    time.Duration // 200 ms: how often memberlist gossips
	PushPull  time.Duration // 5 s: how often memberlist compares everything with somebody
	Reclaim   time.Duration // 500 ms: how long a member must be dead before its id may have another address
	Stream    time.Duration // 5 s: the most that a TCP exchange of memberlist may take
	Discovery time.Duration // 60 s: how often the local network is asked
	Short     time.Duration // 3 s: how long nobody may answer before that is a trouble; what others think of this node may be wrong for ten times that
}

func (t Timing) withDefaults() Timing {
	for _, d := range []struct {
		field *time.Duration
		value time.Duration
	}{
		{&t.Heartbeat, 1500 * time.Millisecond},
		{&t.Down, 5 * time.Second},
		{&t.Handshake, 5 * time.Second},
		{&t.RedialMin, 100 * time.Millisecond},
		{&t.RedialMax, 5 * time.Second},
		{&t.RejoinMin, 5 * time.Second},
		{&t.RejoinMax, 15 * time.Second},
		{&t.Probe, time.Second},
		{&t.Gossip, 200 * time.Millisecond},
		{&t.PushPull, 5 * time.Second},
		{&t.Reclaim, 500 * time.Millisecond},
		{&t.Stream, 5 * time.Second},
		{&t.Discovery, time.Minute},
		{&t.Short, 3 * time.Second},
	} {
		if *d.field <= 0 {
			*d.field = d.value
		}
	}
	return t
}

// network is how a node reaches others. Tests put themselves in between to cut it.
type network interface {
	dial(ctx context.Context, addr string) (net.Conn, error)
	// pass says whether a packet may go to the address.
	pass(addr string) bool
}

// realNetwork is the one outside.
type realNetwork struct{}

func (realNetwork) dial(ctx context.Context, addr string) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, "tcp", addr)
}

func (realNetwork) pass(string) bool { return true }
