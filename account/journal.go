package account

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"snug/store"
)

const (
	// DefaultAuditKeep is how long entries of the audit log are kept.
	DefaultAuditKeep = 365 * 24 * time.Hour

	// journalQueue is how many entries wait to be written: as much as a disk that stalls for some seconds needs.
	journalQueue = 1024
	// journalBatch is how many are written in one commit.
	journalBatch = 128
	// journalPatience is how long one write may take, also the last one before the end.
	journalPatience = 10 * time.Second
	// summaryLook is how often the journal looks whether a flood is to be told of.
	summaryLook = time.Minute

	// maxDetail bounds what is said beside an event, in bytes.
	maxDetail = 500
)

// AuditEntry is an event as it was noted.
type AuditEntry struct {
	Event
	ID   ID
	At   time.Time
	Node string // the node where it happened
	More int    // this entry stands for so many that were not noted one by one; 0: for itself
}

// auditBody is what the record of an entry says.
type auditBody struct {
	Event   string `json:"event"`
	Actor   ID     `json:"actor,omitzero"`
	Target  ID     `json:"target,omitzero"`
	Address string `json:"address,omitzero"`
	Detail  string `json:"detail,omitzero"`
	Node    string `json:"node,omitzero"`
	More    int    `json:"more,omitzero"`
}

// journal writes the audit log behind those who are noted in it. Its queue is bounded: what does not fit any more is counted,
// and the count is an entry as soon as there is room again.
type journal struct {
	st     *store.Store
	log    *slog.Logger
	node   string
	floods *floods
	queue  chan AuditEntry
	lost   atomic.Int64
}

func newJournal(st *store.Store, node string, log *slog.Logger) *journal {
	return &journal{st: st, log: log, node: node, floods: newFloods(), queue: make(chan AuditEntry, journalQueue)}
}

// note takes an entry, and does not wait.
func (j *journal) note(ctx context.Context, e AuditEntry) {
	e.log(ctx, j.log)
	select {
	case j.queue <- e:
	default:
		j.lost.Add(1)
	}
}

// run writes until ctx ends, and then what is left.
func (j *journal) run(ctx context.Context) {
	tick := time.NewTicker(summaryLook)
	defer tick.Stop()
	// What was done must be noted also when the server stops.
	lasting := context.WithoutCancel(ctx)
	for {
		select {
		case e := <-j.queue:
			j.write(lasting, j.gather(e))
		case now := <-tick.C:
			j.write(lasting, j.summaries(lasting, j.floods.due(now)))
		case <-ctx.Done():
			now := time.Now()
			last := append(j.gather(), j.summaries(lasting, j.floods.rest(now))...)
			for len(last) > 0 {
				j.write(lasting, last)
				last = j.gather()
			}
			return
		}
	}
}

// gather takes what waits, as much as fits into one commit.
func (j *journal) gather(entries ...AuditEntry) []AuditEntry {
	for len(entries) < journalBatch {
		select {
		case e := <-j.queue:
			entries = append(entries, e)
		default:
			return entries
		}
	}
	return entries
}

func (j *journal) summaries(ctx context.Context, all []AuditEntry) []AuditEntry {
	for i := range all {
		all[i].Node = j.node
		all[i].log(ctx, j.log)
	}
	return all
}

// write keeps entries. Those that cannot be written are lost, and counted.
func (j *journal) write(ctx context.Context, entries []AuditEntry) {
	lost := j.lost.Swap(0)
	if lost > 0 {
		entries = append(entries, AuditEntry{
			Event: Event{Kind: EventAuditLost, Detail: fmt.Sprintf("%d could not be written, or not fast enough. The log of the server has them.", lost)},
			At:    time.Now(), Node: j.node,
		})
	}
	if len(entries) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, journalPatience)
	defer cancel()
	records := make([]store.NewRecord, len(entries))
	for i, e := range entries {
		records[i] = e.record()
	}
	if _, err := j.st.CreateRecords(ctx, records...); err != nil {
		if lost > 0 {
			entries = entries[:len(entries)-1]
		}
		j.lost.Add(lost + int64(len(entries)))
		j.log.Warn("entries of the audit log could not be written", "entries", len(entries), "error", err)
	}
}

func (e AuditEntry) record() store.NewRecord {
	body, err := json.Marshal(auditBody{e.Kind, e.Actor, e.Target, e.Address, e.Detail, e.Node, e.More})
	if err != nil {
		panic(fmt.Sprintf("encode an entry of the audit log: %v", err)) // texts, ids and numbers always can be
	}
	owner := e.Actor
	if owner.IsZero() {
		owner = e.Target
	}
	return store.NewRecord{Record: store.Record{Kind: store.KindAudit, Owner: owner, Created: e.At, Body: string(body)}}
}

// entryOf reads what record wrote, here or in another version.
func entryOf(r store.Record) AuditEntry {
	var b auditBody
	if err := json.Unmarshal([]byte(r.Body), &b); err != nil {
		b = auditBody{Detail: "This version of Snug cannot read the entry."}
	}
	return AuditEntry{
		Event: Event{Kind: b.Event, Actor: b.Actor, Target: b.Target, Address: b.Address, Detail: b.Detail},
		ID:    r.ID, At: r.Created, Node: b.Node, More: b.More,
	}
}
