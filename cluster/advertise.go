package cluster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
)

// ErrAdvertise means that [Options].Advertise is a name without an address.
var ErrAdvertise = errors.New("cluster: no address to tell other nodes")

// advertise finds the address that others are told. memberlist would take the first private one, which may be that of a bridge for
// containers, and end the start if there is none.
func (m *Mesh) advertise(ctx context.Context) (net.IP, int, error) {
	port := m.socket.port()
	host, _, err := splitAddr(m.opts.Bind)
	if err != nil {
		return nil, 0, err
	}
	if a := m.opts.Advertise; a != "" {
		host = a
		if h, p, err := splitAddr(a); err == nil {
			host = h
			if p != 0 {
				port = p
			}
		}
		ip := net.ParseIP(strings.Trim(host, "[]"))
		if ip == nil {
			ips, err := m.lookup(ctx, host)
			if err != nil || len(ips) == 0 {
				return nil, 0, fmt.Errorf("%w: find that of %q: %w", ErrAdvertise, a, err)
			}
			ip = ips[0].IP
		}
		if ip.IsUnspecified() {
			return nil, 0, fmt.Errorf("%q cannot be advertised: it is no address that others could reach", a)
		}
		return ip, port, nil
	}
	if ip := net.ParseIP(host); ip != nil && !ip.IsUnspecified() {
		return ip, port, nil
	}
	v4 := net.ParseIP(host).To4() != nil // then it does not listen on others
	m.choice = func(ip net.IP) bool { return ip.IsGlobalUnicast() && (!v4 || ip.To4() != nil) }
	ip := m.ownIP()
	if ip.IsLoopback() {
		m.log.Warn("this machine has no address on a network: only nodes on it can be reached; set advertise", "address", ip.String())
	} else {
		m.log.Info("address that other nodes are told; set advertise if it is not the right one", "address", ip.String())
	}
	return ip, port, nil
}

// ownIP is the address from which this machine would speak to a node it knows, or else to the world; or else any that it has.
func (m *Mesh) ownIP() net.IP {
	var toward []string
	m.mu.RLock()
	for _, r := range m.records {
		toward = append(toward, r.addr)
	}
	for addr := range m.seeds {
		toward = append(toward, addr)
	}
	m.mu.RUnlock()
	for _, addr := range append(toward, "192.0.2.1:9", "[2001:db8::1]:9") { // documentation addresses: nothing is sent
		host, _, err := splitAddr(addr)
		if err != nil || net.ParseIP(host) == nil {
			continue
		}
		c, err := net.Dial("udp", addr) // asks the routing table only
		if err != nil {
			continue
		}
		ip := c.LocalAddr().(*net.UDPAddr).IP
		c.Close()
		if m.choice(ip) {
			return ip
		}
	}
	addrs, _ := net.InterfaceAddrs() // none is as good as an error
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok && m.choice(n.IP) {
			return n.IP
		}
	}
	return net.IPv4(127, 0, 0, 1)
}
