package main

import (
	"bytes"
	"strings"
	"testing"
)

// What is wrong with a flag is said with what it has to look like.
func TestWrongFlagsAreExplained(t *testing.T) {
	t.Parallel()
	const time = `must be a time, such as "90s", "12h" or "30d"`
	for args, want := range map[string]string{
		"invite --ttl banana":                     `--ttl: ` + time + `; it is "banana"`,
		"invite --ttl 10":                         `--ttl: ` + time + `; it is "10"`,
		"invite --ttl":                            "--ttl needs a value",
		"invite --ttl 30s":                        "--ttl must be from 1m to 24h",
		"invite --ttl 30d":                        "--ttl must be from 1m to 24h",
		"invite --json=maybe":                     `--json: must be true or false; it is "maybe"`,
		"invitation add --ttl 7days":              `--ttl: ` + time + `; it is "7days"`,
		"invitation add --ttl 1s":                 "--ttl must be from 1m to 366d",
		"invitation add --uses many":              `--uses: must be a whole number; it is "many"`,
		"token add --ttl banana ada script":       `--ttl: ` + time + `, or never; it is "banana"`,
		"token add --ttl 1ms ada script":          `--ttl: must be a second at least; it is "1ms"`,
		"serve --set listen":                      `--set: must be KEY=VALUE; it is "listen"`,
		"serve --liste :8000":                     "there is no flag --liste; did you mean --listen?",
		"serve --set limits.frame_bytes=1 --data": "--data needs a value",
		`invite --ttl "for`:                       `--ttl: ` + time + `; it is "\"for"`,
	} {
		var out, errors bytes.Buffer
		code := run(program{args: strings.Fields(args), out: &out, errors: &errors})
		if text := errors.String(); code != 2 || !strings.Contains(text, ": "+want+" (") {
			t.Errorf("snug %s: code %d, %s", args, code, text)
		}
	}
}
