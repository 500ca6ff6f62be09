package cluster

import (
	"fmt"
	"sync"

	"snug/layer/mesh"
)

// inbound is where frames for an open port go.
type inbound struct {
	link   *link
	number uint64
	lane   *lane

	mu     sync.Mutex // guards the fields below
	unread int        // cost of frames that the handler has not taken yet, or that are not credited yet
	taken  int        // taken, not yet credited
}

// put hands a frame on to the handler. Where it is the last that was read, the handler may have it at once.
func (in *inbound) put(payload []byte, last bool) error {
	in.mu.Lock()
	in.unread += cost(payload)
	tooMuch := in.unread > window+mesh.MaxFrame+frameCost
	in.mu.Unlock()
	if tooMuch {
		return fmt.Errorf("%w: sent without credit", errFrame)
	}
	in.lane.data(in, payload, last)
	return nil
}

// took returns credit for what the handler took, not for each frame.
func (in *inbound) took(n int) {
	in.mu.Lock()
	in.taken += n
	give := 0
	if in.taken >= window/4 {
		give, in.taken = in.taken, 0
		in.unread -= give
	}
	in.mu.Unlock()
	if give > 0 {
		in.link.tell(frameCredit, nil, in.number, uint64(give))
	}
}
