package web

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"snug/chat"
	"snug/store"
)

func TestEventsTellWhatHappens(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada, grace := s.person("ada"), s.person("grace")
	ada.call("POST", "rooms", map[string]any{"name": "lobby"}).want(t, 201)
	ada.call("POST", "rooms", map[string]any{"name": "attic"}).want(t, 201)
	st := ada.events("?room=lobby&room=Lobby&presence=true&rooms=true")
	hello := st.next("hello")
	if hello.data["user"] != "ada" || hello.data["recovered"] != false || hello.id == "" || hello.id != hello.data["cursor"] {
		t.Errorf("hello is %v", hello)
	}
	if e := st.next("presence"); e.data["username"] != "ada" || e.data["is_logged_in"] != true {
		t.Errorf("ada is told %v", e)
	}
	if e := st.next("user_join"); e.data["user"] != "ada" {
		t.Errorf("ada is told %v", e)
	}
	for e := st.next("room"); e.data["room"] != "lobby" || e.data["users"] != 1.0; {
		e = st.next("room") // of how rooms were before she came, or of another room
	}
	posted := grace.say("lobby", "hello")
	grace.say("attic", "unheard")
	if e := st.next("chat_message"); e.data["message"] != "hello" || e.id != fmt.Sprintf("%s-%.0f", s.chat.Log(), posted["seq"]) {
		t.Errorf("message is %v", e)
	}
	grace.call("DELETE", "messages/"+posted["id"].(string), nil).want(t, 200)
	if e := st.next("message_deleted", "chat_message"); e.data["id"] != posted["id"] {
		t.Errorf("deletion is %v", e)
	}
	grace.call("POST", "conversations/ada/messages", map[string]any{"message": "psst"}).want(t, 201)
	if e := st.next("private_message"); e.data["message"] != "psst" {
		t.Errorf("private message is %v", e)
	}
}

func TestEventsGoOnAfterABreak(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada, grace := s.person("ada"), s.person("grace")
	for _, room := range []string{"lobby", "attic"} {
		ada.call("POST", "rooms", map[string]any{"name": room}).want(t, 201)
	}
	st := ada.events("?room=lobby&room=attic")
	st.next("hello")
	grace.say("lobby", "seen")
	last := st.next("chat_message").id
	st.close()
	st.ended()

	grace.say("lobby", "one")
	grace.say("attic", "two")
	grace.call("POST", "conversations/ada/messages", map[string]any{"message": "three"}).want(t, 201)
	grace.say("lobby", "four")
	for _, way := range []struct {
		name   string
		query  string
		change func(*http.Request)
	}{
		{"header", "?room=lobby&room=attic", func(r *http.Request) { r.Header.Set("Last-Event-ID", last) }},
		{"address", "?room=lobby&room=attic&after=" + last, func(*http.Request) {}},
	} {
		t.Run(way.name, func(t *testing.T) {
			back := ada.events(way.query, way.change)
			if hello := back.next("hello"); hello.data["recovered"] != true || hello.id != last {
				t.Errorf("hello is %v", hello)
			}
			grace.say("attic", "live "+way.name)
			var heard []string
			for range 5 {
				heard = append(heard, back.next("chat_message", "private_message").data["message"].(string))
				if heard[len(heard)-1] == "live "+way.name {
					break
				}
			}
			want := []string{"one", "two", "three", "four", "live " + way.name}
			if way.name == "address" {
				want = []string{"one", "two", "three", "four", "live header"}
			}
			if !slices.Equal(heard, want) {
				t.Errorf("heard %v, want %v", heard, want)
			}
			back.close()
			back.ended()
		})
	}
	other := ada.events("?room=lobby&after=ffffffffffffffffffffffffffffffff-1")
	if hello := other.next("hello"); hello.data["recovered"] != false {
		t.Errorf("with another log: %v", hello)
	}
}

// TestACursorOfHistoryMissesNothing holds that history and events meet without a gap, whatever is posted between.
func TestACursorOfHistoryMissesNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada := s.person("ada")
	ada.call("POST", "rooms", map[string]any{"name": "lobby"}).want(t, 201)
	ada.say("lobby", "old")
	page := ada.call("GET", "rooms/lobby/messages", nil).want(t, 200).object(t)
	ada.say("lobby", "between")
	st := ada.events("?room=lobby&after=" + page["cursor"].(string))
	if e := st.next("chat_message"); e.data["message"] != "between" {
		t.Errorf("first is %v", e)
	}
}

// TestStreamsThatBreakLoseAndDoubleNothing has a client come back again and again, each time after a few events, while
// others post into two rooms and in private: what comes is everything, once, in the order of events.
func TestStreamsThatBreakLoseAndDoubleNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada, grace := s.person("ada"), s.person("grace")
	for _, room := range []string{"lobby", "attic"} {
		ada.call("POST", "rooms", map[string]any{"name": room}).want(t, 201)
	}
	const posters, each = 6, 80
	from := ada.call("GET", "conversations", nil).object(t)["cursor"].(string)
	type event struct {
		seq  int64
		text string
	}
	posted := make(chan event, posters*each)
	turns := make(chan struct{}, posters*each) // how many may be posted by now
	author := grace.person()
	var posting sync.WaitGroup
	for n := range posters {
		posting.Go(func() {
			for i := range each {
				<-turns
				var receipt chat.Receipt
				var err error
				text := fmt.Sprintf("%d of %d", i, n)
				switch i % 3 {
				case 0:
					receipt, err = s.chat.Private(t.Context(), author, "ada", store.NewID(), text)
				case 1:
					receipt, err = s.chat.Post(t.Context(), author, "attic", store.NewID(), text)
				default:
					receipt, err = s.chat.Post(t.Context(), author, "lobby", store.NewID(), text)
				}
				if err != nil {
					t.Error(err)
				}
				posted <- event{receipt.Seq, text}
			}
		})
	}
	var got []event
	released := 0
	for breaks := 0; len(got) < posters*each; breaks++ {
		// Each stream begins while something is posted.
		for range min(posters, posters*each-released) {
			turns <- struct{}{}
			released++
		}
		st := ada.events("?room=lobby&room=attic&after=" + from)
		if hello := st.next("hello"); hello.data["recovered"] != true {
			t.Fatalf("hello is %v", hello)
		}
		for range min(1+breaks%12, released-len(got)) {
			e := st.next("chat_message", "private_message")
			got = append(got, event{int64(e.data["seq"].(float64)), e.data["message"].(string)})
			from = e.id
		}
		st.close()
	}
	posting.Wait()
	close(posted)
	var want []event
	for e := range posted {
		want = append(want, e)
	}
	slices.SortFunc(want, func(a, b event) int { return cmp.Compare(a.seq, b.seq) })
	if !slices.Equal(got, want) {
		t.Errorf("got\n%v\nwant\n%v", got, want)
	}
}

func TestAStreamEndsWithItsSession(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada := s.person("ada")
	st := ada.events("")
	st.next("hello")
	if !s.server.online(ada.user()) {
		t.Error("who follows events is not online")
	}
	ada.post("/log_out/", nil).want(t, http.StatusSeeOther)
	if last := st.ended(); last.event != "end" || last.data["code"] != float64(closeLoggedOut) {
		t.Errorf("the last event is %v", last)
	}
	if s.server.online(ada.user()) {
		t.Error("who logged out is online")
	}
}

func TestAStreamEndsWithItsToken(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada := s.person("ada")
	program, token := ada.accessToken("read")
	st := program.events("", program.show)
	st.next("hello")
	other, _ := ada.accessToken("read")
	stays := other.events("", other.show)
	stays.next("hello")
	if _, err := s.accounts.RevokeToken(t.Context(), ada.user().ID, token.ID); err != nil {
		t.Fatal(err)
	}
	if last := st.ended(); last.data["code"] != float64(closeLoggedOut) {
		t.Errorf("the last event is %v", last)
	}
	ada.call("POST", "conversations/ada/messages", map[string]any{"message": "still here"}).want(t, 201)
	stays.next("private_message")
}

func TestAStreamEndsWithTheServer(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada := s.person("ada")
	st := ada.events("")
	st.next("hello")
	if err := s.server.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if last := st.ended(); last.data["code"] != float64(closeRestart) {
		t.Errorf("the last event is %v", last)
	}
	ada.call("GET", "events", nil).isProblem(t, http.StatusServiceUnavailable, "unavailable")
}

func TestStreamsCountAsConnections(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(o *siteOptions) { o.Web.Limits.SocketsPerUser = 2 })
	ada := s.person("ada")
	ada.events("").next("hello")
	second := ada.events("")
	second.next("hello")
	ada.call("GET", "events", nil).isProblem(t, http.StatusTooManyRequests, "too_many_connections")
	second.close()
	second.ended()
	s.until("the place is free", func() bool {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		r, _ := http.NewRequestWithContext(ctx, "GET", s.url+apiPath+"events", nil)
		r.AddCookie(&http.Cookie{Name: "snug", Value: ada.token})
		response, err := ada.http.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		return response.StatusCode == http.StatusOK
	})
}

// TestASlowReaderOfEventsIsCutAndGoesOn holds that nobody waits for a program that does not read, and that it gets what it missed.
func TestASlowReaderOfEventsIsCutAndGoesOn(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(o *siteOptions) {
		o.Web.Limits.QueueFrames, o.Web.Limits.QueueBytes = 64, 64<<10
		o.Chat.MaxMessage = 30_000 // so that few of them fill what the network holds
	})
	ada := s.person("ada")
	ada.call("POST", "rooms", map[string]any{"name": "lobby"}).want(t, 201)
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.(*net.TCPConn).SetReadBuffer(256 << 10); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(conn, "GET %sevents?room=lobby HTTP/1.1\r\nHost: localhost\r\nCookie: snug=%s\r\n\r\n", apiPath, ada.token)
	// It is answered when it is in the room, so that all that is posted from now on is for it.
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()

	// A reader that keeps up says when each message is told, so that the slow one misses no more than a few.
	reader := ada.events("?room=lobby")
	reader.next("hello")
	posted := 0
	for most := 2000; len(s.server.peers.list()) == 2; posted++ {
		if posted == most {
			t.Fatalf("a stream that nobody reads is not cut after %d messages", posted)
		}
		if _, err := s.chat.Post(t.Context(), ada.person(), "lobby", store.NewID(), strings.Repeat("x", 30_000)); err != nil {
			t.Fatal(err)
		}
		reader.next("chat_message")
	}
	st := &eventStream{t: t, events: make(chan sent, 10_000)}
	st.read(response.Body)
	close(st.events)
	var last sent
	heard := 0
	for e := range st.events {
		last = e
		if e.event == "chat_message" {
			heard++
		}
	}
	if heard == posted {
		t.Fatalf("all %d messages came", posted)
	}
	back := ada.events("?room=lobby", func(r *http.Request) { r.Header.Set("Last-Event-ID", last.id) })
	if hello := back.next("hello"); hello.data["recovered"] != true {
		t.Fatalf("hello is %v", hello)
	}
	for range posted - heard {
		back.next("chat_message")
	}
}
