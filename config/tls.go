package config

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
)

// TLS is how browsers and this node keep what they say to themselves.
type TLS struct {
	Mode          string `key:"mode" default:"off" allow:"off|files|acme|internal" doc:"Where certificates come from. off: plain HTTP, for this machine alone or behind a proxy that speaks TLS. files: cert and key. acme: a public authority such as Let's Encrypt, for server.names; you accept its terms. internal: an authority of its own, one for all nodes, which people install from /ca/."`
	Cert          string `key:"cert" default:"" allow:"file" unit:"file" doc:"With mode = \"files\": the certificate and those between it and its authority, as PEM. It is read again when it changes."`
	Key           string `key:"key" default:"" allow:"file" unit:"file" doc:"With mode = \"files\": the key of the certificate, as PEM."`
	HTTPListen    string `key:"http_listen" default:"" allow:"address or empty" unit:"host:port" doc:"A second address, for plain HTTP: it leads browsers to server.listen, and answers /ca/, /healthz and the questions of a public authority. Empty: none."`
	HSTS          string `key:"hsts" default:"auto" allow:"auto|on|off" doc:"Whether browsers are told to use nothing but TLS under this name for a year, on every port. auto: with files and acme, where the port is 443, since other programs of the machine may stand at other ports. on: wherever the browser came over TLS. off: never."`
	ACMEEmail     string `key:"acme_email" default:"" allow:"text" unit:"address" doc:"With mode = \"acme\": whom the authority may write to when a certificate is in trouble. Empty: nobody."`
	ACMEDirectory string `key:"acme_directory" default:"https://acme-v02.api.letsencrypt.org/directory" allow:"directory url" unit:"URL" doc:"With mode = \"acme\": the authority to ask."`
}

// checkTLS holds the settings of [tls] against each other and the others.
func (l *loader) checkTLS() {
	c := &l.config.TLS
	_, said := l.from["tls.mode"]
	for _, key := range []string{"tls.cert", "tls.key", "tls.http_listen"} {
		if at, set := l.from[key]; set && !said && l.textOf(key) != "" {
			l.report(at.place, "tls.mode", `must be said where there is `+key+`: "files", "acme" or "internal", or "off" to keep it for later`)
			return
		}
	}
	if c.HTTPListen != "" && c.HTTPListen == l.config.Server.Listen && !strings.HasSuffix(c.HTTPListen, ":0") { // which is another port each time
		l.reportTogether(fmt.Sprintf("must be another address than server.listen, which is %q too", c.HTTPListen), "tls.http_listen", "server.listen")
	}
	switch c.Mode {
	case "files":
		for _, key := range []string{"tls.cert", "tls.key"} {
			if l.textOf(key) == "" {
				l.reportTogether(`must be given with tls.mode = "files"`, key, "tls.mode")
			}
		}
		l.besideFile("tls.cert", &c.Cert)
		l.besideFile("tls.key", &c.Key)
	case "acme":
		if len(c.ACMENames(l.config.Server.Names)) == 0 {
			l.reportTogether(`must have a public name with tls.mode = "acme", such as "chat.example.org": no authority signs for addresses and local names`,
				"server.names", "tls.mode")
		}
	}
}

// textOf is a setting that is a text.
func (l *loader) textOf(key string) string {
	switch c := &l.config.TLS; key {
	case "tls.cert":
		return c.Cert
	case "tls.key":
		return c.Key
	default:
		return c.HTTPListen
	}
}

// besideFile makes a path that the configuration file gives begin there.
func (l *loader) besideFile(key string, path *string) {
	if at, ok := l.from[key]; ok && l.file != "" && strings.HasPrefix(at.place, l.file) && *path != "" {
		*path = l.beside(*path)
	}
}

// ACMENames are those names for which a public authority may sign.
func (TLS) ACMENames(names []string) []string {
	var public []string
	for _, name := range names {
		name = strings.TrimSuffix(strings.ToLower(name), ".")
		_, err := netip.ParseAddr(name)
		local := false
		for _, suffix := range []string{".local", ".localhost", ".lan", ".internal", ".home.arpa"} {
			local = local || strings.HasSuffix(name, suffix)
		}
		if err != nil && !local && strings.Contains(name, ".") {
			public = append(public, name)
		}
	}
	return public
}

// isDirectoryURL reports whether an ACME authority may be asked there: over TLS, or on this machine.
func isDirectoryURL(s string) bool {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.User != nil {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Scheme == "https" || (u.Scheme == "http" && (u.Hostname() == "localhost" || ip.IsLoopback()))
}
