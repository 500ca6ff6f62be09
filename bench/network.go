package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// network is a switch and hosts with a cable each, in network namespaces of their own: the counters of a cable count all that a node sends and gets, and nothing
// else. The connections of people are within their node's host.
type network struct{ hosts []*host }

// host is a machine of a network. Nil is this one.
type host struct {
	namespace string
	address   string
}

func (n *network) name(part string) string { return fmt.Sprintf("snugbench-%d-%s", os.Getpid(), part) }

// newNetwork makes a network. It needs root and iproute2.
func newNetwork(hosts int) (*network, error) {
	n := &network{}
	bridge := n.name("switch")
	err := ip("netns", "add", bridge)
	err = errors.Join(err, ip("-n", bridge, "link", "add", "switch", "type", "bridge"), ip("-n", bridge, "link", "set", "switch", "up"))
	for i := range hosts {
		h := &host{namespace: n.name(strconv.Itoa(i)), address: fmt.Sprintf("10.78.0.%d", i+1)}
		n.hosts = append(n.hosts, h)
		port := fmt.Sprintf("port%d", i)
		for _, args := range [][]string{
			{"netns", "add", h.namespace},
			{"-n", h.namespace, "link", "set", "lo", "up"},
			{"-n", bridge, "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", h.namespace},
			{"-n", bridge, "link", "set", port, "master", "switch", "up"},
			{"-n", h.namespace, "address", "add", h.address + "/24", "dev", "eth0"},
			{"-n", h.namespace, "link", "set", "eth0", "up"},
		} {
			err = errors.Join(err, ip(args...))
		}
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("make a network (that needs root and the package iproute2): %w", err), n.close())
	}
	return n, nil
}

func (n *network) close() error {
	err := ip("netns", "delete", n.name("switch"))
	for _, h := range n.hosts {
		err = errors.Join(err, ip("netns", "delete", h.namespace))
	}
	return err
}

func ip(args ...string) error {
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("ip %s: %w: %s", strings.Join(args, " "), err, out)
	}
	return nil
}

// traffic is what the host's cable has carried, in bytes with the headers of Ethernet.
func (h *host) traffic() (sent, got int64, err error) {
	out, err := exec.Command("ip", "netns", "exec", h.namespace, "cat", "/sys/class/net/eth0/statistics/tx_bytes", "/sys/class/net/eth0/statistics/rx_bytes").Output()
	if err != nil {
		return 0, 0, fmt.Errorf("read the counters of a cable: %w", err)
	}
	_, err = fmt.Sscan(string(out), &sent, &got)
	return sent, got, err
}

// dial connects as a program on the host does. A socket stays in the namespace in which it was made, whatever its thread does later.
func (h *host) dial(ctx context.Context, kind, addr string) (net.Conn, error) {
	var d net.Dialer
	if h == nil {
		return d.DialContext(ctx, kind, addr)
	}
	type result struct {
		conn net.Conn
		err  error
	}
	done := make(chan result, 1)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine, and nobody else gets it in this namespace
		var r result
		if r.err = h.enter(); r.err == nil {
			r.conn, r.err = d.DialContext(ctx, kind, addr)
		}
		done <- r
	}()
	r := <-done
	return r.conn, r.err
}

// enter moves the thread into the host's namespace.
func (h *host) enter() error {
	file, err := os.Open(filepath.Join("/run/netns", h.namespace))
	if err != nil {
		return err
	}
	defer file.Close()
	return unix.Setns(int(file.Fd()), unix.CLONE_NEWNET)
}
