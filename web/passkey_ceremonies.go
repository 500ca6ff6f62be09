package web

import (
	"crypto/rand"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"snug/account"
	"snug/chat"
)

// codeConfirm tells a script to have the person prove who they are first, on the page for that.
const codeConfirm = "confirm"

var errConfirm = &trouble{
	status: http.StatusForbidden, code: codeConfirm, heading: "Is it you?",
	text: "Confirm first that it is you.", label: "Confirm", path: "confirm/",
}

// done is the answer to a ceremony that has worked: where the page goes on, relative to our root.
type done struct {
	Next string `json:"next"`
}

// goOn answers with a path that begins at our root, with a slash. The dot keeps what follows from being read as a scheme.
func goOn(w http.ResponseWriter, path string) {
	writeJSON(w, http.StatusOK, done{Next: "." + path})
}

// ceremonyCookie is the name of the cookie that holds a secret of this browser while it is asked for a passkey.
func ceremonyCookie(r *http.Request) string {
	if overTLS(r) {
		return "__Host-snug-passkey"
	}
	return "snug-passkey"
}

// askingBrowser is the browser of a request that begins a ceremony or ends one. It gets a secret if it has none.
func (s *Server) askingBrowser(w http.ResponseWriter, r *http.Request) (account.Browser, error) {
	if !s.sameOrigin(r) {
		return account.Browser{}, errCrossOrigin
	}
	place, err := s.passkeyPlace(r)
	if err != nil {
		return account.Browser{}, err
	}
	if !place.Works() {
		return account.Browser{}, errNoPasskeysHere(place)
	}
	b := account.Browser{Origin: place.origin, Address: address(r)}
	if cookie, err := r.Cookie(ceremonyCookie(r)); err == nil && cookie.Value != "" {
		b.Secret = cookie.Value
		return b, nil
	}
	b.Secret = rand.Text()
	http.SetCookie(w, &http.Cookie{
		Name: ceremonyCookie(r), Value: b.Secret, Path: "/", HttpOnly: true, Secure: overTLS(r), SameSite: http.SameSiteStrictMode,
	})
	return b, nil
}

// ceremony is the frame of every step: it finds the browser, and has errors told to the script.
func (s *Server) ceremony(step func(w http.ResponseWriter, r *http.Request, b account.Browser) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		err := r.ParseForm()
		var b account.Browser
		if err != nil {
			err = errForm
		} else if b, err = s.askingBrowser(w, r); err == nil {
			err = step(w, r, b)
		}
		if err != nil {
			s.failJSON(w, r, passkeyTrouble(err))
		}
	}
}

// begun answers with what the browser is asked, or gives the error back.
func begun(w http.ResponseWriter, asked account.Ceremony, err error) error {
	if err == nil {
		writeJSON(w, http.StatusOK, asked)
	}
	return err
}

func answerOf(r *http.Request) account.Answer {
	return account.Answer{Ceremony: r.PostFormValue("ceremony"), Response: []byte(r.PostFormValue("response"))}
}

// ceremonyMember finds who asks, for steps that are for somebody who is logged in.
func (s *Server) ceremonyMember(r *http.Request) (*visitor, error) {
	v, err := s.visitor(r)
	if err == nil && v == nil {
		err = errNotLoggedIn
	}
	return v, err
}

func (s *Server) beginPasskeyLogIn(w http.ResponseWriter, r *http.Request, b account.Browser) error {
	asked, err := s.accounts.BeginPasskeyLogIn(r.Context(), b)
	return begun(w, asked, err)
}

func (s *Server) endPasskeyLogIn(w http.ResponseWriter, r *http.Request, b account.Browser) error {
	user, used, err := s.accounts.PasskeyLogIn(r.Context(), b, answerOf(r))
	if err != nil {
		return err
	}
	begin := s.enter
	if r.PostFormValue("stay") == "" {
		begin = s.enterBriefly
	}
	if err := begin(w, r, user); err != nil {
		return err
	}
	next := afterLogIn(user, nextPath(r.PostFormValue("next")))
	if !used.Cloned.IsZero() && used.Cloned.Equal(used.Used) {
		next = "/settings/passkeys/?cloned&next=" + url.QueryEscape(next)
	}
	goOn(w, next)
	return nil
}

func (s *Server) beginPasskeyConfirm(w http.ResponseWriter, r *http.Request, b account.Browser) error {
	v, err := s.ceremonyMember(r)
	if err != nil {
		return err
	}
	asked, err := s.accounts.BeginPasskeyConfirm(r.Context(), v.user.ID, v.session, b)
	return begun(w, asked, err)
}

func (s *Server) endPasskeyConfirm(w http.ResponseWriter, r *http.Request, b account.Browser) error {
	v, err := s.ceremonyMember(r)
	if err != nil {
		return err
	}
	if err := s.accounts.PasskeyConfirm(r.Context(), v.user.ID, v.session, b, answerOf(r)); err != nil {
		return err
	}
	goOn(w, nextPath(r.PostFormValue("next")))
	return nil
}

func (s *Server) beginPasskeyAdd(w http.ResponseWriter, r *http.Request, b account.Browser) error {
	v, err := s.ceremonyMember(r)
	if err != nil {
		return err
	}
	if !s.confirmed(v) {
		return errConfirm
	}
	asked, err := s.accounts.BeginAddPasskey(r.Context(), v.user.ID, v.session, b)
	return begun(w, asked, err)
}

func (s *Server) endPasskeyAdd(w http.ResponseWriter, r *http.Request, b account.Browser) error {
	v, err := s.ceremonyMember(r)
	if err != nil {
		return err
	}
	if !s.confirmed(v) {
		return errConfirm
	}
	if _, err := s.accounts.AddPasskey(r.Context(), v.user.ID, v.session, b, answerOf(r), r.PostFormValue("name")); err != nil {
		return err
	}
	if next := r.PostFormValue("next"); next != "" {
		goOn(w, nextPath(next))
		return nil
	}
	goOn(w, "/settings/passkeys/?did=add")
	return nil
}

func (s *Server) beginPasskeySignUp(w http.ResponseWriter, r *http.Request, b account.Browser) error {
	asked, err := s.accounts.BeginPasskeySignUp(r.Context(), account.SignUp{
		Name: r.PostFormValue("username"), Address: b.Address,
		Setup: r.PostFormValue("setup"), Invitation: r.PostFormValue("invitation"),
	}, b)
	return begun(w, asked, err)
}

func (s *Server) endPasskeySignUp(w http.ResponseWriter, r *http.Request, b account.Browser) error {
	user, err := s.accounts.PasskeySignUp(r.Context(), b, answerOf(r))
	if err != nil {
		return err
	}
	if err := s.enter(w, r, user); err != nil {
		return err
	}
	next := nextPath(r.PostFormValue("next"))
	goOn(w, "/settings/passkeys/?new&next="+url.QueryEscape(next))
	return nil
}

// passkeyTrouble says what a person can do about what went wrong with a passkey. Why an answer was not accepted is
// nobody's business but the log's.
func passkeyTrouble(err error) error {
	if fields, ok := errors.AsType[account.FieldErrors](err); ok {
		var all []string
		for _, f := range fields {
			all = append(all, f.Message)
		}
		return &trouble{
			status: http.StatusUnprocessableEntity, code: chat.CodeBadField, heading: "That did not work", text: strings.Join(all, " "),
		}
	}
	t := &trouble{status: http.StatusConflict, code: chat.CodeConflict, heading: "That did not work"}
	switch {
	case errors.Is(err, account.ErrPasskey):
		t.status, t.code = http.StatusForbidden, chat.CodeForbidden
		t.text = "This passkey was not accepted. If it was removed here, delete it on your device too, and log in another way."
	case errors.Is(err, account.ErrCeremony):
		t.text = "That took too long, or was done already. Try again."
	case errors.Is(err, account.ErrPasskeyKnown):
		t.text = "This passkey was added already."
	case errors.Is(err, account.ErrManyPasskeys):
		t.text = sentence(account.ErrManyPasskeys.Error()) + " Remove one that you do not use."
	case errors.Is(err, account.ErrNoPasskey):
		t.status, t.code = http.StatusNotFound, chat.CodeNotFound
		t.text = "There is no such passkey any more. Reload the page."
	case errors.Is(err, account.ErrNeeded):
		t.text = "Without a password you need two passkeys, or one and recovery codes."
	case errors.Is(err, account.ErrDisabled):
		t.status, t.code = http.StatusForbidden, chat.CodeForbidden
		t.text = "This account is disabled. Ask the person who runs this server."
	default:
		return err
	}
	return t
}
