//go:build linux

package snugtest

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// namespaces is where ip keeps the names of network namespaces.
const namespaces = "/run/netns"

// nets counts the networks of this process, so that each has names of its own.
var nets atomic.Int32

// Network is a private network on this machine: a switch, and hosts with a cable each. All of it is in network namespaces of its own, so that neither the
// network of the machine nor another test sees it. It needs Linux, root and iproute2.
type Network struct {
	t      testing.TB
	prefix string // of the names of its namespaces
	hosts  int
}

// Host is a machine of a [Network].
type Host struct {
	Name    string
	Address string // in the network, without a port

	net       *Network
	namespace string
	port      string // of the switch
	transport *http.Transport
}

// NewNetwork makes a network without hosts. It is removed with the test.
func NewNetwork(t testing.TB) *Network {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("network namespaces need root: sudo env PATH=\"$PATH\" make network-tests")
	}
	if _, err := exec.LookPath("ip"); err != nil {
		t.Fatal("there is no ip command: the package iproute2 has it")
	}
	sweep(t)
	n := &Network{t: t, prefix: fmt.Sprintf("snug-%d-%d-", os.Getpid(), nets.Add(1))}
	n.namespace(n.prefix + "switch")
	n.ip("-n", n.prefix+"switch", "link", "add", "switch", "type", "bridge")
	n.ip("-n", n.prefix+"switch", "link", "set", "switch", "up")
	return n
}

// Host adds a machine that is plugged in.
func (n *Network) Host(name string) *Host {
	n.t.Helper()
	n.hosts++
	h := &Host{
		Name: name, Address: fmt.Sprintf("10.77.0.%d", n.hosts), net: n, namespace: n.prefix + name, port: fmt.Sprintf("port%d", n.hosts),
	}
	n.namespace(h.namespace)
	h.transport = &http.Transport{DialContext: h.dial}
	n.t.Cleanup(h.transport.CloseIdleConnections)
	n.ip("-n", n.prefix+"switch", "link", "add", h.port, "type", "veth", "peer", "name", "eth0", "netns", h.namespace)
	n.ip("-n", n.prefix+"switch", "link", "set", h.port, "master", "switch", "up")
	n.ip("-n", h.namespace, "address", "add", h.Address+"/24", "dev", "eth0")
	n.ip("-n", h.namespace, "link", "set", "eth0", "up")
	return h
}

// Cut pulls the cable of a host. What runs on it is told nothing but that nobody answers.
func (h *Host) Cut() {
	h.net.t.Helper()
	h.net.ip("-n", h.net.prefix+"switch", "link", "set", h.port, "down")
}

// Heal plugs the cable in again.
func (h *Host) Heal() {
	h.net.t.Helper()
	h.net.ip("-n", h.net.prefix+"switch", "link", "set", h.port, "up")
}

// Deafen loses all that other hosts send to this one, and nothing that it sends to them. [Host.Hear] ends it.
func (h *Host) Deafen(others ...*Host) {
	h.net.t.Helper()
	for _, other := range others { // what it sends goes to a machine that is not there
		h.net.ip("-n", other.namespace, "neighbour", "replace", h.Address, "lladdr", "02:00:00:00:00:fe", "dev", "eth0", "nud", "permanent")
	}
}

// Hear ends [Host.Deafen].
func (h *Host) Hear(others ...*Host) {
	h.net.t.Helper()
	for _, other := range others {
		h.net.ip("-n", other.namespace, "neighbour", "delete", h.Address, "dev", "eth0")
	}
}

// Throttle lets no more through the cable than so many kilobits in a second, each way, with a queue of a second that delays what goes through.
func (h *Host) Throttle(kilobits int) {
	h.net.t.Helper()
	for _, end := range [][2]string{{h.net.prefix + "switch", h.port}, {h.namespace, "eth0"}} {
		h.net.command("tc", "-n", end[0], "qdisc", "replace", "dev", end[1], "root", "tbf",
			"rate", strconv.Itoa(kilobits)+"kbit", "burst", "4kb", "latency", "1s")
	}
}

// Move gives a host another address, as a router does that has lost its memory.
func (h *Host) Move(last int) {
	h.net.t.Helper()
	h.net.ip("-n", h.namespace, "address", "flush", "dev", "eth0")
	h.Address = fmt.Sprintf("10.77.0.%d", last)
	h.net.ip("-n", h.namespace, "address", "add", h.Address+"/24", "dev", "eth0")
}

// Via is what starts a command on the host: see [Options].
func (h *Host) Via() []string { return []string{"ip", "netns", "exec", h.namespace} }

// Run runs snug on the host until it ends.
func (h *Host) Run(args ...string) Result {
	h.net.t.Helper()
	return run(h.net.t, h.Via(), args)
}

// SignUp is [SignUp] for a visitor who sits at this host.
func (h *Host) SignUp(base, name, password string) *http.Client {
	h.net.t.Helper()
	return fillIn(h.net.t, h.transport, base+"/sign_up/", url.Values{"username": {name}, "password1": {password}})
}

// LogIn is [LogIn] for a visitor who sits at this host.
func (h *Host) LogIn(base, name, password string) *http.Client {
	h.net.t.Helper()
	return fillIn(h.net.t, h.transport, base+"/log_in/", url.Values{"username": {name}, "password": {password}})
}

// Seat puts a client, with its session, in front of this host.
func (h *Host) Seat(client *http.Client) *http.Client {
	return &http.Client{Jar: client.Jar, Timeout: client.Timeout, Transport: h.transport}
}

// dial connects as a program on the host does. A socket stays in the namespace in which it was made, whatever its thread does later.
func (h *Host) dial(ctx context.Context, network, address string) (net.Conn, error) {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	type result struct {
		conn net.Conn
		err  error
	}
	done := make(chan result, 1)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine, and nobody else gets it in this namespace
		var r result
		if r.err = enter(h.namespace); r.err == nil {
			var d net.Dialer
			r.conn, r.err = d.DialContext(ctx, network, net.JoinHostPort("127.0.0.1", port))
		}
		done <- r
	}()
	r := <-done
	return r.conn, r.err
}

// enter moves the thread into a namespace.
func enter(namespace string) error {
	file, err := os.Open(filepath.Join(namespaces, namespace))
	if err != nil {
		return err
	}
	defer file.Close()
	return unix.Setns(int(file.Fd()), unix.CLONE_NEWNET)
}

func (n *Network) namespace(name string) {
	n.t.Helper()
	n.ip("netns", "add", name)
	n.t.Cleanup(func() { n.ip("netns", "delete", name) })
	n.ip("-n", name, "link", "set", "lo", "up")
}

func (n *Network) ip(args ...string) {
	n.t.Helper()
	n.command("ip", args...)
}

func (n *Network) command(name string, args ...string) {
	n.t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		n.t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
}

// sweep removes what tests left behind that were killed: namespaces named after a process that is gone, and what runs in them.
func sweep(t testing.TB) {
	t.Helper()
	left, err := filepath.Glob(filepath.Join(namespaces, "snug-*-*-*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range left {
		name := filepath.Base(path)
		owner, err := strconv.Atoi(strings.Split(name, "-")[1])
		if err != nil || syscall.Kill(owner, 0) == nil {
			continue
		}
		pids, _ := exec.Command("ip", "netns", "pids", name).Output() // none if another test was quicker
		for text := range strings.FieldsSeq(string(pids)) {
			if pid, err := strconv.Atoi(text); err == nil {
				_ = syscall.Kill(pid, syscall.SIGKILL)
			}
		}
		_ = exec.Command("ip", "netns", "delete", name).Run()
	}
}
