package store

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestUserComesBackAsStored(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	ctx := context.Background()
	created, err := s.CreateUser(ctx, User{
		Name: "Zoë 🦊", Key: "zoë 🦊", Standing: Standing{Password: "$argon2id$…", Admin: true, Disabled: true},
		Created: day.Add(1234567 * time.Nanosecond).In(time.FixedZone("", 3600)),
	})
	if err != nil {
		t.Fatal(err)
	}
	if created.ID.IsZero() || created.Place != s.Seq() || !created.Created.Equal(day.Add(time.Millisecond)) {
		t.Errorf("created = %+v", created)
	}
	byID, err := s.UserByID(ctx, created.ID)
	if err != nil {
		t.Fatal(err)
	}
	byKey, err := s.UserByKey(ctx, "zoë 🦊")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]User{created, created}, []User{byID, byKey}); diff != "" {
		t.Error(diff)
	}
}

func TestUnknownUserIsNotFound(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	ctx := context.Background()
	_, errID := s.UserByID(ctx, NewID())
	_, errKey := s.UserByKey(ctx, "nobody")
	_, errUpdate := s.UpdateUser(ctx, NewID(), func(*User) error { return nil })
	for _, err := range []error{errID, errKey, errUpdate} {
		if !errors.Is(err, ErrNotFound) {
			t.Errorf("error = %v, want ErrNotFound", err)
		}
	}
}

func TestOneUserHoldsAKey(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	ctx := context.Background()
	ada, bob := addUser(t, s, "ada"), addUser(t, s, "bob")
	before := s.Seq()
	if _, err := s.CreateUser(ctx, User{Name: "Ada", Key: "ada"}); !errors.Is(err, ErrNameTaken) {
		t.Errorf("second ada: %v, want ErrNameTaken", err)
	}
	if _, err := s.CreateUser(ctx, User{ID: ada.ID, Name: "eve", Key: "eve"}); !errors.Is(err, ErrConflict) {
		t.Errorf("second user of an ID: %v, want ErrConflict", err)
	}
	rename := func(u *User) error { u.Key = "ada"; return nil }
	if _, err := s.UpdateUser(ctx, bob.ID, rename); !errors.Is(err, ErrNameTaken) {
		t.Errorf("bob renamed to ada: %v, want ErrNameTaken", err)
	}
	if s.Seq() != before {
		t.Error("a refused write took a place")
	}
}

func TestUpdateUserKeepsIDAndReturnsErrorOfChange(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	ctx := context.Background()
	ada := addUser(t, s, "ada")
	refused := errors.New("refused")
	if _, err := s.UpdateUser(ctx, ada.ID, func(u *User) error { u.Admin = true; return refused }); !errors.Is(err, refused) {
		t.Errorf("error = %v, want that of change", err)
	}
	updated, err := s.UpdateUser(ctx, ada.ID, func(u *User) error { u.ID = NewID(); u.Header = Header{}; u.Name = "Ada"; return nil })
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.UserByID(ctx, ada.ID)
	if err != nil {
		t.Fatal(err)
	}
	if got.Admin || got.Name != "Ada" || got != updated {
		t.Errorf("user = %+v, returned %+v", got, updated)
	}
	if got.Stamp <= ada.Stamp || got.Seq != ada.Seq+1 || got.Place <= ada.Place {
		t.Errorf("header %+v is not later than %+v", got.Header, ada.Header)
	}
}

func TestUsersArePagedByKey(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	ctx := context.Background()
	for _, name := range []string{"dora", "a_b", "adam", "a%b", "berta"} {
		addUser(t, s, name)
	}
	tests := []struct {
		query UserQuery
		want  []string
	}{
		{UserQuery{Limit: 10}, []string{"a%b", "a_b", "adam", "berta", "dora"}},
		{UserQuery{Limit: 2}, []string{"a%b", "a_b"}},
		{UserQuery{AfterKey: "a_b", Limit: 2}, []string{"adam", "berta"}},
		{UserQuery{AfterKey: "dora", Limit: 2}, []string{}},
		{UserQuery{Match: "da", Limit: 10}, []string{"adam"}},
		{UserQuery{Match: "_", Limit: 10}, []string{"a_b"}},
		{UserQuery{Match: "%", Limit: 10}, []string{"a%b"}},
		{UserQuery{Match: "a", AfterKey: "adam", Limit: 1}, []string{"berta"}},
		{UserQuery{Limit: 0}, []string{}},
		{UserQuery{Limit: -1}, []string{}},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%+v", tt.query), func(t *testing.T) {
			users, err := s.Users(ctx, tt.query)
			if err != nil {
				t.Fatal(err)
			}
			keys := []string{}
			for _, u := range users {
				keys = append(keys, u.Key)
			}
			if diff := cmp.Diff(tt.want, keys); diff != "" {
				t.Error(diff)
			}
		})
	}
	if n, err := s.CountUsers(ctx); n != 5 || err != nil {
		t.Errorf("CountUsers() = %d, %v", n, err)
	}
}

func TestUsersByIDLeavesOutUnknownOnes(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	ctx := context.Background()
	ada, bob := addUser(t, s, "ada"), addUser(t, s, "bob")
	users, err := s.UsersByID(ctx, []ID{bob.ID, NewID(), ada.ID, ada.ID, {}})
	if err != nil || len(users) != 2 {
		t.Fatalf("got %d users, %v", len(users), err)
	}
	if users, err := s.UsersByID(ctx, nil); len(users) != 0 || err != nil {
		t.Errorf("no IDs: %v, %v", users, err)
	}
}

func TestFirstAdminUsesTheTokenUp(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	ctx := context.Background()
	addUser(t, s, "taken")
	if err := s.SetMeta(ctx, "setup", "hash"); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		key, value, name string
		want             error
	}{
		{"other", "hash", "ada", ErrNotFound},
		{"setup", "wrong", "ada", ErrNotFound},
		{"setup", "hash", "taken", ErrNameTaken},
	} {
		if _, err := s.CreateFirstAdmin(ctx, User{Name: tt.name, Key: tt.name}, tt.key, tt.value); !errors.Is(err, tt.want) {
			t.Errorf("%+v: %v", tt, err)
		}
	}
	ada, err := s.CreateFirstAdmin(ctx, User{Name: "ada", Key: "ada"}, "setup", "hash")
	if err != nil || !ada.Admin {
		t.Fatalf("first admin = %+v, %v", ada, err)
	}
	if _, found, err := s.Meta(ctx, "setup"); found || err != nil {
		t.Errorf("token still there: %v, %v", found, err)
	}
	if _, err := s.CreateFirstAdmin(ctx, User{Name: "eve", Key: "eve"}, "setup", "hash"); !errors.Is(err, ErrNotFound) {
		t.Errorf("second use: %v, want ErrNotFound", err)
	}
}
