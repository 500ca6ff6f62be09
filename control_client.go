package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"snug/control"
)

// askWait is how long a command waits for the server. Nothing that it asks for takes as long.
const askWait = 30 * time.Second

// ask sends a request to the server that runs on the data directory.
func ask(p program, settings *settingFlags, name string, in, out any) error {
	effective, err := settings.load(p.environment)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, askWait)
	defer cancel()
	err = control.Dial(effective.Server.Data).Ask(ctx, name, in, out)
	if errors.Is(err, control.ErrNoServer) {
		return fmt.Errorf("%w: start it with snug serve, or choose its directory with --data DIR", err)
	}
	return adviseAsk(err, effective.Server.Data)
}

// adviseAsk adds what to do where a server runs on a directory and gives no answer.
func adviseAsk(err error, dir string) error {
	switch {
	case errors.Is(err, control.ErrNotAllowed):
		return fmt.Errorf("%w: run this command as that user, or with sudo", err)
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("the Snug that runs on %s has not answered for %v: if its process is not stopped or frozen, and goes on like this, start it again", dir, askWait)
	}
	return err
}

func invite(fs *flag.FlagSet) action {
	settings := declareData(fs)
	in := inviteRequest{Seconds: int(defaultInvitation.Seconds())}
	declareTTL(fs, &in.Seconds, "let the invitation be good for `TIME`, such as 30m or 2h; without this flag 10m")
	asJSON := declareJSON(fs)
	return func(p program, _ []string) error {
		if ttl := time.Duration(in.Seconds) * time.Second; ttl < minInvitation || ttl > maxInvitation {
			return &usageError{"--ttl must be from 1m to 24h"}
		}
		var made invitation
		if err := ask(p, settings, "invite", in, &made); err != nil {
			return err
		}
		if *asJSON {
			return printJSON(p.out, made)
		}
		fmt.Fprintf(p.errors, "Run this on the other machine, then start it with snug serve. It works once, until %s:\n", made.Expires.Local().Format(time.DateTime))
		_, err := fmt.Fprintln(p.out, "snug join "+made.Token)
		return err
	}
}

func members(fs *flag.FlagSet) action {
	settings, asJSON := declareData(fs), declareJSON(fs)
	return func(p program, _ []string) error {
		var list memberList
		if err := ask(p, settings, "members", nil, &list); err != nil {
			return err
		}
		if *asJSON {
			return printJSON(p.out, list)
		}
		return list.print(p.out)
	}
}

func leave(fs *flag.FlagSet) action {
	settings := declareData(fs)
	return func(p program, _ []string) error {
		if err := ask(p, settings, "leave", nil, nil); err != nil {
			return err
		}
		_, err := fmt.Fprintln(p.out, "This node has left and goes on alone. It comes back at its next start, unless cluster.enabled is false by then.")
		return err
	}
}

func forget(fs *flag.FlagSet) action {
	settings := declareData(fs)
	return func(p program, args []string) error {
		var gone memberInfo
		if err := ask(p, settings, "forget", forgetRequest{Node: args[0]}, &gone); err != nil {
			return err
		}
		_, err := fmt.Fprintf(p.out, "%s (%s) is forgotten. If it returns, it is a member again.\n", gone.Name, gone.ID)
		return err
	}
}

func rotateSecret(fs *flag.FlagSet) action {
	settings := declareData(fs)
	return func(p program, _ []string) error {
		var state rotation
		if err := ask(p, settings, "rotate", nil, &state); err != nil {
			return err
		}
		_, err := fmt.Fprintln(p.out, state, "snug members shows how far it is.")
		return err
	}
}

func declareJSON(fs *flag.FlagSet) *bool {
	return fs.Bool("json", false, "print JSON, for programs")
}

func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// print writes the list as a table, and below it what is wrong and what to do.
func (l memberList) print(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "NAME\tADDRESS\tVERSION\tSTATE\tSINCE\tROUND TRIP\tCLOCK\tROWS BEHIND\tQUEUE\tID")
	for _, m := range l.Members {
		fmt.Fprintln(t, strings.Join(m.cells(), "\t"))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	var b strings.Builder
	for _, text := range l.troubles() {
		b.WriteString("\n" + text + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}
