package web

import (
	"errors"
	"net/http"

	"snug/account"
)

func (s *Server) getSignUp(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	view := SignUpPage{Setup: query.Get("setup"), Next: query.Get("next"), Errors: map[string]string{}}
	v, err := s.visitor(r)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	if v != nil && view.Setup == "" {
		seeOther(w, r, nextPath(view.Next))
		return
	}
	view.Page = s.page(r, "Sign up", v)
	if view.Setup != "" {
		valid, err := s.accounts.SetupValid(r.Context(), view.Setup)
		if err != nil {
			s.fail(w, r, err)
			return
		}
		if !valid {
			s.fail(w, r, account.ErrSetup)
			return
		}
	}
	if view.Setup == "" {
		if err := s.accounts.Admitted(r.Context(), ""); err != nil {
			s.refuseSignUp(w, r, view, err)
			return
		}
	}
	s.renderSignUp(w, r, http.StatusOK, view)
}

// refuseSignUp says in place of the form why nobody may sign up in this way.
func (s *Server) refuseSignUp(w http.ResponseWriter, r *http.Request, view SignUpPage, err error) {
	t := explain(err)
	if t.status != http.StatusForbidden {
		s.fail(w, r, err)
		return
	}
	view.Title, view.Refusal = t.heading, &Refusal{t.heading, t.text}
	s.render(w, r, t.status, "sign_up", view)
}

func (s *Server) postSignUp(w http.ResponseWriter, r *http.Request) {
	if !s.readForm(w, r) {
		return
	}
	view := SignUpPage{
		Page:       s.page(r, "Sign up", s.knownVisitor(r)),
		Name:       r.PostFormValue("username"),
		Setup:      r.FormValue("setup"),
		Invitation: r.PostFormValue("invitation"),
		Next:       r.FormValue("next"),
		Errors:     map[string]string{},
	}
	if err := s.addInvited(r, &view); err != nil {
		s.refuseSignUp(w, r, view, err)
		return
	}
	password := r.PostFormValue("password1")
	if again, given := r.PostForm["password2"]; given && again[0] != password {
		view.Errors["password"] = "The two passwords differ. Type the same one twice."
		s.renderSignUp(w, r, http.StatusUnprocessableEntity, view)
		return
	}
	user, err := s.accounts.SignUp(r.Context(), account.SignUp{
		Name: view.Name, Password: password, Address: address(r), Setup: view.Setup, Invitation: view.Invitation,
	})
	if err == nil {
		err = s.enter(w, r, user)
	}
	if err == nil {
		seeOther(w, r, nextPath(view.Next))
		return
	}
	s.failSignUp(w, r, view, err)
}

// failSignUp shows the form again with what to mend beside each field.
func (s *Server) failSignUp(w http.ResponseWriter, r *http.Request, view SignUpPage, err error) {
	var fields account.FieldErrors
	var field account.FieldError
	tooMany := tooOften(w, err)
	status := http.StatusUnprocessableEntity
	switch {
	case errors.As(err, &fields):
	case errors.As(err, &field):
		fields = account.FieldErrors{field}
	case tooMany != nil:
		status, view.Errors["form"] = tooMany.status, tooMany.text
	default:
		s.refuseSignUp(w, r, view, err)
		return
	}
	for _, f := range fields {
		if view.Errors[f.Field] == "" {
			view.Errors[f.Field] = f.Message
		}
	}
	s.renderSignUp(w, r, status, view)
}

func (s *Server) renderSignUp(w http.ResponseWriter, r *http.Request, status int, view SignUpPage) {
	var err error
	if view.Passkeys, err = s.passkeyPlace(r); err != nil {
		s.fail(w, r, err)
		return
	}
	s.render(w, r, status, "sign_up", view)
}
