package web

import "time"

// Page is what every page shows around its own content.
type Page struct {
	Title    string
	Me       *Me    // nil while nobody is logged in
	Base     string // the relative way from this page to the root: "./", "../", "../../"
	Insecure bool   // the page came over plain HTTP from another machine
	Static   string // where static files stand below the root: "static/<hash>/"
}

// Me is the person who looks at the page.
type Me struct {
	Name     string
	Admin    bool
	Initials string
	Hue      int // see HueOf
}

// SignUpPage is the form that makes an account. Errors has the keys "username", "password" and "form".
type SignUpPage struct {
	Page
	Passkeys   PasskeyPlace
	Name       string
	Setup      string       // the one-time token that makes the first admin
	Invitation string       // the token of an invitation link
	Invited    *InvitedView // what that invitation says; nil: there is none
	Refusal    *Refusal     // nobody may sign up in this way, and why; nil: here is the form
	Next       string
	Errors     map[string]string
}

// InvitedView is what an invitation says to the one who comes with it.
type InvitedView struct {
	By   string // who invites; "": nobody in particular
	Room string // where it leads; "": nowhere in particular
}

// Refusal says why something cannot be done, and what to do instead.
type Refusal struct{ Heading, Text string }

// LogInPage is the form that starts a session.
type LogInPage struct {
	Page
	Passkeys PasskeyPlace
	Name     string
	Next     string
	Brief    bool // "stay logged in" was not ticked
	Error    string
}

// ConfirmPage asks somebody who is logged in to prove who they are.
type ConfirmPage struct {
	Page
	Passkeys    PasskeyPlace
	HasPasskey  bool
	Next        string
	Error       string
	HasPassword bool
}

// AccountPage shows a person where they are logged in.
type AccountPage struct {
	Page
	Done     string // what was just done
	Sessions []SessionView
}

// SessionView is one device that somebody is logged in with.
type SessionView struct {
	ID      string
	Device  string
	Address string
	Started time.Time
	Used    time.Time
	Here    bool // the one that looks at the page
	Brief   bool // until the browser closes
}

// TokensPage lists somebody's access tokens, with the form for another one.
type TokensPage struct {
	Page
	Tokens    []TokenView
	Revoked   bool   // one was revoked just now
	Secret    string // of the one that was made just now, this once
	Lost      bool   // one was made, and its secret is not here (any more)
	Made      string // its name
	Confirmed bool   // the form may be shown
	Name      string // what was typed
	Scopes    []TokenScope
	Life      string // the Days that were chosen
	Lives     []TokenLife
	Errors    map[string]string // "name" and "scopes"
}

// TokenView is one access token.
type TokenView struct {
	ID, Name, Scopes    string
	Made, Used, Expires time.Time
}

// TokenScope is one thing that a token can be good for.
type TokenScope struct {
	Name, Text, Hint string
	Chosen           bool
}

// TokenLife is one of the times for which a token can be good.
type TokenLife struct{ Days, Text string }

// PasswordPage is the form for another password.
type PasswordPage struct {
	Page
	HasPassword bool
	Saved       bool
	OldError    string
	NewError    string
}

// LogOutPage holds the button that ends the session.
type LogOutPage struct {
	Page
}

// PeoplePage is the list of everybody, those online first.
type PeoplePage struct {
	Page
	Online      []PersonView
	Offline     []PersonView
	OnlineTotal int
	Total       int
	Query       string
	After       string // where this page of the list begins, "" for the first page
	Next        string // the After of the next page, "" on the last one
	Boot        any    // for the script that keeps the list current
}

// PersonView is one line of the list of people.
type PersonView struct {
	Name     string
	Initials string
	Hue      int // 0 to 359, see HueOf
	LastSeen time.Time
}

// RoomsPage is the list of rooms, with the form that opens one.
type RoomsPage struct {
	Page
	Rooms   []RoomView
	Name    string // what was typed
	Error   string
	Deleted bool // a room was deleted just now
}

// RoomView is one line of the list of rooms.
type RoomView struct {
	Name  string
	Path  string // the name, escaped for an address
	Users int
}

// ChatPage is the screen of a room or of a private conversation.
type ChatPage struct {
	Page
	Kind  string // "room" or "private"
	Name  string
	Guest bool // nobody is logged in: reading only
	Boot  any  // the first data, as JSON for the script
}

// MovePage takes over what a page of another node has brought along.
type MovePage struct {
	Page
	Next string // where it goes on, relative to this page
	Boot any    // what the script keeps
}

// SettingsPage is the forms of a room's settings: who may read, and its webhooks.
type SettingsPage struct {
	Page
	Room      string
	Path      string // the name, escaped for an address
	Guests    bool
	Saved     bool
	Hooks     []HookView
	Made      string    // the name of the webhook that was just made
	Address   *LinkView // its address, shown this once
	Lost      bool      // one was made, and its address is not here (any more)
	Revoked   bool
	HookName  string // what was typed
	HookError string
}

// HookView is one line of the list of webhooks.
type HookView struct {
	ID      string
	Name    string
	By      string // who made it
	Created time.Time
}

// DeleteRoomPage asks an administrator whether a room shall go, with all that was said in it.
type DeleteRoomPage struct {
	Page
	Room    string
	Path    string // the name, escaped for an address
	ID      string
	Created time.Time
	Users   int // who are in it now
	Hooks   int // how many webhooks it has
	Typed   string
	Error   string
}

// AdminPeoplePage lets administrators change who may do what.
type AdminPeoplePage struct {
	Page
	People []AdminPersonView
	Total  int
	Query  string
	After  string // where this page of the list begins, "" for the first page
	Next   string // the After of the next page, "" on the last one
	Done   string // what was just done
}

// AdminPersonView is a person whom administrators may change.
type AdminPersonView struct {
	PersonView
	ID       string
	Self     bool // who looks at the page: their own rights are for others to change
	Admin    bool
	Disabled bool
	Online   bool
	Created  time.Time
}

// InvitationsPage lets administrators make invitation links and take them back. Errors has the keys of the fields.
type InvitationsPage struct {
	Page
	Invitations []InvitationView
	Admission   string // "open", "invite" or "closed"
	Lives       []LifeView
	Uses, Room  string // what was typed
	Errors      map[string]string
	Link        *LinkView // of the invitation that was just made
	Lost        bool      // one was made, and its link is not here (any more)
}

// LinkView is a link that is shown once. Href is relative to the page, URL whole as far as the server knows its own address.
type LinkView struct {
	Href, URL string
	Uses      int       // how many accounts it makes
	Expires   time.Time // of an invitation
}

// LifeView is one choice of how long an invitation is good.
type LifeView struct {
	Value, Label string
	Chosen       bool
}

// InvitationView is an invitation in the list.
type InvitationView struct {
	ID      string
	By      string // "": a command
	Room    string
	Uses    int
	Left    int
	Created time.Time
	Expires time.Time
}

// NamePage is the form with which a person takes another name.
type NamePage struct {
	Page
	Name   string // what was typed
	Wanted string // the name that they chose and somebody else has; "": they have the name that they chose
	Error  string
	Saved  bool
	Next   string // where they wanted to go when they were told of it, relative to this page; ""
}

// ClusterPage shows administrators the nodes of the cluster.
type ClusterPage struct {
	Page
	Alone bool // there is no cluster
	ClusterView
}

// ClusterView is the cluster as this node sees it.
type ClusterView struct {
	Members []MemberView // this node first
	Notes   []string     // what is wrong or under way and concerns no single other node
}

// MemberView is one node. What is not known, or says nothing, is empty.
type MemberView struct {
	ID        string
	Name      string
	Address   string
	Version   string
	Self      bool
	State     string // "alive", "suspect", "dead", "left", "unknown"
	Since     time.Time
	RoundTrip string
	Clock     string   // how far its clock is from ours
	Behind    string   // rows that it has not
	Queue     string   // what waits to be sent to it
	Trouble   string   // what is wrong and what to do
	Ignored   []string // what it sent for nothing, and what to do
}

// StateWords is the state for people.
func (m MemberView) StateWords() string {
	switch m.State {
	case "alive":
		return "Alive"
	case "suspect":
		return "Not answering"
	case "dead":
		return "Out of reach"
	case "left":
		return "Left"
	}
	if m.ID != "" { // this node has left
		return "Not known"
	}
	return "Never met"
}

// AuditPage shows administrators what happened.
type AuditPage struct {
	Page
	Kinds   []AuditChoice
	Kind    string // of events, "" for all
	Person  string // who did it or whom it happened to, "" for everybody
	Error   string // what is wrong with the person
	Entries []AuditLine
	Before  string // where this page of the list begins, "" for the newest
	Next    string // the Before of the next page, "" on the last one
}

// AuditChoice is a kind of events that can be asked for.
type AuditChoice struct {
	Kind, Words string
}

// AuditLine is one entry of the audit log. What is not known, or says nothing, is empty.
type AuditLine struct {
	Kind    string
	At      time.Time
	Who     string // a person's name, if Known; else words for whoever it was
	Known   bool
	Did     string // continues Who
	Whom    string // the name of another person
	Bad     bool
	More    int // stands for so many
	Detail  string
	Address string
	Node    string
}

// ErrorPage says what went wrong and what to do next.
type ErrorPage struct {
	Page
	Status      int
	Heading     string
	Text        string
	ActionLabel string
	ActionHref  string // relative to this page
}

// AuthorityPage tells how to trust the certificates of this place.
type AuthorityPage struct {
	Page
	Name        string
	Expires     time.Time
	Fingerprint []string // of SHA-256, in groups
	Names       []string // the domains that the authority may sign for, beside private addresses
}
