package web

import (
	"bufio"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"runtime/debug"
	"strings"
)

// maxBody bounds what a form may send: the longest one has a name, two passwords and an address.
const maxBody = 64 << 10

// policy is the content security policy of every answer: no inline script or style, nothing from elsewhere, and no
// way from a string to a script.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; " +
	"font-src 'self'; connect-src 'self'; manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'self'; " +
	"frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

// letMove lets a page look whether another node is there, and send a form to it. Those are all nodes that were ever met: one that is away may be there
// when this one is not.
func (s *Server) letMove(h http.Header) {
	_, origins := s.neighbors.known()
	if len(origins) == 0 {
		return
	}
	others := strings.Join(origins, " ")
	wider := strings.NewReplacer("connect-src 'self'", "connect-src 'self' "+others, "form-action 'self'", "form-action 'self' "+others)
	h.Set("Content-Security-Policy", wider.Replace(policy))
}

// guarded puts the checks that hold for every address around the routes.
func (s *Server) guarded(mux *http.ServeMux) http.Handler {
	crossOrigin := http.NewCrossOriginProtection()
	crossOrigin.SetDenyHandler(http.HandlerFunc(s.denyCrossOrigin))
	crossOrigin.AddInsecureBypassPattern("POST " + movePath + "{$}") // it checks the origin itself, see moves
	routed := crossOrigin.Handler(s.routed(mux))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r = s.proxies.resolve(r)
		guard := &guardedWriter{ResponseWriter: w}
		defer s.recovered(guard, r)
		secure(guard.Header())
		if !s.hostAllowed(r.Host) {
			s.denyHost(guard, r)
			return
		}
		s.setHSTS(guard.Header(), r)
		if r.Body != nil {
			r.Body = http.MaxBytesReader(guard, r.Body, s.bodyLimit(r.URL.Path))
		}
		routed.ServeHTTP(guard, r)
	})
}

// bodyLimit is how much may be sent to an address. What programs post must hold the longest message, as a frame must.
func (s *Server) bodyLimit(path string) int64 {
	switch {
	case path == movePath:
		return maxMoveBody
	case forPrograms(path):
		return max(maxBody, s.limits.FrameBytes)
	}
	return maxBody
}

func secure(h http.Header) {
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=(), "+
		"publickey-credentials-create=(self), publickey-credentials-get=(self)")
}

// routed hands the request to its route; what has none gets a page where the mux would answer with a line of text.
func (s *Server) routed(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !clean(r.URL.EscapedPath()) {
			s.fail(w, r, errNoPage)
			return
		}
		fallback, pattern := mux.Handler(r)
		if pattern != "" && !missesSlash(r, pattern) {
			mux.ServeHTTP(w, r)
			return
		}
		if slashed := withSlash(r); slashed != nil {
			if _, pattern := mux.Handler(slashed); strings.HasSuffix(pattern, "/{$}") {
				// Relative, as every address that we give out: a proxy may stand before us with a path of its own.
				path := r.URL.EscapedPath()
				target := url.URL{RawQuery: r.URL.RawQuery}
				redirect(w, "./"+path[strings.LastIndexByte(path, '/')+1:]+"/"+target.String(), http.StatusMovedPermanently)
				return
			}
		}
		answer := &heldAnswer{header: make(http.Header)}
		fallback.ServeHTTP(answer, r)
		if answer.status == http.StatusMethodNotAllowed {
			w.Header().Set("Allow", answer.header.Get("Allow"))
			s.fail(w, r, errMethod)
			return
		}
		s.fail(w, r, errNoPage)
	})
}

// clean reports whether a path has no empty part and no dots for one. The mux would redirect from any other, to an
// address that is wrong behind a proxy with a path of its own; and nothing of ours leads there.
func clean(escaped string) bool {
	return !strings.Contains(escaped, "//") && !strings.Contains(escaped+"/", "/./") && !strings.Contains(escaped+"/", "/../")
}

// missesSlash reports whether the mux would answer with a redirect of its own, to a route that ends with a slash. That
// redirect is not relative.
func missesSlash(r *http.Request, pattern string) bool {
	return strings.HasSuffix(pattern, "/{$}") && !strings.HasSuffix(r.URL.Path, "/")
}

// withSlash is the request as it would be with a slash at the end of its path, or nil if one is there.
func withSlash(r *http.Request) *http.Request {
	if strings.HasSuffix(r.URL.Path, "/") || (r.Method != http.MethodGet && r.Method != http.MethodHead) {
		return nil
	}
	slashed := r.Clone(r.Context())
	slashed.URL.Path += "/"
	if slashed.URL.RawPath != "" {
		slashed.URL.RawPath += "/"
	}
	return slashed
}

// heldAnswer takes what a handler says and keeps only status and header.
type heldAnswer struct {
	header http.Header
	status int
}

func (a *heldAnswer) Header() http.Header         { return a.header }
func (a *heldAnswer) Write(p []byte) (int, error) { return len(p), nil }
func (a *heldAnswer) WriteHeader(status int)      { a.status = status }

// guardedWriter knows whether an answer has begun, so that a panic after that does not write a second one.
type guardedWriter struct {
	http.ResponseWriter
	begun bool
}

func (w *guardedWriter) WriteHeader(status int) {
	w.begun = true
	w.ResponseWriter.WriteHeader(status)
}

func (w *guardedWriter) Write(p []byte) (int, error) {
	w.begun = true
	return w.ResponseWriter.Write(p)
}

// Hijack must be here by name: the WebSocket upgrade asks for http.Hijacker and does not look under Unwrap.
func (w *guardedWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	hijacker, ok := w.ResponseWriter.(http.Hijacker)
	if !ok {
		return nil, nil, errors.New("hijack: this connection cannot be taken over (HTTP/2?)")
	}
	w.begun = true
	return hijacker.Hijack()
}

// Unwrap lets http.ResponseController reach the writer below.
func (w *guardedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (s *Server) recovered(w *guardedWriter, r *http.Request) {
	thrown := recover()
	if thrown == nil {
		return
	}
	if err, ok := thrown.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(thrown)
	}
	s.logger.Error("request panicked", "method", r.Method, "path", loggedPath(r), "panic", thrown, "stack", string(debug.Stack()))
	if w.begun {
		return
	}
	s.fail(w, r, errInternal)
}

// hostNames is the set of names by which this server may be called.
func hostNames(names []string) map[string]bool {
	set := map[string]bool{"localhost": true}
	for _, name := range names {
		set[hostname(name)] = true
	}
	return set
}

// hostname is a Host header without its port, in lower case, without a last dot.
func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	return strings.TrimSuffix(strings.ToLower(host), ".")
}

// hostAllowed refuses DNS names that were not configured: a page on one, pointed at this machine's address by its
// owner's DNS, would otherwise be of our origin (DNS rebinding). An address in numbers cannot be pointed elsewhere.
func (s *Server) hostAllowed(host string) bool {
	name := hostname(host)
	if s.names[name] {
		return true
	}
	_, err := netip.ParseAddr(name)
	return err == nil
}

// sameOrigin decides whether a page may open a socket, which the browser lets every page do: the page must be of this
// host. Browsers always say the origin; who says none is a program, and a browser's Sec-Fetch headers give it away.
func (s *Server) sameOrigin(r *http.Request) bool {
	origins := r.Header.Values("Origin")
	if len(origins) == 0 {
		return r.Header.Get("Sec-Fetch-Site") == "" && r.Header.Get("Sec-Fetch-Mode") == ""
	}
	if len(origins) > 1 {
		return false
	}
	origin, err := url.Parse(origins[0])
	if err != nil || origin.Host == "" || origin.User != nil {
		return false
	}
	if strings.EqualFold(origin.Host, r.Host) {
		return true
	}
	// Behind a proxy that does not hand on the Host header, a configured name is as good. If it is handed on, another
	// port is another program on that machine, to whose pages the browser lends our cookie.
	name := hostname(origin.Host)
	return s.names[name] && name != "localhost" && name != hostname(r.Host)
}

// loggedPath is the path of a request without what nobody may read in a log: the secret of an invitation link
// or of a webhook.
func loggedPath(r *http.Request) string {
	path := r.URL.Path
	for _, secret := range []string{"/invite/", hookPath} {
		// Anywhere: an address with a slash too many holds the secret too.
		if before, _, found := strings.Cut(path, secret); found {
			path = before + secret + "…"
		}
	}
	return path
}

// loggedOrigin is the site of a request for the log, as browsers say it: a name in lower case, with a dot or a port in it. Programs may put anything there,
// also what nobody may read.
func loggedOrigin(r *http.Request) string {
	const letters = "abcdefghijklmnopqrstuvwxyz0123456789-.:[]"
	origin := r.Header.Get("Origin")
	if origin == "" || origin == "null" {
		return origin
	}
	_, host, _ := strings.Cut(origin, "://")
	strange := func(c rune) bool { return !strings.ContainsRune(letters, c) }
	if strings.ContainsAny(host, ".:") && !strings.ContainsFunc(host, strange) {
		return origin
	}
	return "…"
}

// maxLoggedHost is how many bytes of a host name are logged: as many as one has in DNS, and a port.
const maxLoggedHost = 253 + len(":65535")

// loggedHost is the name that a request gives this server, as the log may hold it. Whoever makes one up fills no log with it.
func loggedHost(r *http.Request) string {
	if len(r.Host) <= maxLoggedHost {
		return r.Host
	}
	return strings.ToValidUTF8(r.Host[:maxLoggedHost], "") + "…"
}
