package cluster

import (
	"net"
	"sync/atomic"
	"time"
)

// patientConn is a connection where each read and each write has a time limit of its own.
type patientConn struct {
	net.Conn
	read, write atomic.Int64 // durations; 0: none
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
	if d := c.write.Load(); d > 0 {
		if err := c.SetWriteDeadline(time.Now().Add(time.Duration(d))); err != nil {
			return 0, err
		}
	}
	return c.Conn.Write(p)
}
