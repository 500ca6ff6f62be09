package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/BurntSushi/toml"
)

// errHere makes the decoder say where it is.
var errHere = errors.New("here")

// located is any value of the file. It always refuses to be decoded, because only the decoder's errors carry a place: its metadata has none.
type located struct{ value any }

func (l *located) UnmarshalTOML(value any) error {
	l.value = value
	return errHere
}

// readFile takes the settings of a TOML file. Its error is one that leaves nothing to read; what else is wrong becomes a problem.
func (l *loader) readFile(path string, required bool) error {
	text, err := os.ReadFile(path)
	if err != nil {
		how := "see that Snug may read it, or name another with --config FILE"
		if required && errors.Is(err, fs.ErrNotExist) {
			how = "name one that exists with --config FILE or " + fileVariable
		}
		return Problems{{Place: path, Text: fmt.Sprintf("this configuration file cannot be read (%s): %s", reason(err), how)}}
	}
	l.file, l.text = path, string(text)
	var top map[string]toml.Primitive
	meta, err := toml.Decode(string(text), &top)
	if err != nil {
		return Problems{syntaxProblem(path, err)}
	}
	for _, name := range names(&meta) {
		l.readTop(path, name, top[name], &meta)
	}
	return nil
}

// readTop takes what stands at the top of the file: tables, if all is well.
func (l *loader) readTop(path, name string, p toml.Primitive, meta *toml.MetaData) {
	value, place := locate(path, p, meta)
	if _, isTable := value.(map[string]any); !isTable {
		l.report(place, name, l.noTable(name))
		return
	}
	if tables := l.tableNames(); !slices.Contains(tables, name) {
		l.report(place, "["+name+"]", unknown("table", name, tables))
		return
	}
	var leaves map[string]toml.Primitive
	if err := meta.PrimitiveDecode(p, &leaves); err != nil {
		l.report(place, name, err.Error())
		return
	}
	for _, leaf := range names(meta, name) {
		key := toml.Key{name, leaf}.String()
		if list, ok := l.list(key); ok {
			l.readList(path, list, leaves[leaf], meta)
			continue
		}
		l.readLeaf(path, key, leaves[leaf], meta)
	}
}

func (l *loader) readLeaf(path, key string, p toml.Primitive, meta *toml.MetaData) {
	value, place := locate(path, p, meta)
	f, ok := l.field(key)
	if !ok {
		l.report(place, key, unknown("key", key, slices.Concat(l.keys, l.listKeys())))
		return
	}
	v, err := f.check(value)
	if err != nil {
		l.report(place, key, err.Error())
		return
	}
	l.put(f, v)
	l.from[key] = origin{place: place}
}

// noTable says what is wrong with a value that stands in no table.
func (l *loader) noTable(name string) string {
	if slices.Contains(l.tableNames(), name) {
		return fmt.Sprintf("must be a table: write [%s], and its keys under it", name)
	}
	if near := Nearest(name, l.keys); near != "" {
		table, leaf, _ := strings.Cut(near, ".")
		return fmt.Sprintf("stands in no table; did you mean %s, under [%s]?", leaf, table)
	}
	return unknown("key", name, l.keys)
}

func (l *loader) tableNames() []string {
	var tables []string
	for _, key := range slices.Concat(l.keys, l.listKeys()) {
		if table, _, _ := strings.Cut(key, "."); !slices.Contains(tables, table) {
			tables = append(tables, table)
		}
	}
	return tables
}

// names are the keys right under a table, in the order in which the file first mentions them.
func names(meta *toml.MetaData, table ...string) []string {
	var found []string
	for _, key := range meta.Keys() {
		if n := len(table); len(key) > n && slices.Equal(key[:n], table) && !slices.Contains(found, key[n]) {
			found = append(found, key[n])
		}
	}
	return found
}

// locate is a value and its place, "snug.toml:12".
func locate(path string, p toml.Primitive, meta *toml.MetaData) (value any, place string) {
	value, line := find(p, meta)
	if line == 0 {
		return value, path
	}
	return value, fmt.Sprintf("%s:%d", path, line)
}

// find is a value and its line. A table that only its sub-tables mention ([a.b] makes a) stands where the first of them does.
func find(p toml.Primitive, meta *toml.MetaData) (value any, line int) {
	var l located
	var at toml.ParseError
	if errors.As(meta.PrimitiveDecode(p, &l), &at) && at.Position.Line > 0 {
		return l.value, at.Position.Line
	}
	var below map[string]toml.Primitive
	if meta.PrimitiveDecode(p, &below) == nil {
		for _, inner := range below {
			if _, n := find(inner, meta); n > 0 && (line == 0 || n < line) {
				line = n
			}
		}
	}
	return l.value, line
}

func syntaxProblem(path string, err error) Problem {
	var at toml.ParseError
	if errors.As(err, &at) {
		if strings.HasSuffix(at.LastKey, "secret") { // the decoder quotes what it cannot read
			at.Message = "must be a text in quotes, on one line; a backslash in it is written twice"
		}
		return Problem{Place: fmt.Sprintf("%s:%d", path, at.Position.Line), Name: at.LastKey, Text: at.Message}
	}
	return Problem{Place: path, Text: err.Error()}
}

// reason is what the system said, without the path, which stands before it already.
func reason(err error) string {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err.Error()
	}
	return err.Error()
}

// isNotDirectory reports that a part of a path is a file. Whoever opens the data directory says so better than a missing file could.
func isNotDirectory(err error) bool { return errors.Is(err, syscall.ENOTDIR) }
