package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// client is one WebSocket, kept as small as the protocol allows so that the generator costs less than what it measures (RFC 6455,
// section 5.2). It is not a general client: the server under test sends no fragments.
type client struct {
	conn    net.Conn
	in      *bufio.Reader
	buf     []byte
	arrived func() time.Time // tells when the last bytes came
	at      time.Time        // when the last bytes came: what was read with them came then

	mu  sync.Mutex // guards out and writes to conn
	out []byte
}

func dial(ctx context.Context, from *host, addr, path string, cookie *http.Cookie) (*client, error) {
	conn, err := from.dial(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	key := make([]byte, 16)
	rand.Read(key)
	fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\nCookie: %s=%s\r\n\r\n",
		path, addr, base64.StdEncoding.EncodeToString(key), cookie.Name, cookie.Value)
	in := bufio.NewReaderSize(conn, 16<<10)
	res, err := http.ReadResponse(in, nil)
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	if res.StatusCode != http.StatusSwitchingProtocols {
		conn.Close()
		return nil, fmt.Errorf("open %s: %s", path, res.Status)
	}
	return &client{conn: conn, in: in, arrived: time.Now}, nil
}

// stamp has what comes from now on timed by the kernel, and read in rounds.
func (c *client) stamp(r *rounds) error {
	here, err := c.in.Peek(c.in.Buffered())
	if err != nil {
		return err
	}
	from, err := stamp(c.conn.(*net.TCPConn), r)
	if err != nil {
		return err
	}
	c.conn = from
	c.in = bufio.NewReaderSize(io.MultiReader(bytes.NewReader(here), from), 16<<10)
	c.arrived = func() time.Time { return from.at }
	return nil
}

// read returns the next text frame's payload, valid until the next read; it answers pings by itself.
func (c *client) read() ([]byte, error) {
	for {
		op, payload, err := c.frame()
		if err != nil {
			return nil, err
		}
		switch op {
		case 1:
			return payload, nil
		case 8:
			return nil, fmt.Errorf("the server closed the socket: %d", binary.BigEndian.Uint16(append(payload, 0, 0)))
		case 9:
			if err := c.write(10, payload); err != nil {
				return nil, err
			}
		}
	}
}

func (c *client) frame() (op byte, payload []byte, err error) {
	fresh := c.in.Buffered() < 2
	head, err := c.in.Peek(2)
	if err != nil {
		return 0, nil, err
	}
	if fresh {
		c.at = c.arrived()
	}
	op, size, skip := head[0]&15, int(head[1]&127), 2
	switch size {
	case 126:
		skip = 4
	case 127:
		skip = 10
	}
	if head, err = c.in.Peek(skip); err != nil {
		return 0, nil, err
	}
	switch size {
	case 126:
		size = int(binary.BigEndian.Uint16(head[2:]))
	case 127:
		size = int(binary.BigEndian.Uint64(head[2:]))
	}
	c.in.Discard(skip)
	if cap(c.buf) < size {
		c.buf = make([]byte, size)
	}
	payload = c.buf[:size]
	_, err = io.ReadFull(c.in, payload)
	return op, payload, err
}

func (c *client) write(op byte, payload []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.out = append(c.out[:0], 0x80|op)
	if len(payload) < 126 {
		c.out = append(c.out, 0x80|byte(len(payload)))
	} else {
		c.out = append(c.out, 0x80|126)
		c.out = binary.BigEndian.AppendUint16(c.out, uint16(len(payload)))
	}
	c.out = append(c.out, 0, 0, 0, 0) // a mask of zeros leaves the payload as it is
	c.out = append(c.out, payload...)
	_, err := c.conn.Write(c.out)
	return err
}

func (c *client) send(text string) error { return c.write(1, []byte(text)) }

func (c *client) close() { c.conn.Close() }
