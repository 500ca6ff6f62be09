package account

import (
	"net/netip"
	"strings"
)

// AddressKey is what every limit counts as one address: an IPv4 address, the /64 of an IPv6 address, anything else as
// it is. A port is left out.
//
// A customer of an IPv6 provider has a /64 at least, that is 2^64 addresses: counted one by one they would be no limit.
// The price is that all machines on one network count together, as they do behind one IPv4 router.
func AddressKey(address string) string {
	ip, err := netip.ParseAddr(strings.Trim(address, "[]"))
	if err != nil {
		withPort, errPort := netip.ParseAddrPort(address)
		if errPort != nil {
			return address
		}
		ip = withPort.Addr()
	}
	ip = ip.Unmap().WithZone("")
	if ip.Is4() {
		return ip.String()
	}
	prefix, err := ip.Prefix(64)
	if err != nil {
		return address
	}
	return prefix.String()
}
