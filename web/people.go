package web

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"snug/account"
)

const (
	// peopleOnPage is how many of those offline stand on one page of the list.
	peopleOnPage = 100
	// onlineOnPage is how many of those online the first page shows. More than that nobody reads; they can be searched.
	onlineOnPage = 500
	// onlineNames is how many of those online the script is told and a search looks through.
	onlineNames = 20_000
	// peopleReads bounds how often the list reads on, where most of a page's people turn out to be online.
	peopleReads = 10
	// maxQuery is the longest thing to search for, in bytes: names are shorter.
	maxQuery = 1000
)

// peopleBoot is the first data of the script that keeps the list current.
type peopleBoot struct {
	Me          meBoot   `json:"me"`
	Base        string   `json:"base"`
	Online      []string `json:"online"`
	OnlineTotal int      `json:"online_total"`
	Total       int      `json:"total"`
}

type meBoot struct {
	Name string `json:"name"`
}

// getPeople is the list of everybody: those online on the first page, then those offline by name, page after page.
func (s *Server) getPeople(w http.ResponseWriter, r *http.Request) {
	v := s.member(w, r)
	if v == nil {
		return
	}
	view := PeoplePage{Page: s.page(r, "People", v), Query: r.URL.Query().Get("q"), After: r.URL.Query().Get("after")}
	if len(view.Query) > maxQuery || len(view.After) > maxQuery {
		s.fail(w, r, errNoPage)
		return
	}
	online, total, err := s.chat.Online(r.Context(), onlineNames)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	view.OnlineTotal = total
	if view.Total, err = s.accounts.Count(r.Context()); err != nil {
		s.fail(w, r, err)
		return
	}
	if view.After == "" {
		view.Online = onlineViews(online, view.Query)
	}
	if err := s.addOffline(r, &view); err != nil {
		s.fail(w, r, err)
		return
	}
	view.Boot = peopleBoot{
		Me: meBoot{Name: v.user.Name}, Base: view.Base, Online: list(online),
		OnlineTotal: view.OnlineTotal, Total: view.Total,
	}
	s.render(w, r, http.StatusOK, "people", view)
}

// onlineViews is those of the people online whose name holds what is searched for, in the order of the list.
func onlineViews(names []string, query string) []PersonView {
	type found struct{ key, name string }
	var people []found
	query = account.MatchKey(query)
	for _, name := range names {
		if key := account.MatchKey(name); strings.Contains(key, query) {
			people = append(people, found{key, name})
		}
	}
	slices.SortFunc(people, func(a, b found) int { return strings.Compare(a.key, b.key) })
	people = people[:min(len(people), onlineOnPage)]
	views := make([]PersonView, len(people))
	for i, person := range people {
		views[i] = personView(person.name, time.Time{})
	}
	return views
}

// addOffline fills a page with people who are offline. One query reads a page of accounts; the few who are online are
// left out, and if they were many it reads on.
func (s *Server) addOffline(r *http.Request, view *PeoplePage) error {
	after := view.After
	for range peopleReads {
		people, next, err := s.accounts.People(r.Context(), account.Query{
			After: after, Match: view.Query, Limit: peopleOnPage - len(view.Offline),
		})
		if err != nil {
			return err
		}
		for _, person := range people {
			if !s.online(person.User) {
				view.Offline = append(view.Offline, personView(person.User.Name, person.LastSeen))
			}
		}
		view.Next, after = next, next
		if next == "" || len(view.Offline) >= peopleOnPage {
			return nil
		}
	}
	return nil
}

func (s *Server) online(user account.User) bool {
	return s.presence.Present("", user.ID.Hex())
}

func personView(name string, seen time.Time) PersonView {
	return PersonView{Name: name, Initials: Initials(name), Hue: HueOf(name), LastSeen: seen}
}
