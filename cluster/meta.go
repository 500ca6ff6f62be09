package cluster

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// protocolRange are the link protocols that a node speaks. It must share one with another node to talk to it.
type protocolRange struct{ Min, Max int }

// spoken is what this version speaks.
func spoken() protocolRange { return protocolRange{1, 1} }

// common is the newest protocol that both speak; 0 if there is none.
func (p protocolRange) common(q protocolRange) int {
	if best := min(p.Max, q.Max); best >= max(p.Min, q.Min) {
		return best
	}
	return 0
}

// maxURL is how long the address for browsers may be, in bytes.
const maxURL = 160

// meta is what a node gossips about itself. memberlist has room for 512 bytes and panics above.
type meta struct {
	Protocol protocolRange `json:"p"`
	Name     string        `json:"n"`
	Version  string        `json:"v"`
	Life     uint64        `json:"l"`
	URL      string        `json:"u,omitempty"`
}

func (m meta) encode() []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // would make six bytes of one
	if err := enc.Encode(m); err != nil {
		panic(err) // strings and numbers only
	}
	return bytes.TrimSpace(b.Bytes())
}

func decodeMeta(b []byte) (meta, error) {
	var m meta
	if err := json.Unmarshal(b, &m); err != nil {
		return meta{}, fmt.Errorf("read what a node says of itself: %w", err)
	}
	m.Name, m.Version = tidyName(m.Name), tidyName(m.Version)
	if len(m.URL) > maxURL {
		m.URL = ""
	}
	return m, nil
}
