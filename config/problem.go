package config

import (
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing that is wrong with the configuration.
type Problem struct {
	Place string // "snug.toml:12", "environment", "flag"
	Name  string // what the operator wrote there: a key, a variable, a flag
	Text  string // what is allowed
}

// String is one line for a person.
func (p Problem) String() string {
	if p.Name == "" {
		return p.Place + ": " + p.Text
	}
	return p.Place + ": " + p.Name + ": " + p.Text
}

// Problems is everything that is wrong with the configuration, in the order of the sources.
type Problems []Problem

func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i := range p {
		lines[i] = p[i].String()
	}
	return strings.Join(lines, "\n")
}

// unknown is the text for a name that does not exist.
func unknown(what, name string, known []string) string {
	if near := Nearest(name, known); near != "" {
		return fmt.Sprintf("there is no such %s; did you mean %s?", what, near)
	}
	return fmt.Sprintf("there is no such %s; snug config print lists all settings", what)
}

// Nearest is the known name that a misspelt one most likely means, or "".
func Nearest(name string, known []string) string {
	best, least := "", max(2, len(name)/4)+1
	for _, k := range known {
		if d := distance(strings.ToLower(name), strings.ToLower(k)); d < least {
			best, least = k, d
		}
	}
	if best != "" {
		return best
	}
	// The right name in the wrong table, or in none.
	leaf, separator := last(strings.ToLower(name)), "."
	if rest, ok := strings.CutPrefix(name, prefix); ok {
		leaf, separator = rest, "_"
	}
	for _, k := range known {
		if strings.HasSuffix(k, separator+leaf) {
			return k
		}
	}
	return ""
}

func last(key string) string { return key[strings.LastIndexByte(key, '.')+1:] }

// distance counts the letters to insert, remove, replace or swap with their neighbour to make one word the other.
func distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	before, row := make([]int, len(y)+1), make([]int, len(y)+1)
	for j := range row {
		row[j] = j
	}
	for i := range x {
		older := before
		before, row = row, slices.Clone(row)
		row[0] = i + 1
		for j := range y {
			cost := 1
			if x[i] == y[j] {
				cost = 0
			}
			row[j+1] = min(before[j+1]+1, row[j]+1, before[j]+cost)
			if i > 0 && j > 0 && x[i] == y[j-1] && x[i-1] == y[j] {
				row[j+1] = min(row[j+1], older[j-1]+1)
			}
		}
	}
	return row[len(y)]
}
