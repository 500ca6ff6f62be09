package cert

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"
)

const (
	// rootLife is how long an authority lasts. People install it by hand on every device, and should not have to again.
	rootLife = 10 * 365 * 24 * time.Hour
	// leafLife is how long a certificate lasts. It is short because nothing takes one back.
	leafLife = 90 * 24 * time.Hour
	// renewBefore is how long before its end a certificate is replaced.
	renewBefore = 30 * 24 * time.Hour
	// backdate is how far clocks of devices may be behind.
	backdate = 24 * time.Hour
)

// Authority signs certificates. It can sign only for private networks, for names that are given out only there, and for the names and addresses
// that the place had when it was made: a device that trusts it need not fear that whoever steals it can pass for a bank.
type Authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// privateNames are domains that the Internet gives to nobody.
func privateNames() []string {
	return []string{"localhost", "local", "lan", "internal", "home.arpa"}
}

// privateNetworks are those that everybody may use for themselves.
func privateNetworks() []netip.Prefix {
	var all []netip.Prefix
	for _, text := range []string{
		"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "169.254.0.0/16",
		"100.64.0.0/10", // of providers, and of overlay networks
		"::1/128", "fc00::/7", "fe80::/10",
	} {
		all = append(all, netip.MustParsePrefix(text))
	}
	return all
}

// NewAuthority makes an authority for a place, which is called by a name in the lists of devices.
func NewAuthority(name string, s Subject, now time.Time) (*Authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		Subject: pkix.Name{
			Organization: []string{"Snug"},
			CommonName:   fmt.Sprintf("Snug on %s, %s", name, now.UTC().Format(time.DateOnly)),
		},
		NotBefore: now.Add(-backdate), NotAfter: now.Add(rootLife),
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true,
		KeyUsage:                    x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		PermittedDNSDomainsCritical: true,
		PermittedDNSDomains:         privateNames(),
	}
	for _, name := range s.Names {
		if isASCII(name) && !covered(template.PermittedDNSDomains, name) {
			template.PermittedDNSDomains = append(template.PermittedDNSDomains, name)
		}
	}
	for _, network := range slices.Concat(privateNetworks(), ownNetworks(s.Addresses)) {
		template.PermittedIPRanges = append(template.PermittedIPRanges, ipNet(network))
	}
	made, err := sign(template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("make the certificate authority: %w", err)
	}
	cert, err := x509.ParseCertificate(made)
	return &Authority{cert, key}, err
}

// ownNetworks are the public addresses of a place. Of IPv6 it is the whole network: machines change the rest of such an address every day.
func ownNetworks(addresses []netip.Addr) []netip.Prefix {
	var all []netip.Prefix
	for _, a := range addresses {
		if slices.ContainsFunc(privateNetworks(), func(p netip.Prefix) bool { return p.Contains(a) }) {
			continue
		}
		bits := 64
		if a.Is4() {
			bits = 32
		}
		if network, err := a.Prefix(bits); err == nil && !slices.Contains(all, network) {
			all = append(all, network)
		}
	}
	return all
}

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}

func sign(template, parent *x509.Certificate, public any, key *ecdsa.PrivateKey) ([]byte, error) {
	const bits = 127 // at most 20 bytes, positive, and more than anybody guesses
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), bits))
	if err != nil {
		return nil, err
	}
	template.SerialNumber = serial
	return x509.CreateCertificate(rand.Reader, template, parent, public, key)
}

// stored is an authority as it is kept.
type stored struct {
	Certificate []byte `json:"certificate"` // DER
	Key         []byte `json:"key"`         // PKCS #8
}

// Marshal is the authority with its key, as a JSON object. It is a secret.
func (a *Authority) Marshal() (string, error) {
	key, err := x509.MarshalPKCS8PrivateKey(a.key)
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(stored{a.cert.Raw, key})
	return string(text), err
}

// ParseAuthority is the opposite of [Authority.Marshal].
func ParseAuthority(text string) (*Authority, error) {
	var s stored
	if json.Unmarshal([]byte(text), &s) != nil {
		return nil, errors.New("read the certificate authority: it is damaged") // the reason may quote the key
	}
	cert, err := x509.ParseCertificate(s.Certificate)
	if err != nil {
		return nil, fmt.Errorf("read the certificate authority: %w", err)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(s.Key)
	key, ok := parsed.(*ecdsa.PrivateKey)
	if err != nil || !ok || !key.PublicKey.Equal(cert.PublicKey) || !cert.IsCA {
		return nil, errors.New("read the certificate authority: its key does not fit")
	}
	return &Authority{cert, key}, nil
}

// Root is the certificate to install, as DER.
func (a *Authority) Root() []byte { return a.cert.Raw }

// Expires is when the authority ends.
func (a *Authority) Expires() time.Time { return a.cert.NotAfter }

// Fingerprint is the SHA-256 hash of [Authority.Root], as browsers and systems show it.
func (a *Authority) Fingerprint() string { return Fingerprint(a.cert.Raw) }

// Fingerprint is the SHA-256 hash of a certificate: AB:CD:….
func Fingerprint(der []byte) string {
	sum := sha256.Sum256(der)
	parts := make([]string, len(sum))
	for i, b := range sum {
		parts[i] = fmt.Sprintf("%02X", b)
	}
	return strings.Join(parts, ":")
}

// Leaf signs a certificate for those names and addresses that the authority may sign for, and returns the others.
func (a *Authority) Leaf(s Subject, now time.Time) (leaf *tls.Certificate, left []string, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	template := &x509.Certificate{
		Subject:   pkix.Name{Organization: []string{"Snug"}},
		NotBefore: now.Add(-backdate), NotAfter: now.Add(leafLife),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
	}
	if template.NotAfter.After(a.cert.NotAfter) {
		template.NotAfter = a.cert.NotAfter
	}
	for _, name := range s.Names {
		if !isASCII(name) || !covered(a.cert.PermittedDNSDomains, name) {
			left = append(left, name)
			continue
		}
		template.DNSNames = append(template.DNSNames, name)
	}
	for _, address := range s.Addresses {
		ip := net.IP(address.AsSlice())
		if !slices.ContainsFunc(a.cert.PermittedIPRanges, func(n *net.IPNet) bool { return n.Contains(ip) }) {
			left = append(left, address.String())
			continue
		}
		template.IPAddresses = append(template.IPAddresses, ip)
	}
	made, err := sign(template, a.cert, key.Public(), a.key)
	if err != nil {
		return nil, nil, fmt.Errorf("sign a certificate: %w", err)
	}
	parsed, err := x509.ParseCertificate(made)
	return &tls.Certificate{Certificate: [][]byte{made}, PrivateKey: key, Leaf: parsed}, left, err
}

// covered reports whether a name is one of some domains or below one.
func covered(domains []string, name string) bool {
	return slices.ContainsFunc(domains, func(domain string) bool { return name == domain || strings.HasSuffix(name, "."+domain) })
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f })
}
