package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"snug/account"
	"snug/snugtest"
)

// example is a call that docs/api.md shows.
type example struct {
	operation string // its operationId in the OpenAPI document
	status    string // "stream" for events
	keep      map[string]string
	script    string
	answer    string // as the page shows it, "" if it does not
}

// readExamples takes them from the page: a comment that says what is called and what comes of it, a script, an answer.
func readExamples(t *testing.T) []example {
	t.Helper()
	page, err := os.ReadFile("docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	form := regexp.MustCompile("(?m)^<!-- call: (\\w+) (\\w+)((?: \\w+=\\w+)*) -->\n```sh\n((?:.*\n)+?)```\n(?:```json\n(.*)\n```\n)?")
	var all []example
	for _, m := range form.FindAllStringSubmatch(string(page), -1) {
		e := example{operation: m[1], status: m[2], script: m[4], answer: m[5], keep: map[string]string{}}
		for pair := range strings.FieldsSeq(m[3]) {
			name, field, _ := strings.Cut(pair, "=")
			e.keep[name] = field
		}
		all = append(all, e)
	}
	if comments := strings.Count(string(page), "<!-- call:"); comments != len(all) {
		t.Fatalf("%d of %d examples can be read", len(all), comments)
	}
	if fences := strings.Count(string(page), "```sh\n"); fences != len(all) {
		t.Fatalf("%d scripts, and %d say what comes of them", fences, len(all))
	}
	return all
}

// operations are the ids of all operations in the OpenAPI document.
func operations(t *testing.T) []string {
	t.Helper()
	content, err := os.ReadFile("web/api/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	var document struct {
		Paths map[string]map[string]json.RawMessage
	}
	if err := json.Unmarshal(content, &document); err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, methods := range document.Paths {
		for method, raw := range methods {
			var o struct{ OperationID string }
			if method != "servers" && json.Unmarshal(raw, &o) == nil {
				ids = append(ids, o.OperationID)
			}
		}
	}
	return ids
}

// TestTheExamplesOfTheAPIWork runs every example of docs/api.md with curl, in order, against the real server.
func TestTheExamplesOfTheAPIWork(t *testing.T) {
	t.Parallel()
	examples := readExamples(t)
	missing := operations(t)
	for _, e := range examples {
		missing = slices.DeleteFunc(missing, func(id string) bool { return id == e.operation })
	}
	if len(missing) > 0 {
		t.Errorf("docs/api.md shows no call of %v", missing)
	}
	s := snugtest.Start(t, snugtest.Options{})
	snugtest.SignUp(t, s.URL, "grace", password)
	ada := snugtest.SignUp(t, s.URL, "ada", password)
	// She is online when the server has told her so; an upgrade is answered before.
	if _, err := snugtest.Dial(t, ada, s.URL+"/users/").Receive(t.Context()); err != nil {
		t.Fatal(err)
	}
	variables := map[string]string{"SNUG": s.URL, "TOKEN": tokenOf(t, s.URL, "ada")}
	for _, e := range examples {
		body, status := curl(t, e, variables)
		if e.status == "stream" {
			if !strings.Contains(body, "event: hello\ndata: {") {
				t.Errorf("%s: the stream begins with:\n%s", e.operation, body)
			}
			continue
		}
		if status != e.status {
			t.Errorf("%s: status %s, want %s:\n%s\n%s", e.operation, status, e.status, e.script, body)
			continue
		}
		if e.answer == "" {
			continue
		}
		var got, want any
		if err := json.Unmarshal([]byte(e.answer), &want); err != nil {
			t.Fatalf("%s: the page shows an answer that is no JSON: %v", e.operation, err)
		}
		if err := json.Unmarshal([]byte(body), &got); err != nil {
			t.Errorf("%s: answer is no JSON: %s", e.operation, body)
			continue
		}
		if problem := differ("", want, got); problem != "" {
			t.Errorf("%s: %s\nthe page shows: %s\nthe server says: %s", e.operation, problem, e.answer, body)
		}
		for name, field := range e.keep {
			variables[name] = got.(map[string]any)[field].(string)
		}
	}
}

// curl runs a script as a person would, and returns what the last call printed.
func curl(t *testing.T, e example, variables map[string]string) (body, status string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	options := `-sS -w '\n%{http_code}'`
	if e.status == "stream" {
		options = "-sS --max-time 3" // it would never end
	}
	cmd := exec.CommandContext(ctx, "bash", "-c", "curl() { command curl "+options+` "$@"; }`+"\n"+e.script)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH")}
	for name, value := range variables {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	out, err := cmd.CombinedOutput()
	if err != nil && e.status != "stream" {
		t.Fatalf("%s: %v\n%s\n%s", e.operation, err, e.script, out)
	}
	body, status = string(out), ""
	if at := strings.LastIndexByte(body, '\n'); at >= 0 && e.status != "stream" {
		body, status = body[:at], body[at+1:]
	}
	return body, status
}

// differ says where two values are not of the same shape: objects with the same fields, lists of things alike.
func differ(at string, want, got any) string {
	switch want := want.(type) {
	case map[string]any:
		object, ok := got.(map[string]any)
		if !ok {
			return at + " is no object"
		}
		names := slices.Sorted(maps.Keys(want))
		if others := slices.Sorted(maps.Keys(object)); !slices.Equal(names, others) {
			return fmt.Sprintf("%s has the fields %v, and not %v", at, others, names)
		}
		for _, name := range names {
			if problem := differ(at+"."+name, want[name], object[name]); problem != "" {
				return problem
			}
		}
	case []any:
		items, ok := got.([]any)
		if !ok || (len(want) == 0) != (len(items) == 0) {
			return fmt.Sprintf("%s is %v", at, got)
		}
		for i := range min(len(want), len(items)) {
			if problem := differ(fmt.Sprintf("%s[%d]", at, i), want[i], items[i]); problem != "" {
				return problem
			}
		}
	default:
		if fmt.Sprintf("%T", want) != fmt.Sprintf("%T", got) {
			return fmt.Sprintf("%s is a %T, and not a %T", at, got, want)
		}
	}
	return ""
}

// tokenOf makes an access token on the page for it, for reading and writing.
func tokenOf(t *testing.T, base, name string) string {
	t.Helper()
	client := snugtest.LogIn(t, base, name, password)
	response, err := client.PostForm(base+"/settings/tokens/", url.Values{"name": {"docs"}, "scope": {account.ScopeRead, account.ScopeWrite}, "days": {"30"}})
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	page, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	token := regexp.MustCompile(account.TokenPrefix + `[\w-]+`).FindString(string(page))
	if token == "" {
		t.Fatalf("no token: %s\n%s", response.Status, page)
	}
	return token
}
