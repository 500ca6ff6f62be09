package cluster

import "fmt"

// meta is what this node says of itself. It is asked for under memberlist's lock.
func (m *Mesh) meta() meta {
	mt := meta{Protocol: m.protocols, Name: m.opts.Name, Version: m.opts.Version, Life: m.life}
	if url := m.url.Load(); url != nil {
		mt.URL = *url
	}
	return mt
}

// Announce tells the other nodes where browsers find this one, see [Member]. It does not wait for them to hear it.
func (m *Mesh) Announce(url string) error {
	if len(url) > maxURL {
		return fmt.Errorf("announce the address for browsers: it has more than %d bytes", maxURL)
	}
	m.url.Store(&url)
	m.mu.RLock()
	g := m.gossip
	m.mu.RUnlock()
	if g != nil {
		g.update()
	}
	return nil
}

// Keys derives 32-byte keys for a purpose: of the secret in use, with which to seal, and of each other one that is held while it is replaced,
// with which another node may have sealed.
func (m *Mesh) Keys(purpose string) [][]byte {
	all, primary := m.keys.held()
	list := [][]byte{useKey(primary, purpose)}
	for _, k := range all {
		if k.secret != primary.secret {
			list = append(list, useKey(k, purpose))
		}
	}
	return list
}

func useKey(k key, purpose string) []byte { return k.secret.Key("use of " + purpose) }
