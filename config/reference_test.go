package config

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write config.example.toml and the tables of docs/configuration.md anew")

const (
	exampleFile   = "../config.example.toml"
	referenceFile = "../docs/configuration.md"
)

// TestExampleIsTheDefaults takes the mark of a comment from every setting of the example and reads it as a file.
func TestExampleIsTheDefaults(t *testing.T) {
	if *update {
		if err := os.WriteFile(exampleFile, []byte(example()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(exampleFile)
	if err != nil {
		t.Fatal(err)
	}
	active := regexp.MustCompile(`(?m)^#(\w+ = |\[\[)`).ReplaceAllString(string(text), "$1")
	active = strings.ReplaceAll(active, exampleKey, writeKey(t, newES256(t).Public()))
	e, err := load(t, active, nil)
	if err != nil {
		t.Fatalf("a setting of the example is not one:\n%v", err)
	}
	all := e.Values
	for _, table := range e.Tables {
		all = append(all, table.Values...)
	}
	if len(e.Tables) != len(Lists()) {
		t.Errorf("the example has %d tables of lists, want one of each", len(e.Tables))
	}
	for _, v := range all {
		if v.From == "default" {
			t.Errorf("%s is missing from the example", v.Key)
		}
		if _, ok := exampleValues[v.Key]; ok {
			continue
		}
		name := regexp.QuoteMeta(last(v.Key) + " = " + v.Default())
		if !regexp.MustCompile(`(?m)^#?` + name + `$`).MatchString(string(text)) {
			t.Errorf("the example does not show %s with its default, %s", v.Key, v.Default())
		}
		above, _, _ := strings.Cut(string(text), "\n#"+last(v.Key)+" = ")
		if comment := above[strings.LastIndex(above, "\n\n")+2:]; !strings.Contains(comment, v.Unit) {
			t.Errorf("the example does not name the unit of %s (%s) above it", v.Key, v.Unit)
		}
	}
}

func TestExampleIsUpToDate(t *testing.T) {
	text, err := os.ReadFile(exampleFile)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(example(), string(text)); diff != "" {
		t.Errorf("run go test ./config -update:\n%s", diff)
	}
}

func TestReferenceIsUpToDate(t *testing.T) {
	text, err := os.ReadFile(referenceFile)
	if err != nil {
		t.Fatal(err)
	}
	const begin, end = "<!-- settings: written by go test ./config -update -->\n", "<!-- end of the settings -->"
	head, rest, found := strings.Cut(string(text), begin)
	_, tail, foundEnd := strings.Cut(rest, end)
	if !found || !foundEnd {
		t.Fatalf("%s has lost its marks", referenceFile)
	}
	want := head + begin + reference() + end + tail
	if *update {
		if err := os.WriteFile(referenceFile, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, string(text)); diff != "" {
		t.Errorf("run go test ./config -update:\n%s", diff)
	}
}

func example() string {
	var b strings.Builder
	b.WriteString(`# Every setting of Snug, with its default. Take away the # before a setting to change it.
#
# Snug reads the file that --config or SNUG_CONFIG names, else snug.toml in its data directory, else /etc/snug/snug.toml. The environment comes
# after the file (SNUG_LIMITS_QUEUE_BYTES is queue_bytes under [limits]), flags come last. "snug config check FILE" says what is wrong with a
# file, "snug config print" what is in force and why. Times are written "90s", "15m", "12h", "30d".
`)
	table := ""
	for _, f := range Fields() {
		t, name, _ := strings.Cut(f.Key, ".")
		if t != table {
			table = t
			fmt.Fprintf(&b, "\n[%s]\n", table)
		}
		b.WriteString(exampleField(f, name, f.Default()))
	}
	for _, list := range Lists() {
		fmt.Fprintf(&b, "\n%s#[[%s]]\n", wrap(list.Doc), list.Key)
		for _, f := range list.Fields {
			value := f.Default()
			if shown, ok := exampleValues[f.Key]; ok {
				value = shown
			}
			b.WriteString(exampleField(f, last(f.Key), value))
		}
	}
	return b.String()
}

func exampleField(f Field, name, value string) string {
	words := f.Doc
	if f.Unit != "" {
		words += " Unit: " + f.Unit + "."
	}
	words += " Allowed: " + f.Allowed() + "."
	return fmt.Sprintf("\n%s#%s = %s\n", wrap(words), name, value)
}

const exampleKey = "/etc/snug/site.pem"

// exampleValues are what the example shows where the default would say nothing. There is no secret among them: somebody
// would keep it.
var exampleValues = map[string]string{
	"auth.jwt.name":            `"site"`,
	"auth.jwt.algorithm":       `"ES256"`,
	"auth.jwt.public_key_file": `"` + exampleKey + `"`,
}

// wrap breaks words into lines of comment.
func wrap(words string) string {
	var b strings.Builder
	line := "#"
	for word := range strings.FieldsSeq(words) {
		if len(line)+1+len(word) > 140 {
			b.WriteString(line + "\n")
			line = "#"
		}
		line += " " + word
	}
	return b.String() + line + "\n"
}

func reference() string {
	var b strings.Builder
	table := ""
	for _, f := range Fields() {
		t, name, _ := strings.Cut(f.Key, ".")
		if t != table {
			table = t
			fmt.Fprintf(&b, "\n### [%s]\n\n| key | default | unit | what it does | allowed |\n|---|---|---|---|---|\n", table)
		}
		b.WriteString(row(f, name))
	}
	for _, list := range Lists() {
		fmt.Fprintf(&b, "\n### [[%s]]\n\n%s It stands only in the file.\n\n", list.Key, list.Doc)
		b.WriteString("| key | default | unit | what it does | allowed |\n|---|---|---|---|---|\n")
		for _, f := range list.Fields {
			b.WriteString(row(f, last(f.Key)))
		}
	}
	return b.String() + "\n"
}

func row(f Field, name string) string {
	return fmt.Sprintf("| `%s` | `%s` | %s | %s | %s |\n", name, f.Default(), f.Unit, cell(f.Doc), cell(f.Allowed()))
}

func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }
