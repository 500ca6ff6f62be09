package main

import (
	"net"
	"net/url"
	"strconv"

	"snug/cluster"
	"snug/web"
)

// browserNodes are the nodes of the cluster as pages know them.
type browserNodes struct{ *cluster.Mesh }

// Name is what people call this node.
func (b browserNodes) Name() string { return b.Members()[0].Name }

// Others are those that have said where browsers find them.
func (b browserNodes) Others() []web.Node {
	var list []web.Node
	for _, m := range b.Members() {
		if !m.Self && m.URL != "" {
			list = append(list, web.Node{Name: m.Name, URL: m.URL, Alive: m.State == cluster.Alive})
		}
	}
	return list
}

// pageNodes is what pages are told of the cluster; nil for a node that is alone.
func (n *node) pageNodes() web.Nodes {
	if n.cluster == nil {
		return nil
	}
	return browserNodes{n.cluster.mesh}
}

// announce tells the other nodes where browsers find this one, once they do.
func (n *node) announce() error {
	if n.cluster == nil {
		return nil
	}
	mesh := n.cluster.mesh
	at := mesh.Addr()
	address := n.browsersFind(at)
	if address == "" {
		n.logger.Warn("pages of other nodes cannot come here when theirs dies: set cluster.url", "listen", n.config.Server.Listen)
	}
	n.onClose(mesh.Watch(func() { // one call at a time
		if now := mesh.Addr(); now != at {
			at = now
			if err := mesh.Announce(n.browsersFind(at)); err != nil {
				n.logger.Warn("the other nodes are not told where pages find this one now", "error", err)
			}
		}
	}))
	return mesh.Announce(address)
}

// browsersFind is where browsers find this node, which other nodes find at an address.
func (n *node) browsersFind(at string) string {
	if url := n.config.Cluster.URL; url != "" || len(n.certified()) > 0 { // whose names are not said to be of this node alone
		return url
	}
	return browserURL(n.scheme(), n.config.Server.Listen, portOf(n.listeners[0]), at)
}

// browserURL is where browsers on the machines of other nodes, or near them, find what listens on an address; "" if they cannot. Who listens on every
// interface is found where the other nodes find it, and who listens on this machine alone only if the other nodes are on it too. An IPv6 address in
// numbers is none, for a content security policy cannot name it.
func browserURL(scheme, listen string, port int, advertised string) string {
	host, _, err := net.SplitHostPort(listen)
	meeting, _, errMeeting := net.SplitHostPort(advertised)
	if err != nil || errMeeting != nil {
		return ""
	}
	ip := net.ParseIP(host)
	switch {
	case host == "" || ip.IsUnspecified():
		host = meeting
	case (host == "localhost" || ip.IsLoopback()) && !net.ParseIP(meeting).IsLoopback():
		return ""
	}
	if ip := net.ParseIP(host); ip != nil && ip.To4() == nil {
		return ""
	}
	u := url.URL{Scheme: scheme, Host: net.JoinHostPort(host, strconv.Itoa(port)), Path: "/"}
	return u.String()
}
