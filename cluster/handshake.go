package cluster

import (
	"bufio"
	"context"
	"crypto/hmac"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// A link begins with three frames of JSON: the hello of who dialled, the answer, and a last word of who dialled. Both of the first
// carry proof of the secret. Nobody is told anything before they proved it, but whether it is the wrong secret or the wrong cluster.
const (
	frameHello  = 64
	frameAnswer = 65
	frameLast   = 66

	maxHandshake = 8 << 10

	roleDialled  = "dialled"
	roleAnswered = "answered"

	// exporterLabel is the channel binding of RFC 9266.
	exporterLabel = "EXPORTER-Channel-Binding"
	exporterSize  = 32
)

// self is what a node says of itself in both directions.
type identity struct {
	ID       string        `json:"id"`
	Life     uint64        `json:"life"`
	Name     string        `json:"name"`
	Version  string        `json:"version"`
	Addr     string        `json:"addr"`
	Protocol protocolRange `json:"protocol"`
}

type hello struct {
	Cluster string   `json:"cluster"`
	Self    identity `json:"self"`
	Probe   bool     `json:"probe,omitempty"` // only wants to know who is there
}

type proof struct {
	Key string `json:"key"`
	MAC []byte `json:"mac"`
}

// signed is a hello or an answer with proofs of it, one for each key held.
type signed struct {
	Said   []byte  `json:"said"` // JSON, as the bytes that were proved
	Proofs []proof `json:"proofs"`
}

type answer struct {
	Refused   TroubleKind `json:"refused,omitempty"`
	Duplicate string      `json:"duplicate,omitempty"` // the address of the other one with the id of who dialled
	Self      identity    `json:"self"`
}

// refusedError is a handshake that came to the end, and to nothing.
type refusedError struct {
	kind      TroubleKind
	duplicate string
	peer      identity // zero unless the peer proved the secret
	theirs    string   // cluster id that the peer said it had
}

func (e *refusedError) Error() string { return "refused: " + string(e.kind) }

// notOursError is whoever answers without speaking TLS and our protocol.
type notOursError struct{ err error }

func (e *notOursError) Error() string { return "not a node: " + e.err.Error() }
func (e *notOursError) Unwrap() error { return e.err }

// greeting is a connection with proof given and taken.
type greeting struct {
	conn     *tls.Conn
	raw      *patientConn
	r        *bufio.Reader
	peer     identity
	protocol int
	probe    bool
}

func (m *Mesh) identity() identity {
	return identity{
		ID: m.id, Life: m.life, Name: m.opts.Name, Version: m.opts.Version, Addr: m.Addr(), Protocol: m.protocols,
	}
}

// greet dials an address and goes through the handshake. With probe it is only to see who is there.
func (m *Mesh) greet(ctx context.Context, addr string, probe bool) (*greeting, error) {
	ctx, cancel := context.WithTimeout(ctx, m.opts.Timing.Handshake)
	defer cancel()
	dialled, err := m.opts.network.dial(ctx, addr)
	if err != nil {
		return nil, err
	}
	raw := &patientConn{Conn: dialled}
	stop := context.AfterFunc(ctx, func() { raw.Close() })
	g, err := m.greetOver(ctx, raw, probe)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		raw.Close()
		return nil, err
	}
	return g, nil
}

func (m *Mesh) greetOver(ctx context.Context, raw *patientConn, probe bool) (*greeting, error) {
	deadline, _ := ctx.Deadline()
	if err := raw.SetDeadline(deadline); err != nil {
		return nil, err
	}
	conn := tls.Client(raw, linkTLS())
	if err := conn.HandshakeContext(ctx); err != nil {
		return nil, &notOursError{err}
	}
	exporter, err := export(conn)
	if err != nil {
		return nil, err
	}
	said := hello{Cluster: m.keys.cluster, Self: m.identity(), Probe: probe}
	if err := m.say(conn, frameHello, roleDialled, exporter, said); err != nil {
		return nil, err
	}
	r := bufio.NewReaderSize(conn, linkBuffer)
	msg, err := hear(r, frameAnswer)
	if err != nil {
		return nil, &notOursError{err}
	}
	var a answer
	if err := json.Unmarshal(msg.Said, &a); err != nil {
		return nil, &notOursError{err}
	}
	if !m.proves(msg, roleAnswered, exporter) {
		// It may say so itself, and may lie: then there is nothing here to learn from it.
		kind := WrongSecret
		if a.Refused == WrongCluster {
			kind = WrongCluster
		}
		return nil, &refusedError{kind: kind}
	}
	a.Self.tidy()
	if a.Refused != NoTrouble {
		return nil, &refusedError{kind: a.Refused, duplicate: a.Duplicate, peer: a.Self}
	}
	protocol := m.protocols.common(a.Self.Protocol)
	if protocol == 0 {
		return nil, &refusedError{kind: VersionMismatch, peer: a.Self}
	}
	if !validID(a.Self.ID) {
		return nil, &notOursError{errors.New("no node id")}
	}
	if _, err := conn.Write(appendFrame(nil, frameLast, nil)); err != nil {
		return nil, err
	}
	return &greeting{conn: conn, raw: raw, r: r, peer: a.Self, protocol: protocol, probe: probe}, nil
}

// answerOver is the other side of greet. admit decides what to answer to somebody who proved the secret.
func (m *Mesh) answerOver(conn *tls.Conn, raw *patientConn, admit func(identity) answer) (*greeting, error) {
	exporter, err := export(conn)
	if err != nil {
		return nil, err
	}
	r := bufio.NewReaderSize(conn, linkBuffer)
	msg, err := hear(r, frameHello)
	if err != nil {
		return nil, &notOursError{err}
	}
	var h hello
	if err := json.Unmarshal(msg.Said, &h); err != nil {
		return nil, &notOursError{err}
	}
	h.Self.tidy()
	proved := m.proves(msg, roleDialled, exporter)
	var a answer
	switch {
	case h.Cluster != m.keys.cluster:
		a = answer{Refused: WrongCluster}
	case !proved:
		a = answer{Refused: WrongSecret}
	case m.protocols.common(h.Self.Protocol) == 0:
		a = answer{Refused: VersionMismatch, Self: m.identity()}
	case !validID(h.Self.ID):
		return nil, &notOursError{errors.New("no node id")}
	default:
		a = admit(h.Self)
		a.Self = m.identity()
	}
	if proved {
		err = m.say(conn, frameAnswer, roleAnswered, exporter, a)
	} else {
		err = m.sayPlainly(conn, frameAnswer, a)
	}
	if err != nil {
		return nil, err
	}
	if a.Refused != NoTrouble {
		e := &refusedError{kind: a.Refused, theirs: h.Cluster}
		if proved {
			e.peer = h.Self
		}
		return nil, e
	}
	if _, err := hear(r, frameLast); err != nil {
		return nil, err
	}
	return &greeting{
		conn: conn, raw: raw, r: r, peer: h.Self, protocol: m.protocols.common(h.Self.Protocol), probe: h.Probe,
	}, nil
}

func (i *identity) tidy() {
	i.Name, i.Version = tidyName(i.Name), tidyName(i.Version)
	if host, port, err := splitAddr(i.Addr); err != nil || net.ParseIP(host) == nil || port == 0 {
		i.Addr = ""
	}
}

func export(conn *tls.Conn) ([]byte, error) {
	state := conn.ConnectionState()
	return state.ExportKeyingMaterial(exporterLabel, nil, exporterSize)
}

// say sends what is said with a proof for each key held.
func (m *Mesh) say(w io.Writer, kind byte, role string, exporter []byte, said any) error {
	raw, err := json.Marshal(said)
	if err != nil {
		return err
	}
	msg := signed{Said: raw}
	all, _ := m.keys.held()
	for _, k := range all {
		msg.Proofs = append(msg.Proofs, proof{Key: k.id(), MAC: k.secret.mac(role, exporter, raw)})
	}
	return writeJSON(w, kind, msg)
}

func (m *Mesh) sayPlainly(w io.Writer, kind byte, said any) error {
	raw, err := json.Marshal(said)
	if err != nil {
		return err
	}
	return writeJSON(w, kind, signed{Said: raw})
}

func writeJSON(w io.Writer, kind byte, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = w.Write(appendFrame(nil, kind, body))
	return err
}

// hear reads one frame of the handshake.
func hear(r *bufio.Reader, want byte) (signed, error) {
	body, err := hearBody(r, want)
	if err != nil || want == frameLast {
		return signed{}, err
	}
	var msg signed
	err = json.Unmarshal(body, &msg)
	return msg, err
}

func hearBody(r *bufio.Reader, want byte) ([]byte, error) {
	kind, body, err := readFrame(r, maxHandshake)
	if err != nil {
		return nil, err
	}
	if kind != want {
		return nil, fmt.Errorf("%w: kind %d instead of %d", errFrame, kind, want)
	}
	return body, nil
}

// proves says whether one of the proofs is by a key that is held here.
func (m *Mesh) proves(msg signed, role string, exporter []byte) bool {
	for i, p := range msg.Proofs {
		if i == maxKeys {
			return false
		}
		if k, ok := m.keys.byID(p.Key); ok && hmac.Equal(p.MAC, k.secret.mac(role, exporter, msg.Said)) {
			return true
		}
	}
	return false
}

func dialTimeout(n network, addr string, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout) // memberlist has none to give
	defer cancel()
	return n.dial(ctx, addr)
}
