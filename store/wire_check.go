package store

import (
	"errors"
	"math"
	"time"
)

// checkRow finds what would make a row break a rule of this store.
func checkRow(r Row) error {
	o := OriginOf(r)
	switch {
	case o.Feed.IsZero() || o.Seq == 0 || o.Seq > math.MaxInt64:
		return errors.New("it has no origin")
	case o.Stamp == 0 || o.Stamp > math.MaxInt64:
		return errors.New("it has no stamp")
	}
	if x, strange := r.(*Strange); strange {
		return checkStrange(x)
	}
	if r.key().id.IsZero() {
		return errors.New("it has no id")
	}
	// What the row says of times may be wrong by as much as clocks may be.
	latest := o.Stamp + StampAt(time.UnixMilli(maxEarly.Milliseconds()))
	switch r := r.(type) {
	case *User:
		if r.ClaimedKey == "" || bareName(r.ClaimedKey) != r.ClaimedKey || bareName(r.ClaimedName) != r.ClaimedName {
			return errors.New("it has no proper name")
		}
		if r.Claimed > latest {
			return errors.New("its name is claimed in the future")
		}
	case *Session:
		if r.User.IsZero() {
			return errors.New("it has no user")
		}
		if r.Knew > latest {
			return errors.New("it knew the future")
		}
		return checkKnown(r.Known, latest)
	case *Record:
		return r.check()
	case *Room:
		if r.Life < 0 || r.Life > maxLife || r.ID != RoomLifeID(r.Key, r.Life) {
			return errors.New("its id is not that of its key")
		}
	case *Message:
		switch {
		case r.Room.IsZero():
			return errors.New("it has no room")
		case !r.Target.IsZero() && (r.Author.IsZero() || r.Room != PairID(r.Author, r.Target)):
			return errors.New("it is of another conversation")
		case !r.Target.IsZero() && r.Hook != "":
			return errors.New("a webhook has posted it in private")
		case r.Posted == 0 || r.Posted > latest:
			return errors.New("it is posted at no proper time")
		}
	}
	return nil
}

// maxStrangeName bounds kind and ID of a strange row, in bytes.
const maxStrangeName = 100

func checkStrange(x *Strange) error {
	if x.Kind == "" || len(x.Kind) > maxStrangeName || x.ID == "" || len(x.ID) > maxStrangeName {
		return errors.New("it has no kind or no id")
	}
	return nil
}
