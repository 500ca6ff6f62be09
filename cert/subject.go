package cert

import (
	"net/netip"
	"slices"
	"strings"
)

// Subject is what a server is called by: names, and addresses in numbers.
type Subject struct {
	Names     []string
	Addresses []netip.Addr
}

// NewSubject puts a list in order. What looks like an address is one.
func NewSubject(hosts []string, addresses []netip.Addr) Subject {
	s := Subject{Addresses: slices.Clone(addresses)}
	for _, host := range hosts {
		host = strings.TrimSuffix(strings.ToLower(host), ".")
		if a, err := netip.ParseAddr(host); err == nil {
			s.Addresses = append(s.Addresses, a)
		} else if host != "" {
			s.Names = append(s.Names, host)
		}
	}
	for i := range s.Addresses {
		s.Addresses[i] = s.Addresses[i].Unmap().WithZone("")
	}
	s.Addresses = slices.DeleteFunc(s.Addresses, func(a netip.Addr) bool { return !a.IsValid() || a.IsUnspecified() || a.IsMulticast() })
	slices.Sort(s.Names)
	slices.SortFunc(s.Addresses, netip.Addr.Compare)
	s.Names, s.Addresses = slices.Compact(s.Names), slices.Compact(s.Addresses)
	return s
}

func (s Subject) equal(other Subject) bool {
	return slices.Equal(s.Names, other.Names) && slices.Equal(s.Addresses, other.Addresses)
}
