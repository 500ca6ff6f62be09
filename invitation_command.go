package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"snug/account"
	"snug/chat"
	"snug/store"
)

// What commands about invitations of people ask, and what is answered: also what --json prints. Those of machines are in member_list.go.
type (
	invitationAddRequest struct {
		Uses    int    `json:"uses"`
		Seconds int    `json:"seconds"`
		Room    string `json:"room"`
	}

	invitationAddAnswer struct {
		invitationInfo
		Path  string   `json:"path"`  // of the link, below the address of this place
		Links []string `json:"links"` // the whole of it, as far as this machine knows its addresses
	}

	invitationInfo struct {
		ID      account.ID `json:"id"`
		By      string     `json:"by,omitempty"` // "": a command
		Room    string     `json:"room,omitempty"`
		Uses    int        `json:"uses"`
		Left    int        `json:"left"`
		Created time.Time  `json:"created"`
		Expires time.Time  `json:"expires"`
	}

	invitationRevokeRequest struct {
		ID string `json:"id"`
	}
)

func (o *office) addInvitation(ctx context.Context, in invitationAddRequest) (invitationAddAnswer, error) {
	if in.Room != "" {
		if _, err := chat.RoomName(in.Room); err != nil {
			return invitationAddAnswer{}, err
		}
	}
	token, made, err := o.accounts.Invite(ctx, account.Actor{}, account.NewInvitation{
		Uses: in.Uses, Life: time.Duration(in.Seconds) * time.Second, Room: in.Room,
	})
	if errors.Is(err, account.ErrSignupClosed) {
		return invitationAddAnswer{}, errors.New("accounts.signup is closed, so nobody could come with an invitation: snug user add makes accounts")
	}
	if err != nil {
		return invitationAddAnswer{}, err
	}
	info, err := o.infoOfInvitation(ctx, made)
	answer := invitationAddAnswer{invitationInfo: info, Path: "invite/" + token + "/", Links: []string{}}
	for _, address := range o.addresses {
		answer.Links = append(answer.Links, address+answer.Path)
	}
	return answer, err
}

func (o *office) listInvitations(ctx context.Context, _ any) ([]invitationInfo, error) {
	all, err := o.accounts.Invitations(ctx)
	if err != nil {
		return nil, err
	}
	infos := make([]invitationInfo, 0, len(all))
	for _, i := range all {
		info, err := o.infoOfInvitation(ctx, i)
		if err != nil {
			return nil, err
		}
		infos = append(infos, info)
	}
	return infos, nil
}

func (o *office) revokeInvitation(ctx context.Context, in invitationRevokeRequest) (any, error) {
	id, err := store.ParseID(in.ID)
	if err == nil {
		err = o.accounts.RevokeInvitation(ctx, account.Actor{}, id)
	} else {
		err = account.ErrInvitation
	}
	if errors.Is(err, account.ErrInvitation) {
		return nil, fmt.Errorf("there is no invitation %q: snug invitation list shows them", in.ID)
	}
	return nil, err
}

func (o *office) infoOfInvitation(ctx context.Context, i account.Invitation) (invitationInfo, error) {
	by, err := o.accounts.UserByID(ctx, i.By)
	if errors.Is(err, account.ErrNoUser) {
		err = nil
	}
	return invitationInfo{
		ID: i.ID, By: by.Name, Room: i.Room, Uses: i.Uses, Left: max(0, i.Uses-i.Used), Created: i.Created, Expires: i.Expires,
	}, err
}

func invitationAdd(fs *flag.FlagSet) action {
	settings, asJSON := declareData(fs), declareJSON(fs)
	in := invitationAddRequest{Seconds: int(account.DefaultInvitationLife.Seconds())}
	fs.IntVar(&in.Uses, "uses", 1, "let it make `N` accounts; without this flag 1")
	fs.StringVar(&in.Room, "room", "", "lead those who come with it to `ROOM`")
	declareTTL(fs, &in.Seconds, "let it be good for `TIME`, such as 12h or 30d; without this flag 7d")
	return func(p program, _ []string) error {
		if in.Uses < 1 || in.Uses > account.MaxInvitationUses {
			return &usageError{fmt.Sprintf("--uses must be from 1 to %d", account.MaxInvitationUses)}
		}
		if life := time.Duration(in.Seconds) * time.Second; life < account.MinInvitationLife || life > account.MaxInvitationLife {
			return &usageError{"--ttl must be from 1m to 366d"}
		}
		var made invitationAddAnswer
		if err := askOffice(p, settings, "invitation-add", in, &made); err != nil {
			return err
		}
		if *asJSON {
			return printJSON(p.out, made)
		}
		note := "Send this link to those whom you invite; it is not shown again."
		if len(made.Links) == 0 {
			note = "Put the address of this Snug before it, such as https://chat.example/, and send it to those whom you invite; it is not shown again."
			made.Links = []string{made.Path}
		}
		accounts := "one account"
		if made.Uses > 1 {
			accounts = strconv.Itoa(made.Uses) + " accounts"
		}
		fmt.Fprintf(p.errors, "%s It makes %s until %s:\n", note, accounts, moment(made.Expires))
		_, err := fmt.Fprintln(p.out, strings.Join(made.Links, "\n"))
		return err
	}
}

func invitationList(fs *flag.FlagSet) action {
	settings, asJSON := declareData(fs), declareJSON(fs)
	return func(p program, _ []string) error {
		var all []invitationInfo
		if err := askOffice(p, settings, "invitation-list", nil, &all); err != nil {
			return err
		}
		if *asJSON {
			return printJSON(p.out, all)
		}
		t := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(t, "ID\tLEFT\tEXPIRES\tROOM\tBY")
		for _, i := range all {
			fmt.Fprintf(t, "%s\t%d of %d\t%s\t%s\t%s\n", i.ID, i.Left, i.Uses, moment(i.Expires), word(i.Room == "", "-", i.Room), word(i.By == "", "-", i.By))
		}
		return t.Flush()
	}
}

func invitationRevoke(fs *flag.FlagSet) action {
	settings := declareData(fs)
	return func(p program, args []string) error {
		if err := askOffice(p, settings, "invitation-revoke", invitationRevokeRequest{ID: args[0]}, nil); err != nil {
			return err
		}
		_, err := io.WriteString(p.out, "That invitation makes no more accounts. Those who came with it stay.\n")
		return err
	}
}
