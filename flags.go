package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"

	"snug/config"
)

// usageError is a command line that Snug does not understand: exit code 2.
type usageError struct{ text string }

func (e *usageError) Error() string { return e.text }

// parse reads the flags of a command, after which at most so many arguments may stand. [flag.ErrHelp] asks for the help.
func parse(fs *flag.FlagSet, args []string, most int) error {
	fs.SetOutput(io.Discard)
	fs.Usage = func() {}
	err := fs.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return err
	case err == nil && fs.NArg() > most:
		return &usageError{fmt.Sprintf("%q is one argument too many", fs.Arg(most))}
	case err == nil:
		return nil
	}
	name, unknown := strings.CutPrefix(err.Error(), "flag provided but not defined: -")
	if !unknown {
		return &usageError{err.Error()}
	}
	var known []string
	fs.VisitAll(func(f *flag.Flag) { known = append(known, f.Name) })
	return &usageError{fmt.Sprintf("there is no flag --%s%s", name, didYouMean("--", name, known))}
}

func didYouMean(before, name string, known []string) string {
	if near := config.Nearest(name, known); near != "" {
		return "; did you mean " + before + near + "?"
	}
	return ""
}

// settingFlags are the flags that change the configuration.
type settingFlags struct {
	file     string
	settings []config.Setting
}

func declareSettings(fs *flag.FlagSet) *settingFlags {
	s := &settingFlags{}
	fs.StringVar(&s.file, "config", "", "read the settings from `FILE`")
	s.short(fs, "listen", "server.listen", "answer on `ADDR`, such as localhost:8000 or :8000 (every interface)")
	s.short(fs, "data", "server.data", "keep everything in the directory `DIR`")
	fs.Func("set", "change one setting: `KEY=VALUE`, such as limits.sockets_per_user=5; may be repeated", func(text string) error {
		key, value, ok := strings.Cut(text, "=")
		if !ok {
			return errors.New("write KEY=VALUE")
		}
		s.settings = append(s.settings, config.Setting{Flag: "--set", Key: key, Value: value})
		return nil
	})
	return s
}

// given reports whether there was any of the flags.
func (s *settingFlags) given() bool { return s.file != "" || len(s.settings) > 0 }

func (s *settingFlags) short(fs *flag.FlagSet, name, key, usage string) {
	fs.Func(name, usage, func(value string) error {
		s.settings = append(s.settings, config.Setting{Flag: "--" + name, Key: key, Value: value})
		return nil
	})
}

func (s *settingFlags) load(environment []string) (*config.Effective, error) {
	return config.Load(config.Sources{File: s.file, Environment: environment, Flags: s.settings})
}
