package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// listen opens the address. localhost is both of its addresses: a browser tries ::1 first, and another program that sits there would answer in
// our place.
func listen(ctx context.Context, address string) ([]net.Listener, error) {
	var lc net.ListenConfig
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	if host != "localhost" {
		l, err := lc.Listen(ctx, "tcp", address)
		if err != nil {
			return nil, err
		}
		return []net.Listener{l}, nil
	}
	v4, err := lc.Listen(ctx, "tcp4", net.JoinHostPort("127.0.0.1", port))
	if err != nil && !hasNoFamily(err) {
		return nil, err
	}
	var all []net.Listener
	if err == nil {
		all = append(all, v4)
		port = strconv.Itoa(portOf(v4))
	}
	v6, err := lc.Listen(ctx, "tcp6", net.JoinHostPort("::1", port))
	switch {
	case err == nil:
		all = append(all, v6)
	case !hasNoFamily(err):
		for _, l := range all {
			err = errors.Join(err, l.Close())
		}
		return nil, err
	case len(all) == 0:
		return nil, err
	}
	return all, nil
}

// hasNoFamily reports that the machine speaks no IPv4, or no IPv6.
func hasNoFamily(err error) bool {
	return errors.Is(err, syscall.EADDRNOTAVAIL) || errors.Is(err, syscall.EAFNOSUPPORT)
}

func portOf(l net.Listener) int {
	if a, ok := l.Addr().(*net.TCPAddr); ok {
		return a.Port
	}
	return 0
}

// place is an address that a browser can open.
type place struct {
	url string
	on  string // the interface, where that says something
}

func (p place) String() string {
	if p.on == "" {
		return p.url
	}
	return p.url + " (" + p.on + ")"
}

// placeAt is that of a host. A port that browsers take by themselves is left out.
func placeAt(scheme, host string, port int, on string) place {
	address := net.JoinHostPort(host, strconv.Itoa(port))
	if (scheme == "https" && port == 443) || (scheme == "http" && port == 80) {
		if address = host; strings.Contains(host, ":") {
			address = "[" + host + "]"
		}
	}
	return place{url: fmt.Sprintf("%s://%s/", scheme, address), on: on}
}

// places are the addresses under which browsers find what listens on address: never 0.0.0.0 or [::], which are no places, but those of each
// interface.
func places(scheme, address string, port int) ([]place, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	at := func(host, on string) place { return placeAt(scheme, host, port, on) }
	if host != "" && !net.ParseIP(host).IsUnspecified() {
		return []place{at(host, "")}, nil
	}
	all := []place{at("localhost", "")}
	interfaces, err := net.Interfaces()
	if err != nil {
		return all, nil // localhost is always there
	}
	slices.SortFunc(interfaces, func(a, b net.Interface) int { return cmp.Compare(a.Index, b.Index) })
	for _, i := range interfaces {
		addresses, err := i.Addrs()
		if err != nil || i.Flags&net.FlagUp == 0 {
			continue
		}
		for _, a := range addresses {
			if ip, ok := a.(*net.IPNet); ok && ip.IP.IsGlobalUnicast() {
				all = append(all, at(ip.IP.String(), i.Name))
			}
		}
	}
	return all, nil
}

// isOpen reports whether others than this machine can reach the listeners.
func isOpen(listeners []net.Listener) bool {
	return slices.ContainsFunc(listeners, func(l net.Listener) bool {
		a, ok := l.Addr().(*net.TCPAddr)
		return ok && !a.IP.IsLoopback()
	})
}
