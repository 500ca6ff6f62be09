package main

// listRequest asks for one page of a list that may be longer than one answer.
type listRequest struct {
	Match string `json:"match,omitempty"` // a part of the name, where the list can be narrowed
	After string `json:"after"`           // what the page before gave as next
}

// askAll asks for all pages of a list. Read tells what is on a page, and where the next one begins; empty on the last.
func askAll[Page, Item any](p program, settings *settingFlags, name, match string, read func(Page) (items []Item, next string)) ([]Item, error) {
	all, ask := []Item{}, listRequest{Match: match}
	for {
		var page Page
		if err := askOffice(p, settings, name, ask, &page); err != nil {
			return nil, err
		}
		items, next := read(page)
		all = append(all, items...)
		if next == "" {
			return all, nil
		}
		ask.After = next
	}
}
