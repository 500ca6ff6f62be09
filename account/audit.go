package account

import (
	"context"
	"log/slog"
	"time"
)

// Kinds of events. Each has its words in [EventKinds].
const (
	EventLogin           = "login"
	EventLoginFailed     = "login.failed"
	EventLoginThrottled  = "login.throttled"
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

// Kinds of events that change who is here and who may do what.
const (
	EventSignup            = "signup"
	EventSignupThrottled   = "signup.throttled"
	EventSetupUsed         = "setup.used"
	EventUserAdded         = "user.added"
	EventUserPassword      = "user.password"
	EventUserDisabled      = "user.disabled"
	EventUserEnabled       = "user.enabled"
	EventUserPromoted      = "user.promoted"
	EventUserDemoted       = "user.demoted"
	EventUserRenamed       = "user.renamed"
	EventUserLoggedOut     = "user.logged_out"
	EventInvitationMade    = "invitation.made"
	EventInvitationRevoked = "invitation.revoked"
)

// Kinds of events of rooms and nodes.
const (
	EventRoomMade       = "room.made"
	EventRoomChanged    = "room.changed"
	EventRoomDeleted    = "room.deleted"
	EventMessageDeleted = "message.deleted"
	EventHookAdded      = "hook.added"
	EventHookRevoked    = "hook.revoked"
	EventClusterInvited = "cluster.invited"
	EventClusterJoined  = "cluster.joined"
	EventClusterLeft    = "cluster.left"
	EventClusterForgot  = "cluster.forgot"
	EventClusterRotated = "cluster.rotated"
	EventAuthorityMade  = "authority.made"
	EventAuditLost      = "audit.lost"
)

// EventKind is a kind of event for people.
type EventKind struct {
	Kind  string
	Words string // what happened
	Bad   bool   // something that should not happen often
}

// EventKinds are all kinds, in the order in which people look for them.
func EventKinds() []EventKind {
	return []EventKind{
		{EventLogin, "Logged in", false},
		{EventLoginFailed, "Could not log in", true},
		{EventLoginThrottled, "Tried to log in too often", true},
		{EventLogout, "Logged out", false},
		{EventSessionEnded, "Ended a session", false},
		{EventConfirmFailed, "Could not confirm who they are", true},
		{EventPasswordChanged, "Changed their password", false},
		{EventPasswordOff, "Turned their password off", false},
		{EventPasswordOn, "Turned their password on", false},
		{EventPasskeyAdded, "Added a passkey", false},
		{EventPasskeyRenamed, "Renamed a passkey", false},
		{EventPasskeyRemoved, "Removed a passkey", false},
		{EventPasskeyCloned, "Used a passkey that may be a copy", true},
		{EventRecoveryMade, "Made recovery codes", false},
		{EventRecoveryUsed, "Used a recovery code", false},
		{EventTokenAdded, "Made an access token", false},
		{EventTokenRevoked, "Revoked an access token", false},
		{EventSignup, "Signed up", false},
		{EventSignupThrottled, "Tried to sign up too often", true},
		{EventSetupUsed, "Used the link for the first administrator", false},
		{EventUserAdded, "Added an account", false},
		{EventUserPassword, "Gave an account another password", false},
		{EventUserDisabled, "Disabled an account", false},
		{EventUserEnabled, "Enabled an account", false},
		{EventUserPromoted, "Made somebody an administrator", false},
		{EventUserDemoted, "Took the rights of an administrator", false},
		{EventUserRenamed, "Took another name", false},
		{EventUserLoggedOut, "Ended all sessions of an account", false},
		{EventInvitationMade, "Made an invitation link", false},
		{EventInvitationRevoked, "Revoked an invitation link", false},
		{EventRoomMade, "Made a room", false},
		{EventRoomChanged, "Changed the settings of a room", false},
		{EventRoomDeleted, "Deleted a room", false},
		{EventMessageDeleted, "Deleted a message as a moderator", false},
		{EventHookAdded, "Made a webhook", false},
		{EventHookRevoked, "Revoked a webhook", false},
		{EventClusterInvited, "Invited a machine to the cluster", false},
		{EventClusterJoined, "Joined the cluster", false},
		{EventClusterLeft, "Left the cluster", false},
		{EventClusterForgot, "Forgot a node of the cluster", false},
		{EventClusterRotated, "Replaced the secret of the cluster", false},
		{EventAuthorityMade, "Made a certificate authority", false},
		{EventAuditLost, "Entries of this log were lost", true},
	}
}

// Event is something that matters to whoever answers for this place: a log-in, a failure, a change of rights.
type Event struct {
	Kind    string // what happened, such as "login" or "passkey.added"; one of the Event… constants
	Actor   ID     // who did it; zero: nobody who is known
	Target  ID     // whose account, token or room it happened to; zero: the actor's
	Address string // where from; empty: on the machine itself
	Detail  string // what a person should read beside it; never a secret
}

// Audit notes an event in the audit log: in the store, from where all nodes get it, and in the log of this process. It never
// stops or delays what it tells of. Of what comes in floods only the first is noted, and how much more there was; see
// [floodOf].
func (a *Accounts) Audit(ctx context.Context, e Event) {
	e.Address, e.Detail = shorten(e.Address, maxAddress), shorten(e.Detail, maxDetail)
	now := time.Now()
	if a.journal.floods.admit(e, now) {
		a.journal.note(ctx, AuditEntry{Event: e, At: now, Node: a.journal.node})
	}
}

func (e AuditEntry) log(ctx context.Context, logger *slog.Logger) {
	attrs := []slog.Attr{
		slog.String("event", e.Kind), slog.Any("actor", e.Actor), slog.Any("target", e.Target),
		slog.String("address", e.Address), slog.String("detail", e.Detail),
	}
	if e.More > 0 {
		attrs = append(attrs, slog.Int("more", e.More))
	}
	logger.LogAttrs(ctx, slog.LevelInfo, "audit", attrs...)
}
