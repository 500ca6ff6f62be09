package web

import (
	"bytes"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"strings"
	"time"
)

// pageNames are the templates, each parsed together with layout.html.
func pageNames() []string {
	return []string{
		"sign_up", "log_in", "log_out", "confirm",
		"account", "password", "passkeys", "tokens",
		"passkey_offer", "recovery", "recovery_codes",
		"people", "rooms", "chat", "settings", "room_delete",
		"admin_people", "invitations", "name", "audit", "cluster",
		"move", "authority", "error",
	}
}

func parseTemplates(files fs.FS) (map[string]*template.Template, error) {
	functions := template.FuncMap{
		"iso": func(t time.Time) string {
			if t.IsZero() {
				return ""
			}
			return t.UTC().Format(time.RFC3339)
		},
		"ms": func(t time.Time) int64 { return t.UnixMilli() },
	}
	layout, err := template.New("layout.html").Funcs(functions).ParseFS(files,
		"templates/layout.html", "templates/settings_nav.html", "templates/admin_nav.html", "templates/passkey_why.html")
	if err != nil {
		return nil, fmt.Errorf("parse template layout.html: %w", err)
	}
	templates := make(map[string]*template.Template)
	for _, name := range pageNames() {
		page, err := layout.Clone()
		if err != nil {
			return nil, fmt.Errorf("copy template layout.html: %w", err)
		}
		if _, err := page.ParseFS(files, "templates/"+name+".html"); err != nil {
			return nil, fmt.Errorf("parse template %s.html: %w", name, err)
		}
		templates[name] = page
	}
	return templates, nil
}

// page is what every page needs to know about the request it answers.
func (s *Server) page(r *http.Request, title string, v *visitor) Page {
	p := Page{
		Title:    title,
		Base:     base(r),
		Insecure: insecure(r),
		Static:   "static/" + s.static.hash + "/",
	}
	if v != nil {
		p.Me = &Me{Name: v.user.Name, Admin: v.user.Admin, Initials: Initials(v.user.Name), Hue: HueOf(v.user.Name)}
	}
	return p
}

// base is the relative way from the asked address to the root. Browsers resolve it against the path as it was sent, so
// an escaped slash is not one.
func base(r *http.Request) string {
	if depth := strings.Count(r.URL.EscapedPath(), "/") - 1; depth > 0 {
		return strings.Repeat("../", depth)
	}
	return "./"
}

// render writes a page. It is made whole before the first byte goes out, so that a mistake in a template is an error
// page and not half of another one.
func (s *Server) render(w http.ResponseWriter, r *http.Request, status int, name string, view any) {
	var b bytes.Buffer
	if err := s.templates[name].ExecuteTemplate(&b, "layout", view); err != nil {
		s.logger.Error("page could not be made", "page", name, "path", loggedPath(r), "error", err)
		plain(w, http.StatusInternalServerError, "This page could not be made. The reason is in the server's log.")
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // the reader may be gone; nothing to do about it
}

// redirect sends the browser to an address relative to the one it asked for. http.Redirect would make it absolute,
// which is wrong behind a proxy that puts a path before ours.
func redirect(w http.ResponseWriter, target string, status int) {
	w.Header().Set("Location", target)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
}

// seeOther ends a form's POST: the browser gets the next page with a GET, and a reload sends nothing twice.
// The path begins at our root, with a slash.
func seeOther(w http.ResponseWriter, r *http.Request, path string) {
	redirect(w, base(r)+strings.TrimPrefix(path, "/"), http.StatusSeeOther)
}
