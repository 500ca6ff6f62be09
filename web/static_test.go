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
