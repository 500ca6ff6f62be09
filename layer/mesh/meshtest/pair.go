package meshtest

import "time"

// pair is two nodes and the link between them. The lock of the network guards it.
type pair struct {
	net  *Net
	ends [2]string
	ways [2]way // from each end to the other

	link    uint64    // number of the link; 0 while there is none
	dialing bool      // a link will be tried soon
	lost    time.Time // when contact was lost; zero while there is contact
	times   uint64    // contact was lost or found, so far: tells timers that they are late
}

// way is one direction between two nodes.
type way struct {
	cut           bool
	delay, jitter time.Duration
}

func (p *pair) other(id string) string {
	if p.ends[0] == id {
		return p.ends[1]
	}
	return p.ends[0]
}

func (p *pair) from(id string) *way {
	if p.ends[0] == id {
		return &p.ways[0]
	}
	return &p.ways[1]
}

func (p *pair) reachable() bool {
	return p.net.nodes[p.ends[0]] != nil && p.net.nodes[p.ends[1]] != nil && !p.ways[0].cut && !p.ways[1].cut
}

// review does what follows from a change of the ways or the nodes.
func (p *pair) review() {
	if !p.reachable() {
		p.lose()
		return
	}
	if p.link == 0 {
		p.dial()
		return
	}
	p.find()
	for _, end := range p.ends {
		p.net.nodes[end].wake(p.other(end)) // what was held up
	}
}

// lose starts the times after which the link breaks and the ends are told.
func (p *pair) lose() {
	if !p.lost.IsZero() {
		return
	}
	p.lost = time.Now()
	p.times++
	now := p.times
	p.net.after(Notice, func() {
		if p.times == now {
			p.breakLink()
		}
	})
	for _, end := range p.ends {
		p.net.after(Gone+p.net.upTo(time.Second), func() {
			if p.times == now {
				p.down(end)
			}
		})
	}
}

// find says that there is contact.
func (p *pair) find() {
	if !p.lost.IsZero() {
		p.lost = time.Time{}
		p.times++
	}
}

// breakLink ends the link with all that is under way.
func (p *pair) breakLink() {
	if p.link == 0 {
		return
	}
	p.link = 0
	p.lose()
	for _, end := range p.ends {
		if node := p.net.nodes[end]; node != nil {
			node.lose(p.other(end))
		}
	}
	p.review()
}

// dial makes a link in a while.
func (p *pair) dial() {
	if p.dialing {
		return
	}
	p.dialing = true
	p.net.after(Connect/20+p.net.upTo(Connect*19/20), func() {
		p.dialing = false
		if p.link != 0 || !p.reachable() {
			return
		}
		p.net.links++
		p.link = p.net.links
		p.find()
		for _, end := range p.ends {
			p.net.nodes[end].up(p.other(end))
		}
	})
}

// down tells one end that the other is gone.
func (p *pair) down(end string) {
	if node := p.net.nodes[end]; node != nil {
		node.down(p.other(end))
	}
}
