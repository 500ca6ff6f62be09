package web

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"
)

// withCluster is a site that believes to be one of several.
func withCluster(view ClusterView, err error) func(*siteOptions) {
	return func(o *siteOptions) {
		o.Web.Cluster = func(context.Context) (ClusterView, error) { return view, err }
	}
}

func someNodes() ClusterView {
	since := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	return ClusterView{
		Members: []MemberView{
			{ID: "0123456789abcdef0123456789abcdef", Name: "attic", Address: "192.168.1.5:7846", Version: "1.2.3", Self: true, State: "alive", Since: since},
			{
				ID: "fedcba9876543210fedcba9876543210", Name: "cellar", Address: "192.168.1.6:7846", Version: "1.2.3", State: "alive", Since: since,
				RoundTrip: "0.31 ms", Clock: "2ms behind", Behind: "0", Queue: "3 (1.2 KiB)",
			},
			{
				ID: "00112233445566778899aabbccddeeff", Name: "shed <b>", Address: "192.168.1.7:7846", Version: "1.2.2", State: "dead", Since: since, Behind: "1234",
				Trouble: "Nothing answers at 192.168.1.7:7846: start Snug there, or open the port in its firewall.",
				Ignored: []string{"Frames that only a newer version knows, left out here: 2."},
			},
			{Address: "10.0.0.1:7846", State: "unknown"},
		},
		Notes: []string{"The secret is being replaced. It waits for shed."},
	}
}

func TestClusterPageIsForAdministrators(t *testing.T) {
	t.Parallel()
	s := newSite(t, withCluster(someNodes(), nil))
	refused := s.person("ada").get("/admin/cluster/").want(t, http.StatusForbidden)
	refused.says(t, "for administrators")
	refused.saysNot(t, "attic")
	s.guest().get("/admin/cluster/").want(t, http.StatusSeeOther).leadsTo(t, "../../log_in/?next=%2Fadmin%2Fcluster%2F")
	s.person("grace").get("/").saysNot(t, "admin/cluster/")
	s.admin("root").get("/").says(t, `href="./admin/people/"`)
}

func TestClusterPageShowsEveryNode(t *testing.T) {
	t.Parallel()
	s := newSite(t, withCluster(someNodes(), nil))
	page := s.admin("root").get("/admin/cluster/").want(t, http.StatusOK)
	for _, words := range []string{
		"attic", "this one", "192.168.1.6:7846", "1.2.2", "0.31 ms", "2ms behind", "1234", "3 (1.2 KiB)", "Out of reach", "2026-03-01T12:00:00Z",
		"Nothing answers at 192.168.1.7:7846", "Frames that only a newer version knows", "shed &lt;b&gt;", "Never met", "10.0.0.1:7846", "The secret is being replaced", `aria-current="page">Cluster`,
	} {
		page.says(t, words)
	}
	page.saysNot(t, "shed <b>")
}

func TestClusterPageOfOneWhoIsAlone(t *testing.T) {
	t.Parallel()
	page := newSite(t).admin("root").get("/admin/cluster/").want(t, http.StatusOK)
	page.says(t, "runs alone")
	page.says(t, "snug invite")
}

func TestClusterPageThatCannotBeMade(t *testing.T) {
	t.Parallel()
	s := newSite(t, withCluster(ClusterView{}, errors.New("no list")))
	s.admin("root").get("/admin/cluster/").want(t, http.StatusInternalServerError).saysNot(t, "no list")
}

func TestStatesOfNodesHaveWords(t *testing.T) {
	t.Parallel()
	for state, words := range map[string]string{
		"alive": "Alive", "suspect": "Not answering", "dead": "Out of reach", "left": "Left", "unknown": "Never met", "": "Never met",
	} {
		if got := (MemberView{State: state}).StateWords(); got != words {
			t.Errorf("%q is %q", state, got)
		}
	}
	if got := (MemberView{ID: "00112233445566778899aabbccddeeff", State: "unknown"}).StateWords(); got != "Not known" {
		t.Errorf("a node that was met is %q to one that has left", got)
	}
}
