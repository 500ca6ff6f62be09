package socket

import (
	"fmt"
	"net/http"
)

// slots counts the sockets, of all and of each user and address, open or about to be. The hub's lock guards it.
type slots struct {
	total, perUser, perAddress int
	taken                      int
	users, addresses           map[string]int
}

func newSlots(total, perUser, perAddress int) slots {
	return slots{
		total:      total,
		perUser:    perUser,
		perAddress: perAddress,
		users:      map[string]int{},
		addresses:  map[string]int{},
	}
}

// take counts one more socket, or returns why there may not be one.
func (s *slots) take(info Info) *refusal {
	if s.perUser > 0 && info.User != "" && s.users[info.User] >= s.perUser {
		return &refusal{http.StatusTooManyRequests, fmt.Sprintf("you have %d connections open, and more are not allowed: close another tab or device first", s.perUser)}
	}
	if s.perAddress > 0 && info.Address != "" && s.addresses[info.Address] >= s.perAddress {
		return &refusal{http.StatusTooManyRequests, fmt.Sprintf("there are %d connections from your address, and more are not allowed: try again later", s.perAddress)}
	}
	if s.total > 0 && s.taken >= s.total {
		return &refusal{http.StatusServiceUnavailable, "the server has as many connections as it can have: try again in a moment"}
	}
	s.taken++
	s.users[info.User]++
	s.addresses[info.Address]++
	return nil
}

// give ends what take began.
func (s *slots) give(info Info) {
	s.taken--
	less(s.users, info.User)
	less(s.addresses, info.Address)
}

func less(counts map[string]int, key string) {
	counts[key]--
	if counts[key] == 0 {
		delete(counts, key)
	}
}

// refusal is an answer in place of the upgrade.
type refusal struct {
	status int
	text   string
}
