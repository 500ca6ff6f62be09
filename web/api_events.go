package web

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"snug/chat"
)

// errTooManyRooms is for a stream that asks for more rooms than a socket may be in.
var errTooManyRooms = badField("One stream can follow at most %d rooms.", maxJoined)

// streamHello is the first event of a stream.
type streamHello struct {
	Type    string `json:"type"`
	User    string `json:"user"`
	Version string `json:"version"`
	// Recovered says that what follows begins with exactly what was missed. Where it is false although a cursor was
	// given, what is known of rooms and conversations has to be read anew.
	Recovered bool   `json:"recovered"`
	Cursor    string `json:"cursor"`
}

// wanted is what a stream is to be told, beside the person's private messages.
type wanted struct {
	rooms    []chat.Room
	presence bool // who comes online and goes
	counts   bool // how many people are in rooms
	after    *cursor
}

// apiEvents is a stream of what happens, for programs without WebSocket. It is a peer as a socket is: the person is
// online and in the rooms while it is open, it counts among their connections, and it ends with their session.
func (s *Server) apiEvents(w http.ResponseWriter, r *http.Request, v *visitor) error {
	if s.stopping.Load() {
		return errStopping
	}
	want, err := s.wanted(r)
	if err != nil {
		return err
	}
	if r.Method == http.MethodHead { // nobody would read what follows
		w.Header().Set("Content-Type", "text/event-stream")
		w.WriteHeader(http.StatusOK)
		return nil
	}
	leave, ok := s.hub.Admit(w, r, info(r, v))
	if !ok {
		return nil
	}
	defer leave()

	st := newStream(w, r, s.chat.Log(), s.limits)
	defer st.leave()
	p, err := s.attach(st, v, chat.ID{}, st)
	if err != nil {
		return err
	}
	defer p.leave(false)
	begin, told, err := s.beginning(st, p, want)
	if err != nil {
		return err
	}
	// The server's own deadlines are for requests that are answered at once.
	if err := http.NewResponseController(w).SetReadDeadline(time.Time{}); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return fmt.Errorf("keep a stream open: %w", err)
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // nginx would keep events until it has many
	w.WriteHeader(http.StatusOK)
	if s.stopping.Load() { // Shutdown may have looked before this peer was there
		st.Close(closeRestart, "the server restarts")
	}
	if st.write(begin) == nil {
		st.run(told)
	}
	return nil
}

// wanted reads what the address asks for.
func (s *Server) wanted(r *http.Request) (wanted, error) {
	query, err := readQuery(r, "room", "presence", "rooms", "after")
	if err != nil {
		return wanted{}, err
	}
	var want wanted
	names := query["room"]
	if len(names) > maxJoined {
		return wanted{}, errTooManyRooms
	}
	for _, name := range names {
		room, err := s.chat.RoomByName(r.Context(), name)
		if err != nil {
			return wanted{}, err
		}
		if !slices.ContainsFunc(want.rooms, func(other chat.Room) bool { return other.ID == room.ID }) {
			want.rooms = append(want.rooms, room)
		}
	}
	if want.presence, err = readBool(query, "presence"); err != nil {
		return wanted{}, err
	}
	if want.counts, err = readBool(query, "rooms"); err != nil {
		return wanted{}, err
	}
	want.after, err = afterOf(r, query)
	return want, err
}

// afterOf is where a client wants to go on. A browser's EventSource comes back with a header, which is newer than what
// the address said at first.
func afterOf(r *http.Request, query url.Values) (*cursor, error) {
	text := cmp.Or(r.Header.Get("Last-Event-ID"), query.Get("after"))
	if text == "" {
		return nil, nil
	}
	after, err := parseCursor(text)
	if err != nil {
		return nil, err
	}
	return &after, nil
}

// beginning makes the peer a member of all that it wants to hear, and then the first events: a greeting, and what was
// missed. Everything later than told arrives by itself.
func (s *Server) beginning(st *stream, p *peer, want wanted) (begin []byte, told int64, err error) {
	ctx, cancel := p.answering()
	defer cancel()
	if err := s.follow(ctx, p, want); err != nil {
		return nil, 0, err
	}
	hello := streamHello{Type: "hello", User: p.visitor.user.Name, Version: s.version}
	told = s.chat.Seq()
	var missed []chat.Event
	if want.after != nil {
		var seq int64
		missed, seq, hello.Recovered, err = s.missed(ctx, p.visitor, want)
		if err != nil {
			return nil, 0, err
		}
		if hello.Recovered {
			told = seq
		}
	}
	at := cursor{st.log, told}
	if hello.Recovered {
		at = *want.after // a break before all is told must not skip the rest
	}
	hello.Cursor = at.String()

	var b bytes.Buffer
	fmt.Fprintf(&b, "retry: %d\nid: %s\n", streamRetry.Milliseconds(), at)
	body, err := json.Marshal(hello)
	if err != nil {
		return nil, 0, fmt.Errorf("make a greeting: %w", err)
	}
	b.Write(st.frame(hello.Type, 0, body))
	for i := range missed {
		body, err := json.Marshal(&missed[i])
		if err != nil {
			return nil, 0, fmt.Errorf("make a missed event: %w", err)
		}
		b.Write(st.frame(missed[i].Type, missed[i].Seq, body))
	}
	return b.Bytes(), told, nil
}

// follow makes the peer a member of its groups, and the person one of those in the rooms.
func (s *Server) follow(ctx context.Context, p *peer, want wanted) error {
	groups := []string{chat.UserGroup(p.visitor.user.ID)}
	if want.presence {
		groups = append(groups, chat.UsersGroup)
	}
	if want.counts {
		groups = append(groups, chat.RoomsGroup)
	}
	for _, room := range want.rooms {
		groups = append(groups, chat.RoomGroup(room.ID))
	}
	for _, group := range groups {
		if err := p.join(ctx, group); err != nil {
			return err
		}
	}
	for _, room := range want.rooms {
		p.enter(room.ID, s.chat.Enter(p.person(), room))
	}
	return nil
}

// missed is what happened after a cursor in the rooms and in private, in order, if that can be said exactly. The reads are
// of different moments: what is later than the first of them is left out, and arrives by itself, because the peer is
// in its groups already.
func (s *Server) missed(ctx context.Context, v *visitor, want wanted) (events []chat.Event, told int64, recovered bool, err error) {
	inbox, err := s.chat.Inbox(ctx, v.person(), want.after.seq, want.after.log)
	if err != nil || !inbox.Recovered {
		return nil, 0, false, err
	}
	events, told = inbox.Messages, inbox.Seq
	for _, room := range want.rooms {
		window, err := s.chat.Window(ctx, v.person(), room, want.after.seq, want.after.log)
		if err != nil || !window.Recovered {
			return nil, 0, false, err
		}
		events, told = append(events, window.Messages...), min(told, window.Seq)
	}
	events = slices.DeleteFunc(events, func(e chat.Event) bool { return e.Seq > told })
	slices.SortFunc(events, func(a, b chat.Event) int { return cmp.Compare(a.Seq, b.Seq) })
	return events, told, true, nil
}
