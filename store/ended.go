package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// Ending is the last time that all sessions of a user were ended, but one perhaps. It travels as a record of its own, of which the later stays: sessions
// that were begun where it was not known yet are over when they meet it. Whether it was known is noted in each session, so clocks do not matter.
type Ending struct {
	At   Stamp // 0: there was none
	Kept ID
}

// Ends says that a session is over by the ending.
func (e Ending) Ends(x Session) bool {
	switch {
	case e.At == 0 || x.ID == e.Kept:
		return false
	case x.Knew == 0: // begun by a version that did not note it
		return x.Created.Before(e.At.Time())
	}
	return x.Knew < e.At
}

// endingBody is what the record of an ending says besides its stamp.
type endingBody struct {
	Kept ID `json:"kept,omitzero"`
}

func endingID(user ID) ID { return RecordID(KindEnding, user.Hex()) }

func (x *Record) ending() (Ending, error) {
	var body endingBody
	if x.Body != "" {
		if err := json.Unmarshal([]byte(x.Body), &body); err != nil {
			return Ending{}, fmt.Errorf("read the ending of the sessions of %s: %w", x.Owner, err)
		}
	}
	return Ending{At: x.Stamp, Kept: body.Kept}, nil
}

// EndingOf tells when all sessions of a user were ended last.
func (s *Store) EndingOf(ctx context.Context, user ID) (Ending, error) {
	x, err := s.Record(ctx, KindEnding, endingID(user))
	if errors.Is(err, ErrNotFound) {
		return Ending{}, nil
	}
	if err != nil {
		return Ending{}, err
	}
	return x.ending()
}

// EndedSessionsOf lists the sessions of a user that are over by an ending, and were not revoked: it came from another node.
func (s *Store) EndedSessionsOf(ctx context.Context, user ID) ([]Session, error) {
	e, err := s.EndingOf(ctx, user)
	if err != nil || e.At == 0 {
		return nil, err
	}
	all, err := s.SessionsOf(ctx, user)
	return slices.DeleteFunc(all, func(x Session) bool { return x.Revoked || !e.Ends(x) }), err
}

// endingOf is [Store.EndingOf] inside the transaction.
func (t *tx) endingOf(user ID) (Ending, error) {
	x, err := find[Record](t, recordByID, KindEnding, endingID(user))
	if errors.Is(err, ErrNotFound) {
		return Ending{}, nil
	}
	if err != nil {
		return Ending{}, err
	}
	return x.ending()
}

// putEnding notes that all sessions of a user are over but one, which may be none.
func (t *tx) putEnding(user, keep ID) error {
	x, err := find[Record](t, recordByID, KindEnding, endingID(user))
	if errors.Is(err, ErrNotFound) {
		x, err = Record{Kind: KindEnding, ID: endingID(user), Owner: user, Created: t.now}, nil
	}
	if err != nil {
		return err
	}
	x.Body = string(encode(endingBody{keep}))
	return t.putRecord(&x)
}
