package web

import (
	"net/http"
	"strings"
	"testing"
	"testing/fstest"
)

func TestStaticFilesUnderTheirHashAreKeptForEver(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	c := s.guest()
	fixed := c.get("/static/"+s.server.static.hash+"/tokens.css").want(t, http.StatusOK)
	if got := fixed.header.Get("Cache-Control"); got != "public, max-age=31536000, immutable" {
		t.Errorf("Cache-Control is %q", got)
	}
	if got := fixed.header.Get("Content-Type"); got != "text/css; charset=utf-8" {
		t.Errorf("Content-Type is %q", got)
	}
	for _, path := range []string{"/static/tokens.css", "/static/0123456789abcdef/tokens.css"} {
		a := c.get(path).want(t, http.StatusOK)
		if got := a.header.Get("Cache-Control"); got != "no-cache" || a.body != fixed.body {
			t.Errorf("%s: Cache-Control is %q", path, got)
		}
	}
	c.get("/static/tokens.css", func(r *http.Request) {
		r.Header.Set("If-None-Match", fixed.header.Get("ETag"))
	}).want(t, http.StatusNotModified)
	c.get("/log_in/").says(t, "../static/"+s.server.static.hash+"/")
}

// What is compressed and what is not are two answers: a cache that holds one must not take it for the other.
func TestEachFormOfAFileHasATagOfItsOwn(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	get := func(coding string, have ...string) answer {
		t.Helper()
		return s.guest().get("/static/tokens.css", func(r *http.Request) {
			r.Header.Set("Accept-Encoding", coding)
			r.Header["If-None-Match"] = have
		})
	}
	plain, packed := get("identity").header.Get("ETag"), get("gzip").header.Get("ETag")
	if plain == packed || plain == "" || packed == "" {
		t.Fatalf("the tags are %s and %s", plain, packed)
	}
	for _, test := range []struct {
		coding string
		have   []string
		want   int
	}{
		{"identity", []string{plain}, http.StatusNotModified},
		{"gzip", []string{packed}, http.StatusNotModified},
		{"identity", []string{packed}, http.StatusOK},
		{"gzip", []string{plain}, http.StatusOK},
		{"gzip", []string{`"other", W/` + packed}, http.StatusNotModified}, // a proxy makes it weak
		{"gzip", []string{`"other"`, packed}, http.StatusNotModified},
		{"gzip", []string{"*"}, http.StatusNotModified},
		{"identity", []string{" * "}, http.StatusNotModified},
		{"identity", []string{strings.Trim(plain, `"`)}, http.StatusOK},
		{"identity", nil, http.StatusOK},
	} {
		a := get(test.coding, test.have...).want(t, test.want)
		if tag := a.header.Get("ETag"); (tag == packed) != (test.coding == "gzip") {
			t.Errorf("%s with %v: the tag is %s", test.coding, test.have, tag)
		}
		if a.header.Get("Vary") == "" || test.want == http.StatusNotModified && a.body != "" {
			t.Errorf("%s with %v: Vary %q, body %q", test.coding, test.have, a.header.Get("Vary"), a.body)
		}
	}
}

func TestStaticFilesAreCompressedWhereItPays(t *testing.T) {
	t.Parallel()
	st, err := readStatic(fstest.MapFS{
		"static/a.mjs":     {Data: []byte(strings.Repeat("export const x = 1;\n", 100))},
		"static/b/c.woff2": {Data: []byte{1, 2, 3}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if a := st.files["a.mjs"]; a.packed() == nil || a.kind != "text/javascript; charset=utf-8" {
		t.Errorf("a.mjs: %d bytes packed, type %q", len(a.packed()), a.kind)
	}
	if c := st.files["b/c.woff2"]; c.packed() != nil || c.kind != "font/woff2" {
		t.Errorf("b/c.woff2: %d bytes packed, type %q", len(c.packed()), c.kind)
	}
}

func TestStaticHashChangesWithAnyFile(t *testing.T) {
	t.Parallel()
	hash := func(files fstest.MapFS) string {
		t.Helper()
		st, err := readStatic(files)
		if err != nil {
			t.Fatal(err)
		}
		return st.hash
	}
	one := hash(fstest.MapFS{"static/a": {Data: []byte("1")}})
	for name, files := range map[string]fstest.MapFS{
		"content": {"static/a": {Data: []byte("2")}},
		"name":    {"static/b": {Data: []byte("1")}},
		"more":    {"static/a": {Data: []byte("1")}, "static/b": {Data: nil}},
		"none":    {},
	} {
		if hash(files) == one {
			t.Errorf("%s: the hash stays the same", name)
		}
	}
}

func TestAcceptsGzip(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]bool{
		"": false, "gzip": true, "br, GZIP;q=0.5": true, "gzip;q=0": false, "gzipped": false,
		"gzip; q=0.0": false, "gzip;Q=0.000": false, "gzip;q=0.001": true,
	} {
		r := &http.Request{Header: http.Header{"Accept-Encoding": {header}}}
		if got := acceptsGzip(r); got != want {
			t.Errorf("%q: %v, want %v", header, got, want)
		}
	}
}
