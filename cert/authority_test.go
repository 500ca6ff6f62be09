package cert_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"snug/cert"
)

// verify is what a device says that trusts an authority, of a host.
func verify(t *testing.T, root, leaf []byte, host string, at time.Time) error {
	t.Helper()
	roots := x509.NewCertPool()
	r, err := x509.ParseCertificate(root)
	if err != nil {
		t.Fatal(err)
	}
	roots.AddCert(r)
	l, err := x509.ParseCertificate(leaf)
	if err != nil {
		t.Fatal(err)
	}
	if net.ParseIP(host) != nil {
		host = "[" + host + "]"
	}
	_, err = l.Verify(x509.VerifyOptions{Roots: roots, DNSName: host, CurrentTime: at})
	return err
}

func TestDevicesAcceptTheNamesAndAddressesOfAPlace(t *testing.T) {
	t.Parallel()
	subject := cert.NewSubject([]string{"Attic", "attic.local", "chat.example.", "localhost", "203.0.113.9"},
		addresses("192.168.3.4", "127.0.0.1", "::1", "fe80::1%eth0", "2001:db8:1:2::3", "::ffff:10.1.2.3"))
	a := newAuthority(t, subject)
	leaf, left, err := a.Leaf(subject, time.Now())
	if err != nil || len(left) > 0 {
		t.Fatalf("%v, left %v", err, left)
	}
	for _, host := range []string{
		"attic", "attic.local", "chat.example", "localhost", "203.0.113.9", "192.168.3.4", "127.0.0.1", "::1", "fe80::1", "2001:db8:1:2::3", "10.1.2.3",
	} {
		if err := verify(t, a.Root(), leaf.Certificate[0], host, time.Now()); err != nil {
			t.Errorf("%s: %v", host, err)
		}
	}
	for _, host := range []string{"bank.example", "192.168.3.5", "barn"} {
		if err := verify(t, a.Root(), leaf.Certificate[0], host, time.Now()); err == nil {
			t.Errorf("%s is accepted, which is another machine", host)
		}
	}
	day := 24 * time.Hour
	if got := time.Until(leaf.Leaf.NotAfter); got < 89*day || got > 90*day {
		t.Errorf("a certificate lasts %v", got)
	}
	if got := time.Until(a.Expires()); got < 3649*day || got > 3651*day {
		t.Errorf("the authority lasts %v", got)
	}
}

// TestWhoStealsTheAuthorityCannotPassForTheInternet signs with the key of the authority itself, past all checks of ours.
func TestWhoStealsTheAuthorityCannotPassForTheInternet(t *testing.T) {
	t.Parallel()
	a := newAuthority(t, cert.NewSubject([]string{"attic", "chat.example"}, addresses("2001:db8:1:2::3")))
	text, err := a.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	var kept struct{ Certificate, Key []byte }
	if err := json.Unmarshal([]byte(text), &kept); err != nil {
		t.Fatal(err)
	}
	stolen, err := x509.ParsePKCS8PrivateKey(kept.Key)
	if err != nil {
		t.Fatal(err)
	}
	root, err := x509.ParseCertificate(a.Root())
	if err != nil {
		t.Fatal(err)
	}
	for host, good := range map[string]bool{
		"attic": true, "sub.chat.example": true, "barn.local": true, "printer.lan": true, "10.9.9.9": true, "fd00::7": true, "2001:db8:1:2::99": true,
		"bank.example": false, "example": false, "mychat.example": false, "local.example": false, "barn": false, "8.8.8.8": false, "2001:db8:1:3::1": false,
	} {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		template := &x509.Certificate{
			SerialNumber: big.NewInt(7), NotBefore: time.Now(), NotAfter: time.Now().Add(time.Hour), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		}
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = []net.IP{ip}
		} else {
			template.DNSNames = []string{host}
		}
		forged, err := x509.CreateCertificate(rand.Reader, template, root, key.Public(), stolen)
		if err != nil {
			t.Fatal(err)
		}
		if err := verify(t, a.Root(), forged, host, time.Now().Add(time.Minute)); (err == nil) != good {
			t.Errorf("%s: %v, want good %v", host, err, good)
		}
	}
}

func TestWhatAnAuthorityMayNotSignIsLeftOutAndTold(t *testing.T) {
	t.Parallel()
	a := newAuthority(t, cert.NewSubject([]string{"attic"}, nil))
	leaf, left, err := a.Leaf(cert.NewSubject([]string{"barn", "barn.local", "küche.local"}, addresses("10.0.0.1", "8.8.8.8")), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(left); got != "[barn küche.local 8.8.8.8]" {
		t.Errorf("left out are %s", got)
	}
	for _, host := range []string{"barn.local", "10.0.0.1"} {
		if err := verify(t, a.Root(), leaf.Certificate[0], host, time.Now()); err != nil {
			t.Errorf("the others are of no use: %v", err)
		}
	}
}

func TestAnAuthorityIsTheSameAfterItWasKept(t *testing.T) {
	t.Parallel()
	a := newAuthority(t, cert.NewSubject([]string{"attic"}, nil))
	text, err := a.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	again, err := cert.ParseAuthority(text)
	if err != nil || again.Fingerprint() != a.Fingerprint() {
		t.Fatalf("%v", err)
	}
	if got := a.Fingerprint(); len(got) != 95 || strings.Count(got, ":") != 31 {
		t.Errorf("the fingerprint is %s", got)
	}
	other, err := newAuthority(t, cert.NewSubject(nil, nil)).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	mixed := text[:strings.Index(text, `"key"`)] + other[strings.Index(other, `"key"`):]
	for _, bad := range []string{"", "{}", "null", text[:100], mixed, `{"certificate":"AAAA","key":"AAAA"}`} {
		if _, err := cert.ParseAuthority(bad); err == nil {
			t.Errorf("%.40q is taken", bad)
		} else if strings.Contains(err.Error(), "AAAA") {
			t.Errorf("the error tells what it read: %v", err)
		}
	}
}

func TestSubjectsHaveOneForm(t *testing.T) {
	t.Parallel()
	s := cert.NewSubject([]string{"B.example.", "a", "A", "", "10.0.0.1"}, []netip.Addr{
		netip.MustParseAddr("0.0.0.0"), netip.MustParseAddr("::ffff:10.0.0.1"), netip.MustParseAddr("fe80::1%eth0"), {},
	})
	if got := fmt.Sprint(s); got != "{[a b.example] [10.0.0.1 fe80::1]}" {
		t.Errorf("got %s", got)
	}
}
