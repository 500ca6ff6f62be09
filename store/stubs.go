package store

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

var errStub = errors.New("not there yet")

type Options struct {
	Now         func() time.Time
	Logger      *slog.Logger
	Synchronous string
}
type Store struct{}

func Open(ctx context.Context, dir string, opts Options) (*Store, error) { return nil, errStub }
func (s *Store) Close() error                                            { return errStub }
func (s *Store) Ready(ctx context.Context) error                         { return errStub }
func (s *Store) Log() string                                             { return "" }
func (s *Store) Seq() int64                                              { return 0 }
func (s *Store) Watch(fn func([]Row)) (stop func())                      { return func() {} }
func (s *Store) CreateUser(ctx context.Context, u User) (User, error)    { return u, errStub }
func (s *Store) UpdateUser(ctx context.Context, id ID, change func(*User) error) (User, error) {
	return User{}, errStub
}
func (s *Store) UserByID(ctx context.Context, id ID) (User, error)            { return User{}, errStub }
func (s *Store) UserByKey(ctx context.Context, key string) (User, error)      { return User{}, errStub }
func (s *Store) UsersByID(ctx context.Context, ids []ID) ([]User, error)      { return nil, errStub }
func (s *Store) Users(ctx context.Context, q UserQuery) ([]User, error)       { return nil, errStub }
func (s *Store) CountUsers(ctx context.Context) (int, error)                  { return 0, errStub }
func (s *Store) SetSeen(ctx context.Context, user ID, at time.Time) error     { return errStub }
func (s *Store) SeenByUser(ctx context.Context, ids []ID) (map[ID]time.Time, error) {
	return nil, errStub
}
func (s *Store) CreateSession(ctx context.Context, x Session) (Session, error) { return x, errStub }
func (s *Store) SessionByToken(ctx context.Context, token [32]byte) (Session, error) {
	return Session{}, errStub
}
func (s *Store) UpdateSession(ctx context.Context, id ID, change func(*Session) error) (Session, error) {
	return Session{}, errStub
}
func (s *Store) SessionsOf(ctx context.Context, user ID) ([]Session, error) { return nil, errStub }
func (s *Store) DeleteExpiredSessions(ctx context.Context, before time.Time) (int, error) {
	return 0, errStub
}
func (s *Store) OpenRoom(ctx context.Context, r Room) (room Room, created bool, err error) {
	return r, false, errStub
}
func (s *Store) RoomByKey(ctx context.Context, key string) (Room, error) { return Room{}, errStub }
func (s *Store) RoomByID(ctx context.Context, id ID) (Room, error)       { return Room{}, errStub }
func (s *Store) UpdateRoom(ctx context.Context, id ID, change func(*Room) error) (Room, error) {
	return Room{}, errStub
}
func (s *Store) Rooms(ctx context.Context, limit int) ([]Room, error) { return nil, errStub }
func (s *Store) PostMessage(ctx context.Context, m Message) (stored Message, created bool, err error) {
	return m, false, errStub
}
func (s *Store) UpdateMessage(ctx context.Context, id ID, change func(*Message) error) (Message, error) {
	return Message{}, errStub
}
func (s *Store) MessageByID(ctx context.Context, id ID) (Message, error) { return Message{}, errStub }
func (s *Store) History(ctx context.Context, room ID, before ID, limit int) (msgs []Message, more bool, err error) {
	return nil, false, errStub
}
func (s *Store) Since(ctx context.Context, room ID, after int64, limit int) ([]Message, error) {
	return nil, errStub
}
func (s *Store) Latest(ctx context.Context, room ID, limit int) (msgs []Message, more bool, seq int64, err error) {
	return nil, false, 0, errStub
}
func (s *Store) PrivateSince(ctx context.Context, user ID, after int64, limit int) ([]Message, error) {
	return nil, errStub
}
func (s *Store) Conversations(ctx context.Context, user ID, limit int) ([]Conversation, error) {
	return nil, errStub
}
func (s *Store) Meta(ctx context.Context, key string) (value string, found bool, err error) {
	return "", false, errStub
}
func (s *Store) SetMeta(ctx context.Context, key, value string) error { return errStub }
func (s *Store) DeleteMeta(ctx context.Context, key string) (existed bool, err error) {
	return false, errStub
}
func (s *Store) CreateFirstAdmin(ctx context.Context, u User, metaKey, metaValue string) (User, error) {
	return u, errStub
}
