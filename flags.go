package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"regexp"
	"strings"

	"snug/config"
)

// usageError is a command line that Snug does not understand: exit code 2.
type usageError struct{ text string }

func (e *usageError) Error() string { return e.text }

// parse reads the flags of a command and its arguments, which may stand before, between and behind them. [flag.ErrHelp] asks for the help.
func parse(fs *flag.FlagSet, args []string, c *command) (rest []string, err error) {
	fs.SetOutput(io.Discard)
	fs.Usage = func() {}
	for err = fs.Parse(args); err == nil && fs.NArg() > 0; err = fs.Parse(args) {
		rest = append(rest, fs.Arg(0))
		args = fs.Args()[1:]
	}
	wanted := strings.Fields(c.args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return nil, err
	case err != nil:
		return nil, explainFlag(fs, err)
	case len(rest) > len(wanted):
		return nil, &usageError{fmt.Sprintf("%q is one argument too many", rest[len(wanted)])}
	case len(rest) < len(wanted) && !strings.HasPrefix(wanted[len(rest)], "["):
		return nil, &usageError{wanted[len(rest)] + " is missing"}
	}
	return rest, nil
}

// explainFlag says what is wrong with the flags.
func explainFlag(fs *flag.FlagSet, err error) error {
	name, unknown := strings.CutPrefix(err.Error(), "flag provided but not defined: -")
	if !unknown {
		return &usageError{explainValue(fs, err.Error())}
	}
	var known []string
	fs.VisitAll(func(f *flag.Flag) { known = append(known, f.Name) })
	return &usageError{fmt.Sprintf("there is no flag --%s%s", name, didYouMean("--", name, known))}
}

// flagError is how package flag says that a value is wrong: the value in quotes, the name of the flag, and what its type says of it.
const flagError = `^invalid (?:boolean )?value (".*") for (?:flag )?-([^ :]+): (.*)$`

// explainValue says what is wrong with the value of a flag in the words in which settings are explained.
func explainValue(fs *flag.FlagSet, text string) string {
	if name, without := strings.CutPrefix(text, "flag needs an argument: -"); without {
		return "--" + name + " needs a value"
	}
	part := regexp.MustCompile(flagError).FindStringSubmatch(text)
	if part == nil {
		return text
	}
	value, name, why := part[1], part[2], part[3]
	if why == "parse error" {
		why = "must be a whole number"
		if b, ok := fs.Lookup(name).Value.(interface{ IsBoolFlag() bool }); ok && b.IsBoolFlag() {
			why = "must be true or false"
		}
	}
	return fmt.Sprintf("--%s: %s; it is %s", name, why, value)
}

func didYouMean(before, name string, known []string) string {
	if near := config.Nearest(name, known); near != "" {
		return "; did you mean " + before + near + "?"
	}
	return ""
}

// declareData declares the flags that find the data directory, for commands that need nothing else of the settings.
func declareData(fs *flag.FlagSet) *settingFlags {
	s := &settingFlags{}
	fs.StringVar(&s.file, "config", "", "read the settings from `FILE`")
	s.short(fs, "data", "server.data", "use the data directory `DIR`")
	return s
}

// declareTTL declares how long something is to be good, in seconds. A time is what it is in the configuration.
func declareTTL(fs *flag.FlagSet, seconds *int, usage string) {
	fs.Func("ttl", usage, func(text string) error {
		d, err := config.ParseDuration(text)
		*seconds = int(d.Seconds())
		return err
	})
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
			return errors.New("must be KEY=VALUE")
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
