package cert_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"snug/cert"
)

const day = 24 * time.Hour

// machine is a node whose names change.
type machine struct {
	source *cert.Internal
	log    *log

	mu      sync.Mutex // guards subject
	subject cert.Subject
}

func newMachine(keeper cert.Keeper, joined bool, hosts ...string) *machine {
	m := &machine{log: &log{}}
	m.called(hosts...)
	m.source = cert.NewInternal(cert.InternalOptions{
		Keeper: keeper, Name: hosts[0], Joined: joined, Logger: m.log.logger(),
		Subject: func() cert.Subject {
			m.mu.Lock()
			defer m.mu.Unlock()
			return m.subject
		},
	})
	return m
}

func (m *machine) called(hosts ...string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.subject = cert.NewSubject(hosts, []netip.Addr{netip.MustParseAddr("10.0.0.1")})
}

// run is Run until the test ends.
func (m *machine) run(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); m.source.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
}

func (m *machine) refresh(t *testing.T) {
	t.Helper()
	if err := m.source.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func (m *machine) leaf(t *testing.T) *tls.Certificate {
	t.Helper()
	leaf, err := m.source.GetCertificate(&tls.ClientHelloInfo{})
	if err != nil {
		t.Fatal(err)
	}
	return leaf
}

// accepts reports whether a device that trusts the authority of a machine accepts it now.
func (m *machine) accepts(t *testing.T, host string) bool {
	t.Helper()
	return verify(t, m.source.Authority().Root(), m.leaf(t).Certificate[0], host, time.Now()) == nil
}

func TestCertificatesAreRenewedByThemselves(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMachine(&shelf{}, false, "attic.local")
		m.refresh(t)
		m.run(t)
		// Nearly two months in which nobody comes, and then some days.
		time.Sleep(59 * day)
		synctest.Wait()
		first := m.source.Leaf()
		time.Sleep(2 * day)
		synctest.Wait()
		if m.source.Leaf() == first || time.Until(m.source.Leaf().NotAfter) < 88*day {
			t.Error("a certificate of 61 days is not renewed")
		}
	})
}

func TestAnAuthorityLastsForYears(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMachine(&shelf{}, false, "attic.local")
		m.refresh(t)
		root, seen := m.source.Authority().Fingerprint(), map[*tls.Certificate]bool{}
		for range 9 * 12 {
			time.Sleep(30 * day)
			if left := time.Until(m.leaf(t).Leaf.NotAfter); left < 29*day || !m.accepts(t, "attic.local") {
				t.Fatalf("at %v the certificate has %v left", time.Now(), left)
			}
			seen[m.leaf(t)] = true
		}
		m.refresh(t)
		if m.source.Authority().Fingerprint() != root {
			t.Error("the authority has changed")
		}
		if len(seen) < 30 || len(seen) > 60 {
			t.Errorf("%d certificates in nine years", len(seen))
		}
	})
}

func TestACertificateIsRenewedOnTheWayIfNobodyElseHas(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMachine(&shelf{}, false, "attic.local")
		m.refresh(t)
		old := m.leaf(t)
		time.Sleep(59 * day)
		if m.leaf(t) != old {
			t.Error("a certificate is renewed that is good for a month")
		}
		time.Sleep(2 * day)
		if m.leaf(t) == old || !m.accepts(t, "attic.local") {
			t.Error("a certificate of 61 days is not renewed")
		}
	})
}

func TestNewNamesHaveANewCertificate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMachine(&shelf{}, false, "attic.local")
		m.refresh(t)
		m.run(t)
		old := m.leaf(t)
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		if m.leaf(t) != old {
			t.Error("there is a new certificate for no reason")
		}
		m.called("attic.local", "10.0.0.2", "barn")
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if !m.accepts(t, "10.0.0.2") || !m.accepts(t, "attic.local") || m.accepts(t, "barn") {
			t.Error("the new address is not in the certificate")
		}
		if text := m.log.String(); strings.Count(text, "may not sign for these") != 1 || !strings.Contains(text, "barn") {
			t.Errorf("the log is %s", text)
		}
	})
}

func TestAllNodesHaveOneAuthority(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		common := &shelf{}
		attic, barn := newMachine(common, false, "attic"), newMachine(common, true, "barn.local")
		if err := barn.source.Refresh(t.Context()); !errors.Is(err, cert.ErrNone) {
			t.Fatalf("a node that has joined others makes an authority: %v", err)
		}
		if _, err := barn.source.GetCertificate(nil); !errors.Is(err, cert.ErrNone) {
			t.Errorf("without a certificate: %v", err)
		}
		barn.run(t)
		time.Sleep(10 * time.Second)
		attic.refresh(t)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if barn.source.Authority() == nil || barn.source.Authority().Fingerprint() != attic.source.Authority().Fingerprint() {
			t.Error("the other node's authority is not taken")
		}
		if !barn.accepts(t, "barn.local") {
			t.Error("the authority does not sign for the node that took it")
		}
	})
}

func TestANodeWhoseOthersHaveNoAuthorityMakesOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMachine(&shelf{}, true, "barn.local")
		m.run(t)
		time.Sleep(29 * time.Second)
		synctest.Wait()
		if m.source.Authority() != nil {
			t.Error("it did not wait")
		}
		time.Sleep(3 * time.Second)
		synctest.Wait()
		if !m.accepts(t, "barn.local") {
			t.Error("it waits for ever")
		}
	})
}

func TestAnEarlierAuthorityReplacesOurs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ours := &shelf{}
		m := newMachine(ours, false, "barn.local")
		m.refresh(t)
		m.run(t)
		theirs, err := newAuthority(t, cert.NewSubject([]string{"attic"}, nil)).Marshal()
		if err != nil {
			t.Fatal(err)
		}
		ours.put(theirs)
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if !m.accepts(t, "barn.local") || !strings.Contains(m.log.String(), m.source.Authority().Fingerprint()) {
			t.Errorf("the log is %s", m.log)
		}
		ours.put("damaged")
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if !m.accepts(t, "barn.local") || !strings.Contains(m.log.String(), "could not be renewed") {
			t.Errorf("with a damaged one the log is %s", m.log)
		}
	})
}

func TestAnotherAuthoritySignsForNewNames(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		common := &shelf{}
		m, other := newMachine(common, false, "attic"), newMachine(common, false, "attic.local")
		m.refresh(t)
		other.refresh(t)
		other.run(t)
		old := m.source.Authority().Fingerprint()
		m.called("attic", "barn")
		m.refresh(t)
		if m.accepts(t, "barn") {
			t.Fatal("the authority signs for a name that it did not know")
		}
		if err := m.source.Replace(t.Context()); err != nil {
			t.Fatal(err)
		}
		if !m.accepts(t, "barn") || !m.accepts(t, "attic") || m.source.Authority().Fingerprint() == old {
			t.Error("the new authority does not sign for the new name")
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if other.source.Authority().Fingerprint() != m.source.Authority().Fingerprint() {
			t.Error("the other node goes on with the old one")
		}
	})
}
