package cluster

import (
	"net"
	"testing"

	"github.com/hashicorp/mdns"
)

func TestOnlyNodesOfThisClusterAreDiscovered(t *testing.T) {
	t.Parallel()
	a := open(t, newDir(t, NewSecret()))
	ours, theirs := []string{clusterText(a.Cluster())}, []string{clusterText(clusterID(NewSecret()))}
	ip := net.IPv4(127, 0, 0, 9)
	for _, e := range []*mdns.ServiceEntry{
		{AddrV4: ip, Port: 1, InfoFields: theirs},
		{AddrV4: ip, Port: 1},
		{Port: 1, InfoFields: ours},
		{AddrV4: ip, InfoFields: ours},
		{AddrV4: a.ip.get(), Port: a.port, InfoFields: ours},
	} {
		a.discovered(e)
	}
	if n := len(a.Members()); n != 1 {
		t.Fatalf("%d members", n)
	}
	b := open(t, newDir(t, a.keys.primary.secret))
	a.discovered(&mdns.ServiceEntry{AddrV4: b.ip.get(), Port: b.port, InfoFields: ours})
	whole(t, a, b)
}

func TestDiscoveryHarmsNothing(t *testing.T) {
	t.Parallel()
	a := open(t, newDir(t, NewSecret()), func(o *Options) { o.Discover = true })
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
}
