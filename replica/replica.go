package replica

import (
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	"sync"
	"time"

	"snug/layer/mesh"
)

// ErrNewFeed means that the row will not be known by the number it got: this node was set back while it ran, and has a new feed. The row
// itself is on this node's disk, and peers get it in the new feed.
var ErrNewFeed = errors.New("replica: the feed has ended")

// The limits of what waits in memory, in bytes unless they say otherwise.
const (
	maxHeld   = 4 << 20 // live rows from one peer that cannot be merged yet: seconds of a busy node
	maxBatch  = 1 << 20 // rows merged at once, beyond which one more row may come
	chunkSize = 256 << 10
	chunkRows = 256 // rows asked from the store at once
	window    = 4   // chunks under way to a peer

	// stall is how long a pull may stand still until it is tried elsewhere.
	stall = 20 * time.Second
	// newFeedPause is between two new feeds at least, and doubles with each up to newFeedMax: a peer that talks nonsense must not fill the
	// vectors, nor have all rows of a feed signed anew all the time.
	newFeedPause = time.Minute
	newFeedMax   = 24 * time.Hour
	// distrust is the most that a peer whose pulls come to nothing must wait until it is preferred again to one whose pulls do not.
	distrust = 5 * time.Minute
	// fruitless is how many rows of a pull may be no news, one after the other, before another peer has its turn, and barren for how long a pull may have none.
	fruitless = 1 << 16
	barren    = time.Minute
	// saveAfter is how many places a cursor may be ahead of the one on disk.
	saveAfter = 1024
)

// Options for [New]. The zero value is usable.
type Options struct {
	Logger *slog.Logger  // nil: none
	Every  time.Duration // between two vectors to a peer; 0 is 2 seconds
	// Calm says that Wait is never called, so peers need not say at once what they have on disk: an answer for each commit from each peer is a good part of
	// what a peer costs who writes much.
	Calm bool
}

// Replica keeps the store of this node equal to those of its peers. All methods may be called from any goroutine.
type Replica struct {
	port   mesh.Port
	store  Store
	logger *slog.Logger
	every  time.Duration
	calm   bool
	wake   chan struct{} // one place: there is work for Run
	merged chan struct{} // one place: something is to be brought to the disk
	serves sync.WaitGroup

	mu       sync.Mutex // guards all below. Frames are sent while it is held, which keeps them in order: Send never blocks
	ctx      context.Context
	feed     Feed
	known    Vector     // what this node has
	secured  *knowledge // what it tells the others that it has: what it has on disk, and all of the running feed
	fresh    Vector     // known, and not yet secured
	loose    Vector     // rows that are here by number, but which known does not cover yet
	surveyed bool       // loose has all of them
	place    int64      // everything here up to this place is covered by secured; 0: not sure
	peers    map[string]*peer
	pull     *pull
	pulls    uint64 // number of the last one
	look     bool   // think about pulling
	cursors  map[Feed]*cursor
	sure     uint64 // of the running feed, a peer has all rows up to this number, and got them on a link where it had not begun with them
	atPeer   uint64 // of the running feed, some peer has all rows up to this number
	suspect  bool   // a peer knows more of the running feed than there is
	newFeed  time.Time
	waiters  []*waiter
	stats    Stats
	ignored  map[string]IgnoredFrames // of each peer that ever sent one: no more than the mesh knows nodes
}

// cursor is the place in a peer's order, and the one that is on disk.
type cursor struct{ place, saved int64 }

// Stats counts since the start.
type Stats struct {
	Merged    uint64 // rows from peers that changed something here
	Aside     uint64 // rows from peers that could not be read
	BadFrames uint64 // frames that could not be read, or came when they must not
	Dropped   uint64 // live rows for which there was no room: they were pulled later
	NewFeeds  uint64 // times that this node was found to be set back
	Refused   uint64 // rows of feeds for which there was no room
}

// New returns a Replica that does nothing until [Replica.Run].
func New(port mesh.Port, store Store, opts Options) *Replica {
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	if opts.Every == 0 {
		opts.Every = 2 * time.Second
	}
	// Numbers of pulls and versions grow also from one Replica to the next on the same links.
	now, feed := uint64(time.Now().UnixMicro()), store.Feed()
	return &Replica{
		port:    port,
		store:   store,
		logger:  opts.Logger,
		every:   opts.Every,
		calm:    opts.Calm,
		wake:    make(chan struct{}, 1),
		feed:    feed,
		merged:  make(chan struct{}, 1),
		known:   Vector{},
		secured: newKnowledge(feed, now),
		fresh:   Vector{},
		loose:   Vector{},
		peers:   map[string]*peer{},
		pulls:   now,
		cursors: map[Feed]*cursor{},
		ignored: map[string]IgnoredFrames{},
	}
}

// Run does all the work, until ctx ends. It may be called once. The error is that of ctx, or of a store that cannot be read at the
// beginning; later ones are logged, and what failed is tried again.
func (r *Replica) Run(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer r.serves.Wait()
	defer stop()

	vector, _, err := r.store.Vector(ctx)
	if err != nil {
		return err
	}
	if err := r.store.Sync(ctx); err != nil { // the last process may not have
		return err
	}
	r.mu.Lock()
	r.ctx = ctx
	r.takeFeed()
	r.secured.feed = r.feed
	r.known.raise(vector)
	r.secured.raise(vector)
	r.mu.Unlock()

	r.serves.Go(func() { r.survey(ctx, vector) })
	r.serves.Go(func() { r.secure(ctx) })
	leave := r.port.Join(handler{r})
	defer leave()

	tick := time.NewTicker(r.every)
	defer tick.Stop()
	for ctx.Err() == nil {
		busy, err := r.work(ctx)
		if err != nil && ctx.Err() == nil {
			r.logger.Error("rows of peers could not be merged", "error", err)
			select { // whatever it is, trying at once will not help
			case <-time.After(r.every):
			case <-ctx.Done():
			}
		}
		if busy {
			select {
			case <-tick.C:
				r.tick(ctx)
			default:
			}
			continue
		}
		select {
		case <-r.wake:
		case <-tick.C:
			r.tick(ctx)
		case <-ctx.Done():
		}
	}
	return ctx.Err()
}

// work does some of what there is to do, if anything. A pull begins also where rows come live faster than they are merged.
func (r *Replica) work(ctx context.Context) (busy bool, err error) {
	if err := r.checkFeed(ctx); err != nil {
		return false, err
	}
	merged, err := r.mergeSome(ctx)
	if err != nil {
		return false, err
	}
	again, err := r.startPull(ctx)
	return merged || again, err
}

// rouse makes Run look for work.
func (r *Replica) rouse() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// Committed takes rows that this node has just committed, in their order, and sends those of its running feed to all peers. They need not be on
// disk yet: a row that the writer loses comes back from the others as one of an earlier life. It
// is meant to be called by the store's watcher from before Run on, and does not wait for anybody. Rows of other feeds are left out.
func (r *Replica) Committed(rows []Row) {
	r.mu.Lock()
	defer r.mu.Unlock()

	r.takeFeed() // checkFeed may be about to announce a new one
	live := &liveFrame{Feed: r.feed}
	size := 0
	flush := func() {
		if len(live.Bodies) > 0 {
			r.broadcast(live.append(make([]byte, 0, size+len(live.Bodies)*binary.MaxVarintLen32+liveHead)))
		}
		live.Bodies, size = nil, 0
	}
	for _, row := range rows {
		if row.Feed != r.feed {
			continue
		}
		r.known[row.Feed] = max(r.known[row.Feed], row.Seq)
		r.secured.raiseOne(row.Feed, row.Seq)
		if len(row.Body) > MaxBody {
			r.logger.Error("row too large for the peers", "feed", row.Feed, "seq", row.Seq, "bytes", len(row.Body))
			flush()
			continue
		}
		if row.Seq != live.First+uint64(len(live.Bodies)) || size+len(row.Body) > chunkSize || len(live.Bodies) == maxRows {
			flush()
		}
		if len(live.Bodies) == 0 {
			live.First = row.Seq
		}
		live.Bodies = append(live.Bodies, row.Body)
		size += len(row.Body)
	}
	flush()
}

// broadcast sends a frame to all peers that have a link. The lock is held.
func (r *Replica) broadcast(frame []byte) {
	for id := range r.peers {
		r.send(id, frame)
	}
}

// send sends a frame. Errors need no answer: without a link, or after too much backlog, Up comes and starts anew. The lock is held.
func (r *Replica) send(peer string, frame []byte) {
	if err := r.port.Send(peer, frame); err != nil && !errors.Is(err, mesh.ErrNoPeer) {
		r.logger.Warn("peer gets rows later", "peer", peer, "error", err)
	}
}
