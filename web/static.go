package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
)

// static serves the files below static/ from memory. Under /static/<hash>/, where the hash is of all of them together,
// they never change and are kept by browsers for ever; scripts may import each other by relative addresses, and a new
// version changes every address at once.
type static struct {
	hash  string
	files map[string]*staticFile
}

type staticFile struct {
	kind   string // content type
	etag   string // of the body as it is, quoted
	body   []byte
	packed func() []byte // gzip, nil where it is not worth it; made when somebody first asks for it
}

// hashDigits is the length of a hash in an address: enough that two versions never meet.
const hashDigits = 16

func readStatic(files fs.FS) (*static, error) {
	st := &static{files: make(map[string]*staticFile)}
	all := sha256.New()
	err := fs.WalkDir(files, "static", func(name string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) && name == "static" {
			return nil
		}
		if err != nil || entry.IsDir() {
			return err
		}
		body, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		name = strings.TrimPrefix(name, "static/")
		sum := sha256.Sum256(body)
		fmt.Fprintf(all, "%s\x00%x\x00", name, sum)
		st.files[name] = &staticFile{
			kind:   contentType(name),
			etag:   `"` + hex.EncodeToString(sum[:8]) + `"`,
			body:   body,
			packed: sync.OnceValue(func() []byte { return pack(body) }),
		}
		return nil
	})
	st.hash = hex.EncodeToString(all.Sum(nil))[:hashDigits]
	return st, err
}

// pack compresses a file, or returns nil if that saves less than a tenth (a font or an image).
func pack(body []byte) []byte {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err == nil {
		_, err = z.Write(body)
	}
	if err == nil {
		err = z.Close()
	}
	if err != nil || b.Len() > len(body)*9/10 { // writing to memory does not fail
		return nil
	}
	return b.Bytes()
}

// contentType knows the kinds that we ship by itself: what package mime says depends on the machine.
func contentType(name string) string {
	switch ext := path.Ext(name); ext {
	case ".js", ".mjs":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	case ".png":
		return "image/png"
	case ".ico":
		return "image/x-icon"
	case ".woff2":
		return "font/woff2"
	case ".json":
		return "application/json"
	case ".webmanifest":
		return "application/manifest+json"
	case ".txt", ".md", "":
		return "text/plain; charset=utf-8"
	default:
		if kind := mime.TypeByExtension(ext); kind != "" {
			return kind
		}
		return "application/octet-stream"
	}
}

// find returns the file at a path below /static/, and whether its address holds the present hash. The hash of another
// version finds the file too, so that a page opened before an upgrade goes on working.
func (st *static) find(name string) (file *staticFile, fixed bool) {
	if file, ok := st.files[name]; ok {
		return file, false
	}
	hash, rest, _ := strings.Cut(name, "/")
	if _, err := hex.DecodeString(hash); err != nil || len(hash) != hashDigits {
		return nil, false
	}
	return st.files[rest], hash == st.hash
}

func (st *static) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	file, fixed := st.find(r.PathValue("path"))
	if file == nil {
		plain(w, http.StatusNotFound, "there is no such file")
		return
	}
	h := w.Header()
	h.Set("Content-Type", file.kind)
	body, tag := file.body, file.etag
	if packed := file.packed(); packed != nil && acceptsGzip(r) {
		h.Set("Content-Encoding", "gzip")
		// What is compressed is another answer, and a strong tag stands for its very bytes.
		body, tag = packed, strings.TrimSuffix(file.etag, `"`)+`-gzip"`
	}
	h.Set("ETag", tag)
	h.Set("Cache-Control", "no-cache")
	if fixed {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	h.Add("Vary", "Accept-Encoding")
	if hasAlready(r, tag) {
		h.Del("Content-Encoding")
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Length", fmt.Sprint(len(body)))
	_, _ = w.Write(body) // the reader may be gone; nothing to do about it
}

// hasAlready says whether the browser has the answer of a tag: RFC 9110, 13.1.2. Weak tags stand for the same as strong ones there.
func hasAlready(r *http.Request, tag string) bool {
	for _, line := range r.Header.Values("If-None-Match") {
		for one := range strings.SplitSeq(line, ",") {
			if one = strings.TrimSpace(one); one == "*" || strings.TrimPrefix(one, "W/") == tag {
				return true
			}
		}
	}
	return false
}

func acceptsGzip(r *http.Request) bool {
	for coding := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		name, params, _ := strings.Cut(coding, ";")
		if !strings.EqualFold(strings.TrimSpace(name), "gzip") {
			continue
		}
		weight, _ := strings.CutPrefix(strings.ToLower(strings.TrimSpace(params)), "q=")
		if q, err := strconv.ParseFloat(weight, 64); err != nil || q > 0 {
			return true
		}
	}
	return false
}
