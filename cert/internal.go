package cert

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// refreshEvery is how often names, addresses and the authority are looked at.
	refreshEvery = time.Minute
	// waitEvery is the same while there is no certificate yet.
	waitEvery = time.Second
	// takeTime is how long a node that has joined others waits for their authority before it makes one.
	takeTime = 30 * time.Second
)

// ErrNone says that there is no certificate yet.
var ErrNone = errors.New("there is no certificate yet: this node waits for the certificate authority of its cluster")

// Keeper keeps the authority: one for all nodes. Whoever keeps one first wins, also where two nodes have done it without knowing of each other.
type Keeper interface {
	// Kept is what is kept, "" if nothing is.
	Kept(ctx context.Context) (string, error)
	// Keep keeps a text in place of what is kept, "" if that is nothing, and returns what is kept then. It does nothing if something else is kept by now.
	Keep(ctx context.Context, text, instead string) (string, error)
}

// InternalOptions are what [NewInternal] needs.
type InternalOptions struct {
	Keeper  Keeper
	Name    string         // of the place, for the lists of devices
	Subject func() Subject // what this node is called by now
	// Joined says that this node has others, which may have an authority that is still on its way.
	Joined bool
	Logger *slog.Logger
}

// Internal signs the certificates of one node with the authority of its cluster.
type Internal struct {
	opts  InternalOptions
	begun time.Time
	state atomic.Pointer[issued]

	mu   sync.Mutex // guards what follows, and that one certificate at a time is made
	left string     // what was told that it cannot be signed for
}

// issued is a certificate and what it was made of.
type issued struct {
	text      string
	authority *Authority
	subject   Subject
	leaf      *tls.Certificate
}

// due reports whether a certificate is to be replaced.
func (s *issued) due(now time.Time) bool { return s.leaf.Leaf.NotAfter.Sub(now) < renewBefore }

// NewInternal is ready when [Internal.Refresh] has worked.
func NewInternal(o InternalOptions) *Internal { return &Internal{opts: o, begun: time.Now()} }

// Refresh makes a certificate if there is none, or if what it was made of has changed, or if it ends soon. It is [ErrNone] while others
// are waited for.
func (i *Internal) Refresh(ctx context.Context) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	text, err := i.opts.Keeper.Kept(ctx)
	if err == nil && text == "" {
		if i.opts.Joined && time.Since(i.begun) < takeTime {
			return ErrNone
		}
		text, err = i.found(ctx, "")
	}
	if err != nil {
		return fmt.Errorf("look up the certificate authority: %w", err)
	}
	now, subject, old := time.Now(), i.opts.Subject(), i.state.Load()
	if old != nil && old.text == text && old.subject.equal(subject) && !old.due(now) {
		return nil
	}
	next := &issued{text: text, subject: subject}
	if old != nil && old.text == text {
		next.authority = old.authority
	} else if next.authority, err = ParseAuthority(text); err != nil {
		return err
	}
	return i.issue(next, now)
}

// found makes the authority of a place, in place of another or of none.
func (i *Internal) found(ctx context.Context, instead string) (string, error) {
	made, err := NewAuthority(i.opts.Name, i.opts.Subject(), time.Now())
	if err != nil {
		return "", err
	}
	text, err := made.Marshal()
	if err != nil {
		return "", err
	}
	return i.opts.Keeper.Keep(ctx, text, instead)
}

// Replace makes another authority for the whole cluster, which may sign for what this node is called by now. Every device needs the new one.
func (i *Internal) Replace(ctx context.Context) error {
	old, err := i.opts.Keeper.Kept(ctx)
	if err == nil {
		_, err = i.found(ctx, old)
	}
	if err != nil {
		return fmt.Errorf("replace the certificate authority: %w", err)
	}
	return i.Refresh(ctx)
}

// issue signs a certificate. The lock is held.
func (i *Internal) issue(next *issued, now time.Time) (err error) {
	var left []string
	if next.leaf, left, err = next.authority.Leaf(next.subject, now); err != nil {
		return err
	}
	old := i.state.Swap(next)
	if old == nil && i.opts.Joined {
		i.opts.Logger.Info("the certificate authority is that of the cluster", "fingerprint", next.authority.Fingerprint())
	}
	i.opts.Logger.Debug("certificate signed", "names", next.leaf.Leaf.DNSNames, "expires", next.leaf.Leaf.NotAfter)
	if old != nil && old.text != next.text {
		i.opts.Logger.Warn("the certificate authority of the cluster is another one: whoever has installed the one that this node showed "+
			"before needs the new one", "fingerprint", next.authority.Fingerprint())
	}
	if text := fmt.Sprint(left); text != i.left {
		if i.left = text; len(left) > 0 {
			i.opts.Logger.Warn("the certificate authority may not sign for these, and browsers will refuse them: it was made when this place was "+
				"not called so; snug tls replace makes another one", "names", left)
		}
	}
	return nil
}

// GetCertificate implements [Source]. A certificate that ends soon is replaced on the way, should Run not have come to it.
func (i *Internal) GetCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	s := i.state.Load()
	if s == nil {
		return nil, ErrNone
	}
	if now := time.Now(); s.due(now) {
		i.mu.Lock()
		defer i.mu.Unlock()
		if s = i.state.Load(); s.due(now) {
			if err := i.issue(&issued{text: s.text, authority: s.authority, subject: s.subject}, now); err != nil {
				return s.leaf, nil // it may be good for a while
			}
			s = i.state.Load()
		}
	}
	return s.leaf, nil
}

// Authority is the one that signs, nil while there is none.
func (i *Internal) Authority() *Authority {
	if s := i.state.Load(); s != nil {
		return s.authority
	}
	return nil
}

// Leaf is the certificate that is in use, nil while there is none.
func (i *Internal) Leaf() *x509.Certificate {
	if s := i.state.Load(); s != nil {
		return s.leaf.Leaf
	}
	return nil
}

// Run implements [Source].
func (i *Internal) Run(ctx context.Context) {
	wait := waitEvery
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		err := i.Refresh(ctx)
		switch {
		case errors.Is(err, ErrNone):
		case err != nil && ctx.Err() == nil:
			i.opts.Logger.Error("the certificate could not be renewed", "error", err)
			wait = refreshEvery
		case i.opts.Joined && time.Since(i.begun) < takeTime:
			// The authority of the others may come any moment.
		default:
			wait = refreshEvery
		}
		timer.Reset(wait)
	}
}
