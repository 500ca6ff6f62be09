package config

import (
	"fmt"
	"io"
	"strings"
)

// Print writes the settings as a file that [Load] reads, with where each came from. Only secrets are left out: a file that
// had one does not load until it is put in again.
func (e *Effective) Print(w io.Writer) error {
	groups, width := e.groups(), 0
	for _, group := range groups {
		for _, v := range group.Values {
			width = max(width, len(line(v)))
		}
	}
	var b strings.Builder
	for i, group := range groups {
		if i > 0 {
			b.WriteString("\n")
		}
		b.WriteString(group.Key + "\n")
		for _, v := range group.Values {
			fmt.Fprintf(&b, "%-*s # %s\n", width, line(v), v.From)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// groups are the tables of the file, with their heads: [log] or [[auth.jwt]].
func (e *Effective) groups() []Table {
	var groups []Table
	for _, v := range e.Values {
		table, _, _ := strings.Cut(v.Key, ".")
		if n := len(groups); n == 0 || groups[n-1].Key != "["+table+"]" {
			groups = append(groups, Table{Key: "[" + table + "]"})
		}
		group := &groups[len(groups)-1]
		group.Values = append(group.Values, v)
	}
	for _, t := range e.Tables {
		groups = append(groups, Table{Key: "[[" + t.Key + "]]", Values: t.Values})
	}
	return groups
}

func line(v Value) string { return last(v.Key) + " = " + v.Literal }
