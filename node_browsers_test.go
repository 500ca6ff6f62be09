package main

import "testing"

func TestAddressForBrowsersFollowsWhereNodesMeet(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ listen, advertised, want string }{
		"every interface":          {":8000", "192.0.2.1:7846", "http://192.0.2.1:8000/"},
		"every interface, by name": {"0.0.0.0:8000", "192.0.2.1:7846", "http://192.0.2.1:8000/"},
		"one address":              {"192.0.2.9:8000", "192.0.2.1:7846", "http://192.0.2.9:8000/"},
		"a name":                   {"attic.local:8000", "192.0.2.1:7846", "http://attic.local:8000/"},
		"this machine alone":       {"localhost:8000", "192.0.2.1:7846", ""},
		"this machine in numbers":  {"127.0.0.1:8000", "192.0.2.1:7846", ""},
		"all on one machine":       {"localhost:8000", "127.0.0.1:7846", "http://localhost:8000/"},
		"nodes meet by IPv6":       {":8000", "[2001:db8::1]:7846", ""},
		"IPv6":                     {"[2001:db8::1]:8000", "192.0.2.1:7846", ""},
	} {
		if got := browserURL("http", c.listen, 8000, c.advertised); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
