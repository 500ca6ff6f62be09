package main

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"snug/cluster"
	"snug/web"
)

// The bounds of an invitation's life, and what it is if nobody says: long enough to walk to the other machine, short enough to be no second secret.
const (
	defaultInvitation = 10 * time.Minute

	minInvitation = time.Minute
	maxInvitation = 24 * time.Hour
)

// What commands ask of the server, and what it answers: also what --json prints.
type (
	inviteRequest struct {
		Seconds int `json:"seconds"`
	}

	invitation struct {
		Token   string    `json:"token"`
		Expires time.Time `json:"expires"`
	}

	forgetRequest struct {
		Node string `json:"node"` // an id, the beginning of one, or a name
	}

	rotation struct {
		Stage   string   `json:"stage"`   // "": over; "spreading": not every node has the new secret; "switching": not every node uses it
		Waiting []string `json:"waiting"` // names of the nodes that it waits for
	}

	// memberList is the cluster as one node sees it.
	memberList struct {
		Members  []memberInfo `json:"members"`           // this node first
		Trouble  string       `json:"trouble,omitempty"` // of this node
		Rotation *rotation    `json:"rotation,omitempty"`
		Aside    int          `json:"rows_set_aside"` // rows of other nodes that are kept and not shown: the sum of those below
		// Those that only newer versions know, those stamped more than a day ahead of the clock here, and those that could not be read, ever.
		RowsNewer   int `json:"rows_newer"`
		RowsEarly   int `json:"rows_early"`
		RowsDamaged int `json:"rows_damaged"`
	}

	memberInfo struct {
		ID          string    `json:"id"` // "" for a seed that has not answered
		Name        string    `json:"name"`
		Address     string    `json:"address"`
		Version     string    `json:"version"`
		Self        bool      `json:"self"`
		State       string    `json:"state"` // alive, suspect, dead, left, unknown
		Since       time.Time `json:"since,omitzero"`
		RoundTripMS float64   `json:"round_trip_ms"` // 0: not measured
		ClockMS     float64   `json:"clock_ms"`      // how far its clock is ahead
		RowsBehind  *uint64   `json:"rows_behind"`   // that this node has and it has not; null: there is no link
		RowsAhead   *uint64   `json:"rows_ahead"`    // that it has and this node has not; null: there is no link
		QueueBytes  int       `json:"queue_bytes"`   // waiting to be sent to it
		QueueFrames int       `json:"queue_frames"`
		FramesNewer uint64    `json:"frames_newer"` // that it sent since this node started, and only newer versions know
		FramesBad   uint64    `json:"frames_bad"`   // that it sent since then, and that could not be read
		TroubleKind string    `json:"trouble_kind,omitempty"`
		Trouble     string    `json:"trouble,omitempty"`
	}
)

// cells are the columns of a line of the table.
func (m memberInfo) cells() []string {
	const none = "-"
	v := m.view()
	name := cmp.Or(m.Name, none)
	if m.Self {
		name += " (this one)"
	}
	since := none
	if !m.Since.IsZero() {
		since = m.Since.Local().Format(time.DateTime)
	}
	return []string{
		name, m.Address, cmp.Or(m.Version, none), m.State, since, cmp.Or(v.RoundTrip, none), cmp.Or(v.Clock, none), cmp.Or(v.Behind, none),
		cmp.Or(v.Queue, none), cmp.Or(m.ID, none),
	}
}

// troubles are sentences about what is wrong, each with what to do.
func (l memberList) troubles() []string {
	all := l.notes()
	for _, m := range l.Members {
		texts := m.ignored()
		if m.Trouble != "" {
			texts = append([]string{m.Trouble}, texts...)
		}
		for _, text := range texts {
			all = append(all, cmp.Or(m.Name, m.Address)+": "+text)
		}
	}
	return all
}

// notes are those that concern no single node.
func (l memberList) notes() []string {
	var all []string
	if len(l.Members) > 0 && l.Members[0].State == string(cluster.Left) {
		all = append(all, "This node has left the cluster and goes on alone, so it cannot know how the others are. Start it again, and it is one of them again, unless cluster.enabled is false by then.")
	}
	if l.Rotation != nil {
		all = append(all, l.Rotation.String())
	}
	return append(all, l.aside()...)
}

// aside says what became of rows that are here and that nobody is shown.
func (l memberList) aside() []string {
	var all []string
	for _, kind := range []struct {
		rows int
		text string
	}{
		{l.RowsNewer, "Rows that only a newer version knows: %d. They are kept and passed on, but not shown here. Use the newest Snug on every node."},
		{l.RowsEarly, "Rows from more than a day ahead of the clock here: %d. They are kept and passed on, and are shown when it is time. Set the clocks of all nodes right."},
		{l.RowsDamaged, "Rows that could not be read, ever: %d. They are left out; the database keeps the latest thousand to be looked at. If all nodes run the newest Snug, one of them is broken: the log here says since when."},
	} {
		if kind.rows > 0 {
			all = append(all, fmt.Sprintf(kind.text, kind.rows))
		}
	}
	return all
}

// ignored says what it sent for nothing, and what to do.
func (m memberInfo) ignored() (all []string) {
	if m.FramesNewer > 0 {
		all = append(all, fmt.Sprintf("Frames that only a newer version knows, left out here: %d since this node started. Nothing is lost by it. Use the newest Snug on every node.", m.FramesNewer))
	}
	if m.FramesBad > 0 {
		all = append(all, fmt.Sprintf("Frames that could not be read, left out here: %d since this node started. What was in them is asked for again. If both nodes run the newest Snug, that one is broken, or no Snug: "+
			"look at the log here, and stop it.", m.FramesBad))
	}
	return all
}

// String is one line for people.
func (r rotation) String() string {
	if len(r.Waiting) == 0 {
		return "The secret is being replaced."
	}
	return "The secret is being replaced. It waits for " + strings.Join(r.Waiting, ", ") + "."
}

// view is the member as the page of administrators shows it; what is not known or says nothing is empty.
func (m memberInfo) view() web.MemberView {
	v := web.MemberView{
		ID: m.ID, Name: m.Name, Address: m.Address, Version: m.Version, Self: m.Self, State: m.State, Since: m.Since, Trouble: m.Trouble,
		Ignored: m.ignored(),
	}
	if m.Self || m.ID == "" {
		return v
	}
	if m.RoundTripMS > 0 {
		v.RoundTrip = milliseconds(m.RoundTripMS)
		v.Clock = difference(m.ClockMS)
	}
	if m.RowsBehind != nil {
		v.Behind = fmt.Sprint(*m.RowsBehind)
		if *m.RowsAhead > 0 {
			v.Behind += fmt.Sprintf(", and %d ahead", *m.RowsAhead)
		}
		v.Queue = fmt.Sprintf("%d (%s)", m.QueueFrames, size(m.QueueBytes))
	}
	return v
}

func milliseconds(ms float64) string {
	if ms < 10 {
		return fmt.Sprintf("%.2f ms", ms)
	}
	return fmt.Sprintf("%.0f ms", ms)
}

// difference is a difference of clocks. Less than a millisecond says nothing.
func difference(ms float64) string {
	d := (time.Duration(ms) * time.Millisecond).Round(time.Millisecond)
	switch {
	case d > 0:
		return d.String() + " ahead"
	case d < 0:
		return (-d).String() + " behind"
	}
	return "the same"
}

func size(bytes int) string {
	switch {
	case bytes >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(bytes)/(1<<20))
	case bytes >= 1<<10:
		return fmt.Sprintf("%.1f KiB", float64(bytes)/(1<<10))
	}
	return fmt.Sprintf("%d B", bytes)
}
