package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// document is the OpenAPI document as tests hold it against the server.
type document struct {
	operations map[string]operation // by method and path: "GET /me"

	compiling sync.Mutex // the compiler is for one at a time
	compiler  *jsonschema.Compiler
}

// operation is one operation of the document, with what it refers to filled in.
type operation struct {
	path       *regexp.Regexp // of the address from the root, without its query
	parameters []parameter
	scopes     []string          // of a token; nil: anybody may
	requests   map[string]string // where the schema of a body is, by its media type
	answers    map[int]map[string]string
}

type parameter struct {
	Name string `json:"name"`
	In   string `json:"in"`
}

const documentURL = "openapi.json"

// readDocument reads the document once for all tests.
var readDocument = sync.OnceValues(func() (*document, error) {
	content, err := os.ReadFile("api/openapi.json")
	if err != nil {
		return nil, err
	}
	root, err := jsonschema.UnmarshalJSON(strings.NewReader(string(content)))
	if err != nil {
		return nil, err
	}
	// Programs take fields that they do not know; a test does not.
	closeObjects(root.(map[string]any)["components"].(map[string]any)["schemas"])
	d := &document{operations: map[string]operation{}, compiler: jsonschema.NewCompiler()}
	d.compiler.DefaultDraft(jsonschema.Draft2020)
	if err := d.compiler.AddResource(documentURL, root); err != nil {
		return nil, err
	}
	for path, methods := range root.(map[string]any)["paths"].(map[string]any) {
		at := apiPath + strings.TrimPrefix(path, "/")
		if methods.(map[string]any)["servers"] != nil {
			at = path
		}
		at = regexp.MustCompile(`\\\{\w+\\\}`).ReplaceAllString(regexp.QuoteMeta(at), `[^/]+`)
		for method, o := range methods.(map[string]any) {
			if method == "servers" {
				continue
			}
			pointer := "#/paths/" + strings.ReplaceAll(path, "/", "~1") + "/" + method
			op := d.operation(root, o.(map[string]any), pointer)
			op.path = regexp.MustCompile("^" + at + "$")
			d.operations[strings.ToUpper(method)+" "+path] = op
		}
	}
	return d, nil
})

func closeObjects(schema any) {
	switch schema := schema.(type) {
	case map[string]any:
		if schema["properties"] != nil && schema["additionalProperties"] == nil {
			schema["additionalProperties"] = false
		}
		for _, inner := range schema {
			closeObjects(inner)
		}
	case []any:
		for _, inner := range schema {
			closeObjects(inner)
		}
	}
}

// follow gives what a reference within the document means, and where that is.
func follow(root any, o map[string]any, pointer string) (map[string]any, string) {
	to, ok := o["$ref"].(string)
	if !ok {
		return o, pointer
	}
	at := root
	for _, part := range strings.Split(to, "/")[1:] {
		at = at.(map[string]any)[part]
	}
	return at.(map[string]any), to
}

func (d *document) operation(root any, o map[string]any, pointer string) operation {
	op := operation{requests: map[string]string{}, answers: map[int]map[string]string{}}
	for _, p := range list(slices.Clone(anys(o["parameters"]))) {
		found, _ := follow(root, p.(map[string]any), "")
		op.parameters = append(op.parameters, parameter{found["name"].(string), found["in"].(string)})
	}
	for _, way := range anys(o["security"]) {
		for _, scope := range anys(way.(map[string]any)["token"]) {
			op.scopes = append(op.scopes, scope.(string))
		}
	}
	if body, ok := o["requestBody"].(map[string]any); ok {
		op.requests = contents(body, pointer+"/requestBody")
	}
	for status, answer := range o["responses"].(map[string]any) {
		found, at := follow(root, answer.(map[string]any), pointer+"/responses/"+status)
		var code int
		fmt.Sscan(status, &code)
		op.answers[code] = contents(found, at)
	}
	return op
}

func anys(v any) []any {
	a, _ := v.([]any)
	return a
}

// contents says where the schemas of a body are.
func contents(o map[string]any, pointer string) map[string]string {
	at := map[string]string{}
	kinds, _ := o["content"].(map[string]any)
	for kind := range kinds {
		at[kind] = pointer + "/content/" + strings.ReplaceAll(kind, "/", "~1") + "/schema"
	}
	return at
}

// find is the operation that a call is one of.
func (d *document) find(method, path string) (string, operation, bool) {
	for name, op := range d.operations {
		if strings.HasPrefix(name, method+" ") && op.path.MatchString(path) && !(strings.Contains(name, "{") && d.literal(method, path)) {
			return name, op, true
		}
	}
	return "", operation{}, false
}

// literal reports whether an address is one without parameters.
func (d *document) literal(method, path string) bool {
	_, ok := d.operations[method+" /"+strings.TrimPrefix(path, apiPath)]
	return ok
}

func (d *document) validate(at string, body string) error {
	d.compiling.Lock()
	schema, err := d.compiler.Compile(documentURL + at)
	d.compiling.Unlock()
	if err != nil {
		return err
	}
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(body))
	if err != nil {
		return err
	}
	return schema.Validate(value)
}

// holdTo checks that a call and its answer are as the document says. A request that was refused need not be.
func (a answer) holdTo(t testing.TB, method, address string, kind, body string) {
	t.Helper()
	d, err := readDocument()
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	name, op, ok := d.find(method, u.EscapedPath())
	if !ok {
		return // no address of the API
	}
	if a.status == http.StatusMethodNotAllowed || a.status == http.StatusMisdirectedRequest {
		return // it was no call of this operation
	}
	schemas, ok := op.answers[a.status]
	if !ok {
		t.Errorf("%s: the document does not know status %d:\n%s", name, a.status, a.body)
		return
	}
	if given := a.header.Get("Content-Type"); a.status != http.StatusNoContent {
		at, ok := schemas[given]
		if !ok {
			t.Errorf("%s: the document does not know %q for %d", name, given, a.status)
		} else if err := d.validate(at, a.body); err != nil {
			t.Errorf("%s: the answer is not as the document says: %v\n%s", name, err, a.body)
		}
	}
	if a.status >= http.StatusBadRequest || kind != "application/json" {
		return
	}
	if at, ok := op.requests[kind]; !ok {
		t.Errorf("%s: the document knows no %s", name, kind)
	} else if err := d.validate(at, body); err != nil {
		t.Errorf("%s: the request was good and is not as the document says: %v\n%s", name, err, body)
	}
}

// TestTheDocumentIsOfTheseRoutes holds the document against the mux: every route for programs is in it, and nothing more.
func TestTheDocumentIsOfTheseRoutes(t *testing.T) {
	t.Parallel()
	d, err := readDocument()
	if err != nil {
		t.Fatal(err)
	}
	s := newSite(t)
	var routes []string
	for _, pattern := range s.server.routes().patterns {
		method, path, _ := strings.Cut(pattern, " ")
		if forPrograms(path) {
			routes = append(routes, method+" /"+strings.TrimPrefix(strings.TrimPrefix(path, apiPath), "/"))
		}
	}
	for _, route := range routes {
		if _, ok := d.operations[route]; !ok {
			t.Errorf("%s is not in the document", route)
		}
	}
	for name := range d.operations {
		if !slices.Contains(routes, name) {
			t.Errorf("%s is in the document and is no route", name)
		}
	}
	for _, route := range s.server.apiRoutes() {
		op := d.operations[route.method+" /"+route.path]
		if got := strings.Join(op.scopes, " "); got != route.scope {
			t.Errorf("%s %s: the document says scope %q, the route %q", route.method, route.path, got, route.scope)
		}
	}
	answer := s.guest().call("GET", "openapi.json", nil).want(t, 200)
	if answer.object(t)["openapi"] != "3.1.0" {
		t.Errorf("the document is %.80s", answer.body)
	}
}

// TestTheDocumentKnowsEveryParameter holds the parameters of the document against what the routes take: each is taken, and
// nothing else.
func TestTheDocumentKnowsEveryParameter(t *testing.T) {
	t.Parallel()
	d, err := readDocument()
	if err != nil {
		t.Fatal(err)
	}
	s := newSite(t)
	ada := s.person("ada")
	ada.call("POST", "rooms", map[string]any{"name": "lobby"}).want(t, 201)
	filled := strings.NewReplacer("{room}", "lobby", "{name}", "ada", "{id}", "019aa5b2-7c00-7000-8000-0000000000a1")
	for name, op := range d.operations {
		method, path, _ := strings.Cut(name, " ")
		if strings.HasPrefix(path, hookPath) {
			continue // what is behind its address is for other programs to know
		}
		path = filled.Replace(strings.TrimPrefix(path, "/"))
		for _, unknown := range []string{"nonsense=1", "Limit=1", "limit=1&limit=2"} {
			a := ada.call(method, path+"?"+unknown, map[string]any{"message": "x"})
			a.isProblem(t, 400, "bad_field")
		}
		for _, p := range op.parameters {
			if p.In != "query" {
				continue
			}
			// A value that no parameter takes: the answer is about the value, not about the name.
			a := ada.call(method, path+"?"+p.Name+"=%FF", nil)
			a.isProblem(t, 400, "bad_field")
			if !strings.Contains(a.body, "must be UTF-8") {
				t.Errorf("%s does not know %q: %s", name, p.Name, a.body)
			}
		}
	}
	var o struct{ Detail string }
	if err := json.Unmarshal([]byte(ada.call("GET", "users?limt=1", nil).body), &o); err != nil || !strings.Contains(o.Detail, `"limt"`) {
		t.Errorf("an unknown parameter is told as %q", o.Detail)
	}
}
