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

	"snug/account"
	"snug/cert"
	"snug/config"
	"snug/control"
	"snug/store"
	"snug/web"
)

const (
	// acmeDir is where the certificates of a public authority are kept, in the data directory.
	acmeDir = "acme"
	// maxAuthorities bounds how often the certificate authority can be replaced.
	maxAuthorities = 1000
)

// shelf keeps the certificate authority with the settings: one for all nodes, for the earliest of a setting wins. A setting never changes, so another
// authority is another setting, and the last one counts.
type shelf struct {
	*store.Store
	made func(ctx context.Context, text string) // is told of a new one
}

// authorityKey is the key of the n-th of those settings.
func authorityKey(n int) string { return fmt.Sprintf("tls.authority.%d", n) }

// last is the one that counts, and its number; "" and 0 if there is none.
func (s shelf) last(ctx context.Context) (text string, n int, err error) {
	for ; n < maxAuthorities; n++ {
		x, err := s.Record(ctx, store.KindSetting, store.RecordID(store.KindSetting, authorityKey(n+1)))
		if errors.Is(err, store.ErrNotFound) {
			return text, n, nil
		}
		if err != nil {
			return "", 0, err
		}
		text = x.Body
	}
	return text, n, nil
}

// Kept implements [cert.Keeper].
func (s shelf) Kept(ctx context.Context) (string, error) {
	text, _, err := s.last(ctx)
	return text, err
}

// Keep implements [cert.Keeper].
func (s shelf) Keep(ctx context.Context, text, instead string) (string, error) {
	kept, n, err := s.last(ctx)
	if err != nil || kept != instead {
		return kept, err
	}
	if n == maxAuthorities {
		return "", fmt.Errorf("there have been %d certificate authorities, and more are not kept", n)
	}
	x, made, err := s.Setting(ctx, authorityKey(n+1), text)
	if made {
		s.made(ctx, text)
	}
	return x.Body, err
}

// noteAuthority is for the audit log.
func (n *node) noteAuthority(ctx context.Context, text string) {
	if a, err := cert.ParseAuthority(text); err == nil {
		n.accounts.Audit(ctx, account.Event{Kind: account.EventAuthorityMade, Detail: a.Fingerprint()})
	}
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
			Keeper: shelf{n.store, n.noteAuthority}, Name: n.placeName(), Subject: n.subject, Joined: n.cluster.hasOthers(), Logger: n.logger,
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
}

// replaceAuthority makes another certificate authority, with the names of now.
func (n *node) replaceAuthority(ctx context.Context, _ any) (authorityAnswer, error) {
	internal := n.internal()
	if internal == nil {
		return authorityAnswer{}, errNoAuthority
	}
	if err := internal.Replace(ctx); err != nil {
		return authorityAnswer{}, err
	}
	n.logger.Info("the certificate authority was replaced, as a command said", "fingerprint", internal.Authority().Fingerprint())
	return answerAuthority(internal.Authority()), nil
}

func answerAuthority(a *cert.Authority) authorityAnswer {
	return authorityAnswer{
		Fingerprint: a.Fingerprint(), PEM: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.Root()})),
	}
}

var errNoAuthority = errors.New(`there is no certificate authority yet: write mode = "internal" under [tls] in the configuration and start Snug again`)

func tellAuthority(st *store.Store) control.Handlers {
	return control.Handlers{"tls": control.Handle(func(ctx context.Context, _ any) (authorityAnswer, error) {
		text, err := shelf{Store: st}.Kept(ctx)
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
		return answerAuthority(a), nil
	})}
}
