package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"snug/account"
	"snug/chat"
	"snug/store"
)

// adminPeopleOnPage is how many people stand on one page of the list.
const adminPeopleOnPage = 50

var (
	errOwnRights = &trouble{
		status: http.StatusConflict, code: chat.CodeForbidden, heading: "Your own rights are for others to change",
		text:  "So nobody shuts themselves out by a slip. Ask another administrator.",
		label: "Back to the people", path: "admin/people/",
	}
	errNoAction = &trouble{
		status: http.StatusUnprocessableEntity, code: chat.CodeBadField, heading: "Nothing was changed",
		text: "The form did not say what to do. Go back and try again.", label: "Back to the people", path: "admin/people/",
	}
)

// getAdminPeople lists people with what administrators may do about them.
func (s *Server) getAdminPeople(w http.ResponseWriter, r *http.Request) {
	v := s.admin(w, r)
	if v == nil {
		return
	}
	query := r.URL.Query()
	view := AdminPeoplePage{Page: s.page(r, "People", v), Query: query.Get("q"), After: query.Get("after")}
	if len(view.Query) > maxQuery || len(view.After) > maxQuery {
		s.fail(w, r, errNoPage)
		return
	}
	people, next, err := s.accounts.People(r.Context(), account.Query{After: view.After, Match: view.Query, Limit: adminPeopleOnPage})
	if err == nil {
		view.Total, err = s.accounts.Count(r.Context())
	}
	if err == nil {
		view.Done, err = s.doneTo(r.Context(), query)
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	view.Next = next
	for _, p := range people {
		view.People = append(view.People, AdminPersonView{
			PersonView: personView(p.User.Name, p.LastSeen), ID: p.ID.String(), Self: p.ID == v.user.ID,
			Admin: p.Admin, Disabled: p.Disabled, Online: s.online(p.User), Created: p.Created,
		})
	}
	s.render(w, r, http.StatusOK, "admin_people", view)
}

// deed is something that administrators do about somebody.
type deed struct {
	do   func(ctx context.Context, a *account.Accounts, by account.Actor, user account.ID) (account.User, error)
	says string // of whom, afterwards
	self bool   // may be done to oneself
}

// deedNamed finds a deed by the name that the form has for it.
func deedNamed(name string) (deed, bool) {
	switch name {
	case "disable":
		return deed{says: "%s is disabled, and logged out everywhere.", do: func(ctx context.Context, a *account.Accounts, by account.Actor, user account.ID) (account.User, error) {
			return a.Disable(ctx, by, user, account.KeepLastAdmin)
		}}, true
	case "enable":
		return deed{says: "%s can log in again.", do: func(ctx context.Context, a *account.Accounts, by account.Actor, user account.ID) (account.User, error) {
			return a.Enable(ctx, by, user)
		}}, true
	case "promote":
		return deed{says: "%s is an administrator now.", do: func(ctx context.Context, a *account.Accounts, by account.Actor, user account.ID) (account.User, error) {
			return a.Promote(ctx, by, user)
		}}, true
	case "demote":
		return deed{says: "%s is no administrator any more.", do: func(ctx context.Context, a *account.Accounts, by account.Actor, user account.ID) (account.User, error) {
			return a.Demote(ctx, by, user, account.KeepLastAdmin)
		}}, true
	case "log_out":
		return deed{says: "%s is logged out everywhere.", self: true, do: func(ctx context.Context, a *account.Accounts, by account.Actor, user account.ID) (account.User, error) {
			_, err := a.LogOutEverywhere(ctx, by, user)
			return account.User{}, err
		}}, true
	}
	return deed{}, false
}

// doneTo says what was just done, by what the address of the page tells of it.
func (s *Server) doneTo(ctx context.Context, query url.Values) (string, error) {
	deed, ok := deedNamed(query.Get("did"))
	id, err := store.ParseID(query.Get("to"))
	if !ok || err != nil {
		return "", nil
	}
	user, err := s.accounts.UserByID(ctx, id)
	if errors.Is(err, account.ErrNoUser) {
		return "", nil
	}
	return fmt.Sprintf(deed.says, user.Name), err
}

func (s *Server) postAdminPeople(w http.ResponseWriter, r *http.Request) {
	v := s.confirmedAdmin(w, r)
	if v == nil {
		return
	}
	if !s.readForm(w, r) {
		return
	}
	name := r.PostFormValue("do")
	deed, ok := deedNamed(name)
	id, err := store.ParseID(r.PostFormValue("user"))
	if !ok || err != nil {
		s.fail(w, r, errNoAction)
		return
	}
	if id == v.user.ID && !deed.self {
		s.fail(w, r, errOwnRights)
		return
	}
	if _, err := deed.do(r.Context(), s.accounts, v.actor(r), id); err != nil {
		s.fail(w, r, err)
		return
	}
	back := url.Values{"did": {name}, "to": {id.String()}}
	for _, key := range []string{"q", "after"} {
		if value := r.PostFormValue(key); value != "" {
			back.Set(key, value)
		}
	}
	seeOther(w, r, "/admin/people/?"+back.Encode())
}
