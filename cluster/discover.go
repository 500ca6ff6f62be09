package cluster

import (
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/hashicorp/mdns"
)

const (
	service = "_snug._tcp"
	// discoveryPatience is how long answers are waited for.
	discoveryPatience = time.Second
	maxDiscovered     = 64
)

// discoverLoop says on the local network that this node is there, and asks who else is. That is only a hint where to ask: whoever answers
// has to prove the secret like everybody.
func (m *Mesh) discoverLoop() {
	var server *mdns.Server
	var told net.IP
	stop := func() {
		if server != nil {
			_ = server.Shutdown() // only closes
			server = nil
		}
	}
	defer stop()
	for {
		if ip := m.ip.get(); !ip.Equal(told) {
			stop()
			var err error
			if server, err = m.announce(ip); err != nil {
				m.log.Info("other nodes on the local network will not find this one by themselves", "error", err)
			}
			told = ip
		}
		m.discover()
		sleep(m.ctx, m.opts.Timing.Discovery)
		if m.ctx.Err() != nil {
			return
		}
	}
}

func (m *Mesh) announce(ip net.IP) (*mdns.Server, error) {
	// The host name is one of our own: that of the machine may not be known to anybody.
	zone, err := mdns.NewMDNSService(m.id, service, "", m.id+".local.", m.port, []net.IP{ip}, []string{clusterText(m.keys.cluster)})
	if err != nil {
		return nil, err
	}
	return mdns.NewServer(&mdns.Config{Zone: zone, Logger: newLibraryLog(m.log)})
}

// discover asks once.
func (m *Mesh) discover() {
	entries := make(chan *mdns.ServiceEntry, maxDiscovered)
	err := mdns.QueryContext(m.ctx, &mdns.QueryParam{
		Service: service, Domain: "local", Timeout: discoveryPatience, Entries: entries, Logger: newLibraryLog(m.log),
	})
	if err != nil {
		m.log.Debug("cannot ask the local network", "error", err)
	}
	for len(entries) > 0 {
		m.discovered(<-entries)
	}
}

// discovered takes an answer for a seed if it is of this cluster.
func (m *Mesh) discovered(e *mdns.ServiceEntry) {
	if !ofCluster(e, m.keys.cluster) {
		return
	}
	ip := e.AddrV4
	if ip == nil && e.AddrV6IPAddr != nil {
		ip = e.AddrV6IPAddr.IP
	}
	if ip == nil || e.Port <= 0 {
		return
	}
	addr := net.JoinHostPort(ip.String(), strconv.Itoa(e.Port))
	if addr == m.Addr() {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range m.records {
		if r.addr == addr {
			return
		}
	}
	if m.seeds[addr] == nil && len(m.seeds) < maxDiscovered {
		m.seeds[addr] = &seed{since: time.Now(), found: true}
		m.tryAgain()
	}
}

func clusterText(cluster string) string { return fmt.Sprintf("cluster=%s", cluster) }

func ofCluster(e *mdns.ServiceEntry, cluster string) bool {
	for _, field := range e.InfoFields {
		if field == clusterText(cluster) {
			return true
		}
	}
	return false
}
