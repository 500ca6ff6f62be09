package config

import (
	"net"
	"net/url"
	"strings"
)

// IsParty reports whether browsers make passkeys for a name. They do not for an address in numbers, nor for a name without
// a dot other than localhost.
func IsParty(name string) bool {
	if name == "localhost" {
		return true
	}
	parts := strings.Split(name, ".")
	if len(parts) < 2 || len(name) > 253 || net.ParseIP(name) != nil {
		return false
	}
	for _, part := range parts {
		if part == "" || len(part) > 63 || strings.Trim(part, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return false
		}
	}
	return strings.Trim(parts[len(parts)-1], "0123456789") != "" // browsers take 1.2 for an address
}

// isOrigin reports whether a text is scheme, name and port of a page, as browsers write it.
func isOrigin(s string) bool {
	u, err := url.Parse(s)
	if err != nil || u.Scheme+"://"+u.Host != s || !isAddress(net.JoinHostPort(u.Hostname(), portOr(u, "443"))) || u.Port() == "0" {
		return false
	}
	return IsParty(u.Hostname()) && (u.Scheme == "https" || u.Scheme == "http" && (u.Hostname() == "localhost" || strings.HasSuffix(u.Hostname(), ".localhost")))
}

func portOr(u *url.URL, port string) string {
	if p := u.Port(); p != "" {
		return p
	}
	return port
}
