package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"snug/snugtest"
)

// password is everybody's.
const password = "correct horse battery"

// atOnce is how many tests run beside each other unless -parallel says otherwise: they start servers and browsers, and most of their time they wait for
// those. With more of them, what each server and browser does takes longer than a person would wait.
const atOnce = 6

func TestMain(m *testing.M) {
	if err := flag.Set("test.parallel", strconv.Itoa(atOnce)); err != nil {
		panic(err)
	}
	testscript.Main(snugtest.Main{M: m}, map[string]func(){"snug": main})
}

// TestScripts runs the commands as an operator types them; testdata/script holds what is typed and what is to come of it.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			env.Setenv("HOME", env.WorkDir+"/home")
			return os.Mkdir(env.WorkDir+"/home", 0o700)
		},
	})
}

// TestScriptsOfTheOffice runs what changes people and rooms twice: beside a server and without one.
func TestScriptsOfTheOffice(t *testing.T) {
	t.Parallel()
	for _, beside := range []bool{true, false} {
		t.Run(fmt.Sprintf("beside=%t", beside), func(t *testing.T) {
			t.Parallel()
			testscript.Run(t, testscript.Params{
				Dir: "testdata/office",
				Setup: func(env *testscript.Env) error {
					server := snugtest.Start(t, snugtest.Options{})
					if !beside {
						server.Stop()
					}
					env.Setenv("HOME", env.WorkDir+"/home")
					env.Setenv("DATA", server.Dir)
					return os.Mkdir(env.WorkDir+"/home", 0o700)
				},
			})
		})
	}
}

func TestEveryCommandHasHelp(t *testing.T) {
	t.Parallel()
	for _, c := range commands() {
		for _, args := range [][]string{append(strings.Fields(c.name), "--help"), append([]string{"help"}, strings.Fields(c.name)...)} {
			var out, errors bytes.Buffer
			if code := run(program{args: args, out: &out, errors: &errors}); code != 0 || errors.Len() > 0 {
				t.Errorf("snug %s: code %d, %s", strings.Join(args, " "), code, errors.String())
			}
			if !strings.HasPrefix(out.String(), "Usage: snug "+c.name) {
				t.Errorf("snug %s prints\n%s", strings.Join(args, " "), out.String())
			}
		}
	}
}

func TestHelpListsEveryCommandOnceWithThoseOfItsGroup(t *testing.T) {
	t.Parallel()
	text := overview()
	for _, g := range groups() {
		_, rest, found := strings.Cut(text, "\n"+g.title+":\n")
		if !found {
			t.Fatalf("there is no heading %q in\n%s", g.title, text)
		}
		section, _, _ := strings.Cut(rest, "\n\n")
		for _, c := range g.commands {
			if !strings.Contains("\n"+section, "\n  "+c.name+" ") || strings.Count(text, "\n  "+strings.TrimSpace(c.name+" "+c.args)+" ") != 1 {
				t.Errorf("%s does not stand once, under %s:\n%s", c.name, g.title, text)
			}
		}
	}
	if first := commands()[0].name; first != "serve" {
		t.Errorf("snug alone does %s", first)
	}
}

func TestMisspeltFirstWordIsGuessed(t *testing.T) {
	t.Parallel()
	for typed, want := range map[string]string{"rom": "snug room?", "invitaton": "snug invitation?", "sevre": "snug serve?"} {
		var out, errors bytes.Buffer
		if code := run(program{args: []string{typed, "list"}, out: &out, errors: &errors}); code != 2 || !strings.Contains(errors.String(), "did you mean "+want) {
			t.Errorf("snug %s list: code %d, %s", typed, code, errors.String())
		}
	}
}

func TestFirstWordsOfCommandsHaveHelp(t *testing.T) {
	t.Parallel()
	for _, c := range commands() {
		first, _, two := strings.Cut(c.name, " ")
		if !two {
			continue
		}
		for _, args := range [][]string{{first, "--help"}, {first, "-h"}, {"help", first}} {
			var out, errors bytes.Buffer
			if code := run(program{args: args, out: &out, errors: &errors}); code != 0 || errors.Len() > 0 {
				t.Errorf("snug %s: code %d, %s", strings.Join(args, " "), code, errors.String())
			}
			if !strings.Contains(out.String(), "\n  "+c.name+" ") || strings.Contains(out.String(), "\n  serve ") {
				t.Errorf("snug %s prints\n%s", strings.Join(args, " "), out.String())
			}
		}
	}
}
