package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"text/tabwriter"
	"time"

	"snug/account"
)

// endAll is what --end says for all sessions of somebody; else it says which.
const endAll = "all"

// What the command about sessions asks, and what is answered: also what --json prints.
type (
	sessionsRequest struct {
		User string `json:"user"`
		End  string `json:"end,omitempty"` // which one, or all
	}

	sessionInfo struct {
		ID      account.ID `json:"id"`
		Device  string     `json:"device"`
		Agent   string     `json:"agent"` // what the browser says it is
		Address string     `json:"address"`
		Brief   bool       `json:"until_browser_closes"`
		Created time.Time  `json:"created"`
		Used    time.Time  `json:"used"`
		Expires time.Time  `json:"expires"` // if it is not used again
	}
)

// sessions lists the sessions of somebody, or ends some and lists those.
func (o *office) sessions(ctx context.Context, in sessionsRequest) ([]sessionInfo, error) {
	u, err := o.user(ctx, in.User)
	if err != nil {
		return nil, err
	}
	all, err := o.accounts.Sessions(ctx, u.ID)
	if err != nil {
		return nil, err
	}
	switch in.End {
	case "":
	case endAll:
		_, err = o.accounts.LogOutEverywhere(ctx, account.Actor{}, u.ID)
	default:
		all, err = o.endSession(ctx, u, in.End)
	}
	infos := make([]sessionInfo, len(all))
	for i, s := range all {
		infos[i] = sessionInfo{
			ID: s.ID, Device: account.Device(s.Agent), Agent: s.Agent, Address: s.Address, Brief: s.Brief, Created: s.Created, Used: s.Used, Expires: s.Expires,
		}
	}
	return infos, err
}

func (o *office) endSession(ctx context.Context, u account.User, which string) ([]account.Session, error) {
	id, err := account.ParseID(which)
	if err != nil {
		err = account.ErrNoSession
	}
	var ended account.Session
	if err == nil {
		ended, err = o.accounts.EndSessionOf(ctx, u.ID, id)
	}
	if errors.Is(err, account.ErrNoSession) {
		return nil, fmt.Errorf("%s has no session %q: snug user sessions %s shows those that they have", u.Name, which, u.Name)
	}
	if err != nil {
		return nil, err
	}
	o.accounts.Audit(ctx, account.Event{
		Kind: account.EventSessionEnded, Target: u.ID, Detail: account.Device(ended.Agent) + ", " + ended.Address,
	})
	return []account.Session{ended}, nil
}

func userSessions(fs *flag.FlagSet) action {
	settings, asJSON := declareData(fs), declareJSON(fs)
	end := fs.String("end", "", "end the session with that `ID`, or all")
	return func(p program, args []string) error {
		all := []sessionInfo{}
		if err := askOffice(p, settings, "user-sessions", sessionsRequest{User: args[0], End: *end}, &all); err != nil {
			return err
		}
		switch {
		case *asJSON:
			return printJSON(p.out, all)
		case *end != "":
			_, err := fmt.Fprintf(p.out, "Ended, with what was open in them: %d.\n", len(all))
			return err
		}
		t := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(t, "ID\tDEVICE\tADDRESS\tLAST USED\tSINCE")
		for _, s := range all {
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", s.ID, s.Device, s.Address, moment(s.Used), day(s.Created))
		}
		return t.Flush()
	}
}
