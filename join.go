package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"snug/account"
	"snug/cluster"
	"snug/config"
	"snug/store"
)

// joinWait is how long the node that invites may take to answer.
const joinWait = 30 * time.Second

// enableCluster is what a configuration file says to make Snug one node of several.
const enableCluster = "[cluster]\nenabled = true\n"

func join(fs *flag.FlagSet) action {
	settings := declareData(fs)
	merge := fs.Bool("merge", false, "join although there are accounts here: they, their rooms and messages become everybody's")
	return func(p program, args []string) error {
		effective, err := settings.load(p.environment)
		if err != nil {
			return err
		}
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		ctx, cancel := context.WithTimeout(ctx, joinWait)
		defer cancel()
		dir := effective.Server.Data
		if err := mayJoin(ctx, dir, *merge || cluster.HasCluster(dir)); err != nil {
			return advise(err)
		}
		if err := cluster.Join(ctx, args[0], dir); err != nil {
			return adviseJoin(err, dir)
		}
		// Joined it has, whether that can be noted or not.
		_ = noteJoin(ctx, effective)
		if err := sayHowToStart(p.out, effective); err != nil {
			return err
		}
		return giveToOwner(dir)
	}
}

// mayJoin says what in the data directory stands against joining. A machine that is in use brings along what it has: nothing is lost by that, but it
// cannot be undone, so somebody has to want it. One that is in a cluster already, or was and lost the secret, can only join that one again.
func mayJoin(ctx context.Context, dir string, merge bool) error {
	st, err := store.Open(ctx, dir, store.Options{Logger: slog.New(slog.DiscardHandler)})
	if errors.Is(err, store.ErrLocked) {
		return fmt.Errorf("%v: stop that Snug, join, and start it again", err) //nolint:errorlint // the advice for ErrLocked is another one
	}
	if err != nil {
		return err
	}
	people, err := st.CountUsers(ctx)
	if err = errors.Join(err, st.Close()); err != nil {
		return err
	}
	if people > 0 && !merge {
		return fmt.Errorf("there are accounts in %s already (%d): to join with them, their rooms and their messages, which cannot be undone, say --merge; "+
			"to begin with nothing, choose an empty directory with --data DIR", dir, people)
	}
	return nil
}

// adviseJoin adds what to do to what an operator can mend.
func adviseJoin(err error, dir string) error {
	switch {
	case errors.Is(err, cluster.ErrSecretExists):
		return fmt.Errorf("this machine is in another cluster already: to leave that one for good, remove cluster.key, cluster.json, peers.json and node.id from %s, "+
			"and join then", dir)
	case errors.Is(err, cluster.ErrOlderSecret):
		return fmt.Errorf("the secret of the cluster was replaced, and the machine that made this invitation has missed that: nothing was changed here. "+
			"Say snug invite on this machine, or another that has the new secret, and join with that on the machine that made this one. "+
			"If the old secret is to be used after all, remove cluster.key and cluster.json from %s and join with a new invitation", dir)
	case errors.Is(err, cluster.ErrToken):
		return fmt.Errorf("%w: copy all of the line that snug invite has printed", err)
	case errors.Is(err, cluster.ErrExpired):
		return fmt.Errorf("%w: make another with snug invite there; if it should be good still, set the clocks of both machines right", err)
	case errors.Is(err, cluster.ErrRefused):
		return fmt.Errorf("%w: make another with snug invite there", err)
	case errors.Is(err, cluster.ErrOtherNode):
		return fmt.Errorf("%w: if the node which made the invitation was started again since, that has ended it: make another with snug invite there", err)
	case errors.Is(err, cluster.ErrNotReached), errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%w: see that Snug runs on the machine that made the invitation, that one of these is an address of it which this machine can reach "+
			"(if none is, write the right one in cluster.advertise there, start it again, and make another with snug invite), "+
			"and that the firewalls between let the port through, by TCP and UDP", err)
	}
	return err
}

// noteJoin keeps in the audit log, which the others get when this machine is started, that it joined them.
func noteJoin(ctx context.Context, effective *config.Effective) error {
	quiet := slog.New(slog.DiscardHandler)
	st, err := store.Open(ctx, effective.Server.Data, store.Options{Logger: quiet})
	if err != nil {
		return err
	}
	accounts := account.New(st, account.Options{AuditKeep: effective.Accounts.AuditKeep, Node: nodeName(&effective.Config), Logger: quiet})
	accounts.Audit(ctx, account.Event{Kind: account.EventClusterJoined})
	accounts.Close()
	return st.Close()
}

// sayHowToStart switches the cluster on where there is no configuration file yet. A file of the operator is not touched: the words to put there are
// printed.
func sayHowToStart(w io.Writer, effective *config.Effective) error {
	start := "snug serve"
	for _, v := range effective.Values {
		if v.Key == "server.data" && v.From == "--data" {
			start += " --data " + effective.Server.Data
		}
	}
	start = "Start it with " + start + ", and everything is here a moment later.\n"
	switch {
	case effective.Cluster.Enabled:
	case effective.File == "":
		path := filepath.Join(effective.Server.Data, config.FileName)
		if err := os.WriteFile(path, []byte(enableCluster), 0o600); err != nil {
			return fmt.Errorf("this machine has joined, but the settings could not be written: %w", err)
		}
	default:
		start = "Write this in " + effective.File + ":\n\n" + indent(enableCluster) + "\n" + start
	}
	_, err := io.WriteString(w, "This machine has joined the cluster. "+start)
	return err
}

func indent(text string) string {
	return "    " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n    ") + "\n"
}
