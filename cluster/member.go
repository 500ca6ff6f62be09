package cluster

import "time"

// State says what is known of a member.
type State string

// The states of a member.
const (
	Alive   State = "alive"   // there is a link, and something was heard over it lately
	Suspect State = "suspect" // gossip has not given it up, but there is no link or nothing was heard
	Dead    State = "dead"    // out of reach
	Left    State = "left"    // said goodbye
	Unknown State = "unknown" // an address that was given as a seed, and nothing known has answered there yet; any node, once this one has left
)

// Member is a node of the cluster as this one sees it, or a seed that has not answered: then ID is empty.
type Member struct {
	ID      string
	Name    string
	Addr    string // host:port
	Version string
	URL     string // where browsers find it, as it says; "" if it says nothing
	Self    bool
	State   State
	Since   time.Time // of this State; zero where that is not known
	Seen    time.Time // when something was last heard over a link; zero: never since this process started

	RTT          time.Duration // the shortest of the last round trips over the link; 0: not measured
	ClockDiff    time.Duration // how far its clock is ahead of ours
	QueuedBytes  int           // waiting to be sent to it
	QueuedFrames int
	FramesBad    uint64 // about the cluster itself, that it sent since this process started and that make no sense

	Trouble Trouble // zero: none
}

// unattended is what a node that has left can say of a member: who it is, but not how.
func (mb Member) unattended() Member {
	return Member{ID: mb.ID, Name: mb.Name, Addr: mb.Addr, Version: mb.Version, URL: mb.URL, State: Unknown, Seen: mb.Seen, FramesBad: mb.FramesBad}
}
