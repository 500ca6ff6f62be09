package chat

import (
	"context"
	"encoding/hex"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/text/secure/precis"

	"snug/layer"
	"snug/presence"
	"snug/store"
)

// ID names a room, a message or a person.
type ID = store.ID

// ParseID reads the 36-character form of an ID.
func ParseID(s string) (ID, error) {
	return store.ParseID(s)
}

// Person is who acts. The zero Person is a guest: nobody is logged in.
type Person struct {
	ID   ID
	Name string
}

// Guest reports whether nobody is logged in.
func (p Person) Guest() bool {
	return p.ID.IsZero()
}

// DefaultMaxMessage is the longest message where the options name no other, in characters.
const DefaultMaxMessage = 4000

// Options are what may be chosen about chatting; the zero value is good.
type Options struct {
	// MaxMessage is the longest message, in characters; 0 is DefaultMaxMessage. Up to 65,536 an event fits in a
	// message of the layer whatever the text.
	MaxMessage int
	// RoomsPerHour is how many rooms one person may make in an hour; 0 is no limit.
	RoomsPerHour int
	// NameKey turns the name of a person into the key that the store knows it by; it fails for what is no name. Nil is
	// PRECIS UsernameCaseMapped.
	NameKey func(name string) (string, error)
	// Common is the layer over all nodes, for what is only of the moment: no other node hears of that in another way. Nil is the layer that everything else goes to.
	Common layer.Layer
	// Confirm waits until another node has what was just written, and reports whether one has; nil is not to wait.
	Confirm func(ctx context.Context, written store.Origin) bool
	// Audit notes what matters to whoever answers for this place; nil is to note nothing. It must not wait.
	Audit func(ctx context.Context, note AuditNote)
	// Now is the clock; nil is time.Now.
	Now    func() time.Time
	Logger *slog.Logger // nil discards
}

// Chat holds the rules of rooms and messages over a store, and tells what happens to the groups of a layer. Its methods
// may be called from any goroutine.
type Chat struct {
	store    *store.Store
	layer    layer.Layer
	common   layer.Layer // see Options.Common
	presence *presence.Tracker
	log      *slog.Logger
	now      func() time.Time

	maxMessage int
	confirm    func(ctx context.Context, written store.Origin) bool
	audit      func(ctx context.Context, note AuditNote)
	people     *people
	rooms      *rooms
	making     *roomLimit
	typing     *typists
	publisher  *publisher
	observer   *observer
	gone       roomNews
	closed     roomNews // to guests

	close sync.Once
}

// New starts the goroutines that publish; Close stops them. The store, the layer and the tracker belong to the caller,
// and the store and the layer must be open for as long as the Chat is.
func New(st *store.Store, ly layer.Layer, pr *presence.Tracker, opts Options) *Chat {
	if opts.MaxMessage <= 0 {
		opts.MaxMessage = DefaultMaxMessage
	}
	if opts.NameKey == nil {
		opts.NameKey = precis.UsernameCaseMapped.String
	}
	if opts.Common == nil {
		opts.Common = ly
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	c := &Chat{
		store:      st,
		layer:      ly,
		common:     opts.Common,
		presence:   pr,
		log:        opts.Logger,
		now:        opts.Now,
		maxMessage: opts.MaxMessage,
		confirm:    opts.Confirm,
		audit:      opts.Audit,
		people:     newPeople(st, opts.NameKey),
		rooms:      newRooms(st),
		making:     newRoomLimit(opts.RoomsPerHour),
		typing:     newTypists(),
	}
	c.observer = newObserver(c)
	c.publisher = newPublisher(c)
	return c
}

// Close publishes what the store has committed so far, stores when those who are still online were seen, and stops.
// It does not close the store or the layer, which it needs. A tracker that was closed before has told everything.
func (c *Chat) Close() {
	c.close.Do(func() {
		c.publisher.close()
		c.observer.close()
	})
}

// MaxMessage is the longest message, in characters.
func (c *Chat) MaxMessage() int {
	return c.maxMessage
}

// Log names the order of events that every Seq is a place in. After a restart the same order has another name, and the older ones are known.
func (c *Chat) Log() string {
	return c.store.Log()
}

// Seq is the newest place in the order of events.
func (c *Chat) Seq() int64 {
	return c.store.Seq()
}

// queryTime bounds the queries that the publishing goroutines make for names that they do not hold.
const queryTime = 5 * time.Second

func queryContext(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, queryTime)
}

// parseHex reads the form of an ID that the presence tracker knows people and rooms by.
func parseHex(s string) (id ID, ok bool) {
	if len(s) != 2*len(id) {
		return ID{}, false
	}
	_, err := hex.Decode(id[:], []byte(s))
	return id, err == nil
}
