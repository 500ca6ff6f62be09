package config

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

// List is a table that may stand in the file any number of times, under [[its name]]. It stands nowhere else: neither the
// environment nor flags have a way to say which of them is meant.
type List struct {
	Key    string // "auth.jwt"
	Doc    string
	Fields []Field // their keys begin with that of the list: "auth.jwt.name"

	index []int
	kind  reflect.Type // of one table
}

// Table is one of the tables of a list as it came out.
type Table struct {
	Key    string
	Values []Value
}

// Lists are all lists, in the order of the struct.
func Lists() []List {
	var lists []List
	root := reflect.TypeFor[Config]()
	for i := range root.NumField() {
		table := root.Field(i)
		for j := range table.Type.NumField() {
			if leaf := table.Type.Field(j); isList(leaf.Type) {
				key := table.Tag.Get("key") + "." + leaf.Tag.Get("key")
				lists = append(lists, List{Key: key, Doc: leaf.Tag.Get("doc"), Fields: listFields(key, leaf.Type.Elem()), index: []int{i, j}, kind: leaf.Type.Elem()})
			}
		}
	}
	return lists
}

// listFields are the settings of a table; what has no key is made from them.
func listFields(key string, table reflect.Type) []Field {
	var fields []Field
	for k := range table.NumField() {
		if leaf := table.Field(k); leaf.Tag.Get("key") != "" {
			fields = append(fields, newField(key, leaf, k))
		}
	}
	return fields
}

func isList(t reflect.Type) bool {
	return t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Struct
}

// onlyInFile is for whoever looks for a list elsewhere.
func (list List) onlyInFile() string {
	return fmt.Sprintf("stands only in the configuration file, under [[%s]]", list.Key)
}

func (list List) keys() []string {
	var keys []string
	for _, f := range list.Fields {
		keys = append(keys, f.Key)
	}
	return keys
}

func (l *loader) list(key string) (List, bool) {
	i := slices.Index(l.listKeys(), key)
	if i < 0 {
		return List{}, false
	}
	return l.lists[i], true
}

// ofList finds the list that a key is in, or is.
func (l *loader) ofList(key string) (List, bool) {
	i := slices.IndexFunc(l.lists, func(list List) bool { return key == list.Key || strings.HasPrefix(key, list.Key+".") })
	if i < 0 {
		return List{}, false
	}
	return l.lists[i], true
}

func (l *loader) listKeys() []string {
	var keys []string
	for _, list := range l.lists {
		keys = append(keys, list.Key)
	}
	return keys
}

// entry is one table of a list as it stands in the file.
type entry struct {
	place  string
	keys   []string // in the order of the file
	values map[string]any
	places map[string]string
}

// at is the place of a key, or of the table if the key is not there.
func (e *entry) at(key string) string {
	if place, ok := e.places[key]; ok {
		return place
	}
	return e.place
}

func (l *loader) readList(path string, list List, p toml.Primitive, meta *toml.MetaData) {
	value, place := locate(path, p, meta)
	tables, ok := value.([]map[string]any)
	if !ok {
		l.report(place, list.Key, fmt.Sprintf("must be tables: write [[%s]] above each, and its keys under it", list.Key))
		return
	}
	all := reflect.ValueOf(&l.config).Elem().FieldByIndex(list.index)
	for i, entry := range l.entries(path, list, place, tables) {
		problems := len(l.problems)
		made, values := l.readEntry(list, entry)
		all.Set(reflect.Append(all, made))
		if jwt, ok := all.Index(i).Addr().Interface().(*JWT); ok && problems == len(l.problems) {
			l.finishJWT(jwt, entry)
		}
		l.tables = append(l.tables, Table{Key: list.Key, Values: values})
	}
}

// readEntry is a table as the struct of its list, and its settings.
func (l *loader) readEntry(list List, e *entry) (reflect.Value, []Value) {
	made := reflect.New(list.kind).Elem()
	keys := list.keys()
	for _, name := range e.keys {
		if !slices.Contains(keys, list.Key+"."+name) {
			l.report(e.at(name), list.Key+"."+name, unknown("key", list.Key+"."+name, keys))
		}
	}
	var values []Value
	for _, f := range list.Fields {
		v, err := f.parse(f.fallback)
		if err != nil {
			panic(fmt.Sprintf("config: the default of %s: %v", f.Key, err)) // a tag of this package is wrong: every test says so
		}
		from := "default"
		if given, ok := e.values[last(f.Key)]; ok {
			from = e.at(last(f.Key))
			if checked, err := f.check(given); err != nil {
				l.report(from, f.Key, err.Error())
			} else {
				v = checked
			}
		}
		made.FieldByIndex(f.index).Set(reflect.ValueOf(v))
		shown := literal(v)
		if f.secret && v != "" {
			shown = `"hidden"`
		}
		values = append(values, Value{Field: f, Literal: shown, From: from})
	}
	return made, values
}

// entries finds out where everything stands. The decoder knows the lines of the last table of a list only, so each is
// decoded from the text that ends with it. Where that does not work, as under a head with quotes in it, every line is the list's.
func (l *loader) entries(path string, list List, place string, tables []map[string]any) []*entry {
	head := regexp.MustCompile(`(?m)^[ \t]*\[\[[ \t]*` + strings.Join(strings.Split(list.Key, "."), `[ \t]*\.[ \t]*`) + `[ \t]*\]\]`)
	heads := head.FindAllStringIndex(l.text, -1)
	var all []*entry
	for i, values := range tables {
		e := &entry{place: place, values: values, places: map[string]string{}}
		all = append(all, e)
		if len(heads) == len(tables) {
			e.place = fmt.Sprintf("%s:%d", path, 1+strings.Count(l.text[:heads[i][1]], "\n"))
			end := len(l.text)
			if i+1 < len(heads) {
				end = heads[i+1][0]
			}
			e.locate(path, l.text[:end], list)
		}
		for key := range values {
			if !slices.Contains(e.keys, key) {
				e.keys = append(e.keys, key)
			}
		}
	}
	return all
}

// locate finds the keys of the table that is the last of its list in a text.
func (e *entry) locate(path, text string, list List) {
	table, leaf, _ := strings.Cut(list.Key, ".")
	var top map[string]map[string]toml.Primitive
	meta, err := toml.Decode(text, &top)
	if err != nil {
		return // another table of this file is at fault, in what is no head at all
	}
	var tables []map[string]toml.Primitive
	if err := meta.PrimitiveDecode(top[table][leaf], &tables); err != nil || len(tables) == 0 {
		return
	}
	for _, key := range names(&meta, table, leaf) {
		if p, ok := tables[len(tables)-1][key]; ok {
			e.keys = append(e.keys, key)
			_, e.places[key] = locate(path, p, &meta)
		}
	}
}
