package web

import (
	"context"
	"errors"
	"net/http"

	"snug/chat"
)

// messagesPage is a piece of a room's or a conversation's history, oldest first.
type messagesPage struct {
	Messages []chat.Event `json:"messages"`
	// More says that there are more in the direction that was asked for.
	More bool `json:"more"`
	// Older is the before that asks for what was said earlier; absent where there is nothing.
	Older string `json:"older,omitempty"`
	// Newer is the after that asks for what is said later, now or some day; absent where nothing was said ever.
	Newer string `json:"newer,omitempty"`
	// Cursor is a place for events to begin at: with these messages, nothing is missed.
	Cursor string `json:"cursor"`
}

// walk reads one way from a message.
type walk func(from chat.ID, limit int) (messages []chat.Event, more bool, err error)

// writePage answers with what one of two walks has found: as the address asks for what is before a message, or after
// one, or for the newest.
func (s *Server) writePage(w http.ResponseWriter, r *http.Request, older, newer walk) error {
	query, err := readQuery(r, "before", "after", "limit")
	if err != nil {
		return err
	}
	limit, err := readLimit(query, chat.WindowSize, chat.MaxHistory)
	if err != nil {
		return err
	}
	if query.Has("before") && query.Has("after") {
		return badField(`"before" and "after" do not go together.`)
	}
	// What is committed by now is in what is read from now on.
	page := messagesPage{Cursor: cursor{s.chat.Log(), s.chat.Seq()}.String()}
	if query.Has("after") {
		after, err := messageID("after", new(query.Get("after")))
		if err != nil {
			return err
		}
		page.Messages, page.More, err = newer(after, limit)
		if err != nil {
			return err
		}
		page.Older, page.Newer = after.String(), after.String()
	} else {
		before, err := messageParameter("before", query.Get("before"))
		if err != nil {
			return err
		}
		page.Messages, page.More, err = older(before, limit)
		if err != nil {
			return err
		}
	}
	if n := len(page.Messages); n > 0 {
		page.Newer = page.Messages[n-1].ID.String()
		if page.More || query.Has("after") {
			page.Older = page.Messages[0].ID.String()
		}
	}
	page.Messages = list(page.Messages)
	writeJSON(w, http.StatusOK, page)
	return nil
}

func (s *Server) apiHistory(w http.ResponseWriter, r *http.Request, v *visitor) error {
	ctx := r.Context()
	room, err := s.chat.RoomByName(ctx, r.PathValue("room"))
	if err != nil {
		return err
	}
	return s.writePage(w, r,
		func(before chat.ID, limit int) ([]chat.Event, bool, error) {
			return s.chat.History(ctx, v.person(), room, before, limit)
		},
		func(after chat.ID, limit int) ([]chat.Event, bool, error) {
			return s.chat.Newer(ctx, v.person(), room, after, limit)
		})
}

func (s *Server) apiPrivateHistory(w http.ResponseWriter, r *http.Request, v *visitor) error {
	ctx := r.Context()
	other, err := s.accounts.UserByName(ctx, r.PathValue("name"))
	if err != nil {
		return err
	}
	return s.writePage(w, r,
		func(before chat.ID, limit int) ([]chat.Event, bool, error) {
			return s.chat.PrivateHistory(ctx, v.person(), other.Name, before, limit)
		},
		func(after chat.ID, limit int) ([]chat.Event, bool, error) {
			return s.chat.PrivateNewer(ctx, v.person(), other.Name, after, limit)
		})
}

type conversationsPage struct {
	Conversations []chat.Conversation `json:"conversations"` // the latest first
	// Next is the after of the next page: the last message of the last conversation. Absent on the last page.
	Next   string `json:"next,omitempty"`
	Cursor string `json:"cursor"` // a place for events to begin at
}

func (s *Server) apiConversations(w http.ResponseWriter, r *http.Request, v *visitor) error {
	query, err := readQuery(r, "after", "limit")
	if err != nil {
		return err
	}
	limit, err := readLimit(query, chat.MaxConversations, chat.MaxConversations)
	if err != nil {
		return err
	}
	after, err := messageParameter("after", query.Get("after"))
	if err != nil {
		return err
	}
	// What is committed by now is in what is read from now on.
	page := conversationsPage{Cursor: cursor{s.chat.Log(), s.chat.Seq()}.String()}
	conversations, next, err := s.chat.Conversations(r.Context(), v.person(), after, limit)
	if err != nil {
		return err
	}
	if page.Conversations = list(conversations); !next.IsZero() {
		page.Next = next.String()
	}
	writeJSON(w, http.StatusOK, page)
	return nil
}

type newMessage struct {
	ID      *string `json:"id"` // a UUIDv7 that the program has made, so that it can try again
	Message *string `json:"message"`
}

type newText struct {
	Message *string `json:"message"`
}

// receiptAnswer says that a state of a message is stored.
type receiptAnswer struct {
	ID   string `json:"id"`
	Time int64  `json:"time"` // when it was posted, in milliseconds since 1970
	Seq  int64  `json:"seq"`
	// OnlyHere is set where the message should be on another node too, and is not yet.
	OnlyHere bool `json:"only_here,omitempty"`
}

func writeReceipt(w http.ResponseWriter, status int, receipt chat.Receipt) {
	writeJSON(w, status, receiptAnswer{ID: receipt.ID.String(), Time: receipt.Time, Seq: receipt.Seq, OnlyHere: receipt.OnlyHere})
}

// write posts what the body holds. Posting an id again is no error and stores nothing: the status tells the two apart.
func (s *Server) write(w http.ResponseWriter, r *http.Request, v *visitor, post func(ctx context.Context, id chat.ID, text string) (chat.Receipt, error)) error {
	if err := noQuery(r); err != nil {
		return err
	}
	if err := s.maySpeak(v); err != nil {
		return err
	}
	var body newMessage
	if err := readBody(r, &body); err != nil {
		return err
	}
	text, id, err := spoken(body.Message, body.ID)
	if err != nil {
		return err
	}
	receipt, err := post(r.Context(), id, text)
	if err != nil {
		return err
	}
	status := http.StatusCreated
	if receipt.Again {
		status = http.StatusOK
	}
	writeReceipt(w, status, receipt)
	return nil
}

func (s *Server) apiPost(w http.ResponseWriter, r *http.Request, v *visitor) error {
	return s.write(w, r, v, func(ctx context.Context, id chat.ID, text string) (chat.Receipt, error) {
		return s.chat.Post(ctx, v.person(), r.PathValue("room"), id, text)
	})
}

func (s *Server) apiPrivate(w http.ResponseWriter, r *http.Request, v *visitor) error {
	return s.write(w, r, v, func(ctx context.Context, id chat.ID, text string) (chat.Receipt, error) {
		return s.chat.Private(ctx, v.person(), r.PathValue("name"), id, text)
	})
}

func (s *Server) apiEdit(w http.ResponseWriter, r *http.Request, v *visitor) error {
	if err := noQuery(r); err != nil {
		return err
	}
	if err := s.maySpeak(v); err != nil {
		return err
	}
	id, err := messageID("id", new(r.PathValue("id")))
	if err != nil {
		return err
	}
	var body newText
	if err := readBody(r, &body); err != nil {
		return err
	}
	text, err := needed("message", body.Message)
	if err != nil {
		return err
	}
	receipt, err := s.chat.Edit(r.Context(), v.person(), id, text)
	if err != nil {
		return err
	}
	writeReceipt(w, http.StatusOK, receipt)
	return nil
}

func (s *Server) apiDelete(w http.ResponseWriter, r *http.Request, v *visitor) error {
	if err := noQuery(r); err != nil {
		return err
	}
	if err := s.maySpeak(v); err != nil {
		return err
	}
	id, err := messageID("id", new(r.PathValue("id")))
	if err != nil {
		return err
	}
	receipt, err := s.deleteMessage(r.Context(), v, id)
	if err != nil {
		return err
	}
	writeReceipt(w, http.StatusOK, receipt)
	return nil
}

// deleteMessage deletes a message of one's own, or one that a webhook has posted in a room that one moderates.
func (s *Server) deleteMessage(ctx context.Context, v *visitor, id chat.ID) (chat.Receipt, error) {
	receipt, err := s.chat.Delete(ctx, v.person(), id)
	if refused, ok := errors.AsType[*chat.Error](err); ok && refused.Code == chat.CodeForbidden {
		return s.chat.DeletePosted(ctx, v.person(), v.moderates(), id)
	}
	return receipt, err
}
