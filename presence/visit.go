package presence

import "time"

// Visit is one live connection of a user in a place. It ends by the first call of Leave or LeaveNow; further calls do
// nothing. Its methods may be called from any goroutine.
type Visit struct {
	tracker *Tracker
	stay    *stay
	left    bool
}

// Leave says that the connection is gone. If it was the user's last in the place, the user leaves after the linger.
func (v *Visit) Leave() {
	v.tracker.mu.Lock()
	defer v.tracker.mu.Unlock()

	if v.last() {
		v.tracker.wait(v.stay)
	}
}

// LeaveNow says that the user closed this connection on purpose. If it was the last in the place, the user leaves at
// once.
func (v *Visit) LeaveNow() {
	v.tracker.mu.Lock()
	defer v.tracker.mu.Unlock()

	if v.last() {
		v.tracker.end(v.stay, time.Now())
	}
}

// last ends the visit and reports whether no other is left. The tracker's lock is held.
func (v *Visit) last() bool {
	if v.left || v.stay.over {
		return false
	}
	v.left = true
	v.stay.visits--
	return v.stay.visits == 0
}
