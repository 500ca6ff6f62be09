package web

import (
	"crypto/tls"
	"net/http"
	"testing"
)

func TestInsecureIsPlainHTTPFromAnotherMachine(t *testing.T) {
	t.Parallel()
	tests := []struct {
		remote string
		tls    bool
		want   bool
	}{
		{"127.0.0.1:5000", false, false},
		{"[::1]:5000", false, false},
		{"[::ffff:127.0.0.1]:5000", false, false},
		{"192.168.1.7:5000", false, true},
		{"192.168.1.7:5000", true, false},
	}
	for _, test := range tests {
		r := &http.Request{RemoteAddr: test.remote}
		if test.tls {
			r.TLS = &tls.ConnectionState{}
		}
		if got := insecure(r); got != test.want {
			t.Errorf("%s with TLS %v: %v, want %v", test.remote, test.tls, got, test.want)
		}
	}
}

func TestAddressesHaveOneForm(t *testing.T) {
	t.Parallel()
	for remote, want := range map[string]string{
		"192.168.1.7:5000":          "192.168.1.7",
		"[::ffff:192.168.1.7]:5000": "192.168.1.7",
		"[fe80::1%eth0]:5000":       "fe80::1",
		"@":                         "@",
	} {
		if got := address(&http.Request{RemoteAddr: remote}); got != want {
			t.Errorf("%s is %s, want %s", remote, got, want)
		}
	}
}
