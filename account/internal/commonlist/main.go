// Command commonlist writes the list of passwords that nobody may choose.
//
// The list is made, not collected: from words and names that are known to be favourites, and from the ways in which
// people lengthen them, walk over the keyboard, count and repeat. So the repository holds nobody's leaked password,
// and whoever wants the list longer adds a word here and runs `go generate ./account`.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"log"
	"os"
	"slices"
	"strings"
	"unicode/utf8"
)

// shortest is the length below which a password is refused anyway.
const shortest = 8

func main() {
	log.SetFlags(0)
	out := flag.String("o", "common_passwords.txt", "the file to write")
	flag.Parse()
	if err := write(*out); err != nil {
		log.Fatal(err)
	}
}

func write(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f)
	for _, password := range passwords() {
		fmt.Fprintln(w, password)
	}
	if err := w.Flush(); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

// passwords gives the whole list: lower case, sorted, each once.
func passwords() []string {
	var all []string
	add := func(passwords ...string) { all = append(all, passwords...) }
	add(favourites...)
	for _, word := range words {
		for _, ending := range wordEndings {
			add(word + ending)
		}
		add(word, word+word)
	}
	for _, name := range names {
		for _, ending := range nameEndings {
			add(name + ending)
		}
		add(name, name+name, "ilove"+name, "iloveyou"+name)
	}
	for _, row := range rows {
		add(walks(row)...)
		add(walks(reverse(row))...)
	}
	for _, block := range blocks {
		for times := 2; times <= 6; times++ {
			add(strings.Repeat(block, times))
		}
	}
	for c := range strings.SplitSeq(repeated, "") {
		for n := shortest; n <= 12; n++ {
			add(strings.Repeat(c, n))
		}
		add(strings.Repeat(c, 16))
	}
	for year := 1950; year <= 2030; year++ {
		y := fmt.Sprint(year)
		add(y+y, "0101"+y, y+"0101", "3112"+y, "1234"+y, y+"1234", "password"+y)
		for _, season := range seasons {
			if year >= 2010 {
				add(season+y, season+y+"!")
			}
		}
	}
	for i, word := range all {
		all[i] = strings.ToLower(word)
	}
	all = slices.DeleteFunc(all, func(s string) bool { return utf8.RuneCountInString(s) < shortest })
	slices.Sort(all)
	return slices.Compact(all)
}

// walks gives the pieces of a row of keys, from each of its first keys on.
func walks(row string) []string {
	keys := []rune(row)
	var pieces []string
	for start := range min(4, len(keys)) {
		for end := start + shortest; end <= len(keys); end++ {
			pieces = append(pieces, string(keys[start:end]))
		}
	}
	return pieces
}

func reverse(s string) string {
	letters := []rune(s)
	slices.Reverse(letters)
	return string(letters)
}
