package meshtest

import (
	"fmt"
	"slices"
	"time"
)

// Faults say what [Net.Shake] does to a network.
type Faults struct {
	// For is how long it goes on. Zero is a minute.
	For time.Duration
	// Every is the longest pause between two faults. Zero is 3 seconds.
	Every time.Duration
	// Longest is how long a fault lasts at most. Zero is 30 seconds. Most are far shorter.
	Longest time.Duration
	// Crashed and Restarted make nodes crash and return: the first is called after a node crashed, to put away what ran on
	// it, the second after it returned as a new process, to start it all again. With both nil no node crashes.
	Crashed, Restarted func(id string)
}

// Shake does random faults to the network, several at a time. When it returns, everything is healed and all nodes run. Each
// fault is in the log of the test.
func (n *Net) Shake(f Faults) {
	if f.For == 0 {
		f.For = time.Minute
	}
	if f.Every == 0 {
		f.Every = 3 * time.Second
	}
	if f.Longest == 0 {
		f.Longest = 30 * time.Second
	}

	s := &shaker{Net: n, Faults: f, until: time.Now().Add(f.For)}
	for time.Now().Before(s.until) {
		s.begin()
		pause := s.draw(f.Every)
		for wake := time.Now().Add(pause); ; {
			at, due := s.nextEnd()
			if !due || at.After(wake) {
				time.Sleep(time.Until(wake))
				break
			}
			time.Sleep(time.Until(at))
			s.endDue()
		}
	}
	s.until = time.Now()
	s.endAll()
	n.HealAll()
	s.log("all healed")
}

// shaker is one run of Shake. Only its goroutine uses it.
type shaker struct {
	*Net
	Faults
	until time.Time
	under []fault // those under way
}

// fault is something that ends.
type fault struct {
	what string
	ends time.Time
	end  func()
}

func (s *shaker) log(what string) { s.tb.Logf("meshtest: %v: %s", time.Since(s.began), what) }

func (s *shaker) draw(most time.Duration) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.upTo(most)
}

func (s *shaker) pick(most int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.random.IntN(most)
}

// begin starts one fault.
func (s *shaker) begin() {
	ids := s.IDs()
	if len(ids) < 2 {
		return
	}
	i := s.pick(len(ids))
	a := ids[i]
	b := ids[(i+1+s.pick(len(ids)-1))%len(ids)]
	names := fmt.Sprintf("%s %s", short(a), short(b))
	heal := func() { s.Heal(a, b) }

	switch kind := s.pick(8); {
	case kind == 0:
		s.log("break " + names)
		s.Break(a, b)
	case kind == 1:
		s.Cut(a, b)
		s.add("cut "+names, heal)
	case kind == 2:
		s.CutOneWay(a, b)
		s.add("one-way cut "+names, heal)
	case kind == 3:
		s.Split(a)
		s.add("alone "+short(a), func() {
			for _, id := range ids {
				if id != a {
					s.Heal(a, id)
				}
			}
		})
	case kind == 4:
		delay, jitter := s.draw(2*time.Second), s.draw(time.Second)
		s.Slow(a, b, delay, jitter)
		s.add("slow "+names, heal)
	case kind == 5:
		s.flap(a, b, 2+s.pick(8))
	case s.Crashed == nil && s.Restarted == nil:
		s.Break(a, b)
	case s.Alive(a):
		s.Crash(a)
		if s.Crashed != nil {
			s.Crashed(a)
		}
		s.add("crash "+short(a), func() { s.restart(a) })
	}
}

func (s *shaker) restart(id string) {
	s.Restart(id)
	if s.Restarted != nil {
		s.Restarted(id)
	}
}

// flap cuts and heals in turn, at intervals around the times that links notice.
func (s *shaker) flap(a, b string, times int) {
	s.Cut(a, b)
	s.under = append(s.under, fault{
		what: fmt.Sprintf("flap %s %s", short(a), short(b)),
		ends: time.Now().Add(s.draw(5 * time.Second)),
		end: func() {
			s.Heal(a, b)
			if times > 0 && time.Now().Before(s.until) {
				time.Sleep(s.draw(time.Second))
				s.flap(a, b, times-1)
			}
		},
	})
}

// add notes a fault that began, and draws how long it lasts: half of them a sixth of the longest.
func (s *shaker) add(what string, end func()) {
	lasts := s.draw(s.Longest)
	if s.pick(2) == 0 {
		lasts /= 6
	}
	s.log(fmt.Sprintf("%s for %v", what, lasts))
	s.under = append(s.under, fault{what, time.Now().Add(lasts), end})
}

func (s *shaker) nextEnd() (at time.Time, due bool) {
	for i, f := range s.under {
		if i == 0 || f.ends.Before(at) {
			at = f.ends
		}
	}
	return at, len(s.under) > 0
}

func (s *shaker) endDue() {
	var due []fault
	s.under = slices.DeleteFunc(s.under, func(f fault) bool {
		if f.ends.After(time.Now()) {
			return false
		}
		due = append(due, f)
		return true
	})
	for _, f := range due {
		f.end()
	}
}

func (s *shaker) endAll() {
	due := s.under
	s.under = nil
	for _, f := range due {
		f.end()
	}
}

// short is enough of an id for a log.
func short(id string) string { return id[max(0, len(id)-4):] }
