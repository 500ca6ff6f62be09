package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/hashicorp/memberlist"
)

const (
	// firstOfTLS is the first byte of a TLS connection. Those of memberlist begin with a label, or with a message number below 14.
	firstOfTLS   = 0x16
	firstOfLabel = 244
	// packetQueue is how many packets may wait for memberlist; more are dropped, as a network does.
	packetQueue = 256
)

// socket is the port of this node: UDP for gossip, TCP for gossip and links. It outlives the memberlist above it.
type socket struct {
	tcp      net.Listener
	udp      *net.UDPConn
	net      network
	log      *slog.Logger
	link     func(*stranger) // takes over a TLS connection
	patience time.Duration   // for the first byte
	crowd    crowd
	wg       sync.WaitGroup

	mu     sync.Mutex // guards gossip
	gossip *transport // nil: what comes for it is dropped
}

// listen opens both protocols at one port.
func listen(bind string) (*net.TCPListener, *net.UDPConn, error) {
	addr, err := net.ResolveTCPAddr("tcp", bind)
	if err != nil {
		return nil, nil, fmt.Errorf("listen on %q: %w", bind, err)
	}
	tries := 1
	if addr.Port == 0 {
		tries = 10 // what is free for TCP may be taken for UDP
	}
	for {
		tries--
		tcp, err := net.ListenTCP("tcp", addr)
		if err != nil {
			return nil, nil, fmt.Errorf("listen for other nodes: %w", err)
		}
		udp, err := net.ListenUDP("udp", &net.UDPAddr{IP: addr.IP, Port: tcp.Addr().(*net.TCPAddr).Port, Zone: addr.Zone})
		if err == nil {
			return tcp, udp, nil
		}
		tcp.Close()
		if tries == 0 {
			return nil, nil, fmt.Errorf("listen for other nodes: %w", err)
		}
	}
}

func newSocket(tcp *net.TCPListener, udp *net.UDPConn, nw network, log *slog.Logger, patience time.Duration, link func(*stranger)) *socket {
	return &socket{tcp: tcp, udp: udp, net: nw, log: log, link: link, patience: patience}
}

func (s *socket) start() {
	s.wg.Go(s.accept)
	s.wg.Go(s.receive)
}

func (s *socket) port() int { return s.tcp.Addr().(*net.TCPAddr).Port }

// close ends listening, and the connections of strangers.
func (s *socket) close() {
	s.crowd.close()
	s.tcp.Close()
	s.udp.Close()
	s.wg.Wait()
}

func (s *socket) accept() {
	for {
		c, err := s.tcp.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // out of files: wait for better times
			s.log.Warn("cannot accept a connection from another node", "error", err)
			time.Sleep(100 * time.Millisecond)
			continue
		}
		if known := s.crowd.meet(c); known != nil {
			s.wg.Go(func() { s.sniff(known) })
		}
	}
}

// sniff hands a connection to whom it is for.
func (s *socket) sniff(c *stranger) {
	if err := c.sniff(s.patience); err != nil {
		c.Close()
		return
	}
	switch c.first {
	case firstOfTLS:
		s.link(c)
	case firstOfLabel:
		c.budget = maxStream
		s.mu.Lock()
		g := s.gossip
		s.mu.Unlock()
		if g == nil || !g.stream(c) {
			c.Close()
		}
	default:
		c.Close()
	}
}

func (s *socket) receive() {
	buf := make([]byte, 1<<16)
	for {
		n, from, err := s.udp.ReadFrom(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil || n == 0 {
			continue // of one packet, such as "port unreachable" for an earlier one
		}
		s.mu.Lock()
		g := s.gossip
		s.mu.Unlock()
		if g != nil {
			g.packet(&memberlist.Packet{Buf: append([]byte(nil), buf[:n]...), From: from, Timestamp: time.Now()})
		}
	}
}

// transport is the socket as one memberlist sees it.
type transport struct {
	socket  *socket
	ip      net.IP // to tell others
	portNum int
	packets chan *memberlist.Packet
	streams chan net.Conn
	ctx     context.Context // memberlist's Shutdown waits for none of its exchanges: they end with this
	end     context.CancelFunc
}

// attach makes a transport that gets from now on what comes for memberlist.
func (s *socket) attach(ctx context.Context, ip net.IP, port int) *transport {
	t := &transport{
		socket: s, ip: ip, portNum: port,
		packets: make(chan *memberlist.Packet, packetQueue),
		streams: make(chan net.Conn),
	}
	t.ctx, t.end = context.WithCancel(ctx)
	s.mu.Lock()
	s.gossip = t
	s.mu.Unlock()
	return t
}

func (t *transport) packet(p *memberlist.Packet) {
	select {
	case t.packets <- p:
	default: // full: gossip says it again
	}
}

func (t *transport) stream(c net.Conn) bool {
	select {
	case t.streams <- t.exchange(c):
		return true
	case <-t.ctx.Done():
		return false
	}
}

// exchange is a connection over which memberlist talks. It ends with the transport.
type exchange struct {
	net.Conn
	closed func() bool
}

func (t *transport) exchange(c net.Conn) *exchange {
	return &exchange{c, context.AfterFunc(t.ctx, func() { c.Close() })}
}

// Close has the transport forget it.
func (e *exchange) Close() error {
	e.closed()
	return e.Conn.Close()
}

// FinalAdvertiseAddr is part of memberlist.Transport, like all below.
func (t *transport) FinalAdvertiseAddr(string, int) (net.IP, int, error) {
	return t.ip, t.portNum, nil
}

func (t *transport) WriteTo(b []byte, addr string) (time.Time, error) {
	return t.WriteToAddress(b, memberlist.Address{Addr: addr})
}

func (t *transport) WriteToAddress(b []byte, addr memberlist.Address) (time.Time, error) {
	to, err := net.ResolveUDPAddr("udp", addr.Addr)
	if err != nil {
		return time.Time{}, err
	}
	if !t.socket.net.pass(addr.Addr) {
		return time.Now(), nil
	}
	_, err = t.socket.udp.WriteTo(b, to)
	return time.Now(), err
}

func (t *transport) PacketCh() <-chan *memberlist.Packet { return t.packets }

func (t *transport) DialTimeout(addr string, timeout time.Duration) (net.Conn, error) {
	return t.DialAddressTimeout(memberlist.Address{Addr: addr}, timeout)
}

func (t *transport) DialAddressTimeout(addr memberlist.Address, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(t.ctx, timeout)
	defer cancel()
	c, err := t.socket.net.dial(ctx, addr.Addr)
	if err != nil {
		return nil, err
	}
	return t.exchange(c), nil
}

func (t *transport) StreamCh() <-chan net.Conn { return t.streams }

// Shutdown detaches memberlist and ends what it has under way; the socket stays open.
func (t *transport) Shutdown() error {
	t.end()
	t.socket.mu.Lock()
	defer t.socket.mu.Unlock()
	if t.socket.gossip == t {
		t.socket.gossip = nil
	}
	return nil
}

func splitAddr(addr string) (host string, port int, err error) {
	host, portText, err := net.SplitHostPort(addr)
	if err != nil {
		return "", 0, err
	}
	n, err := strconv.ParseUint(portText, 10, 16)
	if err != nil {
		return "", 0, fmt.Errorf("port %q of %q is no number up to 65535", portText, addr)
	}
	return host, int(n), nil
}
