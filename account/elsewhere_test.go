package account

import (
	"context"
	"encoding/binary"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"snug/layer/mesh"
	"snug/layer/mesh/meshtest"
	"snug/store"
)

// twoNodes are accounts on two nodes that are linked, and nothing of which is replicated.
func twoNodes(t *testing.T) (net *meshtest.Net, a, b *Accounts) {
	t.Helper()
	net = meshtest.New(t, 1)
	t.Cleanup(net.Close)
	open := func(i int) *Accounts {
		return openAccounts(t, openStore(t), Options{Port: net.Node(meshtest.ID(i)).Port("accounts")})
	}
	a, b = open(1), open(2)
	time.Sleep(time.Second) // in which they link
	return net, a, b
}

func TestSessionOfAnotherNodeIsFetched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a, b := twoNodes(t)
		u := mustSignUp(t, a, "ada")
		token, started := startSession(t, a, u.ID)
		s, err := b.Session(t.Context(), token)
		if err != nil || s.ID != started.ID || s.User.Name != "ada" {
			t.Fatalf("session = %+v, %v", s, err)
		}
		if err := b.EndSession(t.Context(), s.ID); err != nil {
			t.Fatal(err)
		}
		wantNoSession(t, b, token) // whatever the other node still has
	})
}

// The row of somebody says what whoever wrote it knew. What was decided since comes with it.
func TestSessionOfAnotherNodeIsFetchedWithWhatWasDecided(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a, b := twoNodes(t)
		u := mustSignUp(t, a, "ada")
		_, errUp := a.Promote(t.Context(), Actor{}, u.ID)
		_, errName := a.Rename(t.Context(), Actor{}, u.ID, "lovelace")
		_, errDown := a.Demote(t.Context(), Actor{}, u.ID, SpareLastAdmin)
		if err := errors.Join(errUp, errName, errDown); err != nil {
			t.Fatal(err)
		}
		token, _ := startSession(t, a, u.ID)
		s, err := b.Session(t.Context(), token)
		if err != nil || s.User.Name != "lovelace" || s.User.Admin {
			t.Errorf("session = %+v, %v", s, err)
		}
	})
}

func TestUnknownSessionIsUnknownEverywhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net, a, b := twoNodes(t)
		u := mustSignUp(t, a, "ada")
		token, s := startSession(t, a, u.ID)
		wantNoSession(t, b, newToken())
		if err := a.EndSession(t.Context(), s.ID); err != nil {
			t.Fatal(err)
		}
		wantNoSession(t, b, token)

		other, _ := startSession(t, a, u.ID)
		net.Cut(meshtest.ID(1), meshtest.ID(2))
		began := time.Now()
		wantNoSession(t, b, other)
		if took := time.Since(began); took > elsewhereWait {
			t.Errorf("the answer took %v", took)
		}
	})
}

// liar is a node that answers every question with the same bytes.
type liar struct {
	port mesh.Port
	rows []byte
}

func (l *liar) Up(string)   {}
func (l *liar) Down(string) {}
func (l *liar) Received(peer string, frame []byte) {
	answer := append([]byte{frameAnswer}, frame[1:9]...)
	_ = l.port.Send(peer, append(answer, l.rows...))
	_ = l.port.Send(peer, []byte{frameAsk, 1})
	_ = l.port.Send(peer, nil)
}

func TestNonsenseOfAnotherNodeIsNoSession(t *testing.T) {
	user := store.User{ID: store.NewID(), Name: "eve", Key: "eve", Standing: store.Standing{Password: "!"}, Created: time.Now()}
	session := store.Session{ID: store.NewID(), Token: [32]byte{1}, User: user.ID, Created: time.Now(), Used: time.Now(), Expires: time.Now().Add(time.Hour)}
	pack := func(rows ...store.Row) (b []byte) {
		for _, row := range rows {
			body := store.EncodeRow(row)
			b = append(binary.AppendUvarint(b, uint64(len(body))), body...)
		}
		return b
	}
	for name, rows := range map[string][]byte{
		"nothing": nil, "a bad length": {200}, "no row": {1, 'x'}, "another session": pack(&session, &user), "one row": pack(&user), "two users": pack(&user, &user),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				net := meshtest.New(t, 1)
				t.Cleanup(net.Close)
				a := openAccounts(t, openStore(t), Options{Port: net.Node(meshtest.ID(1)).Port("accounts")})
				l := &liar{port: net.Node(meshtest.ID(2)).Port("accounts"), rows: rows}
				t.Cleanup(l.port.Join(l))
				time.Sleep(time.Second)
				wantNoSession(t, a, newToken())
				if n, err := a.Count(t.Context()); n != 0 || err != nil {
					t.Errorf("%d accounts were taken in, %v", n, err)
				}
			})
		})
	}
}

func TestOnlyASessionWithItsUserIsTakenIn(t *testing.T) {
	t.Parallel()
	token, user := [32]byte{1}, &store.User{ID: ID{2}}
	session := &store.Session{Token: token, User: user.ID}
	ruling := &store.Record{Kind: store.KindRole, Owner: user.ID}
	for name, c := range map[string]struct {
		rows []store.Row
		want bool
	}{
		"both":                {[]store.Row{session, user}, true},
		"with a ruling":       {[]store.Row{session, ruling, user}, true},
		"without the user":    {[]store.Row{session, ruling}, false},
		"without the session": {[]store.Row{ruling, user}, false},
		"another token":       {[]store.Row{&store.Session{User: user.ID}, user}, false},
		"another user":        {[]store.Row{session, &store.User{ID: ID{3}}}, false},
		"ruling on another":   {[]store.Row{session, &store.Record{Kind: store.KindRole, Owner: ID{3}}, user}, false},
		"another record":      {[]store.Row{session, &store.Record{Kind: store.KindSetting, Owner: user.ID}, user}, false},
		"a room":              {[]store.Row{session, &store.Room{}, user}, false},
	} {
		if got := isSession(c.rows, token); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestTooManyQuestionsAreAnsweredNo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := meshtest.New(t, 1)
		t.Cleanup(net.Close)
		a := openAccounts(t, openStore(t), Options{Port: net.Node(meshtest.ID(1)).Port("accounts")})
		net.Node(meshtest.ID(2)).Port("accounts") // a peer that never answers
		time.Sleep(time.Second)
		var asking sync.WaitGroup
		for range maxAsks {
			asking.Go(func() { _, _ = a.Session(context.Background(), newToken()) })
		}
		synctest.Wait()
		began := time.Now()
		wantNoSession(t, a, newToken())
		if took := time.Since(began); took > 0 {
			t.Errorf("one question more waited %v", took)
		}
		asking.Wait()
	})
}
