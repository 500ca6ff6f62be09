package cluster

import "fmt"

// hearControl takes a frame that is not data.
func (l *link) hearControl(kind byte, body []byte) error {
	switch kind {
	case framePing:
		received := l.clock.wall()
		sent, _, err := number(body)
		if err != nil {
			return err
		}
		l.tell(framePong, nil, sent, received, l.clock.wall())
	case framePong:
		n, _, err := numbers(body, 3)
		if err != nil {
			return err
		}
		l.clock.pong(n[0], n[1], n[2])
		l.mu.Lock()
		for _, w := range l.waiting {
			close(w)
		}
		l.waiting = nil
		l.mu.Unlock()
		l.m.measured(l)
	case frameOpen:
		num, name, err := number(body)
		if err != nil {
			return err
		}
		return l.opened(string(name), num)
	case frameShut:
		num, _, err := number(body)
		if err != nil {
			return err
		}
		l.shut(num)
	case frameCredit:
		n, _, err := numbers(body, 2)
		if err != nil {
			return err
		}
		return l.credit(n[0], n[1])
	case frameBye:
		l.m.bye(l)
		return errBye
	case frameDuplicate:
		l.m.fence("")
		return errDuplicated
	}
	return nil // of a newer version, which knows that this one may not understand it
}

// credit lets more be sent to a port.
func (l *link) credit(num, bytes uint64) error {
	if bytes > 2*window+maxBody {
		return fmt.Errorf("%w: credit of %d bytes", errFrame, bytes)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.channels {
		if c.remote != num {
			continue
		}
		if c.credit += int(bytes); c.credit > window {
			return fmt.Errorf("%w: more credit than there was", errFrame)
		}
		l.readyLocked(c)
		l.nudge()
	}
	return nil
}
