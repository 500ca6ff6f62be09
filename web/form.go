package web

import (
	"errors"
	"net/http"

	"snug/account"
)

// readForm reads what a page's form has sent. Where that cannot be read it has answered, and is false.
func (s *Server) readForm(w http.ResponseWriter, r *http.Request) bool {
	if err := r.ParseForm(); err != nil {
		s.fail(w, r, errForm)
		return false
	}
	return true
}

// tooOften is for forms that are shown again to who has tried too often: what they say, with which status. When to try again
// stands in the header by then. It is nil for every other error.
func tooOften(w http.ResponseWriter, err error) *trouble {
	var throttled *account.ThrottledError
	if !errors.As(err, &throttled) {
		return nil
	}
	t := explain(err)
	t.retryAfter(w.Header())
	return t
}
