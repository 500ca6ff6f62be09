package web

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// Proxies are the reverse proxies before this server. What they say about a request is believed; what anybody else says
// in the same headers is not looked at.
type Proxies struct {
	Trusted []netip.Prefix
	// Standard says that they write the Forwarded header of RFC 7239, and not X-Forwarded-For, -Proto and -Host. Only
	// one of the two is read: a proxy that writes one of them hands on what a client put into the other.
	Standard bool
}

// wayKey is where a request's context has its way.
type wayKey struct{}

// way is how a request came here, by the word of proxies that are trusted.
type way struct {
	address string // of the client
	tls     bool   // whether the client speaks TLS
}

// hop is what one proxy says of what it got.
type hop struct {
	address string // "" where it does not tell
	proto   string
	host    string
}

// resolve returns the request as the client sent it to the first proxy that is trusted.
func (p Proxies) resolve(r *http.Request) *http.Request {
	peer, ok := peerAddress(r.RemoteAddr)
	if !ok || !p.trusts(peer) {
		return r
	}
	hops := forwarded(r.Header)
	if !p.Standard {
		hops = xForwarded(r.Header)
	}
	client, from := peer, hop{}
	for i := len(hops) - 1; i >= 0 && p.trusts(client); i-- {
		from = hops[i]
		next, ok := forwardedAddress(hops[i].address)
		if !ok {
			break // what came before cannot be told from what somebody has made up
		}
		client = next
	}
	w := way{address: client.String(), tls: overTLS(r)}
	switch strings.ToLower(from.proto) {
	case "https", "wss":
		w.tls = true
	case "http", "ws":
		w.tls = false
	}
	r = r.WithContext(context.WithValue(r.Context(), wayKey{}, w))
	if isHostPort(from.host) {
		r.Host = from.host
	}
	return r
}

func (p Proxies) trusts(a netip.Addr) bool {
	for _, prefix := range p.Trusted {
		if prefix.Contains(a) {
			return true
		}
	}
	return false
}

// xForwarded puts together what the three headers say. Each proxy adds to the first one; the others it adds to or
// replaces, so that one value alone is about every hop.
func xForwarded(h http.Header) []hop {
	addresses := items(h.Values("X-Forwarded-For"))
	protos, hosts := items(h.Values("X-Forwarded-Proto")), items(h.Values("X-Forwarded-Host"))
	hops := make([]hop, max(1, len(addresses)))
	for i := range hops {
		last := len(hops) - 1 - i
		if len(addresses) > 0 {
			hops[i].address = addresses[i]
		}
		hops[i].proto, hops[i].host = fromEnd(protos, last), fromEnd(hosts, last)
	}
	return hops
}

// fromEnd is the item that stands n before the last one, or the first.
func fromEnd(list []string, n int) string {
	if len(list) == 0 {
		return ""
	}
	return list[max(0, len(list)-1-n)]
}

// items are the parts of lists. A quote hides no comma: none of ours has a reason to be inside of one, and a client that
// opens a quote and does not close it would hide what the proxies say after it.
func items(lines []string) []string {
	var all []string
	for _, line := range lines {
		for part := range strings.SplitSeq(line, ",") {
			all = append(all, strings.TrimSpace(part))
		}
	}
	return all
}

// forwarded reads the header of RFC 7239: for=192.0.2.60;proto=https;host=chat.example, for="[2001:db8::1]:4711".
func forwarded(h http.Header) []hop {
	var hops []hop
	for _, element := range items(h.Values("Forwarded")) {
		var one hop
		for pair := range strings.SplitSeq(element, ";") {
			name, value, _ := strings.Cut(strings.TrimSpace(pair), "=")
			value = strings.Trim(value, `"`)
			switch strings.ToLower(name) {
			case "for":
				one.address = value
			case "proto":
				one.proto = value
			case "host":
				one.host = value
			}
		}
		hops = append(hops, one)
	}
	return hops
}

// forwardedAddress reads an address, with or without a port and brackets. What a proxy hides ("unknown", "_x") is none.
func forwardedAddress(text string) (netip.Addr, bool) {
	if a, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(text, "["), "]")); err == nil {
		return a.Unmap().WithZone(""), true
	}
	return peerAddress(text)
}

// peerAddress is the address of host:port.
func peerAddress(text string) (netip.Addr, bool) {
	a, err := netip.ParseAddrPort(text)
	return a.Addr().Unmap().WithZone(""), err == nil
}

// isHostPort reports whether a text can stand in a Host header.
func isHostPort(text string) bool {
	if text == "" || strings.ContainsFunc(text, func(c rune) bool { return c <= ' ' || c >= 0x7f || strings.ContainsRune(`"/\@?#<>,`, c) }) {
		return false
	}
	if host, _, err := net.SplitHostPort(text); err == nil {
		return host != ""
	}
	return !strings.Contains(strings.TrimSuffix(strings.TrimPrefix(text, "["), "]"), "]")
}

// wayOf is the way of a request that a trusted proxy has handed on.
func wayOf(r *http.Request) (way, bool) {
	w, ok := r.Context().Value(wayKey{}).(way)
	return w, ok
}

// address is where the request comes from, without its port.
func address(r *http.Request) string {
	if w, ok := wayOf(r); ok {
		return w.address
	}
	addr, ok := peerAddress(r.RemoteAddr)
	if !ok {
		return r.RemoteAddr
	}
	return addr.String()
}

// insecure reports whether what the page and the person say to each other can be overheard: no TLS, and not this machine.
func insecure(r *http.Request) bool {
	if overTLS(r) {
		return false
	}
	addr, err := netip.ParseAddr(address(r))
	return err == nil && !addr.IsLoopback()
}

// overTLS reports whether the browser speaks TLS with this place.
func overTLS(r *http.Request) bool {
	if w, ok := wayOf(r); ok {
		return w.tls
	}
	return r.TLS != nil
}
