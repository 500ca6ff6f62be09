package web

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"snug/account"
)

// afterLogIn is where a log-in leads: to where somebody wanted, by way of the page that tells them if their name is not
// theirs any more.
func afterLogIn(user account.User, target string) string {
	if user.Wanted() == "" {
		return target
	}
	return "/settings/name/?next=" + url.QueryEscape(target)
}

// getName is the form of a person's name.
func (s *Server) getName(w http.ResponseWriter, r *http.Request) {
	v := s.member(w, r)
	if v == nil {
		return
	}
	query := r.URL.Query()
	view := NamePage{Saved: query.Has("saved"), Name: v.user.Name}
	if wanted := v.user.Wanted(); wanted != "" {
		view.Name = ""
	}
	if next := query.Get("next"); next != "" {
		view.Next = base(r) + strings.TrimPrefix(nextPath(next), "/")
	}
	s.showName(w, r, v, http.StatusOK, view)
}

func (s *Server) postName(w http.ResponseWriter, r *http.Request) {
	v := s.member(w, r)
	if v == nil {
		return
	}
	if !s.readForm(w, r) {
		return
	}
	view := NamePage{Name: r.PostFormValue("username")}
	_, err := s.accounts.Rename(r.Context(), v.actor(r), v.user.ID, view.Name)
	tooMany := tooOften(w, err)
	faults, mendable := errors.AsType[account.FieldErrors](err)
	switch {
	case err == nil:
		seeOther(w, r, "/settings/name/?saved")
	case mendable:
		view.Error = faults[0].Message
		s.showName(w, r, v, http.StatusUnprocessableEntity, view)
	case tooMany != nil:
		view.Error = "You have changed your name often of late. Wait " + words(tooMany.wait) + " and try again."
		s.showName(w, r, v, tooMany.status, view)
	default:
		s.fail(w, r, err)
	}
}

func (s *Server) showName(w http.ResponseWriter, r *http.Request, v *visitor, status int, view NamePage) {
	view.Page, view.Wanted = s.page(r, "Name", v), v.user.Wanted()
	s.render(w, r, status, "name", view)
}
