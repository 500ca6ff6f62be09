package web

import (
	"context"

	"snug/chat"
)

// The answers that a socket gives, and that a page has in it from the start.

func (s *Server) joined(ctx context.Context, v *visitor, room chat.Room, f joinFrame) (*joinedFrame, error) {
	window, err := s.chat.Window(ctx, v.person(), room, f.After, f.Log)
	if err != nil {
		return nil, err
	}
	return &joinedFrame{
		Type:        "joined",
		Room:        room.Name,
		Users:       list(s.chat.Present(room)),
		Messages:    list(window.Messages),
		More:        window.More,
		Seq:         window.Seq,
		Log:         window.Log,
		Recovered:   window.Recovered,
		CanModerate: v != nil && room.ModeratedBy(v.person(), v.user.Admin),
	}, nil
}

func (s *Server) historyAnswer(ctx context.Context, v *visitor, f historyFrame) (*historyAnswer, error) {
	before, err := messageID("before", f.Before)
	if err != nil {
		return nil, err
	}
	answer := &historyAnswer{Type: "history"}
	if f.User != "" {
		other, err := s.accounts.UserByName(ctx, f.User)
		if err != nil {
			return nil, err
		}
		answer.User = other.Name
		answer.Messages, answer.More, err = s.chat.PrivateHistory(ctx, v.person(), other.Name, before, chat.WindowSize)
		if err != nil {
			return nil, err
		}
	} else {
		room, err := s.chat.RoomByName(ctx, f.Room)
		if err != nil {
			return nil, err
		}
		answer.Room = room.Name
		answer.Messages, answer.More, err = s.chat.History(ctx, v.person(), room, before, chat.WindowSize)
		if err != nil {
			return nil, err
		}
	}
	answer.Messages = list(answer.Messages)
	return answer, nil
}

func (s *Server) inboxAnswer(ctx context.Context, v *visitor, f inboxFrame) (*inboxAnswer, error) {
	inbox, err := s.chat.Inbox(ctx, v.person(), f.After, f.Log)
	if err != nil {
		return nil, err
	}
	return &inboxAnswer{
		Type:          "inbox",
		Conversations: list(inbox.Conversations),
		Messages:      list(inbox.Messages),
		Seq:           inbox.Seq,
		Log:           inbox.Log,
		Recovered:     inbox.Recovered,
	}, nil
}

func (s *Server) roomsAnswer(ctx context.Context) (*roomsAnswer, error) {
	rooms, err := s.chat.Rooms(ctx, chat.MaxRooms)
	if err != nil {
		return nil, err
	}
	return &roomsAnswer{Type: "rooms", Rooms: list(rooms)}, nil
}
