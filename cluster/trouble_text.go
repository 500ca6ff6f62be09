package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"time"
)

// maxClockDiff is from where on a difference of clocks is told.
const maxClockDiff = time.Minute

func udpTrouble(r *record) Trouble {
	return Trouble{UDPBlocked, fmt.Sprintf("%s (%s) answers over TCP, but not over UDP: let UDP through to the same port in the firewalls on the way",
		r.label(), r.addr)}
}

func versionTrouble(name, theirs, ours string) Trouble {
	return Trouble{VersionMismatch, fmt.Sprintf("%s runs version %s, which cannot talk to version %s here: upgrade the older one", name, or(theirs, "unknown"), or(ours, "unknown"))}
}

func clockTrouble(name string, diff time.Duration) Trouble {
	way := "ahead of"
	if diff < 0 {
		way = "behind"
	}
	return Trouble{ClockOff, fmt.Sprintf("the clock of %s is %s %s the one here: let both follow a time server", name, diff.Abs().Round(time.Second), way)}
}

func movedTrouble(other string) Trouble {
	return Trouble{AddressConflict, fmt.Sprintf("the other nodes still expect this one at %s: if it has moved from there, they will accept it in some seconds", other)}
}

// fencedTrouble is what a node says of itself.
func fencedTrouble(other string) Trouble {
	if other == "" {
		other = "another address"
	}
	return Trouble{DuplicateID, fmt.Sprintf("a machine at %s has the same node id, so this one keeps out of the cluster: if its disk was copied from there, "+
		"stop this one, remove the file %s from its data directory, and start it again", other, idFile)}
}

func duplicateTrouble(name, one, two string) Trouble {
	return Trouble{DuplicateID, fmt.Sprintf("two machines have the id of %s, at %s and at %s: on the copy, remove the file %s from the data directory and start it again", name, one, two, idFile)}
}

// storeTrouble is what keeps a node from storing anything. The node is a name, or what stands for one.
func storeTrouble(kind TroubleKind, node string) Trouble {
	const until = "; until then nobody can post there, and no restart is needed afterwards"
	text := ""
	switch kind {
	case NoTrouble:
		return Trouble{}
	case DiskFull:
		text = "the disk of %s is full: free some space on it" + until
	case DiskFails:
		text = "the disk of %s fails: see what the log of that system says of it, and mend or replace it; until then nobody can post there, " +
			"and afterwards Snug has to be restarted only if its log asks for that"
	case DiskLost:
		text = "the disk of %s has lost what it failed to take: mend or replace it, and restart Snug there; until then nobody can post there"
	case NotWritable:
		text = "the data directory of %s cannot be written: see who owns it, and what the log of that system says of its disk" + until
	case DatabaseBusy:
		text = "another program on %s holds the database: end what works on snug.db there" + until
	default:
		return Trouble{TroubleUndefined, node + " has a trouble that only a newer version knows: ask snug members there"}
	}
	return Trouble{kind, fmt.Sprintf(text, node)}
}

// reachTrouble puts into words why there is no link to an address.
func reachTrouble(addr string, err error, ourVersion string) Trouble {
	var refused *refusedError
	var notOurs *notOursError
	var dns *net.DNSError
	switch {
	case errors.As(err, &refused):
		return refusedTrouble(addr, refused, ourVersion)
	case errors.As(err, &dns):
		return Trouble{NameUnresolved, fmt.Sprintf("the name in %s has no address: correct it in the seeds, or in the name service", addr)}
	case errors.Is(err, syscall.ECONNREFUSED):
		return Trouble{PortClosed, fmt.Sprintf("nobody listens at %s: is the node running, and is the port right?", addr)}
	case isTimeout(err), errors.As(err, &notOurs) && isCut(notOurs.err):
		return Trouble{PortClosed, fmt.Sprintf("no answer from %s: the machine is off or stuck, or a firewall is closed for the TCP port", addr)}
	case errors.As(err, &notOurs):
		return Trouble{NotSnug, fmt.Sprintf("what answers at %s is not a node of this program: correct the address", addr)}
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return Trouble{PortClosed, fmt.Sprintf("there is no way to %s: the machine or the network to it is down", addr)}
	}
	return Trouble{TroubleUndefined, fmt.Sprintf("no link to %s: %v", addr, err)}
}

func refusedTrouble(addr string, e *refusedError, ourVersion string) Trouble {
	switch e.kind {
	case WrongSecret:
		return Trouble{WrongSecret, fmt.Sprintf("the node at %s is of this cluster, but it or this one has another secret, perhaps since it was replaced: "+
			"on the one that was away, join again with a fresh token", addr)}
	case WrongCluster:
		return Trouble{WrongCluster, fmt.Sprintf("the node at %s is of another cluster: remove its address here, or let it join this cluster with a token", addr)}
	case VersionMismatch:
		return versionTrouble(fmt.Sprintf("%s (%s)", or(e.peer.Name, "a node"), addr), e.peer.Version, ourVersion)
	case TooManyNodes:
		return Trouble{TooManyNodes, fmt.Sprintf("the node at %s knows of as many nodes as a cluster may have: forget there those that will not return (snug forget)", addr)}
	case DuplicateID:
		return Trouble{DuplicateID, fmt.Sprintf("the node at %s keeps out of the cluster because another machine has the same id", addr)}
	}
	return Trouble{TroubleUndefined, fmt.Sprintf("the node at %s takes no links: it is about to stop, or has left until it is started again", addr)}
}

func isTimeout(err error) bool {
	return errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, syscall.ETIMEDOUT)
}

// isCut says whether a handshake ended because of the connection, not of what was said over it.
func isCut(err error) bool {
	return isTimeout(err) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, syscall.ECONNRESET)
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
