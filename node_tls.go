package main

import (
	"cmp"
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"

	"snug/cert"
	"snug/config"
	"snug/control"
	"snug/store"
	"snug/web"
)

const (
	// authoritySetting is where the certificate authority is kept: one for all nodes.
	authoritySetting = "tls.authority"
	// acmeDir is where the certificates of a public authority are kept, in the data directory.
	acmeDir = "acme"
)

// shelf keeps the certificate authority with the settings, of which the earliest wins on all nodes.
type shelf struct{ *store.Store }

// Kept implements [cert.Keeper].
func (s shelf) Kept(ctx context.Context) (string, error) {
	x, err := s.Record(ctx, store.KindSetting, store.RecordID(store.KindSetting, authoritySetting))
	if errors.Is(err, store.ErrNotFound) {
		return "", nil
	}
	return x.Body, err
}

// Keep implements [cert.Keeper].
func (s shelf) Keep(ctx context.Context, text string) (string, error) {
	x, _, err := s.Setting(ctx, authoritySetting, text)
	return x.Body, err
}

// openTLS finds the certificates, if there are to be any.
func (n *node) openTLS(ctx context.Context) error {
	c := n.config.TLS
	switch c.Mode {
	case "files":
		files, err := cert.OpenFiles(c.Cert, c.Key, n.logger)
		if err != nil {
			return fmt.Errorf("%w: see tls.cert and tls.key", err)
		}
		n.certificates = files
	case "acme":
		n.certificates = cert.NewACME(cert.ACMEOptions{
			Names: c.ACMENames(n.config.Server.Names), Dir: filepath.Join(n.config.Server.Data, acmeDir),
			Email: c.ACMEEmail, Directory: c.ACMEDirectory, Logger: n.logger,
		})
	case "internal":
		internal := cert.NewInternal(cert.InternalOptions{
			Keeper: shelf{n.store}, Name: n.placeName(), Subject: n.subject, Joined: n.cluster.hasOthers(), Logger: n.logger,
		})
		if err := internal.Refresh(ctx); err != nil && !errors.Is(err, cert.ErrNone) {
			return err
		}
		n.certificates = internal
	}
	return nil
}

// placeName is what people know this machine by.
func (n *node) placeName() string {
	host, _ := os.Hostname() // empty is as good as unknown
	if len(n.config.Server.Names) > 0 {
		host = n.config.Server.Names[0]
	}
	return cmp.Or(host, "localhost")
}

// subject is what browsers may call this node by now.
func (n *node) subject() cert.Subject {
	addresses := []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.IPv6Loopback()}
	all, _ := net.InterfaceAddrs() // without them the names are left, and the next look finds them
	for _, a := range all {
		if network, ok := a.(*net.IPNet); ok {
			address, _ := netip.AddrFromSlice(network.IP)
			addresses = append(addresses, address)
		}
	}
	return cert.NewSubject(append(names(n.config), "localhost"), addresses)
}

// internal is the source of certificates with an authority of its own, nil if that is not where they come from.
func (n *node) internal() *cert.Internal {
	internal, _ := n.certificates.(*cert.Internal)
	return internal
}

// root is the certificate of our own authority as DER, nil while there is none.
func (n *node) root() []byte {
	if internal := n.internal(); internal != nil && internal.Authority() != nil {
		return internal.Authority().Root()
	}
	return nil
}

// hsts is when browsers are told to keep to TLS.
func hsts(c *config.TLS) web.HSTS {
	switch {
	case c.HSTS == "on":
		return web.HSTSAlways
	case c.HSTS == "auto" && (c.Mode == "files" || c.Mode == "acme"):
		return web.HSTSDefaultPort
	}
	return web.HSTSNever
}

// scheme is that of the addresses of this node.
func (n *node) scheme() string {
	if n.certificates != nil {
		return "https"
	}
	return "http"
}

// certified are the names that the certificate is for, where those are not all by which this machine can be reached.
func (n *node) certified() []string {
	switch source := n.certificates.(type) {
	case *cert.ACME:
		return n.config.TLS.ACMENames(n.config.Server.Names)
	case *cert.Files:
		var hosts []string
		for _, name := range source.Leaf().DNSNames {
			if !strings.HasPrefix(name, "*.") {
				hosts = append(hosts, name)
			}
		}
		for _, ip := range source.Leaf().IPAddresses {
			hosts = append(hosts, ip.String())
		}
		return hosts
	}
	return nil
}

// authorityAnswer is what commands are told of the certificate authority.
type authorityAnswer struct {
	Fingerprint string `json:"fingerprint"`
	PEM         string `json:"pem"`
	Expires     string `json:"expires"`
}

var errNoAuthority = errors.New(`there is no certificate authority yet: write mode = "internal" under [tls] in the configuration and start Snug again`)

func tellAuthority(st *store.Store) control.Handlers {
	return control.Handlers{"tls": control.Handle(func(ctx context.Context, _ any) (authorityAnswer, error) {
		text, err := shelf{st}.Kept(ctx)
		if err != nil {
			return authorityAnswer{}, err
		}
		if text == "" {
			return authorityAnswer{}, errNoAuthority
		}
		a, err := cert.ParseAuthority(text)
		if err != nil {
			return authorityAnswer{}, err
		}
		return authorityAnswer{
			Fingerprint: a.Fingerprint(), Expires: a.Expires().Format("2006-01-02"),
			PEM: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.Root()})),
		}, nil
	})}
}
