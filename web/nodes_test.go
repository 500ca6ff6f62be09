package web

import (
	"net/http"
	"strings"
	"sync"
	"testing"
)

// fakeNodes is a cluster of a test.
type fakeNodes struct {
	mu       sync.Mutex // guards what follows
	others   []Node
	keys     []string
	watchers []func()
}

func newNodes(others ...Node) *fakeNodes {
	return &fakeNodes{others: others, keys: []string{strings.Repeat("k", 32)}}
}

func (f *fakeNodes) Name() string { return "attic" }

func (f *fakeNodes) Others() []Node {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.others
}

func (f *fakeNodes) Keys(string) [][]byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	var list [][]byte
	for _, key := range f.keys {
		list = append(list, []byte(key))
	}
	return list
}

func (f *fakeNodes) Watch(fn func()) (stop func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.watchers = append(f.watchers, fn)
	return func() {}
}

// set changes the others and tells it.
func (f *fakeNodes) set(others ...Node) {
	f.mu.Lock()
	f.others = others
	watchers := f.watchers
	f.mu.Unlock()
	for _, fn := range watchers {
		fn()
	}
}

func names(f frame) []string {
	items, _ := f["nodes"].([]any)
	found := []string{}
	for _, item := range items {
		node, _ := item.(map[string]any)
		name, _ := node["name"].(string)
		found = append(found, name)
	}
	return found
}

func TestPagesAreToldOfNodesThatAreThere(t *testing.T) {
	t.Parallel()
	barn, shed := Node{Name: "barn", URL: "http://barn:8000", Alive: true}, Node{Name: "shed", URL: "https://shed/snug"}
	nodes := newNodes(shed, barn, Node{Name: "evil", URL: "http://x; script-src *", Alive: true}, Node{Name: "six", URL: "http://[::1]:8000/", Alive: true})
	s := newSite(t, func(o *siteOptions) { o.Web.Nodes = nodes })
	ada := s.person("ada")
	page, program := ada.dial("/ws/", func(h http.Header) { h.Set("Origin", s.url) }), ada.dial("/ws/")
	page.only("hello")
	answer := page.ask(`{"type":"nodes","ref":1}`)
	if got := names(answer); strings.Join(got, " ") != "barn" || answer["node"] != "attic" || answer["move"] == nil {
		t.Errorf("the answer is %v", answer)
	}
	if answer := program.ask(`{"type":"nodes","ref":1}`); answer["move"] != nil {
		t.Errorf("a program, which has no origin, got a pass: %v", answer)
	}
	shed.Alive = true
	nodes.set(barn, shed)
	nodes.set(barn, shed) // no change, nothing to tell
	nodes.set(shed)
	for _, want := range []string{"barn shed", "shed"} {
		if told := page.next("nodes"); strings.Join(names(told), " ") != want || told["move"] != nil {
			t.Errorf("told %v, want %s and no pass", told, want)
		}
	}
}

func TestOnlyChatScreensMayReachOtherNodes(t *testing.T) {
	t.Parallel()
	nodes := newNodes(Node{Name: "barn", URL: "http://barn:8000/x/", Alive: true}, Node{Name: "shed", URL: "https://shed/"}, Node{Name: "evil", URL: "http://x; script-src *"})
	s := newSite(t, func(o *siteOptions) { o.Web.Nodes = nodes })
	ada := s.person("ada")
	s.person("grace")
	for _, path := range []string{"/chat/lobby/", "/pm/grace/"} {
		got := ada.get(path).want(t, http.StatusOK).header.Get("Content-Security-Policy")
		for _, part := range []string{"; connect-src 'self' http://barn:8000 https://shed; ", "; form-action 'self' http://barn:8000 https://shed; ", "; script-src 'self'; "} {
			if !strings.Contains(got, part) {
				t.Errorf("the policy of %s has no %q: %s", path, part, got)
			}
		}
		if len(got) != len(policy)+2*len(" http://barn:8000 https://shed") {
			t.Errorf("the policy of %s allows more: %s", path, got)
		}
	}
	for _, path := range []string{"/", "/chat/", "/log_out/"} {
		if got := ada.get(path).header.Get("Content-Security-Policy"); got != policy {
			t.Errorf("the policy of %s is %s", path, got)
		}
	}
}

func TestServerThatIsAloneKnowsNoNodes(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada := s.person("ada")
	k := ada.dial("/ws/", func(h http.Header) { h.Set("Origin", s.url) })
	if answer := k.ask(`{"type":"nodes","ref":1}`); len(names(answer)) > 0 || answer["move"] != nil || answer["node"] != nil {
		t.Errorf("the answer is %v", answer)
	}
	if got := ada.get("/chat/lobby/").header.Get("Content-Security-Policy"); got != policy {
		t.Errorf("the policy is %s", got)
	}
	ada.post("/move/", nil).want(t, http.StatusNotFound)
}
