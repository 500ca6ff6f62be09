package cluster

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
)

// A link begins with three frames: the hello of who dialled, the answer, and an empty last word of who dialled. What the first two say is sealed
// with a key made of the secret and of the TLS exporter value, which both proves the secret and tells nothing to those who do not have it:
// only the id of the cluster, and whether it is that or the secret that is wrong.
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

// identity is what a node says of itself in both directions.
type identity struct {
	ID       string        `json:"id"`
	Life     uint64        `json:"life"`
	Name     string        `json:"name"`
	Version  string        `json:"version"`
	Addr     string        `json:"addr"`
	Protocol protocolRange `json:"protocol"`
}

// envelope is a hello or an answer, sealed with each key held.
type envelope struct {
	Cluster string      `json:"cluster,omitempty"`
	Refused TroubleKind `json:"refused,omitempty"` // wrong cluster or secret, as one cannot say under seal
	Sealed  []sealed    `json:"sealed,omitempty"`
}

type sealed struct {
	Key string `json:"key"` // id
	Box []byte `json:"box"`
}

type hello struct {
	Self  identity `json:"self"`
	Probe bool     `json:"probe,omitempty"` // only wants to know who is there
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
	raw := patient(dialled, dialled)
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
	if err := m.say(conn, frameHello, roleDialled, exporter, hello{Self: m.identity(), Probe: probe}); err != nil {
		return nil, err
	}
	r := bufio.NewReaderSize(conn, linkBuffer)
	env, err := hear(r, frameAnswer)
	if err != nil {
		return nil, &notOursError{err}
	}
	var a answer
	proved, err := m.unseal(env, roleAnswered, exporter, &a)
	if err != nil {
		return nil, &notOursError{err}
	}
	if !proved {
		// It says why, and may lie: so of those two only.
		kind := WrongSecret
		if env.Refused == WrongCluster {
			kind = WrongCluster
		}
		return nil, &refusedError{kind: kind, theirs: env.Cluster}
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
	env, err := hear(r, frameHello)
	if err != nil {
		return nil, &notOursError{err}
	}
	var h hello
	proved, err := m.unseal(env, roleDialled, exporter, &h)
	if err != nil {
		return nil, &notOursError{err}
	}
	if kind := m.stranger(env, proved); kind != NoTrouble {
		_ = writeJSON(conn, frameAnswer, envelope{Refused: kind}) // it is not for us to care whether it arrives
		return nil, &refusedError{kind: kind, theirs: env.Cluster}
	}
	h.Self.tidy()
	if !validID(h.Self.ID) {
		return nil, &notOursError{errors.New("no node id")}
	}
	a := answer{Refused: VersionMismatch}
	if m.protocols.common(h.Self.Protocol) != 0 {
		a = admit(h.Self)
	}
	a.Self = m.identity()
	if err := m.say(conn, frameAnswer, roleAnswered, exporter, a); err != nil {
		return nil, err
	}
	if a.Refused != NoTrouble {
		return nil, &refusedError{kind: a.Refused, peer: h.Self}
	}
	if _, err := hearBody(r, frameLast); err != nil {
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

// stranger says why who sent an envelope is none of us.
func (m *Mesh) stranger(env envelope, proved bool) TroubleKind {
	switch {
	case env.Cluster != m.keys.cluster:
		return WrongCluster
	case !proved:
		return WrongSecret
	}
	return NoTrouble
}

// say sends something sealed with each key held.
func (m *Mesh) say(w io.Writer, kind byte, role string, exporter []byte, v any) error {
	said, err := json.Marshal(v)
	if err != nil {
		return err
	}
	env := envelope{Cluster: m.keys.cluster}
	all, _ := m.keys.held()
	for _, k := range all {
		env.Sealed = append(env.Sealed, sealed{Key: k.id(), Box: k.secret.seal(role, exporter, said)})
	}
	return writeJSON(w, kind, env)
}

// unseal reads what was said, if one of the keys held here opens it; that is the proof.
func (m *Mesh) unseal(env envelope, role string, exporter []byte, v any) (proved bool, err error) {
	if len(env.Sealed) > maxKeys {
		return false, fmt.Errorf("%w: %d seals", errFrame, len(env.Sealed))
	}
	for _, s := range env.Sealed {
		k, ok := m.keys.byID(s.Key)
		if !ok {
			continue
		}
		if said, ok := k.secret.open(role, exporter, s.Box); ok {
			return true, json.Unmarshal(said, v)
		}
	}
	return false, nil
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
func hear(r *bufio.Reader, want byte) (envelope, error) {
	body, err := hearBody(r, want)
	if err != nil {
		return envelope{}, err
	}
	var env envelope
	err = json.Unmarshal(body, &env)
	return env, err
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
