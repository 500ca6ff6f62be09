package web

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"

	"snug/account"
)

// auditOnPage is how many entries of the audit log stand on one page.
const auditOnPage = 50

// getAudit shows administrators the audit log, the newest entries first.
func (s *Server) getAudit(w http.ResponseWriter, r *http.Request) {
	v := s.admin(w, r)
	if v == nil {
		return
	}
	query := r.URL.Query()
	view := AuditPage{
		Page: s.page(r, "Audit", v), Kind: query.Get("kind"), Person: strings.TrimSpace(query.Get("person")), Before: query.Get("before"),
	}
	kinds := make(map[string]account.EventKind)
	for _, k := range account.EventKinds() {
		kinds[k.Kind] = k
		view.Kinds = append(view.Kinds, AuditChoice{Kind: k.Kind, Words: k.Words})
	}
	if _, known := kinds[view.Kind]; view.Kind != "" && !known {
		s.fail(w, r, errNoPage)
		return
	}
	q := account.AuditQuery{Kind: view.Kind, Before: view.Before, Limit: auditOnPage}
	if view.Person != "" {
		person, err := s.accounts.UserByName(r.Context(), view.Person)
		switch {
		case errors.Is(err, account.ErrNoUser):
			view.Error = "There is nobody of that name. Write it as it stands in the list of people."
			s.render(w, r, http.StatusOK, "audit", view)
			return
		case err != nil:
			s.fail(w, r, err)
			return
		}
		q.Person = person.ID
	}
	entries, next, err := s.accounts.AuditLog(r.Context(), q)
	if errors.Is(err, account.ErrCursor) {
		err = errNoPage
	}
	if err == nil {
		view.Next = next
		view.Entries, err = s.auditLines(r.Context(), entries, kinds)
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.render(w, r, http.StatusOK, "audit", view)
}

func (s *Server) auditLines(ctx context.Context, entries []account.AuditEntry, kinds map[string]account.EventKind) ([]AuditLine, error) {
	var ids []account.ID
	for _, e := range entries {
		ids = append(ids, e.Actor, e.Target)
	}
	names, err := s.accounts.Names(ctx, ids)
	if err != nil {
		return nil, err
	}
	lines := make([]AuditLine, len(entries))
	for i, e := range entries {
		line := AuditLine{
			Kind: e.Kind, At: e.At, Bad: kinds[e.Kind].Bad, More: e.More, Detail: e.Detail, Address: e.Address,
		}
		if s.cluster != nil {
			line.Node = e.Node
		}
		if e.Target != e.Actor {
			line.Whom = names[e.Target]
		}
		if line.Whom == e.Detail {
			line.Detail = ""
		}
		line.Did = kinds[e.Kind].Words
		if line.Did == "" {
			line.Did = e.Kind // of a newer version
		}
		if line.Who, line.Known = names[e.Actor], names[e.Actor] != ""; !line.Known {
			line.Who = unknownActor(e)
		}
		if line.Who != "" {
			line.Did = lowerFirst(line.Did)
		}
		lines[i] = line
	}
	return lines, nil
}

// unknownActor is what to call whoever is not known by name.
func unknownActor(e account.AuditEntry) string {
	switch {
	case e.Kind == account.EventAuditLost:
		return ""
	case e.Kind == account.EventClusterJoined, e.Kind == account.EventClusterLeft:
		return "This machine"
	case !e.Actor.IsZero():
		return "An account that is not here"
	case e.Address != "" || e.More > 0 || !e.Target.IsZero() && e.Detail == "":
		return "Somebody"
	}
	return "A command"
}

func lowerFirst(s string) string {
	first, size := utf8.DecodeRuneInString(s)
	return string(unicode.ToLower(first)) + s[size:]
}
