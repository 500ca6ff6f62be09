package account

import (
	"container/list"
	"sync"
	"time"

	"github.com/go-webauthn/webauthn/webauthn"
)

const (
	// ceremonyLife is how long somebody may take to touch their key, or to find it first.
	ceremonyLife = 5 * time.Minute
	// maxCeremonies is how many are under way at most, on this node: some 20 MiB. Beyond it the oldest is given up.
	maxCeremonies = 10_000
	// maxCeremoniesEach is the same for one address. Every visit of the log-in page begins one, for the browser's
	// list of names, and a household has one address.
	maxCeremoniesEach = 200
	// ceremoniesPerLogin is how many may begin for one failed log-in that is allowed in the same time.
	ceremoniesPerLogin = 12
)

// aim is what a ceremony is for. An answer to one is no answer to another.
type aim int

const (
	aimAdd aim = iota
	aimLogIn
	aimSignUp
	aimConfirm
)

// ceremony is a question to an authenticator that was not answered yet.
type ceremony struct {
	aim     aim
	browser [32]byte // of the secret that the browser has in a cookie
	address string   // the key of it
	user    ID       // of aimAdd and aimConfirm
	session ID       // the same
	handle  []byte   // of aimAdd and aimSignUp: what stands for the user
	signUp  SignUp   // of aimSignUp
	data    webauthn.SessionData
	expires time.Time
}

// ceremonies are those under way on this node, in the order of their beginning. They are kept in memory: an answer
// comes to the node that has asked, or the person tries again.
type ceremonies struct {
	max, each int

	mu    sync.Mutex
	byID  map[string]*list.Element // guarded by mu; of *openCeremony
	queue *list.List               // guarded by mu; the oldest first
	count map[string]int           // guarded by mu; by address
}

type openCeremony struct {
	id string
	*ceremony
}

func newCeremonies(limit, each int) *ceremonies {
	return &ceremonies{max: limit, each: each, byID: make(map[string]*list.Element), queue: list.New(), count: make(map[string]int)}
}

// begin keeps a ceremony and gives it a name that nobody guesses.
func (c *ceremonies) begin(x *ceremony, now time.Time) (id string) {
	id = newToken()
	x.expires = now.Add(ceremonyLife)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drop(now)
	if c.count[x.address] >= c.each {
		for e := c.queue.Front(); e != nil; e = e.Next() {
			if e.Value.(*openCeremony).address == x.address {
				c.remove(e)
				break
			}
		}
	}
	if c.queue.Len() >= c.max {
		c.remove(c.queue.Front())
	}
	c.byID[id] = c.queue.PushBack(&openCeremony{id, x})
	c.count[x.address]++
	return id
}

// take ends a ceremony and gives it to who may answer it. It is over from then on, whatever is made of the answer: a
// second answer finds nothing, even while the first is looked at.
func (c *ceremonies) take(id string, want aim, browser [32]byte, now time.Time) (*ceremony, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.byID[id]
	if !ok {
		return nil, false
	}
	x := e.Value.(*openCeremony).ceremony
	if x.browser != browser {
		return nil, false // somebody else's: theirs goes on
	}
	c.remove(e)
	return x, x.aim == want && now.Before(x.expires)
}

// drop forgets what has expired. The lock is held.
func (c *ceremonies) drop(now time.Time) {
	for e := c.queue.Front(); e != nil && !now.Before(e.Value.(*openCeremony).expires); e = c.queue.Front() {
		c.remove(e)
	}
}

// sweep is drop for times when none begins.
func (c *ceremonies) sweep(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drop(now)
}

// remove forgets one. The lock is held.
func (c *ceremonies) remove(e *list.Element) {
	x := c.queue.Remove(e).(*openCeremony)
	delete(c.byID, x.id)
	if c.count[x.address]--; c.count[x.address] == 0 {
		delete(c.count, x.address)
	}
}
