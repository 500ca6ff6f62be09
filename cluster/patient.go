package cluster

import (
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"snug/nowait"
)

// patientConn is a connection where each read and each write has a time limit of its own, and where a write need not wait at all.
type patientConn struct {
	net.Conn
	read, write atomic.Int64 // durations; 0: none

	raw  syscall.RawConn  // nil where each write may have to wait
	send func(fd uintptr) // for raw, made once

	writing sync.Mutex // held during a write, to keep what is left over and what follows it in order; guards the fields below
	hasty   bool       // writes do not wait
	rest    []byte     // of what was written in haste: goes out before anything else
	trying  []byte     // what send writes
	sent    int        // how much of it the kernel took
}

// patient gives a connection over tcp its time limits.
func patient(conn, tcp net.Conn) *patientConn {
	c := &patientConn{Conn: conn, raw: nowait.Raw(tcp)}
	c.send = func(fd uintptr) { c.sent = nowait.Write(fd, c.trying) }
	return c
}

// patience replaces the deadlines set before.
func (c *patientConn) patience(read, write time.Duration) error {
	if err := c.SetDeadline(time.Time{}); err != nil {
		return err
	}
	c.read.Store(int64(read))
	c.write.Store(int64(write))
	return nil
}

func (c *patientConn) Read(p []byte) (int, error) {
	if d := c.read.Load(); d > 0 {
		if err := c.SetReadDeadline(time.Now().Add(time.Duration(d))); err != nil {
			return 0, err
		}
	}
	return c.Conn.Read(p)
}

func (c *patientConn) Write(p []byte) (int, error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	if c.hasty {
		c.rest = append(c.rest, p[c.try(p):]...)
		return len(p), nil
	}
	if err := c.push(); err != nil {
		return 0, err
	}
	return c.wait(p)
}

// try gives the kernel what it takes now. The lock is held.
func (c *patientConn) try(p []byte) int {
	if len(c.rest) > 0 {
		return 0
	}
	c.trying, c.sent = p, 0
	err := c.raw.Control(c.send)
	c.trying = nil
	if err != nil {
		return 0 // the next write that waits finds out why
	}
	return c.sent
}

// push writes what haste has left over. The lock is held.
func (c *patientConn) push() error {
	if len(c.rest) == 0 {
		return nil
	}
	n, err := c.wait(c.rest)
	c.rest = c.rest[n:]
	if len(c.rest) == 0 {
		c.rest = nil
	}
	return err
}

// wait writes within the time limit. The lock is held.
func (c *patientConn) wait(p []byte) (int, error) {
	if d := c.write.Load(); d > 0 {
		if err := c.SetWriteDeadline(time.Now().Add(time.Duration(d))); err != nil {
			return 0, err
		}
	}
	return c.Conn.Write(p)
}

// hurry has writes not wait, until calm is called, if that can be now: TLS answers some frames by itself, and may be waiting to write such an answer.
func (c *patientConn) hurry() bool {
	if c.raw == nil || !c.writing.TryLock() {
		return false
	}
	defer c.writing.Unlock()
	c.hasty = true
	return true
}

// calm ends a hurry. Something may be left over then, for flush to write.
func (c *patientConn) calm() (leftOver bool) {
	c.writing.Lock()
	defer c.writing.Unlock()
	c.hasty = false
	return len(c.rest) > 0
}

// flush writes what haste has left over.
func (c *patientConn) flush() error {
	c.writing.Lock()
	defer c.writing.Unlock()
	return c.push()
}
