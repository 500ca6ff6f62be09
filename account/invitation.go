package account

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"snug/store"
)

const (
	// DefaultInvitationLife is how long an invitation is good where nothing else is said.
	DefaultInvitationLife = 7 * 24 * time.Hour
	// MinInvitationLife and MaxInvitationLife bound that: a link that never ends is forgotten somewhere and found by somebody.
	MinInvitationLife = time.Minute
	MaxInvitationLife = 366 * 24 * time.Hour
	// MaxInvitationUses is how many accounts one invitation can make.
	MaxInvitationUses = 1000

	// maxInvitations is how many invitations of one person are good at the same time.
	maxInvitations = 200
	// usesKept is for how long after the end of an invitation its uses are kept: until no node's clock still thinks that it is good.
	usesKept = 24 * time.Hour
)

// Invitation lets people make accounts where not everybody may.
type Invitation struct {
	ID      ID
	By      ID // who made it; zero: a command
	Created time.Time
	Expires time.Time
	Uses    int    // how many accounts it can make in all
	Used    int    // how many it has made
	Room    string // where those who come with it land; empty: nowhere in particular
}

// NewInvitation is what somebody chooses of an invitation.
type NewInvitation struct {
	Life time.Duration // 0: DefaultInvitationLife
	Uses int           // 0: 1
	Room string
}

// invitationBody is what the record of an invitation holds beside its columns.
type invitationBody struct {
	Uses int    `json:"uses"`
	Room string `json:"room,omitempty"`
}

// invitedBody is what the record of one use holds.
type invitedBody struct {
	User ID `json:"user"`
}

// Admitted tells whether somebody with that invitation, or with none, may make an account: it is nil, ErrInviteOnly,
// ErrSignupClosed or ErrInvitation.
func (a *Accounts) Admitted(ctx context.Context, invitation string) error {
	switch {
	case a.admission == AdmitNobody:
		return ErrSignupClosed
	case invitation != "":
		_, err := a.Invitation(ctx, invitation)
		return err
	case a.admission == AdmitInvited:
		return ErrInviteOnly
	}
	return nil
}

// Invite makes an invitation. The token is the secret of its link: it is given once and not stored. What can be mended
// comes as FieldErrors; where nobody may sign up at all it is ErrSignupClosed.
func (a *Accounts) Invite(ctx context.Context, by Actor, n NewInvitation) (token string, made Invitation, err error) {
	if a.admission == AdmitNobody {
		return "", Invitation{}, ErrSignupClosed
	}
	if n.Life == 0 {
		n.Life = DefaultInvitationLife
	}
	if n.Uses == 0 {
		n.Uses = 1
	}
	if faults := n.faults(); faults != nil {
		return "", Invitation{}, faults
	}
	body, err := json.Marshal(invitationBody{Uses: n.Uses, Room: n.Room})
	if err != nil {
		return "", Invitation{}, fmt.Errorf("make an invitation: %w", err)
	}
	token = newToken()
	now := time.Now()
	row, err := a.st.CreateRecord(ctx, store.NewRecord{Most: maxInvitations, Record: store.Record{
		Kind: store.KindInvitation, Owner: by.User, Key: secretKey(token), Created: now, Expires: now.Add(n.Life), Body: string(body),
	}})
	if errors.Is(err, store.ErrFull) {
		return "", Invitation{}, FieldErrors{{Field: FieldUses, Code: CodeTooMany, Message: fmt.Sprintf(
			"There are %d invitations already: take some back first.", maxInvitations)}}
	}
	if err != nil {
		return "", Invitation{}, fmt.Errorf("make an invitation: %w", err)
	}
	if made, err = readInvitation(row); err != nil {
		return "", Invitation{}, err
	}
	a.note(ctx, by, EventInvitationMade, made.ID, made.describe())
	return token, made, nil
}

// faults are what is wrong with a new invitation. That its room has a good name is for package chat to know.
func (n NewInvitation) faults() FieldErrors {
	var faults FieldErrors
	if n.Uses < 1 || n.Uses > MaxInvitationUses {
		faults = append(faults, FieldError{FieldUses, CodeRange, fmt.Sprintf("An invitation can be used 1 to %d times.", MaxInvitationUses)})
	}
	if n.Life < MinInvitationLife || n.Life > MaxInvitationLife {
		faults = append(faults, FieldError{FieldLife, CodeRange, "An invitation is good for one minute to 366 days."})
	}
	return faults
}

// describe is what the audit log tells of an invitation.
func (i Invitation) describe() string {
	accounts := "one account"
	if i.Uses != 1 {
		accounts = fmt.Sprintf("%d accounts", i.Uses)
	}
	text := "good for " + accounts + " until " + i.Expires.UTC().Format("2 Jan 2006, 15:04") + " UTC"
	if i.Room != "" {
		text += ", to " + i.Room
	}
	return text
}

// Invitation finds the invitation of a token, while it is good: else it is ErrInvitation.
func (a *Accounts) Invitation(ctx context.Context, token string) (Invitation, error) {
	if len(token) != tokenLength {
		return Invitation{}, ErrInvitation
	}
	row, err := a.st.RecordByKey(ctx, store.KindInvitation, secretKey(token))
	if errors.Is(err, store.ErrNotFound) {
		return Invitation{}, ErrInvitation
	}
	if err != nil {
		return Invitation{}, fmt.Errorf("look up an invitation: %w", err)
	}
	if row.Final || !time.Now().Before(row.Expires) {
		return Invitation{}, ErrInvitation
	}
	found, err := a.withUses(ctx, row)
	if err == nil && found.Used >= found.Uses {
		err = ErrInvitation
	}
	return found, err
}

// Invitations lists those that are good or used up, the newest first. What has expired or was revoked is gone.
func (a *Accounts) Invitations(ctx context.Context) ([]Invitation, error) {
	var all []Invitation
	query := store.RecordQuery{Kind: store.KindInvitation, Limit: invitationPage}
	for now := time.Now(); ; {
		rows, err := a.st.Records(ctx, query)
		if err != nil {
			return nil, fmt.Errorf("list invitations: %w", err)
		}
		for _, row := range rows {
			if row.Final || !now.Before(row.Expires) {
				continue
			}
			i, err := a.withUses(ctx, row)
			if err != nil {
				return nil, err
			}
			all = append(all, i)
		}
		if len(rows) < invitationPage {
			return all, nil
		}
		last := rows[len(rows)-1]
		query.Before, query.BeforeID = last.Created, last.ID
	}
}

// invitationPage is how many records of invitations are read at once.
const invitationPage = 200

// RevokeInvitation takes an invitation back. One that there is not is ErrInvitation.
func (a *Accounts) RevokeInvitation(ctx context.Context, by Actor, id ID) error {
	_, err := a.st.UpdateRecord(ctx, store.KindInvitation, id, func(r *store.Record) error {
		if r.Final {
			return errUnchanged
		}
		r.Final = true
		return nil
	})
	switch {
	case errors.Is(err, store.ErrNotFound), errors.Is(err, errUnchanged):
		return ErrInvitation
	case err != nil:
		return fmt.Errorf("revoke an invitation: %w", err)
	}
	a.note(ctx, by, EventInvitationRevoked, id, "")
	return nil
}

// useOf is the record of one use of an invitation by a user who is made with it: the store makes no more of them than the
// invitation allows.
func (i Invitation) useOf(user ID) (store.NewRecord, error) {
	body, err := json.Marshal(invitedBody{User: user})
	return store.NewRecord{Most: i.Uses, Record: store.Record{
		Kind: store.KindInvited, Owner: i.ID, Expires: i.Expires.Add(usesKept), Body: string(body),
	}}, err
}

func (a *Accounts) withUses(ctx context.Context, row store.Record) (Invitation, error) {
	i, err := readInvitation(row)
	if err != nil {
		return Invitation{}, err
	}
	uses, err := a.st.RecordsOf(ctx, store.KindInvited, i.ID)
	if err != nil {
		return Invitation{}, fmt.Errorf("count the uses of an invitation: %w", err)
	}
	i.Used = len(uses)
	return i, nil
}

func readInvitation(row store.Record) (Invitation, error) {
	var body invitationBody
	if err := json.Unmarshal([]byte(row.Body), &body); err != nil {
		return Invitation{}, fmt.Errorf("read invitation %s: %w", row.ID, err)
	}
	return Invitation{
		ID: row.ID, By: row.Owner, Created: row.Created, Expires: row.Expires, Uses: body.Uses, Room: body.Room,
	}, nil
}
