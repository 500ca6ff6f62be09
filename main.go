// Command snug is a group-chat and presence server in one binary.
//
// Started with no arguments it answers on http://localhost:8000/ and keeps its data in the data directory of the user. snug help lists what else
// it does.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"

	"snug/config"
)

// version is set by make build.
var version string

func main() {
	os.Exit(run(program{args: os.Args[1:], environment: os.Environ(), in: os.Stdin, out: os.Stdout, errors: os.Stderr}))
}

// program is what the outside gives to one run.
type program struct {
	args        []string
	environment []string
	in          io.Reader
	out, errors io.Writer
}

// command is one thing that snug can be told to do.
type command struct {
	name    string
	args    string // what follows the flags
	summary string
	declare func(fs *flag.FlagSet) action // declares the flags
}

// action does what a command says, after its flags were read.
type action func(p program, args []string) error

// group are commands about one thing.
type group struct {
	title    string
	commands []command
}

// groups are all commands, those first that are wanted first. The very first is what snug does without being told.
func groups() []group {
	return []group{
		{"The server", []command{
			{"serve", "", "run the server (also without any command)", serve},
			{"config print", "", "show every setting that is in force, and where it comes from", configPrint},
			{"config check", "[FILE]", "say what is wrong with FILE, or with everything that serve would read", configCheck},
			{"config example", "", "print a file with every setting and its default", prints(exampleConfig)},
			{"unit", "", "print a systemd unit", prints(unitFile)},
			{"version", "", "print the version", prints("snug " + programVersion() + "\n")},
		}},
		{"People", []command{
			{"user list", "[PART]", "list the people who have an account, or those with PART in their name", userList},
			{"user add", "NAME", "make an account for somebody, whoever may sign up", userAdd},
			{"user passwd", "NAME", "give somebody another password, and log them out everywhere", userPasswd},
			{"user disable", "NAME", "keep somebody out: they are logged out everywhere at once, and cannot log in", userLimit("user-disable", "is disabled and logged out everywhere")},
			{"user enable", "NAME", "let somebody in again who was disabled", userChange("user-enable", "can log in again")},
			{"user promote", "NAME", "make somebody an administrator", userChange("user-promote", "is an administrator now")},
			{"user demote", "NAME", "take the rights of an administrator from somebody", userLimit("user-demote", "is no administrator any more")},
			{"user sessions", "NAME", "list where somebody is logged in, or end that with --end", userSessions},
			{"invitation add", "", "make a link with which people sign up (snug invite is for machines)", invitationAdd},
			{"invitation list", "", "list the links with which people sign up: uses left, expiry, ID", invitationList},
			{"invitation revoke", "ID", "take back a link with which people sign up", invitationRevoke},
		}},
		{"Rooms", []command{
			{"room list", "", "list the rooms", roomList},
			{"room add", "NAME", "make a room, which only administrators moderate", roomAdd},
			{"room delete", "NAME", "delete a room and all that was said in it, for good, on every node", roomDelete},
		}},
		{"Programs that act for somebody", []command{
			{"token add", "USER NAME", "make an access token for a program that acts in the name of USER", tokenAdd},
			{"token list", "USER", "list the access tokens of USER", tokenList},
			{"token revoke", "USER ID", "revoke an access token of USER", tokenRevoke},
		}},
		{"Several machines as one place", []command{
			{"invite", "", "let another machine join the cluster of this one: prints what to run there (snug invitation is for people)", invite},
			{"join", "TOKEN", "make this machine a node of the cluster that TOKEN invites to", join},
			{"members", "", "list the nodes of the cluster and how they are", members},
			{"leave", "", "say goodbye to the other nodes, so that they do not miss this one", leave},
			{"forget", "NODE", "take a node that will not return off every list", forget},
			{"secret rotate", "", "replace the secret of the cluster, without a stop", rotateSecret},
		}},
		{"The certificate authority of this place", []command{
			{"tls fingerprint", "", "print the fingerprint of the certificate authority that this place has of its own, to compare", tlsFingerprint},
			{"tls root", "", "print its root certificate, as PEM", tlsRoot},
			{"tls replace", "", "make another certificate authority, for the names of now; every device needs the new one", tlsReplace},
		}},
	}
}

func commands() []command {
	var all []command
	for _, g := range groups() {
		all = append(all, g.commands...)
	}
	return all
}

// run does what the arguments say. Its result is the exit code: 0 done, 1 it did not work, 2 the arguments make no sense.
func run(p program) int {
	c, args, err := choose(p.args)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(p.out, overview(args...))
		return 0
	}
	name := "snug"
	if err == nil {
		name += " " + c.name
		fs := flag.NewFlagSet(name, flag.ContinueOnError)
		do := c.declare(fs)
		if args, err = parse(fs, args, c); errors.Is(err, flag.ErrHelp) {
			fmt.Fprint(p.out, c.help(fs))
			return 0
		}
		if err == nil {
			err = do(p, args)
		}
	}
	var usage *usageError
	var problems config.Problems
	switch {
	case err == nil:
		return 0
	case errors.As(err, &usage):
		fmt.Fprintf(p.errors, "%s: %v (%s --help says more)\n", name, err, name)
		return 2
	case errors.As(err, &problems):
		fmt.Fprintln(p.errors, problems)
	default:
		fmt.Fprintf(p.errors, "%s: %s\n", name, strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	return 1
}

// choose finds the command and its arguments. [flag.ErrHelp] asks for the list of commands: of all, or of those that
// begin with the word that it gives.
func choose(args []string) (*command, []string, error) {
	all := commands()
	if len(args) > 0 {
		switch args[0] {
		case "-h", "-help", "--help":
			return nil, nil, flag.ErrHelp
		case "help":
			if args = args[1:]; len(args) == 0 || strings.HasPrefix(args[0], "-") {
				return nil, nil, flag.ErrHelp
			}
			if len(args) == 1 && len(deeds(all, args[0])) > 0 {
				return nil, args, flag.ErrHelp
			}
			c, rest, err := choose(args)
			if err == nil && len(rest) > 0 {
				err = &usageError{fmt.Sprintf("there is no command %q", strings.Join(args, " "))}
			}
			return c, []string{"--help"}, err
		}
	}
	if len(args) == 0 || strings.HasPrefix(args[0], "-") {
		return &all[0], args, nil
	}
	known := []string{"help"}
	for i, c := range all {
		words := strings.Fields(c.name)
		known = append(known, c.name, words[0])
		if len(args) >= len(words) && strings.Join(args[:len(words)], " ") == c.name {
			return &all[i], args[len(words):], nil
		}
	}
	name := args[0]
	if deeds := deeds(all, name); len(deeds) > 0 {
		if len(args) == 2 && slices.Contains([]string{"-h", "-help", "--help"}, args[1]) {
			return nil, args[:1], flag.ErrHelp
		}
		if len(args) == 1 || strings.HasPrefix(args[1], "-") {
			return nil, nil, &usageError{fmt.Sprintf("%s wants to know what to do: snug %s", name, strings.Join(deeds, ", "))}
		}
		name += " " + args[1]
	}
	return nil, nil, &usageError{fmt.Sprintf("there is no command %q%s", name, didYouMean("snug ", name, known))}
}

// deeds are the commands of two words that begin with one.
func deeds(all []command, first string) []string {
	var found []string
	for _, c := range all {
		if strings.HasPrefix(c.name, first+" ") {
			found = append(found, c.name)
		}
	}
	return found
}

// overview is the list of commands, or of those that begin with a word.
func overview(first ...string) string {
	var b strings.Builder
	show := func(all []command) {
		for _, c := range all {
			fmt.Fprintf(&b, "  %-26s %s\n", strings.TrimSpace(c.name+" "+c.args), c.summary)
		}
	}
	if len(first) == 0 {
		b.WriteString("Snug is a group-chat and presence server.\n\nUsage: snug [command] [flags]\n")
		for _, g := range groups() {
			fmt.Fprintf(&b, "\n%s:\n", g.title)
			show(g.commands)
		}
		b.WriteString("\nHelp:\n")
		show([]command{{name: "help", args: "[COMMAND]", summary: "this list, or all about one command"}})
	} else {
		fmt.Fprintf(&b, "Usage: snug %s ... [flags]\n\n", first[0])
		show(slices.DeleteFunc(commands(), func(c command) bool { return !strings.HasPrefix(c.name, first[0]+" ") }))
	}
	b.WriteString("\nEvery command takes --help.\n")
	return b.String()
}

func (c *command) help(fs *flag.FlagSet) string {
	var b strings.Builder
	flags := ""
	fs.VisitAll(func(f *flag.Flag) {
		value, usage := flag.UnquoteUsage(f)
		flags += fmt.Sprintf("  --%-18s %s\n", strings.TrimSpace(f.Name+" "+value), usage)
	})
	usage := "snug " + c.name
	if flags != "" {
		usage += " [flags]"
		flags = "\n" + flags
	}
	fmt.Fprintf(&b, "Usage: %s\n\n%s%s.\n%s", strings.TrimSpace(usage+" "+c.args), strings.ToUpper(c.summary[:1]), c.summary[1:], flags)
	return b.String()
}

func serve(fs *flag.FlagSet) action {
	settings := declareSettings(fs)
	return func(p program, _ []string) error {
		effective, err := settings.load(p.environment)
		if err != nil {
			return err
		}
		ctx, stop := signal.NotifyContext(context.Background(), stopSignals()...)
		defer stop()
		// Whoever read the log may be gone, which is no reason to go too.
		signal.Ignore(syscall.SIGPIPE)
		logger := newLogger(p.errors, effective.Log)
		n, err := open(ctx, &effective.Config, logger)
		if err != nil {
			return advise(err)
		}
		if err := n.welcome(p.out); err != nil {
			return errors.Join(err, n.close())
		}
		logger.Info("started", "version", programVersion(), "data", effective.Server.Data, "config", effective.File)
		err = n.run(ctx)
		stop() // from here on, a second signal ends the process at once
		logger.Info("stopping; a second signal ends it at once")
		if err = errors.Join(err, n.close()); err != nil {
			return err
		}
		logger.Info("stopped")
		return nil
	}
}

// stopSignals are those that stop the server cleanly. A terminal that is closed sends SIGHUP; nohup says to live on.
func stopSignals() []os.Signal {
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		signals = append(signals, syscall.SIGHUP)
	}
	return signals
}

// welcome tells where Snug is, and how the first admin gets in.
func (n *node) welcome(w io.Writer) error {
	all, err := n.places()
	if err != nil {
		return err
	}
	text := "Snug is at " + all[0].String() + "\n"
	for _, p := range all[1:] {
		text += "       and " + p.String() + "\n"
	}
	if n.setup != "" {
		text += "Make the first admin at " + all[0].url + "sign_up/?setup=" + n.setup + " (it works once)\n"
	}
	if internal := n.internal(); internal != nil && internal.Authority() != nil {
		text += "Browsers trust it once they have the certificate from " + n.trustedFrom(all) + ", with the fingerprint\n  " + internal.Authority().Fingerprint() + "\n"
	}
	if n.certificates == nil && isOpen(n.listeners) && len(n.config.Server.TrustedProxies) == 0 {
		n.logger.Warn("plain HTTP: whoever is on the network between can read along; [tls] in the configuration ends that", "listen", n.config.Server.Listen)
	}
	_, err = io.WriteString(w, text)
	return err
}

// trustedFrom is where another machine gets the certificate of our own authority: in the clear if it can, where no browser warns.
func (n *node) trustedFrom(all []place) string {
	if n.plain != nil {
		if plain, err := places("http", n.config.TLS.HTTPListen, portOf(n.plain[0])); err == nil {
			all = plain
		}
	}
	return all[min(1, len(all)-1)].url + "ca/" // the first of several is localhost
}

// places are where browsers find this node. With a certificate that others have made, those are its names: under all others they would warn.
func (n *node) places() ([]place, error) {
	port := portOf(n.listeners[0])
	var all []place
	for _, host := range n.certified() {
		all = append(all, placeAt(n.scheme(), host, port, ""))
	}
	if len(all) > 0 {
		return all, nil
	}
	return places(n.scheme(), n.config.Server.Listen, port)
}

func configPrint(fs *flag.FlagSet) action {
	settings := declareSettings(fs)
	return func(p program, _ []string) error {
		effective, err := settings.load(p.environment)
		if err != nil {
			return err
		}
		return effective.Print(p.out)
	}
}

func configCheck(fs *flag.FlagSet) action {
	settings := declareSettings(fs)
	return func(p program, args []string) error {
		if len(args) > 0 {
			if settings.given() {
				return &usageError{"a FILE is checked by itself: leave the flags out"}
			}
			if err := config.CheckFile(args[0]); err != nil {
				return err
			}
			fmt.Fprintln(p.out, args[0]+" is good")
			return nil
		}
		effective, err := settings.load(p.environment)
		if err != nil {
			return err
		}
		fmt.Fprintln(p.out, "the configuration is good; file:", cmp.Or(effective.File, "none"))
		return nil
	}
}

// prints is a command that says something.
func prints(text string) func(*flag.FlagSet) action {
	return func(*flag.FlagSet) action {
		return func(p program, _ []string) error {
			_, err := io.WriteString(p.out, text)
			return err
		}
	}
}

// programVersion is what make build said, else what the Go tool knows.
func programVersion() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "development"
}

func newLogger(w io.Writer, c config.Log) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.Level)); err != nil {
		level = slog.LevelInfo // cannot be: the configuration allows no other words
	}
	options := &slog.HandlerOptions{Level: level}
	if c.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}
