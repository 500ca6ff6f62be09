package web

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"testing"

	"snug/account"
)

func prefixes(texts ...string) []netip.Prefix {
	var all []netip.Prefix
	for _, text := range texts {
		all = append(all, netip.MustParsePrefix(text))
	}
	return all
}

func TestTheRightmostAddressThatIsNoProxyIsTheClient(t *testing.T) {
	t.Parallel()
	const proxy, stranger = "10.0.0.1:4711", "198.51.100.9:4711"
	tests := map[string]struct {
		remote string
		xff    []string
		want   string
	}{
		"nobody's word counts but a proxy's":        {stranger, []string{"192.0.2.7"}, "198.51.100.9"},
		"a proxy says where it comes from":          {proxy, []string{"192.0.2.7"}, "192.0.2.7"},
		"a client makes up where it comes from":     {proxy, []string{"127.0.0.1, 192.0.2.7"}, "192.0.2.7"},
		"and in a line of its own":                  {proxy, []string{"127.0.0.1", "192.0.2.7"}, "192.0.2.7"},
		"and with our proxy's address":              {proxy, []string{"1.1.1.1, 10.0.0.2, 192.0.2.7"}, "192.0.2.7"},
		"two proxies":                               {proxy, []string{"127.0.0.1, 192.0.2.7, 10.0.0.2"}, "192.0.2.7"},
		"a proxy that is asked by a proxy":          {proxy, []string{"10.0.0.3, 10.0.0.2"}, "10.0.0.3"},
		"a proxy that says nothing":                 {proxy, nil, "10.0.0.1"},
		"a proxy that hides it":                     {proxy, []string{"unknown"}, "10.0.0.1"},
		"garbage ends the search":                   {proxy, []string{"192.0.2.7, <script>, 10.0.0.2"}, "10.0.0.2"},
		"garbage further off is not looked at":      {proxy, []string{"<script>, 192.0.2.7"}, "192.0.2.7"},
		"a quote hides nothing":                     {proxy, []string{`", 192.0.2.7`}, "192.0.2.7"},
		"nothing between commas":                    {proxy, []string{" , ,192.0.2.7"}, "192.0.2.7"},
		"an empty end":                              {proxy, []string{"192.0.2.7,"}, "10.0.0.1"},
		"with a port":                               {proxy, []string{"192.0.2.7:80"}, "192.0.2.7"},
		"IPv6":                                      {proxy, []string{"2001:db8::7"}, "2001:db8::7"},
		"IPv6 with a port":                          {proxy, []string{"[2001:db8::7]:80"}, "2001:db8::7"},
		"IPv6 in brackets":                          {proxy, []string{"[2001:db8::7]"}, "2001:db8::7"},
		"IPv4 in IPv6":                              {proxy, []string{"::ffff:192.0.2.7"}, "192.0.2.7"},
		"a proxy that came over IPv6":               {"[fd00::1%eth0]:80", []string{"192.0.2.7"}, "192.0.2.7"},
		"a proxy by its IPv4 address in IPv6":       {"[::ffff:10.0.0.1]:80", []string{"192.0.2.7"}, "192.0.2.7"},
		"a client's address that is no address":     {"@", []string{"192.0.2.7"}, "@"},
		"numbers that are none":                     {proxy, []string{"192.0.2.7.1"}, "10.0.0.1"},
		"an address with spaces where none belongs": {proxy, []string{"192.0.2. 7"}, "10.0.0.1"},
	}
	p := Proxies{Trusted: prefixes("10.0.0.0/24", "fd00::/64")}
	for name, test := range tests {
		r := &http.Request{RemoteAddr: test.remote, Header: http.Header{"X-Forwarded-For": test.xff}, Host: "chat.example"}
		if got := address(p.resolve(r)); got != test.want {
			t.Errorf("%s: %v from %s is %s, want %s", name, test.xff, test.remote, got, test.want)
		}
	}
}

func TestOnlyAProxySaysWhetherTheBrowserSpeaksTLSAndUnderWhichName(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		remote   string
		header   http.Header
		ourTLS   bool
		tls      bool
		insecure bool
		host     string
	}{
		"stranger": {"198.51.100.9:1", http.Header{"X-Forwarded-Proto": {"https"}, "X-Forwarded-Host": {"evil.example"}}, false, false, true, "inner"},
		"proxy":    {"10.0.0.1:1", http.Header{"X-Forwarded-For": {"192.0.2.7"}, "X-Forwarded-Proto": {"https"}, "X-Forwarded-Host": {"chat.example"}}, false, true, false, "chat.example"},
		"proxy that is asked in the clear, over TLS": {
			"10.0.0.1:1",
			http.Header{"X-Forwarded-For": {"192.0.2.7"}, "X-Forwarded-Proto": {"http"}},
			true, false, true, "inner",
		},
		"two proxies of which the inner one speaks plainly": {
			"10.0.0.1:1",
			http.Header{"X-Forwarded-For": {"192.0.2.7, 10.0.0.2"}, "X-Forwarded-Proto": {"https, http"}, "X-Forwarded-Host": {"chat.example, inner.example"}},
			false, true, false, "chat.example",
		},
		"what a client has made up stands left of what the proxy adds": {
			"10.0.0.1:1",
			http.Header{"X-Forwarded-For": {"127.0.0.1, 192.0.2.7"}, "X-Forwarded-Proto": {"https, http"}, "X-Forwarded-Host": {"evil.example, chat.example"}},
			false, false, true, "chat.example",
		},
		"proxy alone with itself": {"10.0.0.1:1", http.Header{"X-Forwarded-Proto": {"https"}}, false, true, false, "inner"},
		"garbage": {
			"10.0.0.1:1",
			http.Header{"X-Forwarded-For": {"192.0.2.7"}, "X-Forwarded-Proto": {"gopher"}, "X-Forwarded-Host": {"a b"}},
			false, false, true, "inner",
		},
		"client of a proxy on this machine": {"10.0.0.1:1", http.Header{"X-Forwarded-For": {"::1"}}, false, false, false, "inner"},
	}
	p := Proxies{Trusted: prefixes("10.0.0.0/24")}
	for name, test := range tests {
		r := &http.Request{RemoteAddr: test.remote, Header: test.header, Host: "inner"}
		if test.ourTLS {
			r.TLS = &tls.ConnectionState{}
		}
		r = p.resolve(r)
		if overTLS(r) != test.tls || insecure(r) != test.insecure || r.Host != test.host {
			t.Errorf("%s: TLS %v, insecure %v, host %q; want %v, %v, %q", name, overTLS(r), insecure(r), r.Host, test.tls, test.insecure, test.host)
		}
	}
}

func TestOneOfTheTwoHeadersIsRead(t *testing.T) {
	t.Parallel()
	standard := Proxies{Trusted: prefixes("10.0.0.0/24"), Standard: true}
	usual := Proxies{Trusted: prefixes("10.0.0.0/24")}
	tests := []struct {
		proxies   Proxies
		forwarded []string
		address   string
		tls       bool
		host      string
	}{
		{usual, []string{"for=192.0.2.7;proto=https;host=evil.example"}, "203.0.113.1", false, "inner"},
		{standard, []string{"for=192.0.2.7;proto=https;host=chat.example"}, "192.0.2.7", true, "chat.example"},
		{standard, []string{`For="[2001:db8::7]:4711";Proto=https`}, "2001:db8::7", true, "inner"},
		{standard, []string{"for=127.0.0.1;proto=https, for=192.0.2.7;proto=http", "for=10.0.0.2"}, "192.0.2.7", false, "inner"},
		{standard, []string{`for="`, "for=192.0.2.7"}, "192.0.2.7", false, "inner"},
		{standard, []string{`for="127.0.0.1, for=192.0.2.7`}, "192.0.2.7", false, "inner"},
		{standard, []string{"for=unknown;proto=https"}, "10.0.0.1", true, "inner"},
		{standard, []string{"for=_hidden, for=10.0.0.2"}, "10.0.0.2", false, "inner"},
		{standard, []string{"nonsense"}, "10.0.0.1", false, "inner"},
		{standard, []string{""}, "10.0.0.1", false, "inner"},
		{standard, nil, "10.0.0.1", false, "inner"},
	}
	for _, test := range tests {
		r := &http.Request{RemoteAddr: "10.0.0.1:1", Header: http.Header{
			"Forwarded": test.forwarded, "X-Forwarded-For": {"203.0.113.1"},
		}, Host: "inner"}
		if len(test.forwarded) > 0 && test.proxies.Standard {
			r.Header.Set("X-Forwarded-For", "127.0.0.1") // which a client has made up
		}
		r = test.proxies.resolve(r)
		if address(r) != test.address || overTLS(r) != test.tls || r.Host != test.host {
			t.Errorf("%v (standard %v): %s, TLS %v, host %q; want %s, %v, %q", test.forwarded, test.proxies.Standard,
				address(r), overTLS(r), r.Host, test.address, test.tls, test.host)
		}
	}
}

// TestBehindAProxyEverythingIsAsTheBrowserSeesIt goes through the whole server: cookies, the check of hosts and origins, and limits.
func TestBehindAProxyEverythingIsAsTheBrowserSeesIt(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(o *siteOptions) {
		o.Web.Names = []string{"chat.example"}
		o.Web.Proxies = Proxies{Trusted: prefixes("127.0.0.1/32", "::1/128")}
		o.Web.Limits.SocketsPerAddress = 1
		o.Accounts = account.Options{SignupsPerHour: 1, Logger: o.Accounts.Logger}
	})
	through := func(client string) func(*http.Request) {
		return func(r *http.Request) {
			r.Host = "chat.example"
			r.Header.Set("Origin", "https://chat.example")
			r.Header.Set("X-Forwarded-For", client)
			r.Header.Set("X-Forwarded-Proto", "https")
		}
	}
	signUp := func(name, client string) answer {
		return s.guest().post("/sign_up/", url.Values{"username": {name}, "password1": {"correct horse battery"}}, through(client))
	}
	a := signUp("ada", "192.0.2.7").want(t, http.StatusSeeOther)
	cookie := a.cookie("__Host-snug")
	if cookie == nil || !cookie.Secure {
		t.Fatalf("behind TLS the cookie is %v", a.header["Set-Cookie"])
	}
	signUp("grace", "192.0.2.7").want(t, http.StatusTooManyRequests)
	signUp("hedy", "127.0.0.1, 192.0.2.7").want(t, http.StatusTooManyRequests)
	signUp("grace", "192.0.2.8").want(t, http.StatusSeeOther)

	c := s.guest()
	over := func(client, origin string) func(http.Header) {
		return func(h http.Header) {
			h.Set("Cookie", cookie.String())
			h.Set("Origin", origin)
			h.Set("X-Forwarded-For", client)
			h.Set("X-Forwarded-Proto", "https")
			h.Set("X-Forwarded-Host", "chat.example")
		}
	}
	c.dial("/ws/", over("192.0.2.7", "https://chat.example"))
	if got := c.refused("/ws/", over("192.0.2.7", "https://chat.example")); got != http.StatusTooManyRequests {
		t.Errorf("second socket of an address: %d", got)
	}
	c.dial("/ws/", over("192.0.2.8", "https://chat.example"))
	if got := c.refused("/ws/", over("192.0.2.9", "https://evil.example")); got != http.StatusForbidden {
		t.Errorf("socket of another site: %d", got)
	}
	page := c.get("/log_in/", through("192.0.2.7")).want(t, http.StatusOK)
	page.saysNot(t, "Not private")
	c.get("/log_in/", func(r *http.Request) { r.Header.Set("X-Forwarded-For", "192.0.2.7") }).says(t, "Not private")
	c.get("/log_in/", func(r *http.Request) { r.Header.Set("X-Forwarded-Host", "evil.example") }).want(t, http.StatusMisdirectedRequest)
}

func FuzzForwarded(f *testing.F) {
	for _, seed := range []string{"192.0.2.7", `", 192.0.2.7`, "for=192.0.2.7;proto=https", `for="[2001:db8::1]:80", for=_x`, ",,", ";=;", "\xff"} {
		f.Add(seed, seed)
	}
	f.Fuzz(func(t *testing.T, made, written string) {
		for _, standard := range []bool{false, true} {
			p := Proxies{Trusted: prefixes("10.0.0.0/24"), Standard: standard}
			r := httptest.NewRequest(http.MethodGet, "http://inner/", nil)
			r.RemoteAddr = "10.0.0.1:1"
			r.Header.Add("X-Forwarded-For", made)
			r.Header.Add("Forwarded", made)
			r.Header.Add("X-Forwarded-For", "192.0.2.7")
			r.Header.Add("Forwarded", "for=192.0.2.7")
			r.Header.Set("X-Forwarded-Host", written)
			if got := address(p.resolve(r)); got != "192.0.2.7" {
				t.Errorf("%q makes the client %s", made, got)
			}
		}
	})
}
