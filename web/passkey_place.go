package web

import (
	"maps"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/go-webauthn/webauthn/protocol"

	"snug/chat"
)

// PasskeyPlace says whether passkeys work where a page is open.
type PasskeyPlace struct {
	Party   string // the name that they are made for
	Related bool   // only browsers that ask that name about this one can use them here
	Why     string // why they cannot work; "" where they may
	Advice  string // what to do then

	origin string
}

// passkeyPlace finds out what browsers make of the address that a page was asked by. They have passkeys only under a name,
// and only where nobody can change the page on its way.
func (s *Server) passkeyPlace(r *http.Request) (PasskeyPlace, error) {
	party, err := s.accounts.RelyingParty(r.Context())
	if err != nil {
		return PasskeyPlace{}, err
	}
	p := PasskeyPlace{Party: party}
	name, port := hostname(r.Host), portOf(r)
	address, err := netip.ParseAddr(name)
	switch isAddress := err == nil; {
	case isAddress && address.IsLoopback() && party == "localhost":
		p.Why = "Browsers make no passkeys for an address in numbers, and this page was opened by one."
		p.Advice = "Open Snug at http://localhost" + colon(port, "80") + "/ on this machine."
	case isAddress:
		p.Why = "Browsers make no passkeys for an address in numbers, and this page was opened by one."
		p.Advice = "Open Snug by its name" + p.named() + "."
	case !overTLS(r) && !isLocal(name):
		p.Why = "Browsers use passkeys only where a page comes encrypted, and this one came over plain HTTP."
		p.Advice = "Open Snug with https:// in front, if it has that" + p.named() + "; else ask the person who runs this server to set up TLS."
	case covers(party, name):
	case overTLS(r) && !isLocal(name) && !isLocal(party):
		p.Related = true
	case isLocal(party):
		p.Why = "Passkeys of this place work only on its own machine, at " + party + "."
		p.Advice = "The person who runs this server can set auth.rp_id to this name, as long as nobody has a passkey."
	default:
		p.Why = "Passkeys of this place work only under the name " + party + "."
		p.Advice = "Open Snug at https://" + party + "/."
	}
	if p.Why != "" {
		return p, nil
	}
	p.origin = originOf(r, name, port)
	if !s.isOwnOrigin(r, p.origin, port) {
		p.origin = ""
		p.Why = "Snug does not know that browsers reach it at port " + port + "."
		p.Advice = "The person who runs this server can add this address to auth.origins."
	}
	return p, nil
}

// named names the address that works, where there may be one.
func (p PasskeyPlace) named() string {
	if isLocal(p.Party) {
		return ""
	}
	return ", https://" + p.Party + "/"
}

// Works reports whether the page may offer passkeys. Whether the browser can is for its script to find out.
func (p PasskeyPlace) Works() bool { return p.Why == "" }

// isLocal reports whether a name is always that of the machine that asks.
func isLocal(name string) bool {
	return name == "localhost" || strings.HasSuffix(name, ".localhost")
}

// covers reports whether browsers use passkeys of a relying party on pages of a name without asking.
func covers(party, name string) bool {
	return name == party || party != "localhost" && strings.HasSuffix(name, "."+party)
}

// portOf is the port that the browser asked for.
func portOf(r *http.Request) string {
	if _, port, err := net.SplitHostPort(r.Host); err == nil && port != "" {
		return port
	}
	if overTLS(r) {
		return "443"
	}
	return "80"
}

// colon is a port as it stands in an address where it is not the usual one.
func colon(port, usual string) string {
	if port == usual {
		return ""
	}
	return ":" + port
}

// originOf is the origin of a page as browsers write it.
func originOf(r *http.Request, name, port string) string {
	if overTLS(r) {
		return "https://" + name + colon(port, "443")
	}
	return "http://" + name + colon(port, "80")
}

// isOwnOrigin reports whether pages of an origin are ours: its name is, or the request would have been refused, but on
// another port of the same machine there may be somebody else.
func (s *Server) isOwnOrigin(r *http.Request, origin, port string) bool {
	return port == ownPort(r) || strings.HasPrefix(origin, "https://") && port == "443" || s.origins[origin]
}

// ownPort is the port that this server has answered on.
func ownPort(r *http.Request) string {
	if own, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok {
		if _, port, err := net.SplitHostPort(own.String()); err == nil {
			return port
		}
	}
	return ""
}

// originSet is the set of origins that the configuration names, as browsers write them.
func originSet(all []string) map[string]bool {
	set := make(map[string]bool)
	for _, origin := range all {
		origin = strings.ToLower(origin)
		if bare, ok := strings.CutSuffix(origin, ":443"); ok && strings.HasPrefix(origin, "https://") {
			origin = bare
		}
		set[origin] = true
	}
	return set
}

// errNoPasskeysHere is for a script that does not look at what its page says.
func errNoPasskeysHere(p PasskeyPlace) error {
	return &trouble{
		status: http.StatusForbidden, code: chat.CodeForbidden, heading: "Passkeys do not work at this address",
		text: p.Why + " " + p.Advice,
	}
}

// getRelatedOrigins tells browsers that have a passkey of ours, and are on a page with another name, that the name is
// ours too. They ask for it under the name that the passkey was made for.
func (s *Server) getRelatedOrigins(w http.ResponseWriter, r *http.Request) {
	var all []string
	for _, name := range s.ordered {
		if !strings.Contains(name, ".") || isLocal(name) || net.ParseIP(name) != nil {
			continue
		}
		all = append(all, "https://"+name)
		if r.TLS != nil {
			all = append(all, "https://"+name+colon(ownPort(r), "443"))
		}
	}
	for _, origin := range slices.Sorted(maps.Keys(s.origins)) {
		if strings.HasPrefix(origin, "https://") {
			all = append(all, origin)
		}
	}
	// Browsers read on until they have seen five different domains, so the first ones count.
	told := []string{}
	for _, origin := range all {
		if _, err := protocol.NewRelatedOrigins(append(told, origin)...); err == nil && !slices.Contains(told, origin) {
			told = append(told, origin)
		}
	}
	writeJSON(w, http.StatusOK, protocol.RelatedOrigins{Origins: told})
}
