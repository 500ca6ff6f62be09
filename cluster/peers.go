package cluster

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// ErrAlive means that a node cannot be forgotten because it is there.
var ErrAlive = errors.New("cluster: the node is alive")

// ErrUnknown means that there is no such node.
var ErrUnknown = errors.New("cluster: no such node")

// savedPeers is the file peers.json.
type savedPeers struct {
	Cluster string      `json:"cluster"` // its id, so that a node that has lost all else joins no other one
	Peers   []savedPeer `json:"peers"`   // ever met
}

// savedPeer is a node in peers.json: where it was last, and which keys it is known to have.
type savedPeer struct {
	ID      string `json:"id"`
	Name    string `json:"name,omitempty"`
	Addr    string `json:"addr,omitempty"`
	Version string `json:"version,omitempty"`
	Left    bool   `json:"left,omitempty"`
	Newest  string `json:"newest_key,omitempty"`
	Primary string `json:"primary_key,omitempty"`
}

func (m *Mesh) loadPeers() error {
	saved, err := readPeers(m.opts.Dir)
	if err != nil || saved == nil {
		return err
	}
	for _, p := range saved.Peers {
		if !validID(p.ID) || p.ID == m.id {
			continue
		}
		r := m.recordLocked(p.ID) // nobody else is there yet
		r.name, r.addr, r.version = tidyName(p.Name), p.Addr, tidyName(p.Version)
		r.newest, r.primary, r.left = p.Newest, p.Primary, p.Left
		r.state = r.now()
	}
	m.dirty = false
	return nil
}

// readPeers reads peers.json. It returns nil if there is none.
func readPeers(dir string) (*savedPeers, error) {
	path := filepath.Join(dir, peersFile)
	data, err := os.ReadFile(path)
	if missing(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var saved savedPeers
	if bytes.HasPrefix(data, []byte("[")) { // written before it named the cluster
		err = json.Unmarshal(data, &saved.Peers)
	} else {
		err = json.Unmarshal(data, &saved)
	}
	if err != nil {
		return nil, &damagedError{path, err, "it says where the other nodes were. Put it back from a backup, or remove it: the others find this node where it was, " +
			"and where that is not so, write the address of one of them in cluster.seeds"}
	}
	return &saved, nil
}

// metCluster is the cluster whose nodes the one of dir has met; "" if it has met nobody, or nobody knows.
func metCluster(dir string) (id string) {
	saved, err := readPeers(dir)
	if err != nil || saved == nil || len(saved.Peers) == 0 || !validID(saved.Cluster) {
		return ""
	}
	return saved.Cluster
}

func (m *Mesh) savePeers() error {
	m.saving.Lock()
	defer m.saving.Unlock()
	list := m.knownPeers()
	if len(list) > 0 {
		if err := m.keys.keepState(); err != nil {
			return err
		}
	}
	return savePeers(m.opts.Dir, m.keys.cluster, list)
}

func (m *Mesh) knownPeers() []savedPeer {
	m.mu.RLock()
	defer m.mu.RUnlock()
	list := []savedPeer{}
	for _, r := range m.records {
		list = append(list, savedPeer{r.id, r.name, r.addr, r.version, r.left, r.newest, r.primary})
	}
	return list
}

func savePeers(dir, cluster string, list []savedPeer) error {
	slices.SortFunc(list, func(a, b savedPeer) int { return strings.Compare(a.ID, b.ID) })
	data, err := json.MarshalIndent(savedPeers{cluster, list}, "", "\t")
	if err != nil {
		return err
	}
	return writePrivate(filepath.Join(dir, peersFile), append(data, '\n'))
}

// metOthers are the files of dir that show that its node was in a cluster with others, none if it was not. A node that never met anybody has an empty list
// of peers once it was stopped, and cluster.json too once it replaced its secret: that file alone shows something only where no list says that there was nobody.
func metOthers(dir string) (files []string, err error) {
	saved, err := readPeers(dir)
	var damaged *damagedError
	switch {
	case errors.As(err, &damaged): // it did not begin empty either
	case err != nil:
		return nil, err
	case saved != nil && len(saved.Peers) == 0:
		return nil, nil
	}
	if err != nil || saved != nil {
		files = append(files, filepath.Join(dir, peersFile))
	}
	path := filepath.Join(dir, stateFile)
	switch _, err := os.Stat(path); {
	case err == nil:
		files = append(files, path)
	case !missing(err):
		return nil, err
	}
	return files, nil
}

// Forget takes a node that will not return off the list, here and on every node that has a link to this one now. If it does return, it is a
// member again. [ErrAlive] if it is there; [ErrUnknown] if nobody knows it.
func (m *Mesh) Forget(id string) error {
	err := m.forget(id)
	if err == nil {
		m.tellAll(status{Forget: id})
		m.rotate()
	}
	return err
}

func (m *Mesh) forget(id string) error {
	m.mu.Lock()
	r := m.records[id]
	switch {
	case id == m.id || r != nil && (r.link != nil || r.gossip):
		m.mu.Unlock()
		return ErrAlive
	case r == nil:
		m.mu.Unlock()
		return ErrUnknown
	}
	m.goneLocked(r)
	delete(m.records, id)
	m.mu.Unlock()
	m.note(slog.LevelInfo, "node forgotten", "id", id)
	m.changed()
	return m.savePeers()
}
