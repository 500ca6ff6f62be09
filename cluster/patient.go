package cluster

import (
	"net"
	"sync"
	"sync/atomic"
	"time"

	"snug/nowait"
)

// patientConn is a connection where each read and each write has a time limit of its own, and where a write need not wait at all.
type patientConn struct {
	net.Conn
	read, write atomic.Int64 // durations; 0: none

	writing sync.Mutex    // held during a write, to keep what is left over and what follows it in order; guards the fields below
	now     nowait.Writer // for haste
	hasty   bool          // writes do not wait
	rest    []byte        // of what was written in haste: goes out before anything else
}

// patient gives a connection over tcp its time limits.
func patient(conn, tcp net.Conn) *patientConn {
	c := &patientConn{Conn: conn}
	c.now.Open(nowait.Raw(tcp), nowait.Send)
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
		taken := 0
		if len(c.rest) == 0 {
			taken = c.now.Write(p)
		}
		c.rest = append(c.rest, p[taken:]...)
		return len(p), nil
	}
	if err := c.push(); err != nil {
		return 0, err
	}
	return c.wait(p)
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
	if !c.now.Possible() || !c.writing.TryLock() {
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
