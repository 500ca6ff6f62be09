package cluster

import (
	"io"
	"net"
	"sync"
	"time"
)

const (
	// maxStrangers is how many connections may be there that have not proved anything yet. With one more the oldest goes of the address that has most:
	// so whoever comes in good faith, and is through in milliseconds, gets in while somebody else opens thousands and leaves them lying.
	maxStrangers = 256
	// maxStream is how many bytes a stream of memberlist may bring: some hundred times what [maxNodes] need. Its own limit is 20 MiB, which it
	// holds in memory for each stream before it looks whether the sender has the key.
	maxStream = 1 << 20
)

// stranger is a connection that has not proved anything yet.
type stranger struct {
	net.Conn
	from   string // the address without the port
	first  byte   // read to see what the connection is, and given back
	unread bool
	budget int64 // bytes that may still be read; below zero: any number
	gone   func()
}

// Read gives back the first byte, and no more than the budget.
func (c *stranger) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if c.unread {
		c.unread = false
		p[0] = c.first
		return 1, nil
	}
	if c.budget < 0 {
		return c.Conn.Read(p)
	}
	if c.budget == 0 {
		return 0, io.ErrUnexpectedEOF
	}
	n, err := c.Conn.Read(p[:min(int64(len(p)), c.budget)])
	c.budget -= int64(n)
	return n, err
}

// Close makes room for another one.
func (c *stranger) Close() error {
	c.gone()
	return c.Conn.Close()
}

// crowd is the strangers that are there.
type crowd struct {
	mu     sync.Mutex // guards the fields below
	list   []*stranger
	closed bool
}

// meet notes a new one, or returns nil after close.
func (d *crowd) meet(c net.Conn) *stranger {
	host, _, _ := net.SplitHostPort(c.RemoteAddr().String())
	s := &stranger{Conn: c, from: host, budget: -1}
	s.gone = func() { d.part(s) }
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		c.Close()
		return nil
	}
	if len(d.list) >= maxStrangers {
		d.dismissLocked()
	}
	d.list = append(d.list, s)
	return s
}

// dismissLocked ends the oldest of the address that has most.
func (d *crowd) dismissLocked() {
	have := map[string]int{}
	most := ""
	for _, s := range d.list {
		if have[s.from]++; have[s.from] > have[most] {
			most = s.from
		}
	}
	for i, s := range d.list {
		if s.from == most {
			s.Conn.Close()
			d.removeLocked(i)
			return
		}
	}
}

// part forgets one that is known now, or gone.
func (d *crowd) part(s *stranger) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i, other := range d.list {
		if other == s {
			d.removeLocked(i)
			return
		}
	}
}

func (d *crowd) removeLocked(i int) {
	copy(d.list[i:], d.list[i+1:])
	d.list[len(d.list)-1] = nil
	d.list = d.list[:len(d.list)-1]
}

// close ends all, and those who come later.
func (d *crowd) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	for _, s := range d.list {
		s.Conn.Close()
	}
	d.list = nil
}

// sniff reads the first byte.
func (c *stranger) sniff(patience time.Duration) error {
	var first [1]byte
	if err := c.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	if _, err := io.ReadFull(c.Conn, first[:]); err != nil {
		return err
	}
	c.first, c.unread = first[0], true
	return nil
}
