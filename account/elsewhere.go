package account

import (
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	"sync"
	"time"

	"snug/layer/mesh"
	"snug/store"
)

const (
	// elsewhereWait is how long somebody waits for the answers of other nodes. A session that is newer than the rows here is rare, and a page
	// may take so long.
	elsewhereWait = time.Second
	// maxAsks bounds the questions under way: whoever makes tokens up must not occupy the links. One more is answered no.
	maxAsks = 64
	// maxServing bounds the questions of others that are looked up at once. One more is answered no.
	maxServing = 16
)

// The first byte of a frame. The number that the asker gave the question follows, then in a question the hash of a token, and in an answer the
// rows of the session, of what was decided of its user, and of the user, each behind its length; none if there is no such session.
const (
	frameAsk    = 1
	frameAnswer = 2
)

// elsewhere asks other nodes for sessions that this one does not know: whoever logged in there a moment ago may be here before the row is.
type elsewhere struct {
	port    mesh.Port
	st      *store.Store
	log     *slog.Logger
	leave   func()
	stopped context.Context //nolint:containedctx // of lookups for others, for which the handler has none
	stop    context.CancelFunc
	serving chan struct{} // holds one for each lookup for others
	served  sync.WaitGroup

	mu   sync.Mutex // guards what follows
	last uint64     // the number of the newest question
	asks map[uint64]*question
}

// question is one under way. Each peer that was asked answers once, with nothing if it cannot.
type question struct {
	waiting map[string]struct{} // peers that have not answered
	answers chan []store.Row    // has room for all
}

func newElsewhere(port mesh.Port, st *store.Store, log *slog.Logger) *elsewhere {
	e := &elsewhere{port: port, st: st, log: log, serving: make(chan struct{}, maxServing), asks: make(map[uint64]*question)}
	e.stopped, e.stop = context.WithCancel(context.Background())
	e.leave = port.Join(e)
	return e
}

func (e *elsewhere) close() {
	e.leave()
	e.stop()
	e.served.Wait()
}

// fetch reports whether another node has the session. Then the store of this one has it too.
func (e *elsewhere) fetch(ctx context.Context, token [32]byte) bool {
	peers := e.port.Peers()
	number, q := e.begin(peers)
	if q == nil {
		return false
	}
	defer e.end(number)
	frame := append(binary.BigEndian.AppendUint64([]byte{frameAsk}, number), token[:]...)
	for _, peer := range peers {
		if err := e.port.Send(peer, frame); err != nil {
			e.answer(number, peer, nil)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, elsewhereWait)
	defer cancel()
	for range peers {
		select {
		case rows := <-q.answers:
			if !isSession(rows, token) {
				continue
			}
			if _, err := e.st.Merge(ctx, rows); err != nil {
				e.log.Warn("a session of another node was not stored", "error", err)
				return false
			}
			return true
		case <-ctx.Done():
			return false
		}
	}
	return false
}

// begin notes a question to these peers; nil if there are too many, or nobody to ask.
func (e *elsewhere) begin(peers []string) (number uint64, q *question) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(peers) == 0 || len(e.asks) >= maxAsks {
		return 0, nil
	}
	q = &question{waiting: make(map[string]struct{}, len(peers)), answers: make(chan []store.Row, len(peers))}
	for _, peer := range peers {
		q.waiting[peer] = struct{}{}
	}
	e.last++
	e.asks[e.last] = q
	return e.last, q
}

func (e *elsewhere) end(number uint64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.asks, number)
}

// answer notes what a peer answers, once.
func (e *elsewhere) answer(number uint64, peer string, rows []store.Row) {
	e.mu.Lock()
	defer e.mu.Unlock()
	q := e.asks[number]
	if q == nil {
		return
	}
	if _, waits := q.waiting[peer]; waits {
		delete(q.waiting, peer)
		q.answers <- rows
	}
}

// Up implements [mesh.Handler]. What was under way on the link before is lost.
func (e *elsewhere) Up(peer string) { e.Down(peer) }

// Down implements [mesh.Handler].
func (e *elsewhere) Down(peer string) {
	e.mu.Lock()
	numbers := make([]uint64, 0, len(e.asks))
	for number := range e.asks {
		numbers = append(numbers, number)
	}
	e.mu.Unlock()
	for _, number := range numbers {
		e.answer(number, peer, nil)
	}
}

// Received implements [mesh.Handler].
func (e *elsewhere) Received(peer string, frame []byte) {
	const head = 1 + 8
	if len(frame) < head {
		return
	}
	number, rest := binary.BigEndian.Uint64(frame[1:]), frame[head:]
	switch {
	case frame[0] == frameAnswer:
		rows, err := decodeRows(rest)
		if err != nil {
			e.log.Warn("another node sent a session that cannot be read", "peer", peer, "error", err)
		}
		e.answer(number, peer, rows)
	case frame[0] == frameAsk && len(rest) == 32:
		e.serve(peer, number, [32]byte(rest))
	}
}

// serve looks a session up for another node.
func (e *elsewhere) serve(peer string, number uint64, token [32]byte) {
	select {
	case e.serving <- struct{}{}:
	default:
		e.send(peer, number, nil)
		return
	}
	e.served.Go(func() {
		defer func() { <-e.serving }()
		ctx, cancel := context.WithTimeout(e.stopped, elsewhereWait)
		defer cancel()
		e.send(peer, number, e.lookUp(ctx, token))
	})
}

func (e *elsewhere) lookUp(ctx context.Context, token [32]byte) []store.Row {
	session, err := e.st.SessionByToken(ctx, token)
	if err != nil {
		return nil // whether it is unknown or cannot be read: this node does not help
	}
	user, err := e.st.UserByID(ctx, session.User)
	if err != nil {
		return nil
	}
	// The other node may not have heard of it yet.
	if endings, err := e.st.EndingsOf(ctx, session.User); err != nil || endings.End(session) {
		return nil
	}
	rulings, err := e.st.RulingsOf(ctx, session.User)
	if err != nil {
		return nil
	}
	rows := []store.Row{&session}
	for i := range rulings {
		rows = append(rows, &rulings[i])
	}
	return append(rows, &user)
}

func (e *elsewhere) send(peer string, number uint64, rows []store.Row) {
	frame := binary.BigEndian.AppendUint64([]byte{frameAnswer}, number)
	for _, row := range rows {
		body := store.EncodeRow(row)
		frame = append(binary.AppendUvarint(frame, uint64(len(body))), body...)
	}
	_ = e.port.Send(peer, frame) // a link that broke is answer enough
}

func decodeRows(b []byte) (rows []store.Row, err error) {
	for len(b) > 0 {
		size, n := binary.Uvarint(b)
		if n <= 0 || size > uint64(len(b)-n) {
			return nil, errors.New("bad length")
		}
		row, err := store.DecodeRow(b[n : n+int(size)])
		if err != nil {
			return nil, err
		}
		rows, b = append(rows, row), b[n+int(size):]
	}
	return rows, nil
}

// isSession reports whether rows are the session of a token, what was decided of its user, and the user.
func isSession(rows []store.Row, token [32]byte) bool {
	if len(rows) < 2 {
		return false
	}
	session, isSession := rows[0].(*store.Session)
	user, isUser := rows[len(rows)-1].(*store.User)
	if !isSession || !isUser || session.Token != token || session.User != user.ID {
		return false
	}
	for _, row := range rows[1 : len(rows)-1] {
		if ruling, ok := row.(*store.Record); !ok || !ruling.IsRuling() || ruling.Owner != user.ID {
			return false
		}
	}
	return true
}
