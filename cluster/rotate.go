package cluster

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
)

// ErrRotating means that the secret is being replaced already.
var ErrRotating = errors.New("cluster: the secret is being replaced already")

// controlPort is where the nodes talk about secrets, and about whom to forget.
const controlPort = "snug.cluster"

const (
	// maxStatus is how long a frame of the control port may be, in bytes: four times what [maxKeys] take, so that newer versions may say more.
	maxStatus = 4 << 10
	// maxAhead is how many generations a key may be ahead of the newest one here. Whoever shares a key is a few of them ahead at most, and a key of the
	// last generation that there can be would be one that nothing replaces any more.
	maxAhead = 1000
)

// status is a frame of the control port: the keys and how the sender is, or whom to forget.
type status struct {
	Keys    []savedKey  `json:"keys,omitempty"`    // all that the sender has; the receiver takes those that are new
	Newest  string      `json:"newest,omitempty"`  // id of the newest of them
	Primary string      `json:"primary,omitempty"` // id of the one that it uses
	Ails    TroubleKind `json:"ails,omitempty"`    // what keeps the sender from storing anything
	Forget  string      `json:"forget,omitempty"`  // id of a node
}

// Rotation is how far the replacement of the secret is.
type Rotation struct {
	Stage   RotationStage
	Waiting []string // ids of the nodes it waits for: they must come back, or be forgotten
}

// RotationStage is a step on the way from one secret to the next.
type RotationStage string

// The stages. Each node goes through them by itself, by what it hears from the others.
const (
	NotRotating RotationStage = ""
	Spreading   RotationStage = "spreading" // all use the old one; not everybody has the new one yet
	Switching   RotationStage = "switching" // everybody has the new one; not everybody uses it yet
)

// Rotate makes a new secret, and has all nodes change to it without a stop. It returns when that has begun; see Rotation. A node that
// is away keeps it from ending: until it has come back, or is forgotten, the old secret is good too.
func (m *Mesh) Rotate() error {
	all, primary := m.keys.held()
	if len(all) > 1 {
		return ErrRotating
	}
	if _, err := m.keys.add([]key{{gen: primary.gen + 1, secret: NewSecret()}}); err != nil {
		return err
	}
	m.log.Info("a new secret is being spread", "to", len(m.knownPeers()))
	m.keysChanged()
	m.rotate()
	return nil
}

// Rotation says whether the secret is being replaced, and whom that waits for.
func (m *Mesh) Rotation() Rotation {
	all, primary := m.keys.held()
	if len(all) == 1 {
		return Rotation{}
	}
	newest := all[len(all)-1]
	stage := Spreading
	if primary == newest {
		stage = Switching
	}
	return Rotation{Stage: stage, Waiting: m.without(newest.id(), stage)}
}

// without are the known nodes that have not reached the end of a stage.
func (m *Mesh) without(newest string, s RotationStage) []string {
	m.mu.RLock()
	defer m.mu.RUnlock()
	ids := []string{}
	for _, r := range m.records {
		if r.newest != newest || s == Switching && r.primary != newest {
			ids = append(ids, r.id)
		}
	}
	slices.Sort(ids)
	return ids
}

// rotate goes as far as can be gone now: to use a new key when everybody has it, to forget the old when everybody uses the new.
func (m *Mesh) rotate() {
	m.turning.Lock()
	defer m.turning.Unlock()
	for {
		r := m.Rotation()
		if r.Stage == NotRotating || len(r.Waiting) > 0 {
			return
		}
		step := m.keys.use
		if r.Stage == Switching {
			step = m.keys.drop
		}
		if err := step(); err != nil {
			m.log.Error("cannot go on replacing the secret", "error", err)
			return
		}
		if r.Stage == Switching {
			m.log.Info("the new secret is in use everywhere, and the old one is worth nothing any more")
		}
		m.keysChanged()
	}
}

// keysChanged tells memberlist, and the others.
func (m *Mesh) keysChanged() {
	all, primary := m.keys.held()
	m.mu.RLock()
	g := m.gossip
	m.mu.RUnlock()
	if g != nil {
		if err := g.setKeys(all, primary); err != nil {
			m.log.Error("cannot change the key of gossip", "error", err)
		}
	}
	m.tellAll(m.status())
	m.changed()
}

func (m *Mesh) status() status {
	all, primary := m.keys.held()
	m.mu.RLock()
	defer m.mu.RUnlock()
	return status{Keys: saveKeys(all), Newest: all[len(all)-1].id(), Primary: primary.id(), Ails: m.ails.Kind}
}

func (m *Mesh) tellAll(s status) {
	p := m.Port(controlPort)
	for _, peer := range p.Peers() {
		m.tellStatus(peer, s)
	}
}

func (m *Mesh) tellStatus(peer string, s status) {
	frame, err := json.Marshal(s)
	if err == nil {
		err = m.Port(controlPort).Send(peer, frame)
	}
	if err != nil {
		m.log.Debug("cannot tell the state of the keys", "to", peer, "error", err) // Up brings another chance
	}
}

// controlHandler is the handler of the control port.
type controlHandler struct{ m *Mesh }

func (h controlHandler) Up(peer string) { h.m.tellStatus(peer, h.m.status()) }

func (h controlHandler) Down(peer string) { h.m.hearAilment(peer, NoTrouble) } // nobody knows any more

func (h controlHandler) Received(peer string, frame []byte) {
	s, theirs, err := decodeStatus(frame)
	switch {
	case err != nil:
		h.m.garbled(peer, err)
	case s.Forget != "":
		h.m.hearForget(peer, s.Forget)
	default:
		h.m.hearAilment(peer, s.Ails)
		h.m.hearKeys(peer, s, theirs)
	}
}

// decodeStatus takes only what [Mesh.status] and [Mesh.Forget] make: ids are kept and passed on, so they must be of their form.
func decodeStatus(frame []byte) (s status, theirs []key, err error) {
	if len(frame) > maxStatus {
		return status{}, nil, fmt.Errorf("%d bytes, at most %d are allowed", len(frame), maxStatus)
	}
	if err := json.Unmarshal(frame, &s); err != nil {
		return status{}, nil, err
	}
	if s.Forget != "" {
		if !validID(s.Forget) || len(s.Keys) > 0 || s.Newest != "" || s.Primary != "" || s.Ails != NoTrouble {
			return status{}, nil, errors.New("it wants a node forgotten, and says more or names none")
		}
		return s, nil, nil
	}
	if len(s.Keys) == 0 || len(s.Keys) > maxKeys {
		return status{}, nil, fmt.Errorf("%d keys", len(s.Keys))
	}
	for _, saved := range s.Keys {
		k, err := saved.key()
		if err != nil {
			return status{}, nil, err
		}
		theirs = append(theirs, k)
	}
	slices.SortFunc(theirs, compareKeys)
	if s.Newest != theirs[len(theirs)-1].id() || !slices.ContainsFunc(theirs, func(k key) bool { return k.id() == s.Primary }) {
		return status{}, nil, errors.New("it names keys that it does not tell")
	}
	if !s.Ails.valid() {
		return status{}, nil, errors.New("what ails it is no kind of trouble")
	}
	return s, theirs, nil
}

// garbled counts a frame of the control port that makes no sense, and logs that once an hour for each peer.
func (m *Mesh) garbled(peer string, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.records[peer]
	if r == nil {
		return // forgotten while this was under way
	}
	r.garbled++
	if m.firstLocked("garbled " + peer) {
		m.note(slog.LevelWarn, "a node said something about the cluster that cannot be understood; snug members counts how often", "node", r.label(), "id", peer, "error", err)
	}
}

func (m *Mesh) hearForget(peer, id string) {
	if err := m.forget(id); err != nil && !errors.Is(err, ErrUnknown) && !errors.Is(err, ErrAlive) {
		m.notKept(peer, err)
	}
	m.rotate()
}

func (m *Mesh) hearKeys(peer string, s status, theirs []key) {
	all, _ := m.keys.held()
	mine, last := all[len(all)-1].gen, theirs[len(theirs)-1].gen
	if last > mine && last-mine > maxAhead {
		m.garbled(peer, fmt.Errorf("a key that is %d generations ahead", last-mine))
		return
	}
	m.mu.Lock()
	if r := m.records[peer]; r != nil && (r.newest != s.Newest || r.primary != s.Primary) {
		r.newest, r.primary = s.Newest, s.Primary
		m.dirty = true
	}
	m.mu.Unlock()
	added, err := m.keys.add(theirs)
	if added {
		m.log.Info("a new secret has come from another node", "id", peer)
		m.keysChanged()
	}
	if err != nil {
		m.notKept(peer, err)
	}
	m.rotate()
}

// notKept says, once an hour, that what a peer told is understood and not on the disk, which is this node's own trouble.
func (m *Mesh) notKept(peer string, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.firstLocked("not kept") {
		m.note(slog.LevelError, "cannot keep what another node said about the cluster: see whether the disk of the data directory is full or fails", "id", peer, "error", err)
	}
}
