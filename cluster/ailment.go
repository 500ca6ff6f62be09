package cluster

import "strings"

// maxKind is how long the name of a kind of trouble may be, in bytes: newer versions may know other ones.
const maxKind = 32

// valid reports whether it may be the name of one that a newer version knows, or says that there is none.
func (k TroubleKind) valid() bool {
	return len(k) <= maxKind && strings.Trim(string(k), "abcdefghijklmnopqrstuvwxyz_") == ""
}

// examine sees whether this node can store anything, and tells the others when that changes.
func (m *Mesh) examine() {
	kind := m.opts.Ails()
	m.mu.Lock()
	same := kind == m.ails.Kind
	m.ails = storeTrouble(kind, "this node ("+m.opts.Dir+")")
	m.mu.Unlock()
	if !same {
		m.tellAll(m.status())
		m.changed()
	}
}

// hearAilment notes what a peer says of itself.
func (m *Mesh) hearAilment(peer string, kind TroubleKind) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if r := m.records[peer]; r != nil {
		m.setTrouble(&r.ails, storeTrouble(kind, r.label()), "node", r.label(), "id", r.id)
	}
}
