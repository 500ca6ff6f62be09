//go:build linux && network

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"snug/control"
	"snug/snugtest"
)

// The tests named TestNetwork… run real nodes on hosts of a network of their own, whose cables can be pulled. They need root and iproute2, and have the tag
// network for that: make network-tests runs them, and make test does for root.

const (
	// membershipWait is the promise: how long after a network has healed, or a node is back, every node knows that every other is there.
	membershipWait = 15 * time.Second
	// equalWait is the promise: how long after that every node holds the same.
	equalWait = 30 * time.Second
)

// site is a node on a host of its own.
type site struct {
	*snugtest.Server
	host *snugtest.Host
}

// startSites starts a cluster: one node on each host.
func startSites(t *testing.T, hosts ...*snugtest.Host) []*site {
	t.Helper()
	var sites []*site
	for _, h := range hosts {
		if len(sites) == 0 {
			sites = append(sites, startSite(t, h, ""))
			continue
		}
		sites = append(sites, joinSite(t, h, sites[0]))
	}
	wholeWithin(t, clusterWait, sites)
	return sites
}

func startSite(t *testing.T, h *snugtest.Host, dir string, more ...string) *site {
	t.Helper()
	args := append([]string{
		"--set", "cluster.enabled=true", "--set", "cluster.name=" + h.Name, "--set", "limits.messages_per_second=0", "--set", "limits.logins_per_minute=0",
		"--set", "limits.signups_per_hour=0",
	}, more...)
	return &site{host: h, Server: snugtest.Start(t, snugtest.Options{Dir: dir, Via: h.Via(), Args: args})}
}

// joinSite joins by an invitation of another node, and starts.
func joinSite(t *testing.T, h *snugtest.Host, other *site) *site {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	if r := h.Run(append(strings.Fields(inviteTo(t, other.Server))[1:], "--data", dir)...); r.Code != 0 {
		t.Fatalf("%s joins: code %d:\n%s", h.Name, r.Code, r.Err)
	}
	return startSite(t, h, dir)
}

// members is what snug members tells on the node. It is asked without a process of its own, whose start would take longer than what is measured.
func (s *site) members(t *testing.T) memberList {
	t.Helper()
	var list memberList
	if err := control.Dial(s.Dir).Ask(t.Context(), "members", nil, &list); err != nil {
		t.Fatalf("members of %s: %v", s.host.Name, err)
	}
	return list
}

// member is what the node tells of another one.
func (s *site) member(t *testing.T, other *site) (memberInfo, bool) {
	t.Helper()
	all := s.members(t).Members
	i := slices.IndexFunc(all, func(m memberInfo) bool { return m.Name == other.host.Name })
	if i < 0 {
		return memberInfo{}, false
	}
	return all[i], true
}

// wholeWithin waits until every node knows that every other is alive, and has a link to it.
func wholeWithin(t *testing.T, limit time.Duration, sites []*site) {
	t.Helper()
	began := time.Now()
	eventually(t, "the membership is whole", limit, func() bool {
		for _, s := range sites {
			list := s.members(t)
			for _, other := range sites {
				if !slices.ContainsFunc(list.Members, func(m memberInfo) bool {
					return m.Name == other.host.Name && m.State == "alive" && (m.Self || m.RowsBehind != nil)
				}) {
					return false
				}
			}
		}
		return true
	})
	t.Logf("the membership of %d was whole after %v", len(sites), time.Since(began).Round(time.Millisecond))
}

// sessionHolds waits until a client's session, made elsewhere, is known on all nodes.
func sessionHolds(t *testing.T, client *http.Client, sites []*site) {
	t.Helper()
	for _, s := range sites {
		eventually(t, "a session holds on "+s.host.Name, clusterWait, func() bool { return isLoggedIn(t, s.host.Seat(client), s.Server) })
	}
}

// sit opens a socket on a node.
func (s *site) sit(t *testing.T, client *http.Client) *snugtest.Socket {
	t.Helper()
	return snugtest.Dial(t, s.host.Seat(client), s.URL+"/ws/")
}

// view is all that one node shows of rooms and people.
type view struct {
	Rooms map[string][]string // by name, the messages in their order
	Names []string
}

// shown is a message as people see it. What only the node itself gives it is left out.
func shown(m snugtest.Frame) string {
	return fmt.Sprintf("%s %s: %s (edited %v, deleted %v, at %.0f)", m.Text("id"), m.Text("user"), m.Text("message"), m["edited"], m["deleted"], m["time"])
}

var personOnPage = regexp.MustCompile(`data-person="([^"]*)"`)

// look reads everything.
func (s *site) look(t *testing.T, client *http.Client) view {
	t.Helper()
	v := view{Rooms: map[string][]string{}}
	socket := s.sit(t, client)
	defer socket.Cut()
	for _, room := range socket.Ask(t, snugtest.Frame{"type": "rooms"}).Frames("rooms") {
		v.Rooms[room.Text("room")] = s.messages(t, client, room.Text("room"))
	}
	response, err := s.host.Seat(client).Get(s.URL + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	page, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, match := range personOnPage.FindAllSubmatch(page, -1) {
		v.Names = append(v.Names, string(match[1]))
	}
	slices.Sort(v.Names)
	v.Names = slices.Compact(v.Names) // who is online is on the page once more
	return v
}

// messages is the whole history of a room, oldest first.
func (s *site) messages(t *testing.T, client *http.Client, room string) []string {
	t.Helper()
	var pages [][]string
	ask := snugtest.Frame{"type": "history", "room": room}
	socket := s.sit(t, client)
	for {
		page := socket.Ask(t, ask)
		if page.Text("code") == "rate_limited" { // what one person may ask is limited, and a long history takes many questions
			<-time.After(time.Second)
			continue
		}
		if page.Text("type") != "history" {
			t.Fatalf("%s answered %v with %v", s.host.Name, ask, page)
		}
		frames := page.Frames("messages")
		lines := make([]string, len(frames))
		for i, m := range frames {
			lines[i] = shown(m)
		}
		pages = append(pages, lines)
		if more, _ := page["more"].(bool); !more || len(frames) == 0 {
			socket.Cut()
			slices.Reverse(pages)
			return slices.Concat(pages...)
		}
		ask = snugtest.Frame{"type": "history", "room": room, "before": frames[0].Text("id")}
	}
}

// equalWithin waits until all nodes show the same, with what talkers were told is stored, and returns it.
func equalWithin(t *testing.T, limit time.Duration, client *http.Client, sites []*site, talkers []*talker) view {
	t.Helper()
	began := time.Now()
	for {
		var views []string
		var first view
		for i, s := range sites {
			v := s.look(t, client)
			text, err := json.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			if views = append(views, string(text)); i == 0 {
				first = v
			}
		}
		problem := "the nodes differ"
		if len(slices.Compact(slices.Clone(views))) == 1 {
			if problem = lacks(first, talkers); problem == "" {
				t.Logf("all was equal after %v: %d messages", time.Since(began).Round(time.Millisecond), count(first))
				return first
			}
		}
		if time.Since(began) > limit {
			t.Fatalf("after %v: %s\n%s", limit, problem, strings.Join(views, "\n"))
		}
		wait(t, 200*time.Millisecond)
	}
}

func count(v view) int {
	n := 0
	for _, messages := range v.Rooms {
		n += len(messages)
	}
	return n
}

// lacks says what is missing, doubled or out of order; "": nothing.
func lacks(v view, talkers []*talker) string {
	for _, talker := range talkers {
		var got, want []string
		there := map[string]bool{}
		for _, line := range v.Rooms[talker.room] {
			if words := strings.Fields(line); words[1] == talker.name+":" {
				got, there[words[0]] = append(got, words[0]), true
			}
		}
		for _, id := range talker.sent {
			if talker.acked[id] || there[id] {
				want = append(want, id)
			}
		}
		if !slices.Equal(got, want) {
			return fmt.Sprintf("of %s there are %d messages, and %d were acknowledged or arrived, in this order:\n%q\n%q", talker.name, len(got), len(want), got, want)
		}
	}
	return ""
}

// talker posts to one room, one message after the other, to any node that answers. What was not acknowledged is posted again under the same id.
type talker struct {
	name   string
	room   string
	client *http.Client
	sites  []*site
	at     int           // which site
	pause  time.Duration // between messages

	sent  []string // ids, in order
	acked map[string]bool
	took  []time.Duration // from post to acknowledgement
	moves int
}

func newTalker(name, room string, client *http.Client, sites ...*site) *talker {
	return &talker{name: name, room: room, client: client, sites: sites, pause: 50 * time.Millisecond, acked: map[string]bool{}}
}

// talk posts until ctx ends.
func (p *talker) talk(ctx context.Context, t *testing.T) {
	tick := time.NewTicker(p.pause)
	defer tick.Stop()
	for ctx.Err() == nil {
		p.sit(ctx, t, tick)
		if ctx.Err() == nil {
			p.at, p.moves = (p.at+1)%len(p.sites), p.moves+1
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

// sit posts to one node until it breaks.
func (p *talker) sit(ctx context.Context, t *testing.T, tick *time.Ticker) {
	s := p.sites[p.at]
	socket, err := snugtest.Connect(ctx, s.host.Seat(p.client), s.URL+"/ws/")
	if err != nil {
		return
	}
	defer socket.Cut()
	if err := socket.Send(ctx, snugtest.Frame{"type": "join", "room": p.room}); err != nil { // which makes it
		return
	}
	for ctx.Err() == nil {
		if len(p.sent) == 0 || p.acked[p.sent[len(p.sent)-1]] {
			p.sent = append(p.sent, uuid.Must(uuid.NewV7()).String())
		}
		id := p.sent[len(p.sent)-1]
		began := time.Now()
		if err := socket.Send(ctx, snugtest.Frame{"type": "post", "ref": id, "room": p.room, "id": id, "message": fmt.Sprint("number ", len(p.sent))}); err != nil {
			return
		}
		for !p.acked[id] {
			answer, err := socket.Receive(ctx)
			switch {
			case err != nil:
				return
			case answer.Text("type") == "error":
				t.Errorf("posting was answered with %v", answer)
				<-ctx.Done()
				return
			case answer.Text("type") == "ack":
				p.acked[answer.Text("id")] = true
			}
		}
		p.took = append(p.took, time.Since(began))
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

// during lets talkers talk while something happens.
func during(t *testing.T, talkers []*talker, happens func()) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	var talking sync.WaitGroup
	for _, p := range talkers {
		talking.Go(func() { p.talk(ctx, t) })
	}
	defer talking.Wait() // also after a failure: they write to the test
	defer stop()
	happens()
}

// wait lets time pass that is the matter of the test, such as that of a cut.
func wait(t *testing.T, d time.Duration) {
	t.Helper()
	select {
	case <-time.After(d):
	case <-t.Context().Done():
	}
}

// percentile is the time within which p of 100 were done.
func percentile(took []time.Duration, p int) time.Duration {
	if len(took) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(took))
	return sorted[min(len(sorted)-1, len(sorted)*p/100)].Round(100 * time.Microsecond)
}
