package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"snug/account"
	"snug/config"
)

// defaultTokenLife is how long a token is good that says nothing else.
const defaultTokenLife = 90 * 24 * time.Hour

// What commands about access tokens ask, and what is answered: also what --json prints.
type (
	tokenAddRequest struct {
		User    string   `json:"user"`
		Name    string   `json:"name"`
		Scopes  []string `json:"scopes"`
		Seconds int      `json:"seconds"` // 0: for ever
	}

	tokenAddAnswer struct {
		tokenInfo
		Secret string `json:"secret"`
	}

	tokenInfo struct {
		ID      account.ID `json:"id"`
		Name    string     `json:"name"`
		Scopes  []string   `json:"scopes"`
		Created time.Time  `json:"created"`
		Expires time.Time  `json:"expires,omitzero"`
		Used    time.Time  `json:"used,omitzero"`
	}

	tokenRequest struct {
		User string `json:"user"`
		ID   string `json:"id,omitempty"` // of token-revoke
	}
)

func (o *office) addToken(ctx context.Context, in tokenAddRequest) (tokenAddAnswer, error) {
	u, err := o.user(ctx, in.User)
	if err != nil {
		return tokenAddAnswer{}, err
	}
	choice := account.NewToken{Name: in.Name, Scopes: in.Scopes}
	if in.Seconds > 0 {
		choice.Expires = time.Now().Add(time.Duration(in.Seconds) * time.Second)
	}
	secret, made, err := o.accounts.CreateToken(ctx, u.ID, choice)
	if err != nil {
		return tokenAddAnswer{}, err
	}
	o.accounts.Audit(ctx, account.Event{Kind: account.EventTokenAdded, Target: u.ID, Detail: made.Describe()})
	return tokenAddAnswer{tokenInfo: infoOfToken(made), Secret: secret}, nil
}

func (o *office) listTokens(ctx context.Context, in tokenRequest) ([]tokenInfo, error) {
	u, err := o.user(ctx, in.User)
	if err != nil {
		return nil, err
	}
	tokens, err := o.accounts.Tokens(ctx, u.ID)
	infos := make([]tokenInfo, len(tokens))
	for i, t := range tokens {
		infos[i] = infoOfToken(t)
	}
	return infos, err
}

func (o *office) revokeToken(ctx context.Context, in tokenRequest) (tokenInfo, error) {
	u, err := o.user(ctx, in.User)
	if err != nil {
		return tokenInfo{}, err
	}
	id, err := account.ParseID(in.ID)
	if err != nil {
		err = account.ErrNoToken
	}
	var was account.Token
	if err == nil {
		was, err = o.accounts.RevokeToken(ctx, u.ID, id)
	}
	if errors.Is(err, account.ErrNoToken) {
		return tokenInfo{}, fmt.Errorf("%s has no access token %q: snug token list %s shows those that they have", u.Name, in.ID, u.Name)
	}
	if err != nil {
		return tokenInfo{}, err
	}
	o.accounts.Audit(ctx, account.Event{Kind: account.EventTokenRevoked, Target: u.ID, Detail: was.Describe()})
	return infoOfToken(was), nil
}

func infoOfToken(t account.Token) tokenInfo {
	return tokenInfo{ID: t.ID, Name: t.Name, Scopes: t.Scopes, Created: t.Created, Expires: t.Expires, Used: t.Used}
}

func tokenAdd(fs *flag.FlagSet) action {
	settings, asJSON := declareData(fs), declareJSON(fs)
	in := tokenAddRequest{Scopes: []string{account.ScopeRead, account.ScopeWrite}, Seconds: int(defaultTokenLife.Seconds())}
	fs.Func("scope", "let it do `WHAT`: read, write, admin, or several with commas between; without this flag read,write", func(text string) error {
		in.Scopes = strings.Split(text, ",")
		return nil
	})
	fs.Func("ttl", "let it be good for `TIME`, such as 12h or 30d, or never to let it never expire; without this flag 90d", func(text string) error {
		if text == "never" {
			in.Seconds = 0
			return nil
		}
		d, err := config.ParseDuration(text)
		switch {
		case err != nil:
			return fmt.Errorf("%w, or never", err)
		case d < time.Second:
			return errors.New("must be a second at least")
		}
		in.Seconds = int(d.Seconds())
		return nil
	})
	return func(p program, args []string) error {
		in.User, in.Name = args[0], args[1]
		var made tokenAddAnswer
		if err := askOffice(p, settings, "token-add", in, &made); err != nil {
			return err
		}
		if *asJSON {
			return printJSON(p.out, made)
		}
		fmt.Fprintf(p.errors, "This token may %s in the name of %s. It is not shown again:\n", account.SayScopes(made.Scopes), in.User)
		_, err := fmt.Fprintln(p.out, made.Secret)
		return err
	}
}

func tokenList(fs *flag.FlagSet) action {
	settings, asJSON := declareData(fs), declareJSON(fs)
	return func(p program, args []string) error {
		var all []tokenInfo
		if err := askOffice(p, settings, "token-list", tokenRequest{User: args[0]}, &all); err != nil {
			return err
		}
		if *asJSON {
			return printJSON(p.out, all)
		}
		t := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(t, "ID\tNAME\tSCOPES\tEXPIRES\tLAST USED")
		for _, token := range all {
			expires := "never"
			if !token.Expires.IsZero() {
				expires = moment(token.Expires)
			}
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", token.ID, token.Name, strings.Join(token.Scopes, ","), expires, moment(token.Used))
		}
		return t.Flush()
	}
}

func tokenRevoke(fs *flag.FlagSet) action {
	settings := declareData(fs)
	return func(p program, args []string) error {
		var was tokenInfo
		if err := askOffice(p, settings, "token-revoke", tokenRequest{User: args[0], ID: args[1]}, &was); err != nil {
			return err
		}
		_, err := fmt.Fprintf(p.out, "The token %q of %s is revoked, and what was open with it is closed.\n", was.Name, args[0])
		return err
	}
}
