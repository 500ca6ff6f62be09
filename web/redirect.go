package web

import (
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
)

// HSTS says when browsers are told to use nothing but TLS from then on.
type HSTS int

// When they are told.
const (
	HSTSNever HSTS = iota
	// HSTSDefaultPort is where the port is 443. What browsers remember is about the name, on every port: other programs of
	// the machine may stand at other ports, without TLS.
	HSTSDefaultPort
	HSTSAlways
)

// hstsValue is for a year, as long as browsers should remember who have come once.
const hstsValue = "max-age=31536000"

const defaultTLSPort = 443

// setHSTS adds the header where it is wanted. Browsers take none of an address in numbers, and localhost is everybody's.
func (s *Server) setHSTS(h http.Header, r *http.Request) {
	name := hostname(r.Host)
	if _, err := netip.ParseAddr(name); err == nil || name == "localhost" || !overTLS(r) {
		return
	}
	_, port, err := net.SplitHostPort(r.Host)
	atDefault := err != nil || port == strconv.Itoa(defaultTLSPort)
	if s.hsts == HSTSAlways || (s.hsts == HSTSDefaultPort && atDefault) {
		h.Set("Strict-Transport-Security", hstsValue)
	}
}

// ToTLS answers on a second address, in the clear: it leads browsers to the port where TLS is spoken, under the name that they have asked for
// if that is one of ours. What is needed to come to trust that port, and whether the server is alive, is answered here.
func (s *Server) ToTLS(port int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path := r.URL.EscapedPath()
		if strings.HasPrefix(path, caPath) || strings.HasPrefix(path, "/static/") || path == "/healthz" {
			s.ServeHTTP(w, r)
			return
		}
		secure(w.Header())
		if !s.hostAllowed(r.Host) {
			s.denyHost(w, r)
			return
		}
		if !strings.HasPrefix(path, "/") {
			s.fail(w, r, errNoPage)
			return
		}
		host := hostname(r.Host)
		if port != defaultTLSPort {
			host = net.JoinHostPort(host, strconv.Itoa(port))
		} else if strings.Contains(host, ":") {
			host = "[" + host + "]"
		}
		target := "https://" + host + path
		if r.URL.RawQuery != "" {
			target += "?" + r.URL.RawQuery
		}
		// 308 keeps the method and what is sent. No browser keeps either of them, so that TLS can be switched off again.
		status := http.StatusPermanentRedirect
		if r.Method == http.MethodGet || r.Method == http.MethodHead {
			status = http.StatusMovedPermanently
		}
		redirect(w, target, status)
	})
}
