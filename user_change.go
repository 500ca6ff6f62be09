package main

import (
	"context"
	"errors"
	"flag"
	"fmt"

	"snug/account"
)

// What commands that change a person ask.
type (
	userAddRequest struct {
		Name     string `json:"name"`
		Password string `json:"password"`
		Admin    bool   `json:"admin"`
	}

	userRequest struct {
		Name     string `json:"name"`
		Password string `json:"password,omitempty"` // of user-passwd
		Force    bool   `json:"force,omitempty"`    // also the last administrator
	}
)

func (o *office) addUser(ctx context.Context, in userAddRequest) (userInfo, error) {
	u, err := o.accounts.AddUser(ctx, account.Actor{}, account.NewUser{Name: in.Name, Password: in.Password, Admin: in.Admin})
	return infoOfUser(u), err
}

func (o *office) setPassword(ctx context.Context, in userRequest) (userInfo, error) {
	return o.changeUser(ctx, in, func(id account.ID) (account.User, error) {
		return o.accounts.SetPassword(ctx, account.Actor{}, id, in.Password)
	})
}

func (o *office) disableUser(ctx context.Context, in userRequest) (userInfo, error) {
	return o.changeUser(ctx, in, func(id account.ID) (account.User, error) {
		return o.accounts.Disable(ctx, account.Actor{}, id, in.last())
	})
}

func (o *office) enableUser(ctx context.Context, in userRequest) (userInfo, error) {
	return o.changeUser(ctx, in, func(id account.ID) (account.User, error) { return o.accounts.Enable(ctx, account.Actor{}, id) })
}

func (o *office) promoteUser(ctx context.Context, in userRequest) (userInfo, error) {
	return o.changeUser(ctx, in, func(id account.ID) (account.User, error) { return o.accounts.Promote(ctx, account.Actor{}, id) })
}

func (o *office) demoteUser(ctx context.Context, in userRequest) (userInfo, error) {
	return o.changeUser(ctx, in, func(id account.ID) (account.User, error) {
		return o.accounts.Demote(ctx, account.Actor{}, id, in.last())
	})
}

// changeUser finds a person and changes them.
func (o *office) changeUser(ctx context.Context, in userRequest, change func(account.ID) (account.User, error)) (userInfo, error) {
	u, err := o.user(ctx, in.Name)
	if err != nil {
		return userInfo{}, err
	}
	u, err = change(u.ID)
	if errors.Is(err, account.ErrLastAdmin) {
		return userInfo{}, fmt.Errorf("%s is the last administrator who can log in: promote somebody else first, or say --force", in.Name)
	}
	return infoOfUser(u), err
}

// user finds who has a name.
func (o *office) user(ctx context.Context, name string) (account.User, error) {
	u, err := o.accounts.UserByName(ctx, name)
	if errors.Is(err, account.ErrNoUser) {
		return account.User{}, fmt.Errorf("there is nobody called %q: snug user list shows everybody", name)
	}
	return u, err
}

func (in userRequest) last() account.LastAdmin {
	if in.Force {
		return account.SpareLastAdmin
	}
	return account.KeepLastAdmin
}

func userAdd(fs *flag.FlagSet) action {
	settings, password := declareData(fs), declarePassword(fs)
	admin := fs.Bool("admin", false, "make them an administrator")
	return func(p program, args []string) error {
		secret, say, err := password.read(p, args[0])
		if err != nil {
			return err
		}
		var made userInfo
		if err := askOffice(p, settings, "user-add", userAddRequest{Name: args[0], Password: secret, Admin: *admin}, &made); err != nil {
			return err
		}
		fmt.Fprintf(p.errors, "%s has an account now%s.%s\n", made.Name, word(made.Admin, ", and is an administrator", ""), secretNote(say))
		_, err = fmt.Fprint(p.out, say)
		return err
	}
}

func userPasswd(fs *flag.FlagSet) action {
	settings, password := declareData(fs), declarePassword(fs)
	return func(p program, args []string) error {
		secret, say, err := password.read(p, args[0])
		if err != nil {
			return err
		}
		var changed userInfo
		if err := askOffice(p, settings, "user-passwd", userRequest{Name: args[0], Password: secret}, &changed); err != nil {
			return err
		}
		fmt.Fprintf(p.errors, "%s has a new password, and is logged out everywhere.%s\n", changed.Name, secretNote(say))
		_, err = fmt.Fprint(p.out, say)
		return err
	}
}

func secretNote(say string) string {
	return word(say == "", "", " The password is not shown again:")
}

// userChange is a command that changes one person and says what they are then.
func userChange(request, done string) func(*flag.FlagSet) action {
	return func(fs *flag.FlagSet) action {
		settings := declareData(fs)
		return func(p program, args []string) error {
			return changePerson(p, settings, request, userRequest{Name: args[0]}, done)
		}
	}
}

// userLimit is a [userChange] that may take the last administrator away.
func userLimit(request, done string) func(*flag.FlagSet) action {
	return func(fs *flag.FlagSet) action {
		settings := declareData(fs)
		force := fs.Bool("force", false, "also if nobody is left then who can log in as an administrator")
		return func(p program, args []string) error {
			return changePerson(p, settings, request, userRequest{Name: args[0], Force: *force}, done)
		}
	}
}

func changePerson(p program, settings *settingFlags, request string, in userRequest, done string) error {
	var changed userInfo
	if err := askOffice(p, settings, request, in, &changed); err != nil {
		return err
	}
	_, err := fmt.Fprintf(p.out, "%s %s.\n", changed.Name, done)
	return err
}
