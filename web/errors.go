package web

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"snug/account"
	"snug/chat"
)

// trouble is an error as people and programs are told of it: a status and a page for a browser, a code and a message for
// a socket. It is an error itself, for what goes wrong in this package.
type trouble struct {
	status  int
	code    string // of docs/protocol.md
	heading string
	text    string
	label   string        // what to do next; "": back to the start page
	path    string        // where that is, from our root
	scope   string        // what the caller's token would have to allow
	wait    time.Duration // when to try again, if that is known
}

func (t *trouble) Error() string { return t.text }

// Codes of docs/protocol.md that package chat does not know: they are about frames and connections.
const (
	codeBadFrame    = "bad_frame"
	codeUnknownType = "unknown_type"
	codeInternal    = "internal"
	// codeTooManyConnections is for sockets and streams alike. Waiting helps only if one ends.
	codeTooManyConnections = "too_many_connections"
)

var (
	errNoPage = &trouble{
		status: http.StatusNotFound, code: chat.CodeNotFound, heading: "There is no page here",
		text: "The address may be misspelt, or the page may be gone.",
	}
	errMethod = &trouble{
		status: http.StatusMethodNotAllowed, code: chat.CodeForbidden, heading: "This page does not do that",
		text: "The address is right, but it cannot be asked in this way.",
	}
	errInternal = &trouble{
		status: http.StatusInternalServerError, code: codeInternal, heading: "Something went wrong here",
		text: "It is the server's fault, and it is in the server's log. Try again; if it stays so, tell the person who runs this server.",
	}
	errStopping = &trouble{
		status: http.StatusServiceUnavailable, code: chat.CodeUnavailable, heading: "The server is stopping",
		text: "Try again in a moment.", wait: 2 * time.Second,
	}
	errCrossOrigin = &trouble{
		status: http.StatusForbidden, code: chat.CodeForbidden, heading: "That came from another site",
		text: "A page of another site tried to do something here in your name. Nothing was done.",
	}
	errNotLoggedIn = &trouble{
		status: http.StatusUnauthorized, code: chat.CodeForbidden, heading: "You are not logged in",
		text: "Log in, then try again.", label: "Log in", path: "log_in/",
	}
	errNotSocket = &trouble{
		status: http.StatusBadRequest, code: codeBadFrame, heading: "This address is for WebSockets",
		text: "Open it with a WebSocket client.",
	}
	errForm = &trouble{
		status: http.StatusBadRequest, code: chat.CodeBadField, heading: "That form could not be read",
		text: "What was sent is not a form, or is far too long. Go back and try again.",
	}
)

// errScope is for a program whose token is good, but not for this.
func errScope(scope string) error {
	return &trouble{
		status: http.StatusForbidden, code: chat.CodeForbidden, heading: "This token may not do that",
		text: "The access token lacks the scope " + scope + ". Make one that has it on the page of access tokens.",
	}
}

// explain is the one table from errors to what is said about them. Whatever it does not know is our own fault.
func explain(err error) *trouble {
	var known *trouble
	if errors.As(err, &known) {
		return known
	}
	var refused *chat.Error
	if errors.As(err, &refused) {
		return explainCode(refused)
	}
	var throttled *account.ThrottledError
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &throttled):
		return &trouble{
			status: http.StatusTooManyRequests, code: chat.CodeRateLimited, heading: "Too many attempts",
			text: "There were too many attempts. Wait " + words(throttled.Wait) + " and try again.", wait: throttled.Wait,
		}
	case errors.As(err, &tooLarge):
		return errForm
	case errors.Is(err, account.ErrNoUser):
		return &trouble{
			status: http.StatusNotFound, code: chat.CodeNotFound, heading: "Nobody has that name",
			text: "The name may be misspelt, or its owner may have another one now.", label: "See who is here",
		}
	case errors.Is(err, account.ErrSetup):
		return &trouble{
			status: http.StatusForbidden, code: chat.CodeForbidden, heading: "This link is used up",
			text: "The link for the first administrator is not valid any more. When there is no administrator yet, start the server again: it prints a new one.",
		}
	case errors.Is(err, account.ErrInvitation):
		return &trouble{
			status: http.StatusForbidden, code: chat.CodeForbidden, heading: "This invitation is not valid any more",
			text: "It has expired, was taken back or has been used as often as it could be. Ask the person who sent it for a new one.",
		}
	case errors.Is(err, account.ErrLastAdmin):
		return &trouble{
			status: http.StatusConflict, code: chat.CodeConflict, heading: "That is the last administrator",
			text: "Nobody else can log in as an administrator. Make somebody else one first.",
		}
	case errors.Is(err, account.ErrInviteOnly):
		return &trouble{
			status: http.StatusForbidden, code: chat.CodeForbidden, heading: "You need an invitation",
			text: "An account is made here with an invitation link. Ask somebody who is here already: administrators can make one for you.",
		}
	case errors.Is(err, account.ErrSignupClosed):
		return &trouble{
			status: http.StatusForbidden, code: chat.CodeForbidden, heading: "Nobody can sign up here",
			text: "Accounts are made by the person who runs this server. Ask them for one, and log in with it.",
		}
	case errors.Is(err, account.ErrNoSession):
		return errNotLoggedIn
	case account.Unavailable(err):
		return &trouble{
			status: http.StatusServiceUnavailable, code: chat.CodeUnavailable, heading: "The server cannot store anything now",
			text: "Its disk may be full, or fail. Try again later.",
		}
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return &trouble{
			status: http.StatusServiceUnavailable, code: chat.CodeUnavailable, heading: "The server is too busy",
			text: "The server could not do it in time. Try again in a moment.", wait: 2 * time.Second,
		}
	}
	return errInternal
}

func explainCode(refused *chat.Error) *trouble {
	t := &trouble{
		status: http.StatusUnprocessableEntity, code: refused.Code, heading: "That did not work",
		text: sentence(refused.Message), wait: time.Duration(refused.RetryAfter) * time.Second,
	}
	switch refused.Code {
	case chat.CodeRoomName:
		t.status, t.heading = http.StatusNotFound, "A room cannot have that name"
		t.label, t.path = "See the rooms", "chat/"
	case chat.CodeNotFound:
		t.status, t.heading = http.StatusNotFound, "Not found"
	case chat.CodeGone:
		t.status, t.heading = http.StatusGone, "This room was deleted"
		t.label, t.path = "See the rooms", "chat/"
	case chat.CodeForbidden:
		t.status, t.heading = http.StatusForbidden, "That is not yours to do"
	case chat.CodeConflict:
		t.status = http.StatusConflict
	case chat.CodeRateLimited:
		t.status, t.heading = http.StatusTooManyRequests, "Too fast"
	case chat.CodeUnavailable:
		t.status, t.heading = http.StatusServiceUnavailable, "The server cannot store anything now"
	}
	return t
}

// fail answers with the error page of an error, and logs it if it is the server's.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	if forPrograms(r.URL.Path) {
		s.problem(w, r, err)
		return
	}
	t := explain(err)
	s.logFailure(r, t, err)
	label, path := t.label, t.path
	if label == "" {
		label = "Go to the start page"
	}
	t.retryAfter(w.Header())
	view := ErrorPage{
		Page:        s.page(r, t.heading, s.knownVisitor(r)),
		Status:      t.status,
		Heading:     t.heading,
		Text:        t.text,
		ActionLabel: label,
		ActionHref:  base(r) + path,
	}
	s.render(w, r, t.status, "error", view)
}

// failJSON answers a program with the error frame of the sockets, and one that calls the API with a problem.
func (s *Server) failJSON(w http.ResponseWriter, r *http.Request, err error) {
	if forPrograms(r.URL.Path) {
		s.problem(w, r, err)
		return
	}
	t := explain(err)
	s.logFailure(r, t, err)
	t.retryAfter(w.Header())
	if t.status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	writeJSON(w, t.status, errorAnswer(nil, err))
}

// logFailure is for what the server could not do. That it is stopping or full, or cannot store anything, the log says already.
func (s *Server) logFailure(r *http.Request, t *trouble, err error) {
	known := t == errStopping || t == errCrowded || account.Unavailable(err)
	if t.status >= http.StatusInternalServerError && !known && r.Context().Err() == nil {
		s.logger.Error("request could not be answered", "method", r.Method, "path", loggedPath(r), "error", err)
	}
}

// retryAfter sets the header that tells programs when to try again.
func (t *trouble) retryAfter(h http.Header) {
	if t.wait > 0 {
		h.Set("Retry-After", strconv.Itoa(t.seconds()))
	}
}

// seconds is the wait in whole seconds, rounded up: a client that comes back then is not early.
func (t *trouble) seconds() int {
	return int(math.Ceil(t.wait.Seconds()))
}

// words says a wait as people do.
func words(wait time.Duration) string {
	seconds := max(1, int(math.Ceil(wait.Seconds())))
	minutes := (seconds + 59) / 60
	switch {
	case seconds == 1:
		return "a second"
	case seconds < 100:
		return fmt.Sprintf("%d seconds", seconds)
	default:
		return fmt.Sprintf("%d minutes", minutes)
	}
}

// sentence makes an error's words into a sentence: errors begin in lower case and have no full stop.
func sentence(text string) string {
	if text == "" {
		return text
	}
	text = strings.ToUpper(text[:1]) + text[1:]
	if !strings.HasSuffix(text, ".") {
		text += "."
	}
	return text
}

// denyCrossOrigin answers a form that a page of another site has sent.
func (s *Server) denyCrossOrigin(w http.ResponseWriter, r *http.Request) {
	s.noise.foreign.log(time.Now(), func(times int) {
		s.logger.Warn("cross-origin request refused", "method", r.Method, "path", loggedPath(r),
			"origin", loggedOrigin(r), "host", loggedHost(r), "times", times)
	})
	s.fail(w, r, errCrossOrigin)
}

// denyHost answers under a name that was not configured. Nobody is looked up: the page belongs to who owns that name.
func (s *Server) denyHost(w http.ResponseWriter, r *http.Request) {
	s.noise.misnamed.log(time.Now(), func(times int) {
		s.logger.Warn("request under an unknown host name refused", "host", loggedHost(r), "times", times)
	})
	if forPrograms(r.URL.Path) {
		s.problem(w, r, errUnknownHost)
		return
	}
	view := ErrorPage{
		Page:    s.page(r, "Unknown name", nil),
		Status:  http.StatusMisdirectedRequest,
		Heading: "This server does not know that name",
		Text: fmt.Sprintf("You asked for %q. If that is a name of this server, add it to server.names in its configuration; "+
			"until then, open it by its address in numbers.", hostname(r.Host)),
		ActionLabel: "Try again",
		ActionHref:  "",
	}
	s.render(w, r, http.StatusMisdirectedRequest, "error", view)
}
