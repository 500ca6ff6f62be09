package web

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http"
	"strings"

	"snug/chat"
)

// caPath is where people get the certificate of Snug's own authority, over plain HTTP too: before they have it they cannot come otherwise.
const caPath = "/ca/"

// errNoAuthority is for a place whose certificates are signed by an authority that browsers know.
var errNoAuthority = &trouble{
	status: http.StatusNotFound, code: chat.CodeNotFound, heading: "There is nothing to install",
	text: "This server has no certificate authority of its own. If your browser warns of its certificate, tell the person who runs it.",
}

// root is the certificate of our own authority as DER, or nil if it has answered that there is none.
func (s *Server) root(w http.ResponseWriter, r *http.Request) []byte {
	var der []byte
	if s.authority != nil {
		der = s.authority()
	}
	if der == nil {
		s.fail(w, r, errNoAuthority)
	}
	return der
}

// getAuthority tells how to trust this place, and by what to recognise its certificate.
func (s *Server) getAuthority(w http.ResponseWriter, r *http.Request) {
	der := s.root(w, r)
	if der == nil {
		return
	}
	root, err := x509.ParseCertificate(der)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	sum := sha256.Sum256(der)
	view := AuthorityPage{
		Page: s.page(r, "Certificate", s.knownVisitor(r)), Name: root.Subject.CommonName, Expires: root.NotAfter,
		Fingerprint: groups(fmt.Sprintf("%X", sum)), Names: root.PermittedDNSDomains,
	}
	s.render(w, r, http.StatusOK, "authority", view)
}

// groups are the digits of a fingerprint in pairs, eight pairs a group, as they are compared by eye.
func groups(digits string) []string {
	const pair, group = 2, 8
	var all []string
	for begin := 0; begin < len(digits); begin += pair * group {
		var pairs []string
		for i := begin; i < min(begin+pair*group, len(digits)); i += pair {
			pairs = append(pairs, digits[i:i+pair])
		}
		all = append(all, strings.Join(pairs, ":"))
	}
	return all
}

// getRootDER is the file for Windows, macOS, iOS and Android, which ask at once whether to install what comes under this type.
func (s *Server) getRootDER(w http.ResponseWriter, r *http.Request) {
	if der := s.root(w, r); der != nil {
		file(w, "application/x-x509-ca-cert", der)
	}
}

// getRootPEM is the file for Linux and for programs.
func (s *Server) getRootPEM(w http.ResponseWriter, r *http.Request) {
	if der := s.root(w, r); der != nil {
		w.Header().Set("Content-Disposition", `attachment; filename="snug.pem"`)
		file(w, "application/x-pem-file", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	}
}

func file(w http.ResponseWriter, kind string, content []byte) {
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(content) // the reader may be gone; nothing to do about it
}
