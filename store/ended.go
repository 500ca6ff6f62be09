package store

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

const (
	// maxEndings is how many endings of a user count for long: who writes one more takes the place of the oldest. In a cluster of ten nodes that is one for each, with
	// many that were set up anew or came back as an old copy.
	maxEndings = 32
	// maxKnown is how many endings a session notes: all that count, and those of which that was said last.
	maxKnown = 64
)

// Ending is the last time that one life of a node, which is one feed, ended all sessions of a user, but one perhaps. It travels as a record of its own. A session that was
// begun where the ending was not known is over when it meets it: what was known is noted in each session, so neither clocks matter nor which of several is the latest.
//
// Of one life the later ending stays, which loses nothing: whoever knew the later one had been told of the earlier one by it, and what the later one keeps was not over by the
// earlier one. For the same reason an ending takes the place of those of earlier lives of its node, as far as it knew them. A copy of the data that is put back does not know
// what was written after it was made, so that goes on to count.
type Ending struct {
	ID    ID // of its record
	At    Stamp
	Kept  ID
	Taken bool // a later one of the same node, which is here, stands in its place: it ends nothing any more

	life    string
	taker   ID // who took its place
	takenAt Stamp
}

// ends says that a session is over by the ending.
func (e Ending) ends(x Session) bool {
	switch {
	case e.Taken || x.ID == e.Kept:
		return false
	case x.Known != nil:
		return x.Known[e.ID] < e.At
	case e.ID != oldEndingID(x.User): // begun by a version that knew nothing of such
		return true
	case x.Knew == 0: // begun by a version that noted nothing
		return x.Created.Before(e.At.Time())
	}
	return x.Knew < e.At
}

// Endings are those of one user, the latest first, and those that are taken last.
type Endings []Ending

// End says that a session is over by one of them.
func (all Endings) End(x Session) bool {
	return slices.ContainsFunc(all, func(e Ending) bool { return e.ends(x) })
}

// known is what a session notes that begins now. Those that are taken are noted for nodes that have not heard of it yet.
func (all Endings) known() map[ID]Stamp {
	known := make(map[ID]Stamp, len(all))
	for _, e := range all[:min(len(all), maxKnown)] {
		known[e.ID] = e.At
	}
	return known
}

// note has a session know of the endings.
func (x *Session) note(all Endings) {
	x.Known = all.known()
	x.Knew = max(x.Known[oldEndingID(x.User)], 1) // for nodes of older versions
}

// endingBody is what the record of an ending says besides its stamp.
type endingBody struct {
	Kept ID `json:"kept,omitzero"`
	// Instead is where the ending stood that was here, if another one took its place. The record still stands there, and beats that one alone: if the same life wrote a later
	// one which was not known to who took it, that one counts.
	Instead Stamp `json:"instead,omitzero"`
	// Taker and TakenAt say which ending took its place. Until a node has that one, this one counts.
	Taker   ID    `json:"taker,omitzero"`
	TakenAt Stamp `json:"taken_at,omitzero"`
}

// oldEndingID is the ID of the one ending of a user that older versions kept, whoever wrote it.
func oldEndingID(user ID) ID { return RecordID(KindOldEnding, user.Hex()) }

func endingID(user ID, life string) ID { return RecordID(KindEnding, user.Hex()+" "+life) }

// IsEnding says that a record is an [Ending] of its owner's sessions.
func (x *Record) IsEnding() bool { return isEnding(x.Kind) }

func isEnding(kind string) bool { return kind == KindEnding || kind == KindOldEnding }

func (x *Record) ending() (Ending, error) {
	var body endingBody
	if x.Body != "" {
		if err := json.Unmarshal([]byte(x.Body), &body); err != nil {
			return Ending{}, fmt.Errorf("read the ending of the sessions of %s: %w", x.Owner, err)
		}
	}
	e := Ending{ID: x.ID, At: x.Stamp, Kept: body.Kept, life: x.Key}
	if x.Kind == KindEnding && body.Instead != 0 {
		e.At, e.taker, e.takenAt = body.Instead, body.Taker, body.TakenAt
	}
	return e, nil
}

// checkEnding finds what no node would take.
func (x *Record) checkEnding() error {
	id := oldEndingID(x.Owner)
	if x.Kind == KindEnding {
		id = endingID(x.Owner, x.Key)
	}
	if x.ID != id || x.Final || !x.Expires.IsZero() && x.Kind == KindEnding {
		return errors.New("it is no ending of its owner's sessions")
	}
	e, err := x.ending()
	if err == nil && max(e.At, e.takenAt) > x.Stamp {
		err = errors.New("it takes the place of a later ending")
	}
	return err
}

const endingsOf = `SELECT ` + recordColumns + ` FROM records
	WHERE kind IN ('` + KindEnding + `', '` + KindOldEnding + `') AND owner = ?`

func readEndings(records []Record) (Endings, error) {
	all := make(Endings, len(records))
	at := make(map[ID]Stamp, len(records)) // a peer that lies may have sent very many
	for i := range records {
		var err error
		if all[i], err = records[i].ending(); err != nil {
			return nil, err
		}
		at[all[i].ID] = all[i].At
	}
	for i, e := range all {
		taker, here := at[e.taker]
		all[i].Taken = here && taker >= e.takenAt
	}
	slices.SortFunc(all, func(a, b Ending) int {
		switch {
		case a.Taken == b.Taken:
			return cmp.Compare(b.At, a.At)
		case a.Taken:
			return 1
		}
		return -1
	})
	return all, nil
}

// EndingsOf lists when all sessions of a user were ended, by which nodes.
func (s *Store) EndingsOf(ctx context.Context, user ID) (Endings, error) {
	records, err := readMany[Record](ctx, s, "read endings", endingsOf, user)
	if err != nil {
		return nil, err
	}
	return readEndings(records)
}

// EndedSessionsOf lists the sessions of a user that are over by an ending, and were not revoked: it came from another node.
func (s *Store) EndedSessionsOf(ctx context.Context, user ID) ([]Session, error) {
	endings, err := s.EndingsOf(ctx, user)
	if err != nil || len(endings) == 0 {
		return nil, err
	}
	all, err := s.SessionsOf(ctx, user)
	return slices.DeleteFunc(all, func(x Session) bool { return x.Revoked || !endings.End(x) }), err
}

// endingsOf is [Store.EndingsOf] inside the transaction.
func (t *tx) endingsOf(user ID) (Endings, error) {
	records, err := many[Record](context.Background(), t, endingsOf, user)
	if err != nil {
		return nil, err
	}
	return readEndings(records)
}

// putEnding notes that all sessions of a user are over but one, which may be none, and takes the place of what this node wrote before.
func (t *tx) putEnding(user, keep ID, before Endings) error {
	life := t.w.counters.feed.Hex()
	id := endingID(user, life)
	others := slices.DeleteFunc(slices.Clone(before), func(e Ending) bool { return e.Taken || e.ID == id || e.ID == oldEndingID(user) })
	x, err := find[Record](t, recordByID, KindEnding, id)
	if errors.Is(err, ErrNotFound) {
		x, err = Record{Kind: KindEnding, ID: id, Owner: user, Key: life, Created: t.now}, nil
	}
	if err != nil {
		return err
	}
	x.Body = string(encode(endingBody{Kept: keep}))
	if err := t.putRecord(&x); err != nil {
		return err
	}
	for i, e := range others { // the latest first
		if i+1 < maxEndings && !t.w.lived(e.life) {
			continue
		}
		old, err := find[Record](t, recordByID, KindEnding, e.ID)
		if err != nil {
			return err
		}
		old.Body = string(encode(endingBody{Kept: e.Kept, Instead: e.At, Taker: x.ID, TakenAt: x.Stamp}))
		if err := t.putRecord(&old); err != nil {
			return err
		}
	}
	return nil
}

// knownColumn reads and writes what a session knew. It is empty where an older version began the session.
type knownColumn map[ID]Stamp

func (k *knownColumn) Scan(src any) error {
	body, ok := src.(string)
	if *k = nil; !ok || body == "" {
		return nil
	}
	var known map[ID]Stamp
	if err := json.Unmarshal([]byte(body), &known); err != nil || known == nil {
		known = map[ID]Stamp{} // an older version took what came for what it was not: it knew nothing
	}
	*k = known
	return nil
}

func (k knownColumn) text() string {
	if k == nil {
		return ""
	}
	return string(encode(map[ID]Stamp(k)))
}

// checkKnown finds what no node would note in a session.
func checkKnown(known map[ID]Stamp, latest Stamp) error {
	if len(known) > maxKnown {
		return fmt.Errorf("it knew %d endings, more than %d", len(known), maxKnown)
	}
	for id, at := range known {
		if id.IsZero() || at == 0 || at > latest {
			return errors.New("it knew the future, or nothing of no ending")
		}
	}
	return nil
}
