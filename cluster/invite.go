package cluster

import (
	"bufio"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// The frames of joining by a token: the code, and what it is worth.
const (
	frameCode    = 70
	frameWelcome = 71

	// wrongPerSecond and wrongAtOnce are how many wrong codes are told of in the log. With 128 bits they do no harm, however many are tried; and to
	// turn away also right ones for it would let anybody keep everybody from joining.
	wrongPerSecond, wrongAtOnce = 1, 5
	maxInvites                  = 100
	maxInviteTTL                = 30 * 24 * time.Hour
	maxWelcome                  = 256 << 10
)

// welcome is what a new node needs.
type welcome struct {
	Refused bool        `json:"refused,omitempty"`
	Cluster string      `json:"cluster,omitempty"`
	Keys    []savedKey  `json:"keys,omitempty"`
	Secret  string      `json:"secret,omitempty"` // the one in use, hex
	Peers   []savedPeer `json:"peers,omitempty"`
}

// invites are the codes that are good. They live as long as the process: its certificate does too.
type invites struct {
	wrong *rate.Limiter

	mu    sync.Mutex // guards codes
	codes map[[sha256.Size]byte]time.Time
}

func newInvites() *invites {
	return &invites{wrong: rate.NewLimiter(wrongPerSecond, wrongAtOnce), codes: map[[sha256.Size]byte]time.Time{}}
}

func (in *invites) add(code []byte, expires time.Time) error {
	in.mu.Lock()
	defer in.mu.Unlock()
	now := time.Now()
	for c, e := range in.codes {
		if !now.Before(e) {
			delete(in.codes, c)
		}
	}
	if len(in.codes) >= maxInvites {
		return fmt.Errorf("there are %d invitations already that nobody has used", len(in.codes))
	}
	in.codes[sha256.Sum256(code)] = expires
	return nil
}

// spend says whether a code is good, which it is once.
func (in *invites) spend(code []byte) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	sum := sha256.Sum256(code)
	expires, ok := in.codes[sum]
	delete(in.codes, sum)
	return ok && time.Now().Before(expires)
}

// Invite makes a token, one line, with which one machine can join the cluster until ttl has passed or this process ends. Whoever has it can
// get the secret, so it is to be passed on like a password.
func (m *Mesh) Invite(ttl time.Duration) (string, error) {
	if ttl <= 0 || ttl > maxInviteTTL {
		return "", fmt.Errorf("an invitation cannot be good for %s: at most %s", ttl, maxInviteTTL)
	}
	if t := m.Trouble(); t.Kind == DuplicateID {
		return "", errors.New(t.Text)
	}
	code := make([]byte, codeSize)
	rand.Read(code)
	expires := time.Now().Add(ttl)
	if err := m.invites.add(code, expires); err != nil {
		return "", err
	}
	pin := fingerprint(m.cert.Certificate[0])
	t := token{Addresses: m.addresses(), Fingerprint: pin[:], Code: code, Expires: m.opts.Now().Add(ttl).Unix(), Cluster: m.keys.cluster}
	return t.encode(), nil
}

// addresses are all where a new machine may find this one: that which is advertised first.
func (m *Mesh) addresses() []string {
	list := []string{m.Addr()}
	if host, _, err := splitAddr(m.opts.Bind); err != nil || !net.ParseIP(host).IsUnspecified() {
		return list
	}
	addrs, _ := net.InterfaceAddrs() // none is as good as an error
	for _, a := range addrs {
		n, ok := a.(*net.IPNet)
		if !ok || !n.IP.IsGlobalUnicast() || n.IP.Equal(m.ip.get()) || len(list) == maxAddresses {
			continue
		}
		list = append(list, net.JoinHostPort(n.IP.String(), strconv.Itoa(m.socket.port())))
	}
	return list
}

// serveJoin answers somebody who has a token, or says so.
func (m *Mesh) serveJoin(conn *tls.Conn) {
	code, err := hearBody(bufio.NewReader(conn), frameCode)
	if err != nil {
		return
	}
	from := conn.RemoteAddr().String()
	if !m.invites.spend(code) {
		if m.invites.wrong.Allow() {
			m.log.Warn("turned away somebody who came with an invitation that is not good, or not any more", "address", from)
		}
		_ = writeJSON(conn, frameWelcome, welcome{Refused: true}) // gone is as good
		return
	}
	all, primary := m.keys.held()
	me := savedPeer{ID: m.id, Name: m.opts.Name, Addr: m.Addr(), Version: m.opts.Version}
	err = writeJSON(conn, frameWelcome, welcome{
		Cluster: m.keys.cluster, Keys: saveKeys(all), Secret: hex.EncodeToString(primary.secret[:]), Peers: append(m.knownPeers(), me),
	})
	if err != nil {
		m.log.Warn("the answer to an invitation may not have arrived: make a new one", "address", from, "error", err)
		return
	}
	_ = conn.CloseWrite()
	m.log.Info("a new machine has fetched the secret with an invitation", "address", from)
}

func decodeWelcome(body []byte) (*keys, []savedPeer, error) {
	var w welcome
	if err := json.Unmarshal(body, &w); err != nil {
		return nil, nil, err
	}
	if w.Refused {
		return nil, nil, ErrRefused
	}
	primary, err := savedKey{Secret: w.Secret}.key()
	if err != nil || !validID(w.Cluster) || len(w.Keys) == 0 || len(w.Keys) > maxKeys {
		return nil, nil, errors.New("the answer is incomplete")
	}
	ks := &keys{cluster: w.Cluster}
	for _, s := range w.Keys {
		k, err := s.key()
		if err != nil {
			return nil, nil, err
		}
		if k.secret == primary.secret {
			ks.primary = k
		}
		ks.all = append(ks.all, k)
	}
	if ks.primary.secret != primary.secret {
		return nil, nil, errors.New("the answer is incomplete")
	}
	return ks, w.Peers, nil
}
