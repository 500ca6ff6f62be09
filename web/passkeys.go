package web

import (
	"encoding/base64"
	"errors"
	"net/http"

	"snug/account"
)

// handlePasskeys adds the pages about passkeys and recovery codes, and what their scripts ask.
func (s *Server) handlePasskeys(mux *router) {
	mux.HandleFunc("GET /settings/passkeys/{$}", s.getPasskeys)
	mux.HandleFunc("POST /settings/passkeys/{$}", s.postPasskeys)
	mux.HandleFunc("GET /settings/passkeys/codes/{$}", s.onRequest(s.getCodes))
	mux.HandleFunc("GET /log_in/recovery/{$}", s.getRecovery)
	mux.HandleFunc("POST /log_in/recovery/{$}", s.postRecovery)
	mux.HandleFunc("GET /passkeys/offer/{$}", s.getOffer)
	mux.HandleFunc("POST /passkeys/log_in/begin/{$}", s.ceremony(s.beginPasskeyLogIn))
	mux.HandleFunc("POST /passkeys/log_in/{$}", s.ceremony(s.endPasskeyLogIn))
	mux.HandleFunc("POST /passkeys/confirm/begin/{$}", s.ceremony(s.beginPasskeyConfirm))
	mux.HandleFunc("POST /passkeys/confirm/{$}", s.ceremony(s.endPasskeyConfirm))
	mux.HandleFunc("POST /passkeys/add/begin/{$}", s.ceremony(s.beginPasskeyAdd))
	mux.HandleFunc("POST /passkeys/add/{$}", s.ceremony(s.endPasskeyAdd))
	mux.HandleFunc("POST /passkeys/sign_up/begin/{$}", s.ceremony(s.beginPasskeySignUp))
	mux.HandleFunc("POST /passkeys/sign_up/{$}", s.ceremony(s.endPasskeySignUp))
	mux.HandleFunc("GET /.well-known/webauthn", s.getRelatedOrigins)
}

// getPasskeys shows somebody the ways into their account that are no password: passkeys and recovery codes.
func (s *Server) getPasskeys(w http.ResponseWriter, r *http.Request) {
	v := s.member(w, r)
	if v == nil {
		return
	}
	query := r.URL.Query()
	view := PasskeysPage{New: query.Has("new"), Cloned: query.Has("cloned"), Recovered: query.Has("recovered")}
	if next := query.Get("next"); next != "" {
		view.Next = "." + nextPath(next)
	}
	switch query.Get("did") {
	case "add":
		view.Done = "Your passkey is ready. Log in with it next time."
	case "rename":
		view.Done = "Renamed."
	case "codes":
		view.Error = "Recovery codes are shown once, within a minute, by the server that made them, and they are not here. If you have not kept them, make new ones: the old ones end then. " + lostAgain
	case "remove":
		view.Done = "Removed. Delete it on your device too, so that it is not offered any more."
	case "off":
		view.Done = "Your password is off, and you are logged out everywhere else. Log in with a passkey from now on."
	}
	s.renderPasskeys(w, r, v, http.StatusOK, view)
}

func (s *Server) renderPasskeys(w http.ResponseWriter, r *http.Request, v *visitor, status int, view PasskeysPage) {
	place, err := s.passkeyPlace(r)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	all, err := s.accounts.Passkeys(r.Context(), v.user.ID)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	if view.Codes, err = s.accounts.RecoveryCodesLeft(r.Context(), v.user.ID); err != nil {
		s.fail(w, r, err)
		return
	}
	if view.HasPassword, err = s.accounts.HasPassword(r.Context(), v.user.ID); err != nil {
		s.fail(w, r, err)
		return
	}
	view.Page, view.Passkeys = s.page(r, "Passkeys", v), place
	view.MayTurnOff = account.EnoughWithoutPassword(len(all), view.Codes)
	known := knownPasskeys{Party: place.Party, Name: v.user.Name, Users: map[string][]string{}}
	for _, p := range all {
		view.All = append(view.All, PasskeyView{
			ID: p.ID.String(), Name: p.Name, Maker: p.Maker, Created: p.Created, Used: p.Used, Syncable: p.Syncable, Synced: p.Synced, Cloned: p.Cloned,
		})
		user := base64.RawURLEncoding.EncodeToString(p.Handle)
		known.Users[user] = append(known.Users[user], base64.RawURLEncoding.EncodeToString(p.Credential))
	}
	view.Boot = known
	s.render(w, r, status, "passkeys", view)
}

// knownPasskeys is what the browser is told of the passkeys that there are, so that it offers no others.
type knownPasskeys struct {
	Party string              `json:"party"`
	Name  string              `json:"name"`
	Users map[string][]string `json:"users"` // ids of credentials by the handle of their owner, all in base64url
}

// postPasskeys changes how somebody gets in. They must have proved lately who they are.
func (s *Server) postPasskeys(w http.ResponseWriter, r *http.Request) {
	v := s.confirmedMember(w, r)
	if v == nil {
		return
	}
	if !s.readForm(w, r) {
		return
	}
	do := r.PostFormValue("do")
	var err error
	switch do {
	case "rename", "remove":
		err = s.changePasskey(r, v, do)
	case "off":
		err = s.accounts.TurnPasswordOff(r.Context(), v.user.ID, v.session, address(r))
	case "codes":
		s.makeCodes(w, r, v)
		return
	default:
		s.fail(w, r, errForm)
		return
	}
	if err == nil {
		seeOther(w, r, "/settings/passkeys/?did="+do)
		return
	}
	var known *trouble
	if !errors.As(passkeyTrouble(err), &known) {
		s.fail(w, r, err)
		return
	}
	s.renderPasskeys(w, r, v, known.status, PasskeysPage{Error: known.text})
}

func (s *Server) changePasskey(r *http.Request, v *visitor, do string) error {
	id, err := account.ParseID(r.PostFormValue("passkey"))
	if err != nil {
		return account.ErrNoPasskey
	}
	if do == "remove" {
		return s.accounts.RemovePasskey(r.Context(), v.user.ID, id, address(r))
	}
	return s.accounts.RenamePasskey(r.Context(), v.user.ID, id, r.PostFormValue("name"), address(r))
}

// makeCodes makes recovery codes and leads to the page that shows them.
func (s *Server) makeCodes(w http.ResponseWriter, r *http.Request, v *visitor) {
	codes, err := s.accounts.NewRecoveryCodes(r.Context(), v.user.ID, address(r))
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.once.keep(v.session, onceCodes, codes)
	seeOther(w, r, "/settings/passkeys/codes/")
}

// getCodes shows recovery codes that were made just now, once.
func (s *Server) getCodes(w http.ResponseWriter, r *http.Request) {
	v := s.member(w, r)
	if v == nil {
		return
	}
	codes, ok := takeOnce[[]string](s.once, r, v.session, onceCodes)
	if !ok {
		seeOther(w, r, "/settings/passkeys/?did=codes")
		return
	}
	s.render(w, r, http.StatusOK, "recovery_codes", CodesPage{Page: s.page(r, "Recovery codes", v), All: codes})
}

// getOffer asks somebody who has just logged in with a password whether they want a passkey. It comes once.
func (s *Server) getOffer(w http.ResponseWriter, r *http.Request) {
	v := s.member(w, r)
	if v == nil {
		return
	}
	next := nextPath(r.URL.Query().Get("next"))
	place, err := s.passkeyPlace(r)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	if !place.Works() {
		seeOther(w, r, next)
		return
	}
	s.render(w, r, http.StatusOK, "passkey_offer", OfferPage{Page: s.page(r, "Use a passkey", v), Passkeys: place, Next: next})
}

// offers reports whether somebody is to be offered a passkey now. From then on they never are again.
func (s *Server) offers(r *http.Request, user account.User) bool {
	if r.PostFormValue("passkeys") == "" { // the browser has none, or no script that says so
		return false
	}
	place, err := s.passkeyPlace(r)
	if err != nil || !place.Works() {
		return false
	}
	offer, err := s.accounts.OfferPasskey(r.Context(), user.ID)
	if err != nil {
		s.logger.Warn("a passkey could not be offered", "user", user.ID, "error", err)
	}
	return offer
}
