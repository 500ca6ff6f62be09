package chat

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"snug/store"
)

func TestNewNameIsToldWhereThePersonIs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Options{})
	ada := w.user("ada")
	lobby, garden := w.room(ada, "lobby"), w.room(ada, "garden")
	users, inLobby, inGarden := w.listen(UsersGroup), w.listen(RoomGroup(lobby.ID)), w.listen(RoomGroup(garden.ID))
	defer w.EnterServer(ada).LeaveNow()
	defer w.Enter(ada, lobby).LeaveNow()
	users.take(1)
	inLobby.take(1)
	if _, err := w.store.UpdateUser(t.Context(), ada.ID, func(u *store.User) error {
		u.Name, u.Key = "Countess", "countess"
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	gone := users.next()
	if !strings.Contains(gone, `"username":"ada","is_logged_in":false,`) || !strings.Contains(gone, `"renamed_to":"Countess"`) {
		t.Errorf("everybody hears %s", gone)
	}
	if got := users.next(); got != `{"type":"presence","username":"Countess","is_logged_in":true}` {
		t.Errorf("everybody hears %s", got)
	}
	want := []string{`{"type":"user_leave","room":"lobby","user":"ada"}`, `{"type":"user_join","room":"lobby","user":"Countess"}`}
	if diff := cmp.Diff(want, []string{inLobby.next(), inLobby.next()}); diff != "" {
		t.Error(diff)
	}
	w.post(ada, "lobby", "me again")
	if got := inLobby.events(1)[0]; got.User != "Countess" {
		t.Errorf("a message is by %q", got.User)
	}
	if rest := inGarden.rest(); len(rest) != 0 {
		t.Errorf("where they are not one hears %v", rest)
	}
}

// Two people who claimed one name apart: the later one is told apart at once, on every screen.
func TestNameThatIsLostIsToldToo(t *testing.T) {
	t.Parallel()
	w, other := newWorld(t, Options{}), newWorld(t, Options{})
	theirs, mine := other.user("ada"), w.user("ada") // the other one was first
	users := w.listen(UsersGroup)
	row, err := other.store.UserByID(t.Context(), theirs.ID)
	if err != nil {
		t.Fatal(err)
	}
	defer w.EnterServer(mine).LeaveNow()
	users.take(1)
	if _, err := w.store.Merge(t.Context(), []store.Row{&row}); err != nil {
		t.Fatal(err)
	}
	if got := users.next(); !strings.Contains(got, `"username":"ada","is_logged_in":false,`) || !strings.Contains(got, `"renamed_to":"ada~`) {
		t.Errorf("everybody hears %s", got)
	}
}
