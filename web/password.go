package web

import (
	"errors"
	"net/http"

	"snug/account"
)

// getPassword is the form for another password. Whoever has none proves in another way who they are.
func (s *Server) getPassword(w http.ResponseWriter, r *http.Request) {
	v, has := s.passwordMember(w, r)
	if v == nil {
		return
	}
	s.render(w, r, http.StatusOK, "password", PasswordPage{
		Page: s.page(r, "Password", v), HasPassword: has, Saved: r.URL.Query().Has("saved"),
	})
}

func (s *Server) postPassword(w http.ResponseWriter, r *http.Request) {
	v, has := s.passwordMember(w, r)
	if v == nil {
		return
	}
	if !s.readForm(w, r) {
		return
	}
	err := s.accounts.ChangePassword(r.Context(), account.PasswordChange{
		User: v.user.ID, Session: v.session, Address: address(r),
		Old: r.PostFormValue("old_password"), New: r.PostFormValue("password"),
	})
	view := PasswordPage{Page: s.page(r, "Password", v), HasPassword: has}
	status := http.StatusUnprocessableEntity
	tooMany := tooOften(w, err)
	faults, mendable := errors.AsType[account.FieldErrors](err)
	switch {
	case err == nil:
		seeOther(w, r, "/settings/password/?saved")
		return
	case mendable:
		if fault := faults.Field(account.FieldOldPassword); fault != nil {
			view.OldError = fault.Message
		}
		if fault := faults.Field(account.FieldPassword); fault != nil {
			view.NewError = fault.Message
		}
	case tooMany != nil:
		status, view.OldError = tooMany.status, tooMany.text
	default:
		s.fail(w, r, err)
		return
	}
	s.render(w, r, status, "password", view)
}

// passwordMember is member for this page, and tells whether they have a password now.
func (s *Server) passwordMember(w http.ResponseWriter, r *http.Request) (v *visitor, has bool) {
	if v = s.member(w, r); v == nil {
		return nil, false
	}
	has, err := s.accounts.HasPassword(r.Context(), v.user.ID)
	if err != nil {
		s.fail(w, r, err)
		return nil, false
	}
	if !has {
		v = s.confirmedMember(w, r)
	}
	return v, has
}
