package account

import (
	"context"
	"log/slog"
)

// Kinds of events.
const (
	EventLogin           = "login"
	EventLoginFailed     = "login.failed"
	EventLogout          = "logout"
	EventConfirmFailed   = "confirm.failed"
	EventPasswordChanged = "password.changed"
	EventSessionEnded    = "session.ended"
	EventTokenAdded      = "token.added"
	EventTokenRevoked    = "token.revoked"
	EventPasskeyAdded    = "passkey.added"
	EventPasskeyRenamed  = "passkey.renamed"
	EventPasskeyRemoved  = "passkey.removed"
	EventPasskeyCloned   = "passkey.cloned"
	EventRecoveryMade    = "recovery.made"
	EventRecoveryUsed    = "recovery.used"
	EventPasswordOff     = "password.off"
	EventPasswordOn      = "password.on"
)

// Event is something that matters to whoever answers for this place: a log-in, a failure, a change of rights.
type Event struct {
	Kind    string // what happened, such as "login" or "passkey.added"; one of the Event… constants
	Actor   ID     // who did it; zero: nobody who is known
	Target  ID     // whose account, token or room it happened to; zero: the actor's
	Address string // where from; empty: on the machine itself
	Detail  string // what a person should read beside it; never a secret
}

// Audit notes an event in the audit log. It never stops what it tells of.
func (a *Accounts) Audit(ctx context.Context, e Event) {
	a.log.LogAttrs(ctx, slog.LevelInfo, "audit", slog.String("event", e.Kind), slog.Any("actor", e.Actor),
		slog.Any("target", e.Target), slog.String("address", e.Address), slog.String("detail", e.Detail))
}

// Kinds of events that change who may do what.
const (
	EventUserAdded         = "user.added"
	EventUserPassword      = "user.password"
	EventUserDisabled      = "user.disabled"
	EventUserEnabled       = "user.enabled"
	EventUserPromoted      = "user.promoted"
	EventUserDemoted       = "user.demoted"
	EventUserRenamed       = "user.renamed"
	EventInvitationMade    = "invitation.made"
	EventInvitationRevoked = "invitation.revoked"
	EventSignup            = "signup"
	EventUserLoggedOut     = "user.logged_out"
)
