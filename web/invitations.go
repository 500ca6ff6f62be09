package web

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"snug/account"
	"snug/chat"
	"snug/store"
)

// lives are the choices of how long an invitation is good.
func lives() []LifeView {
	return []LifeView{
		{Value: "1h", Label: "an hour"},
		{Value: "24h", Label: "a day"},
		{Value: "168h", Label: "a week"},
		{Value: "720h", Label: "30 days"},
		{Value: "8760h", Label: "a year"},
	}
}

// getInvite is the page that an invitation link opens.
func (s *Server) getInvite(w http.ResponseWriter, r *http.Request) {
	view := SignUpPage{Invitation: r.PathValue("token"), Errors: map[string]string{}}
	v, err := s.visitor(r)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	view.Page = s.page(r, "Sign up", v)
	err = s.accounts.Admitted(r.Context(), view.Invitation)
	if err == nil {
		err = s.addInvited(r, &view)
	}
	switch {
	case v != nil && (err == nil || errors.Is(err, account.ErrInvitation)):
		// Who has an account needs no other, and may have used up the invitation with it.
		seeOther(w, r, nextPath(view.Next))
		return
	case err != nil:
		s.refuseSignUp(w, r, view, err)
		return
	}
	s.renderSignUp(w, r, http.StatusOK, view)
}

// addInvited tells on the page what its invitation says, and has it lead to the room that it names.
func (s *Server) addInvited(r *http.Request, view *SignUpPage) error {
	if view.Invitation == "" {
		return nil
	}
	i, err := s.accounts.Invitation(r.Context(), view.Invitation)
	if err != nil {
		return err
	}
	view.Invited = &InvitedView{Room: i.Room}
	if i.Room != "" && view.Next == "" {
		view.Next = "/chat/" + url.PathEscape(i.Room) + "/"
	}
	by, err := s.accounts.UserByID(r.Context(), i.By)
	if err == nil {
		view.Invited.By = by.Name
	} else if errors.Is(err, account.ErrNoUser) {
		err = nil
	}
	return err
}

func (s *Server) getInvitations(w http.ResponseWriter, r *http.Request) {
	v := s.admin(w, r)
	if v == nil {
		return
	}
	view := InvitationsPage{Uses: "1", Lives: chosen("168h")}
	var ok bool
	if view.Link, ok = takeOnce[*LinkView](s.once, r, v.session, onceInvitation); !ok {
		view.Lost = askedOnce(r)
	}
	s.showInvitations(w, r, v, http.StatusOK, view)
}

func (s *Server) postInvitations(w http.ResponseWriter, r *http.Request) {
	v := s.admin(w, r)
	if v == nil {
		return
	}
	if !s.readForm(w, r) {
		return
	}
	if revoke := r.PostFormValue("revoke"); revoke != "" {
		s.revokeInvitation(w, r, v, revoke)
		return
	}
	view := InvitationsPage{Uses: r.PostFormValue("uses"), Room: strings.TrimSpace(r.PostFormValue("room")), Lives: chosen(r.PostFormValue("life"))}
	wish, faults := view.wish(r.PostFormValue("life"))
	if faults == nil {
		token, made, err := s.accounts.Invite(r.Context(), v.actor(r), wish)
		if err == nil {
			link := linkOnce(r, "invite/"+token+"/")
			link.Uses, link.Expires = made.Uses, made.Expires
			s.once.keep(v.session, onceInvitation, link)
			seeOther(w, r, "/admin/invitations/?"+madeNow)
			return
		}
		if !errors.As(err, &faults) {
			s.fail(w, r, err)
			return
		}
	}
	view.Errors = map[string]string{}
	for _, f := range faults {
		view.Errors[f.Field] = f.Message
	}
	s.showInvitations(w, r, v, http.StatusUnprocessableEntity, view)
}

// fieldRoom is the field of the room to land in, which package account does not judge.
const fieldRoom = "room"

// wish reads what was filled in.
func (p InvitationsPage) wish(life string) (wish account.NewInvitation, faults account.FieldErrors) {
	wish.Room = p.Room
	var err error
	if wish.Uses, err = strconv.Atoi(strings.TrimSpace(p.Uses)); err != nil || wish.Uses == 0 {
		wish.Uses = -1 // none that there can be; its error says what can
	}
	if wish.Life, err = time.ParseDuration(life); err != nil || wish.Life == 0 {
		wish.Life = -1
	}
	if p.Room != "" {
		if _, err := chat.RoomName(p.Room); err != nil {
			faults = append(faults, account.FieldError{Field: fieldRoom, Message: sentence(err.Error())})
		}
	}
	return wish, faults
}

// chosen are the choices, one of them chosen.
func chosen(value string) []LifeView {
	all := lives()
	for i := range all {
		all[i].Chosen = all[i].Value == value
	}
	return all
}

// linkOnce is an address to copy, below our root. Behind a proxy with a path of its own only the page's script knows the
// whole of it.
func linkOnce(r *http.Request, path string) *LinkView {
	scheme := "http"
	if overTLS(r) {
		scheme = "https"
	}
	return &LinkView{Href: base(r) + path, URL: scheme + "://" + r.Host + "/" + path}
}

func (s *Server) revokeInvitation(w http.ResponseWriter, r *http.Request, v *visitor, id string) {
	parsed, err := store.ParseID(id)
	if err != nil {
		s.fail(w, r, errForm)
		return
	}
	// One that is gone already is what was wanted.
	if err := s.accounts.RevokeInvitation(r.Context(), v.actor(r), parsed); err != nil && !errors.Is(err, account.ErrInvitation) {
		s.fail(w, r, err)
		return
	}
	seeOther(w, r, "/admin/invitations/")
}

func (s *Server) showInvitations(w http.ResponseWriter, r *http.Request, v *visitor, status int, view InvitationsPage) {
	all, err := s.accounts.Invitations(r.Context())
	if err != nil {
		s.fail(w, r, err)
		return
	}
	view.Page, view.Admission = s.page(r, "Invitations", v), string(s.accounts.Admission())
	for _, i := range all {
		shown := InvitationView{
			ID: i.ID.String(), Room: i.Room, Uses: i.Uses, Left: max(0, i.Uses-i.Used), Created: i.Created, Expires: i.Expires,
		}
		by, err := s.accounts.UserByID(r.Context(), i.By)
		if err != nil && !errors.Is(err, account.ErrNoUser) {
			s.fail(w, r, err)
			return
		}
		shown.By = by.Name
		view.Invitations = append(view.Invitations, shown)
	}
	s.render(w, r, status, "invitations", view)
}
