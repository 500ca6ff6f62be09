package cluster

import (
	"cmp"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
)

// maxKeys is how many secrets may be held at once: two while one is replaced, more only when both sides of a cut replaced it.
const maxKeys = 4

// key is a secret and its generation. Keys are ordered by generation, then by id, the same on every node.
type key struct {
	gen    uint64
	secret Secret
}

func (k key) id() string { return k.secret.id() }

func compareKeys(a, b key) int {
	return cmp.Or(cmp.Compare(a.gen, b.gen), cmp.Compare(a.id(), b.id()))
}

// keys are the secrets of this node: one that it uses, and, while the secret is replaced, others that it understands.
type keys struct {
	dir     string
	cluster string // id of the cluster: made from its first secret, and kept when that is replaced

	mu      sync.Mutex // guards the fields below
	all     []key      // in order
	primary key
}

// savedState is the file cluster.json.
type savedState struct {
	Cluster string     `json:"cluster"`        // hex
	Keys    []savedKey `json:"keys,omitempty"` // those besides or instead of the one in cluster.key, in order
}

type savedKey struct {
	Gen    uint64 `json:"gen"`
	Secret string `json:"secret"` // hex
}

func (k savedKey) key() (key, error) {
	b, err := hex.DecodeString(k.Secret)
	if err != nil || len(b) != SecretSize || Secret(b) == (Secret{}) { // which no node would start with again
		return key{}, errors.New("a key of the wrong form")
	}
	return key{gen: k.Gen, secret: Secret(b)}, nil
}

func saveKeys(all []key) []savedKey {
	var s []savedKey
	for _, k := range all {
		s = append(s, savedKey{k.gen, hex.EncodeToString(k.secret[:])})
	}
	return s
}

// clusterID is the id of a cluster that begins with this secret.
func clusterID(s Secret) string { return hex.EncodeToString(s.Key("name of the cluster")[:16]) }

func loadKeys(dir string) (*keys, error) {
	secret, err := readSecret(dir)
	if err != nil {
		return nil, err
	}
	ks, err := readState(dir)
	if err != nil {
		return nil, err
	}
	if ks == nil {
		ks = &keys{dir: dir, cluster: clusterID(secret)}
	}
	ks.primary = key{secret: secret}
	for _, k := range ks.all {
		if k.secret == secret {
			ks.primary = k
		}
	}
	if !slices.Contains(ks.all, ks.primary) {
		// Somebody put another cluster.key there: it counts, and what was under way with the old one does not.
		ks.all = []key{ks.primary}
	}
	return ks, nil
}

// readState reads cluster.json, which does not say which key is in use. It returns nil if there is none.
func readState(dir string) (*keys, error) {
	path := filepath.Join(dir, stateFile)
	data, err := readPrivate(path)
	if missing(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	ks, err := decodeState(data)
	if err != nil {
		return nil, &damagedError{path, err, "it says which cluster this node is in. Put it back from a backup; or remove it and " + secretFile +
			", and join again with an invitation of another node (snug invite). Where there is no other node, remove it alone"}
	}
	ks.dir = dir
	return ks, nil
}

func decodeState(data []byte) (*keys, error) {
	var saved savedState
	if err := json.Unmarshal(data, &saved); err != nil {
		return nil, err
	}
	if !validID(saved.Cluster) {
		return nil, errors.New("no id of a cluster")
	}
	ks := &keys{cluster: saved.Cluster}
	for _, s := range saved.Keys {
		k, err := s.key()
		if err != nil {
			return nil, err
		}
		ks.all = append(ks.all, k)
	}
	slices.SortFunc(ks.all, compareKeys)
	return ks, nil
}

// newer are those of two nodes' keys with the newest among them. If a node has newer ones than the other and they have none in common, it is the other that has
// to join: with its old ones this node would be where nobody else is any more.
func (ks *keys) newer(theirs *keys) (*keys, error) {
	if len(ks.all) == 0 {
		return theirs, nil
	}
	mine, last := ks.all[len(ks.all)-1], slices.MaxFunc(theirs.all, compareKeys)
	if compareKeys(mine, last) <= 0 {
		return theirs, nil
	}
	for _, k := range theirs.all {
		if slices.Contains(ks.all, k) {
			return ks, nil // and it gets the newest from here
		}
	}
	return nil, ErrOlderSecret
}

// saveLocked writes cluster.json before cluster.key, so that a crash between them leaves a known, older primary key.
func (ks *keys) saveLocked() error {
	if err := ks.saveStateLocked(); err != nil {
		return err
	}
	return writePrivate(filepath.Join(ks.dir, secretFile), ks.primary.secret[:])
}

func (ks *keys) saveStateLocked() error {
	data, err := json.MarshalIndent(savedState{Cluster: ks.cluster, Keys: saveKeys(ks.all)}, "", "\t")
	if err != nil {
		return err
	}
	return writePrivate(filepath.Join(ks.dir, stateFile), append(data, '\n'))
}

// keepState sees that there is a cluster.json, so that a node that has met others knows the cluster to join again if cluster.key is lost.
func (ks *keys) keepState() error {
	ks.mu.Lock()
	defer ks.mu.Unlock()
	if _, err := os.Stat(filepath.Join(ks.dir, stateFile)); !missing(err) {
		return err
	}
	return ks.saveStateLocked()
}

// held are all keys, oldest first, and the one in use.
func (ks *keys) held() (all []key, primary key) {
	ks.mu.Lock()
	defer ks.mu.Unlock()
	return slices.Clone(ks.all), ks.primary
}

func (ks *keys) byID(id string) (key, bool) {
	ks.mu.Lock()
	defer ks.mu.Unlock()
	for _, k := range ks.all {
		if k.id() == id {
			return k, true
		}
	}
	return key{}, false
}

// add takes in keys that others have. One that is older than all held here was given up already, and is not taken back.
func (ks *keys) add(more []key) (added bool, err error) {
	ks.mu.Lock()
	defer ks.mu.Unlock()
	before := ks.all
	for _, k := range more {
		known := slices.ContainsFunc(ks.all, func(h key) bool { return h.secret == k.secret })
		if known || compareKeys(k, ks.all[0]) < 0 || len(ks.all) == maxKeys {
			continue
		}
		ks.all = append(slices.Clone(ks.all), k)
		slices.SortFunc(ks.all, compareKeys)
		added = true
	}
	if !added {
		return false, nil
	}
	if err := ks.saveLocked(); err != nil {
		ks.all = before
		return false, fmt.Errorf("keep the new secret: %w", err)
	}
	return true, nil
}

// use makes the newest key the one in use.
func (ks *keys) use() error {
	ks.mu.Lock()
	defer ks.mu.Unlock()
	before := ks.primary
	ks.primary = ks.all[len(ks.all)-1]
	if err := ks.saveLocked(); err != nil {
		ks.primary = before
		return fmt.Errorf("use the new secret: %w", err)
	}
	return nil
}

// drop forgets all keys but the one in use.
func (ks *keys) drop() error {
	ks.mu.Lock()
	defer ks.mu.Unlock()
	before := ks.all
	ks.all = []key{ks.primary}
	if err := ks.saveLocked(); err != nil {
		ks.all = before
		return fmt.Errorf("forget the old secret: %w", err)
	}
	return nil
}
