package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"text/tabwriter"
	"time"

	"snug/account"
	"snug/chat"
)

// What commands about rooms ask, and what is answered: also what --json prints.
type (
	roomListAnswer struct {
		Rooms []roomInfo `json:"rooms"`
		Next  string     `json:"next,omitempty"` // the After of the next page; empty on the last
	}

	roomInfo struct {
		ID      chat.ID   `json:"id"`
		Name    string    `json:"name"`
		Creator string    `json:"creator,omitempty"` // "": a command, or somebody who is not known here
		Created time.Time `json:"created"`
		Guests  bool      `json:"guests"`
		Users   int       `json:"users"` // who are in it now
	}

	roomRequest struct {
		Name string `json:"name"`
	}
)

func (o *office) listRooms(ctx context.Context, in listRequest) (roomListAnswer, error) {
	rooms, next, err := o.chat.RoomsByName(ctx, in.After, chat.MaxRooms)
	answer := roomListAnswer{Rooms: []roomInfo{}, Next: next}
	for _, r := range rooms {
		info, err := o.infoOfRoom(ctx, r)
		if err != nil {
			return answer, err
		}
		answer.Rooms = append(answer.Rooms, info)
	}
	return answer, err
}

func (o *office) addRoom(ctx context.Context, in roomRequest) (roomInfo, error) {
	r, err := o.chat.AddRoom(ctx, in.Name)
	if err != nil {
		return roomInfo{}, err
	}
	o.accounts.Audit(ctx, account.Event{Kind: account.EventRoomMade, Target: r.ID, Detail: r.Name})
	return o.infoOfRoom(ctx, r)
}

func (o *office) deleteRoom(ctx context.Context, in roomRequest) (roomInfo, error) {
	r, err := o.chat.DeleteRoom(ctx, in.Name)
	if err != nil {
		return roomInfo{}, err
	}
	o.accounts.Audit(ctx, account.Event{Kind: account.EventRoomDeleted, Target: r.ID, Detail: r.Name})
	return o.infoOfRoom(ctx, r)
}

func (o *office) infoOfRoom(ctx context.Context, r chat.Room) (roomInfo, error) {
	creator, err := o.accounts.UserByID(ctx, r.Creator)
	if errors.Is(err, account.ErrNoUser) {
		err = nil
	}
	return roomInfo{ID: r.ID, Name: r.Name, Creator: creator.Name, Created: r.Created, Guests: r.Guests, Users: o.chat.Here(r)}, err
}

func roomList(fs *flag.FlagSet) action {
	settings, asJSON := declareData(fs), declareJSON(fs)
	return func(p program, _ []string) error {
		all, err := askAll(p, settings, "room-list", "", func(page roomListAnswer) ([]roomInfo, string) { return page.Rooms, page.Next })
		if err != nil {
			return err
		}
		if *asJSON {
			return printJSON(p.out, all)
		}
		t := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(t, "NAME\tPEOPLE\tGUESTS\tSINCE\tMADE BY")
		for _, r := range all {
			fmt.Fprintf(t, "%s\t%d\t%s\t%s\t%s\n", r.Name, r.Users, word(r.Guests, "may read", "-"), day(r.Created), word(r.Creator == "", "-", r.Creator))
		}
		return t.Flush()
	}
}

func roomAdd(fs *flag.FlagSet) action {
	settings := declareData(fs)
	return func(p program, args []string) error {
		var made roomInfo
		if err := askOffice(p, settings, "room-add", roomRequest{Name: args[0]}, &made); err != nil {
			return err
		}
		_, err := fmt.Fprintf(p.out, "There is a room %s now.\n", made.Name)
		return err
	}
}

func roomDelete(fs *flag.FlagSet) action {
	settings := declareData(fs)
	return func(p program, args []string) error {
		var gone roomInfo
		if err := askOffice(p, settings, "room-delete", roomRequest{Name: args[0]}, &gone); err != nil {
			return err
		}
		_, err := fmt.Fprintf(p.out, "The room %s is deleted, with all that was said in it.\n", gone.Name)
		return err
	}
}
