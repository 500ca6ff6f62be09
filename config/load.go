package config

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
)

// FileName is the configuration file's, in the data directory.
const FileName = "snug.toml"

const (
	prefix       = "SNUG_"
	fileVariable = "SNUG_CONFIG" // names the file, and is no setting itself
	systemFile   = "/etc/snug/snug.toml"
)

// Setting is a value that a flag gave.
type Setting struct {
	Flag  string // as it was written: "--listen"
	Key   string
	Value string
}

// Sources is where settings come from, besides the defaults.
type Sources struct {
	File        string    // what --config named; it must exist
	Environment []string  // as [os.Environ] gives it
	Flags       []Setting // in the order of the command line: the last one counts
}

// Value is one setting as it came out.
type Value struct {
	Field
	Literal string // as it is written in the file
	From    string // "default", "/etc/snug/snug.toml:12", "SNUG_LOG_LEVEL", "--listen"
}

// Effective is a configuration that was found to be sound, and how it came about.
type Effective struct {
	Config
	File   string // the file that was read, "" if there was none
	Values []Value
	Tables []Table // of the lists, in the order of the file
}

// Load puts the configuration together. Its error is [Problems] where the operator can mend it.
func Load(src Sources) (*Effective, error) {
	l := newLoader(src.Environment)
	path, required, err := l.choose(src)
	if err != nil {
		return nil, err
	}
	if path != "" {
		if err := l.readFile(path, required); err != nil {
			return nil, err
		}
	}
	l.readEnvironment(src.Environment)
	l.readFlags(src.Flags)
	return l.finish()
}

// CheckFile reads one file by itself, without the environment.
func CheckFile(path string) error {
	l := newLoader(nil)
	if err := l.readFile(path, true); err != nil {
		return err
	}
	l.checkTogether()
	return l.err()
}

type loader struct {
	fields   []Field
	keys     []string
	lists    []List
	getenv   func(string) string
	config   Config
	from     map[string]origin // by key; no entry: the default
	tables   []Table
	problems Problems
	file     string
	text     string // of the file
}

type origin struct{ place, name string }

func newLoader(environment []string) *loader {
	l := &loader{fields: Fields(), lists: Lists(), from: map[string]origin{}}
	l.getenv = func(name string) string {
		for _, entry := range slices.Backward(environment) {
			if value, ok := strings.CutPrefix(entry, name+"="); ok {
				return value
			}
		}
		return ""
	}
	for _, f := range l.fields {
		l.keys = append(l.keys, f.Key)
		v, err := f.parse(f.fallback)
		if err != nil {
			panic(fmt.Sprintf("config: the default of %s: %v", f.Key, err))
		}
		l.put(f, v)
	}
	return l
}

func (l *loader) put(f Field, value any) {
	reflect.ValueOf(&l.config).Elem().FieldByIndex(f.index).Set(reflect.ValueOf(value))
}

func (l *loader) field(key string) (Field, bool) {
	i := slices.Index(l.keys, key)
	if i < 0 {
		return Field{}, false
	}
	return l.fields[i], true
}

func (l *loader) report(place, name, text string) {
	l.problems = append(l.problems, Problem{Place: place, Name: name, Text: text})
}

func (l *loader) err() error {
	if len(l.problems) == 0 {
		return nil
	}
	return l.problems
}

// choose finds the file: the one that was named, else the first that exists of snug.toml in the data directory and the system's.
func (l *loader) choose(src Sources) (path string, required bool, err error) {
	if named := cmp.Or(src.File, l.getenv(fileVariable)); named != "" {
		return named, true, nil
	}
	data := l.getenv(prefix + "SERVER_DATA")
	for _, s := range src.Flags {
		if s.Key == "server.data" {
			data = s.Value
		}
	}
	if data == "" {
		// Without a home there is no file of the user's; whether that matters is known at the end.
		data, _ = dataDir(l.getenv)
	}
	candidates := []string{systemFile}
	if data != "" {
		candidates = []string{filepath.Join(data, FileName), systemFile}
	}
	for _, candidate := range candidates {
		switch _, err := os.Stat(candidate); {
		case err == nil:
			return candidate, false, nil
		case errors.Is(err, fs.ErrNotExist) || isNotDirectory(err):
		default:
			return "", false, Problems{{Place: candidate, Text: "this file cannot be looked at: " + reason(err)}}
		}
	}
	return "", false, nil
}

func (l *loader) readEnvironment(environment []string) {
	names := []string{fileVariable}
	byName := map[string]Field{}
	for _, f := range l.fields {
		names = append(names, f.Environment())
		byName[f.Environment()] = f
	}
	for _, entry := range environment {
		name, text, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, prefix) || name == fileVariable {
			continue
		}
		f, ok := byName[name]
		if list, isList := l.ofList(strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(name, prefix), "_", "."))); isList && !ok {
			l.report("environment", name, list.onlyInFile())
			continue
		}
		if !ok {
			l.report("environment", name, unknown("variable", name, names))
			continue
		}
		l.takeText(f, text, origin{"environment", name})
	}
}

func (l *loader) readFlags(flags []Setting) {
	for _, s := range flags {
		name := s.Flag
		if s.Flag == "--set" {
			name += " " + s.Key
		}
		f, ok := l.field(s.Key)
		if list, isList := l.ofList(s.Key); isList {
			l.report("flag", name, list.onlyInFile())
			continue
		}
		if !ok {
			l.report("flag", name, unknown("key", s.Key, l.keys))
			continue
		}
		l.takeText(f, s.Value, origin{"flag", name})
	}
}

func (l *loader) takeText(f Field, text string, from origin) {
	v, err := f.parse(text)
	if err != nil {
		l.report(from.place, from.name, err.Error())
		return
	}
	l.put(f, v)
	l.from[f.Key] = from
}

// checkTogether holds settings against each other.
func (l *loader) checkTogether() {
	c := &l.config
	if need := 4*c.Limits.MessageCharacters + 512; c.Limits.FrameBytes < need {
		l.reportTogether(fmt.Sprintf("must be at least %d, so that a frame holds a message of limits.message_characters = %d; it is %d",
			need, c.Limits.MessageCharacters, c.Limits.FrameBytes), "limits.frame_bytes", "limits.message_characters")
	}
	if c.Limits.QueueBytes < 2*c.Limits.FrameBytes {
		l.reportTogether(fmt.Sprintf("must be at least %d, twice limits.frame_bytes; it is %d", 2*c.Limits.FrameBytes, c.Limits.QueueBytes),
			"limits.queue_bytes", "limits.frame_bytes")
	}
	if c.Accounts.SessionIdle > c.Accounts.SessionLife {
		l.reportTogether(fmt.Sprintf("must be at least accounts.session_idle = %q; it is %q",
			formatDuration(c.Accounts.SessionIdle), formatDuration(c.Accounts.SessionLife)), "accounts.session_life", "accounts.session_idle")
	}
	l.checkCluster()
	l.checkTLS()
}

// checkCluster refuses a [cluster] that nobody switched on: whoever wrote it believes that it works. Saying enabled = false is enough to
// keep the rest for later.
func (l *loader) checkCluster() {
	if _, said := l.from["cluster.enabled"]; said {
		return
	}
	for _, f := range l.fields {
		if at, set := l.from[f.Key]; set && strings.HasPrefix(f.Key, "cluster.") {
			l.report(at.place, "cluster.enabled", "must be said where there is "+f.Key+": true, or false to keep it for later")
			return
		}
	}
}

// reportTogether blames the first key, at its own place or, where that is the default, at the place of the other that does not fit it.
func (l *loader) reportTogether(text, key, other string) {
	at, ok := l.from[key]
	if !ok {
		at = l.from[other]
	}
	l.report(at.place, key, text)
}

func (l *loader) finish() (*Effective, error) {
	l.checkTogether()
	if l.config.Server.Data == "" {
		dir, err := dataDir(l.getenv)
		if err != nil {
			l.report("default", "server.data", err.Error())
		}
		l.config.Server.Data = dir
	}
	if err := l.err(); err != nil {
		return nil, err
	}
	e := &Effective{Config: l.config, File: l.file, Tables: l.tables}
	for _, f := range l.fields {
		value := reflect.ValueOf(l.config).FieldByIndex(f.index).Interface()
		from := "default"
		if o, ok := l.from[f.Key]; ok {
			from = o.String()
		}
		e.Values = append(e.Values, Value{Field: f, Literal: literal(value), From: from})
	}
	return e, nil
}

func (o origin) String() string {
	if o.place == "environment" || o.place == "flag" {
		return o.name
	}
	return o.place
}

// dataDir is where a person's Snug keeps its data, if nothing else is said: where the system wants the data of programs.
func dataDir(getenv func(string) string) (string, error) {
	const say = "there is no place for the data of this user: %s is not set; set it, or choose a directory with --data DIR"
	switch runtime.GOOS {
	case "windows":
		if dir := getenv("LocalAppData"); dir != "" {
			return filepath.Join(dir, "Snug"), nil
		}
		return "", fmt.Errorf(say, "LocalAppData")
	case "darwin":
		if home := getenv("HOME"); home != "" {
			return filepath.Join(home, "Library", "Application Support", "Snug"), nil
		}
	default:
		if dir := getenv("XDG_DATA_HOME"); filepath.IsAbs(dir) { // the specification ignores relative ones
			return filepath.Join(dir, "snug"), nil
		}
		if home := getenv("HOME"); home != "" {
			return filepath.Join(home, ".local", "share", "snug"), nil
		}
	}
	return "", fmt.Errorf(say, "HOME")
}
