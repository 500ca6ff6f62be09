package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"snug/account"
	"snug/chat"
	"snug/config"
	"snug/control"
	"snug/layer"
	"snug/presence"
	"snug/store"
)

const (
	// lockWait is how long a command waits for a data directory that another process holds and that answers no commands: a
	// server that starts or stops just now, or another command.
	lockWait = 5 * time.Second
	// lockPoll is how often it looks meanwhile.
	lockPoll = 50 * time.Millisecond
)

// office is where commands change people and rooms: in the server that runs on the data directory or, where none runs, in the command itself.
type office struct {
	accounts  *account.Accounts
	chat      *chat.Chat
	store     *store.Store
	addresses []string // where browsers find this place, each with a slash at its end
}

func (o *office) handlers() control.Handlers {
	handlers := control.Handlers{
		"user-list":    control.Handle(o.listUsers),
		"user-add":     control.Handle(o.addUser),
		"user-passwd":  control.Handle(o.setPassword),
		"user-disable": control.Handle(o.disableUser),
		"user-enable":  control.Handle(o.enableUser),
		"user-promote": control.Handle(o.promoteUser),
		"user-demote":  control.Handle(o.demoteUser),

		"user-sessions": control.Handle(o.sessions),
		"token-add":     control.Handle(o.addToken),
		"token-list":    control.Handle(o.listTokens),
		"token-revoke":  control.Handle(o.revokeToken),

		"room-list":   control.Handle(o.listRooms),
		"room-add":    control.Handle(o.addRoom),
		"room-delete": control.Handle(o.deleteRoom),

		"invitation-add":    control.Handle(o.addInvitation),
		"invitation-list":   control.Handle(o.listInvitations),
		"invitation-revoke": control.Handle(o.revokeInvitation),
	}
	maps.Copy(handlers, tellAuthority(o.store))
	return handlers
}

// askOffice has something done by the server that runs on the data directory, or does it here if none runs.
func askOffice(p program, settings *settingFlags, name string, in, out any) error {
	effective, err := settings.load(p.environment)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, askWait)
	defer cancel()
	dir := effective.Server.Data
	for begun := time.Now(); ; {
		err := control.Dial(dir).Ask(ctx, name, in, out)
		if !errors.Is(err, control.ErrNoServer) {
			return adviseAsk(err, dir)
		}
		err = askHere(ctx, effective, name, in, out)
		if !errors.Is(err, store.ErrLocked) || time.Since(begun) > lockWait {
			return advise(err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(lockPoll):
		}
	}
}

// askHere opens the data for as long as one request takes.
func askHere(ctx context.Context, effective *config.Effective, name string, in, out any) (err error) {
	dir := effective.Server.Data
	// Somebody may want an account before the first start.
	if !store.Exists(dir) && name != "user-add" {
		return fmt.Errorf("there is no Snug in %s yet: start it there once with snug serve, or choose its directory with --data DIR", dir)
	}
	quiet := slog.New(slog.DiscardHandler)
	st, err := store.Open(ctx, dir, store.Options{Logger: quiet})
	if err != nil {
		return err
	}
	memory, tracker := layer.NewMemory(layer.Options{}), presence.New(presence.Options{})
	accounts := account.New(st, account.Options{
		Admission: account.Admission(effective.Accounts.Signup), SessionIdle: effective.Accounts.SessionIdle, SessionLife: effective.Accounts.SessionLife,
		AuditKeep: effective.Accounts.AuditKeep, Node: nodeName(&effective.Config), Logger: quiet,
	})
	o := &office{
		accounts: accounts, chat: chat.New(st, memory, tracker, chat.Options{NameKey: account.Key, Audit: noteChat(accounts), Logger: quiet}),
		store: st, addresses: addressesOf(effective),
	}
	defer func() {
		tracker.Close()
		o.chat.Close()
		accounts.Close()
		err = errors.Join(err, memory.Close(), st.Close(), giveToOwner(dir))
	}()
	return o.handlers().Ask(ctx, name, in, out)
}

// addressesOf is where browsers would find a server with these settings. Without a port nobody knows.
func addressesOf(effective *config.Effective) []string {
	_, port, err := net.SplitHostPort(effective.Server.Listen)
	if err != nil {
		return nil
	}
	number, err := strconv.Atoi(port)
	if err != nil || number == 0 {
		return nil
	}
	all, err := places(word(effective.TLS.Mode == "off", "http", "https"), effective.Server.Listen, number)
	if err != nil {
		return nil
	}
	return urls(all)
}

func urls(all []place) []string {
	list := make([]string, len(all))
	for i, p := range all {
		list[i] = p.url
	}
	return list
}
