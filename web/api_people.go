package web

import (
	"net/http"

	"snug/account"
)

// maxUsersPage is how many people one page of the API has at most.
const maxUsersPage = 500

// userAnswer is one person.
type userAnswer struct {
	Name     string `json:"name"`
	Online   bool   `json:"online"`
	LastSeen int64  `json:"last_seen,omitempty"` // milliseconds since 1970; only of those who are offline and were here once
}

type usersPage struct {
	Users  []userAnswer `json:"users"`
	Online int          `json:"online"`         // how many are online, of all
	Total  int          `json:"total"`          // how many there are, of all
	Next   string       `json:"next,omitempty"` // the after of the next page; absent on the last
}

// apiUsers lists people by name. A page costs three queries, however long it is.
func (s *Server) apiUsers(w http.ResponseWriter, r *http.Request, _ *visitor) error {
	query, err := readQuery(r, "after", "limit", "q")
	if err != nil {
		return err
	}
	limit, err := readLimit(query, peopleOnPage, maxUsersPage)
	if err != nil {
		return err
	}
	if len(query.Get("q")) > maxQuery || len(query.Get("after")) > maxQuery {
		return badField(`"q" and "after" have at most %d bytes.`, maxQuery)
	}
	people, next, err := s.accounts.People(r.Context(), account.Query{After: query.Get("after"), Match: query.Get("q"), Limit: limit})
	if err != nil {
		return err
	}
	page := usersPage{Users: make([]userAnswer, len(people)), Next: next, Online: s.presence.Count("")}
	if page.Total, err = s.accounts.Count(r.Context()); err != nil {
		return err
	}
	for i, person := range people {
		page.Users[i] = s.userAnswer(person)
	}
	writeJSON(w, http.StatusOK, page)
	return nil
}

func (s *Server) userAnswer(person account.Person) userAnswer {
	answer := userAnswer{Name: person.User.Name, Online: s.online(person.User)}
	if !answer.Online && !person.LastSeen.IsZero() {
		answer.LastSeen = person.LastSeen.UnixMilli()
	}
	return answer
}

func (s *Server) apiUser(w http.ResponseWriter, r *http.Request, _ *visitor) error {
	if err := noQuery(r); err != nil {
		return err
	}
	person, err := s.accounts.PersonByName(r.Context(), r.PathValue("name"))
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, s.userAnswer(person))
	return nil
}
