package web

import "time"

// PasskeysPage shows a person the ways into their account besides the password.
type PasskeysPage struct {
	Page
	Passkeys    PasskeyPlace
	All         []PasskeyView
	Codes       int // recovery codes that can still be used
	HasPassword bool
	MayTurnOff  bool   // there are other ways in, so that the password can be turned off
	New         bool   // they have just signed up with a passkey
	Recovered   bool   // they have just logged in with a recovery code
	Cloned      bool   // the passkey that they have just logged in with may have a second copy
	Next        string // where they were going, relative to our root; "": nowhere
	Done        string
	Error       string
	Boot        any // what the browser is told of these passkeys
}

// PasskeyView is one passkey in the list.
type PasskeyView struct {
	ID               string
	Name             string
	Maker            string
	Created, Used    time.Time
	Syncable, Synced bool
	Cloned           time.Time // zero: never
}

// CodesPage shows recovery codes, once.
type CodesPage struct {
	Page
	All []string
}

// RecoveryPage is the form that starts a session with a recovery code.
type RecoveryPage struct {
	Page
	Name  string
	Next  string
	Error string
}

// OfferPage offers a passkey after a log-in with a password.
type OfferPage struct {
	Page
	Passkeys PasskeyPlace
	Next     string // where they were going, from our root
}
