package store

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

// MaxRow bounds a row as it travels, in bytes.
const MaxRow = 1 << 20

// Kinds of rows, as they travel.
const (
	kindUser    = "user"
	kindSeen    = "seen"
	kindSession = "session"
	kindRoom    = "room"
	kindMessage = "message"
)

// maxMillis bounds times, in milliseconds since 1970: what fits into a [Stamp].
const maxMillis = 1 << 47

// wireVersion is raised for a kind when older versions must not take its rows for
// what they know; they keep them as [Strange]. A field that they may ignore needs
// no new version.
const wireVersion = 1

// wireHead begins every row that travels.
type wireHead struct {
	Kind    string `json:"kind"`
	Version int    `json:"v"`
	ID      string `json:"id"`
	Stamp   Stamp  `json:"stamp"`
	Feed    ID     `json:"feed"`
	Seq     uint64 `json:"seq"`
	Final   bool   `json:"final,omitzero"` // no later state replaces this one
}

type wireUser struct {
	wireHead
	Name     string `json:"name"`
	Key      string `json:"key"`
	Claimed  Stamp  `json:"claimed"`
	Password string `json:"password"`
	Admin    bool   `json:"admin,omitzero"`
	Disabled bool   `json:"disabled,omitzero"`
	Created  int64  `json:"created"`
}

type wireSeen struct {
	wireHead
	At int64 `json:"at"`
}

type wireSession struct {
	wireHead
	Token   string `json:"token"`
	User    ID     `json:"user"`
	Created int64  `json:"created"`
	Used    int64  `json:"used"`
	Expires int64  `json:"expires"`
	Agent   string `json:"agent"`
	Address string `json:"address"`
	Brief   bool   `json:"brief,omitzero"`
	Proven  int64  `json:"proven,omitzero"`
	Knew    Stamp  `json:"knew,omitzero"`

	Known map[ID]Stamp `json:"known,omitzero"`
}

type wireRecord struct {
	wireHead
	Owner   ID     `json:"owner,omitzero"`
	Key     string `json:"key,omitzero"`
	Created int64  `json:"created"`
	Expires int64  `json:"expires,omitzero"`
	Body    string `json:"body,omitzero"` // the JSON object as it was written, so that it stays the same bytes
}

type wireRoom struct {
	wireHead
	Name    string `json:"name"`
	Key     string `json:"key"`
	Creator ID     `json:"creator,omitzero"`
	Created int64  `json:"created"`
	Guests  bool   `json:"guests,omitzero"`
	Life    int    `json:"life,omitzero"`
}

type wireMessage struct {
	wireHead
	Room   ID     `json:"room"`
	Author ID     `json:"author,omitzero"`
	Target ID     `json:"target,omitzero"`
	Posted Stamp  `json:"posted"`
	Text   string `json:"text,omitzero"`
	Edited int64  `json:"edited,omitzero"`
	Hook   string `json:"hook,omitzero"`
}

func head(r Row) wireHead {
	key, o := r.key(), OriginOf(r)
	return wireHead{
		Kind: key.kind, Version: wireVersion, ID: key.id.String(),
		Stamp: o.Stamp, Feed: o.Feed, Seq: o.Seq, Final: r.final(),
	}
}

func (u *User) wire() any {
	return wireUser{
		head(u), u.ClaimedName, u.ClaimedKey, u.Claimed,
		u.Said.Password, u.Said.Admin, u.Said.Disabled, millis(u.Created),
	}
}

func (s *Seen) wire() any { return wireSeen{head(s), millis(s.At)} }

func (x *Session) wire() any {
	return wireSession{
		head(x), hex.EncodeToString(x.Token[:]), x.User,
		millis(x.Created), millis(x.Used), millis(x.Expires), x.Agent, x.Address, x.Brief, millis(x.Proven), x.Knew, x.Known,
	}
}

func (r *Room) wire() any {
	return wireRoom{head(r), r.Name, r.Key, r.Creator, millis(r.Created), r.Guests, r.Life}
}

func (m *Message) wire() any {
	return wireMessage{head(m), m.Room, m.Author, m.Target, m.Posted, m.Text, millis(m.Edited), m.Hook}
}

func (x *Record) wire() any {
	return wireRecord{head(x), x.Owner, x.Key, millis(x.Created), millis(x.Expires), x.Body}
}

func (x *Strange) wire() any { return json.RawMessage(x.Body) }

// EncodeRow gives a row as it travels between nodes: a JSON object, always the
// same bytes for the same row.
func EncodeRow(r Row) []byte {
	if x, ok := r.(*Strange); ok {
		return []byte(x.Body)
	}
	body := encode(r.wire())
	if extra := r.row().Extra; extra != "" {
		body = append(body[:len(body)-1], ',')
		body = append(body, extra[1:]...)
	}
	return body
}

func encode(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // it would make a body grow that was read within the limit
	if err := e.Encode(v); err != nil {
		panic(fmt.Sprintf("encode a row: %v", err)) // texts, numbers and checked JSON always can be
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// DecodeRow reads what [EncodeRow] wrote, here or in another version: fields that
// it does not know are in [Header.Extra], and a row of an unknown kind or version
// is a [Strange] one. An error says that this is no row at all.
func DecodeRow(body []byte) (Row, error) {
	row, err := decodeRow(body)
	if err != nil {
		return nil, fmt.Errorf("decode a row: %w", err)
	}
	return row, nil
}

func decodeRow(body []byte) (Row, error) {
	if len(body) > MaxRow {
		return nil, fmt.Errorf("%d bytes, more than %d", len(body), MaxRow)
	}
	if !utf8.Valid(body) {
		return nil, errors.New("not UTF-8")
	}
	f := fields{}
	if err := json.Unmarshal(body, &f.values); err != nil {
		return nil, err
	}
	var h wireHead
	f.take("kind", &h.Kind)
	f.take("v", &h.Version)
	if !knownKind(h.Kind) || h.Version != wireVersion {
		return decodeStrange(body)
	}
	f.take("id", &h.ID)
	f.take("stamp", &h.Stamp)
	f.take("feed", &h.Feed)
	f.take("seq", &h.Seq)
	f.take("final", &h.Final)
	id, err := ParseID(h.ID)
	if err != nil {
		f.fail("id", err)
	}
	row := f.row(h.Kind, id, h.Final)
	extra := f.rest()
	if f.err != nil {
		return nil, fmt.Errorf("%.40q: %w", h.Kind, f.err)
	}
	*row.row() = Header{Origin: Origin{h.Stamp, h.Feed, h.Seq}, Extra: extra}
	if err := checkRow(row); err != nil {
		return nil, fmt.Errorf("%s %s: %w", h.Kind, h.ID, err)
	}
	return row, nil
}

func knownKind(kind string) bool {
	switch kind {
	case kindUser, kindSeen, kindSession, kindRoom, kindMessage:
		return true
	}
	return isRecordKind(kind)
}

func decodeStrange(body []byte) (Row, error) {
	var values map[string]json.RawMessage
	if err := json.Unmarshal(body, &values); err != nil {
		return nil, err
	}
	f := fields{values: values}
	var h wireHead
	canonical := f.rest()
	f.take("kind", &h.Kind)
	f.take("v", &h.Version)
	f.take("id", &h.ID)
	f.take("stamp", &h.Stamp)
	f.take("feed", &h.Feed)
	f.take("seq", &h.Seq)
	f.take("final", &h.Final)
	if f.err != nil {
		return nil, f.err
	}
	row := &Strange{
		Header: Header{Origin: Origin{h.Stamp, h.Feed, h.Seq}},
		Kind:   h.Kind, ID: h.ID, Final: h.Final, Body: canonical,
	}
	if knownKind(h.Kind) && h.Version < wireVersion {
		return nil, fmt.Errorf("%s has version %d", h.Kind, h.Version)
	}
	return row, checkRow(row)
}

// row reads the fields of one kind.
func (f *fields) row(kind string, id ID, final bool) Row {
	switch kind {
	case kindUser:
		u := &User{ID: id}
		f.take("name", &u.ClaimedName)
		f.take("key", &u.ClaimedKey)
		f.take("claimed", &u.Claimed)
		f.take("password", &u.Said.Password)
		f.take("admin", &u.Said.Admin)
		f.take("disabled", &u.Said.Disabled)
		u.Standing = u.Said
		u.Created = f.time("created")
		u.show("")
		return u
	case kindSeen:
		return &Seen{User: id, At: f.time("at")}
	case kindSession:
		x := &Session{ID: id, Revoked: final}
		var token string
		f.take("token", &token)
		if n, err := hex.Decode(x.Token[:], []byte(token[:min(len(token), 2*len(x.Token))])); err != nil || n != len(x.Token) || len(token) != 2*n {
			f.fail("token", errors.New("want 64 hex digits"))
		}
		f.take("user", &x.User)
		x.Created, x.Used, x.Expires = f.time("created"), f.time("used"), f.time("expires")
		f.take("agent", &x.Agent)
		f.take("address", &x.Address)
		f.take("brief", &x.Brief)
		x.Proven = f.time("proven")
		f.take("knew", &x.Knew)
		f.take("known", &x.Known)
		return x
	case kindRoom:
		r := &Room{ID: id, Deleted: final}
		f.take("name", &r.Name)
		f.take("key", &r.Key)
		f.take("creator", &r.Creator)
		r.Created = f.time("created")
		f.take("guests", &r.Guests)
		f.take("life", &r.Life)
		return r
	case kindMessage:
		m := &Message{ID: id, Deleted: final}
		f.take("room", &m.Room)
		f.take("author", &m.Author)
		f.take("target", &m.Target)
		f.take("posted", &m.Posted)
		f.take("text", &m.Text)
		m.Edited = f.time("edited")
		f.take("hook", &m.Hook)
		if m.Deleted {
			m.Text = ""
		}
		return m
	default:
		x := &Record{Kind: kind, ID: id, Final: final}
		f.take("owner", &x.Owner)
		f.take("key", &x.Key)
		x.Created, x.Expires = f.time("created"), f.time("expires")
		f.take("body", &x.Body)
		return x
	}
}
