package web

import (
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// maxNodes is how many other nodes a page is told of; a cluster that makes sense has fewer.
const maxNodes = 20

// Nodes are the nodes of the cluster as pages need to know them: when the one dies that a page came from, it goes to another.
type Nodes interface {
	Name() string                          // of this node
	Others() []Node                        // all that were met and have said where browsers find them
	Keys(purpose string) [][]byte          // the first is to seal with, each may have been sealed with
	Watch(fn func()) (stopWatching func()) // fn is called when Others may have changed
}

// Node is another node of the cluster.
type Node struct {
	Name  string
	URL   string // where browsers find it
	Alive bool
}

// neighbors tells pages of the other nodes.
type neighbors struct {
	nodes Nodes // nil: this server is alone
	peers *peers
	stop  func()

	mu   sync.Mutex // guards last, and the order in which sockets are told
	last []nodeFrame
}

func newNeighbors(nodes Nodes, ps *peers) *neighbors {
	n := &neighbors{nodes: nodes, peers: ps, stop: func() {}}
	if nodes != nil {
		n.last = n.alive()
		n.stop = nodes.Watch(n.changed)
	}
	return n
}

// known are the other nodes that pages can be sent to, by name, and the origin of each.
func (n *neighbors) known() (nodes []Node, origins []string) {
	if n.nodes == nil {
		return nil, nil
	}
	all := slices.Clone(n.nodes.Others())
	slices.SortStableFunc(all, func(a, b Node) int { return strings.Compare(a.Name, b.Name) })
	for _, node := range all {
		address, origin := browserAddress(node.URL)
		if origin == "" || len(nodes) == maxNodes {
			continue
		}
		node.URL = address
		nodes, origins = append(nodes, node), append(origins, origin)
	}
	return nodes, origins
}

// browserAddress checks what a node says of itself, for it goes into a header: an address of the web with a slash at its end, and its origin. An IPv6
// address in numbers is none, because a content security policy cannot name it.
func browserAddress(text string) (address, origin string) {
	u, err := url.Parse(text)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", ""
	}
	if u.Hostname() == "" || strings.ContainsFunc(u.Host, notInOrigin) {
		return "", ""
	}
	origin = u.Scheme + "://" + u.Host
	path := strings.TrimSuffix(u.EscapedPath(), "/") + "/"
	return origin + path, origin
}

func notInOrigin(r rune) bool {
	letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
	return !letter && !strings.ContainsRune("-_.:", r)
}

// alive are the nodes that a page may go to now.
func (n *neighbors) alive() []nodeFrame {
	known, _ := n.known()
	var list []nodeFrame
	for _, node := range known {
		if node.Alive {
			list = append(list, nodeFrame{Name: node.Name, URL: node.URL})
		}
	}
	return list
}

// changed tells the pages that follow the list, if it is another one.
func (n *neighbors) changed() {
	n.mu.Lock()
	defer n.mu.Unlock() // also keeps the order of what is told: nothing below blocks
	list := n.alive()
	if slices.Equal(list, n.last) {
		return
	}
	n.last = list
	body, err := json.Marshal(n.frame(list))
	if err != nil {
		return // it is names and addresses
	}
	for _, p := range n.peers.list() {
		if p.followsNodes.Load() {
			_ = p.conn.Send(body) // a socket that cannot take it is closing
		}
	}
}

func (n *neighbors) frame(others []nodeFrame) nodesFrame {
	f := nodesFrame{Type: "nodes", Nodes: list(others)}
	if n.nodes != nil {
		f.Node = n.nodes.Name()
	}
	return f
}

// nodes answers with the other nodes, and from then on tells of changes.
func (k snugSocket) nodes(_ context.Context, ref json.RawMessage, _ none) error {
	p, s := k.peer, k.peer.server
	var pass string
	if s.moves != nil && k.origin != "" && p.visitor.bySession() {
		var err error
		if pass, err = s.moves.seal(p.visitor.token, k.origin, time.Now()); err != nil {
			return err
		}
	}
	s.neighbors.answer(p, ref, pass)
	return nil
}

// answer tells one socket. No change is told in between, so that what comes last is true.
func (n *neighbors) answer(p *peer, ref json.RawMessage, pass string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	p.followsNodes.Store(true)
	answer := n.frame(n.alive())
	answer.Ref = ref
	if pass != "" {
		answer.Move, answer.ExpiresIn = pass, int(moveLife.Seconds())
	}
	p.send(answer)
}
