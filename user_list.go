package main

import (
	"context"
	"flag"
	"fmt"
	"text/tabwriter"
	"time"

	"snug/account"
)

// userPage is how many people are asked for at once.
const userPage = 500

// What commands about people ask, and what is answered: also what --json prints.
type (
	userListAnswer struct {
		Users []userInfo `json:"users"`
		Next  string     `json:"next,omitempty"` // the After of the next page; empty on the last
	}

	userInfo struct {
		ID       account.ID `json:"id"`
		Name     string     `json:"name"`
		Admin    bool       `json:"admin"`
		Disabled bool       `json:"disabled"`
		Created  time.Time  `json:"created"`
		LastSeen time.Time  `json:"last_seen,omitzero"`
	}
)

func (o *office) listUsers(ctx context.Context, in listRequest) (userListAnswer, error) {
	people, next, err := o.accounts.People(ctx, account.Query{After: in.After, Match: in.Match, Limit: userPage})
	answer := userListAnswer{Users: []userInfo{}, Next: next}
	for _, p := range people {
		info := infoOfUser(p.User)
		info.LastSeen = p.LastSeen
		answer.Users = append(answer.Users, info)
	}
	return answer, err
}

func infoOfUser(u account.User) userInfo {
	return userInfo{ID: u.ID, Name: u.Name, Admin: u.Admin, Disabled: u.Disabled, Created: u.Created}
}

func userList(fs *flag.FlagSet) action {
	settings, asJSON := declareData(fs), declareJSON(fs)
	return func(p program, args []string) error {
		part := ""
		if len(args) > 0 {
			part = args[0]
		}
		all, err := askAll(p, settings, "user-list", part, func(page userListAnswer) ([]userInfo, string) { return page.Users, page.Next })
		if err != nil {
			return err
		}
		if *asJSON {
			return printJSON(p.out, all)
		}
		t := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(t, "NAME\tRIGHTS\tSTATE\tSINCE\tLAST SEEN")
		for _, u := range all {
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", u.Name, word(u.Admin, "admin", "-"), word(u.Disabled, "disabled", "enabled"), day(u.Created), moment(u.LastSeen))
		}
		return t.Flush()
	}
}

func word(is bool, yes, no string) string {
	if is {
		return yes
	}
	return no
}

func day(t time.Time) string { return t.Local().Format(time.DateOnly) }

// moment is a time in a list; one that never was is a stroke.
func moment(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Local().Format(time.DateTime)
}
