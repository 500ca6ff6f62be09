package account_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"

	"snug/account"
	"snug/store"
)

func Example() {
	dir, err := os.MkdirTemp("", "snug")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	ctx := context.Background()
	st, err := store.Open(ctx, dir, store.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer st.Close()
	people := account.New(st, account.Options{LoginsPerMinute: 10, SignupsPerHour: 20})
	defer people.Close()

	_, err = people.SignUp(ctx, account.SignUp{Name: "ada lovelace", Password: "ada"})
	if faults, ok := errors.AsType[account.FieldErrors](err); ok {
		for _, f := range faults {
			fmt.Println(f.Message)
		}
	}

	ada, err := people.SignUp(ctx, account.SignUp{Name: "Ada", Password: "tall blue kettle"})
	if err != nil {
		log.Fatal(err)
	}
	token, _, err := people.StartSession(ctx, ada.ID, account.Client{Address: "192.0.2.1"})
	if err != nil {
		log.Fatal(err)
	}
	s, err := people.Session(ctx, token)
	fmt.Println(s.User.Name, err)

	_ = people.EndSession(ctx, s.ID)
	_, err = people.Session(ctx, token)
	fmt.Println(err)
	// Output:
	// "ada lovelace" has a space: use letters, digits and @ . + - _
	// The password has 3 characters: use at least 8.
	// Ada <nil>
	// no such session
}

func ExampleKey() {
	for _, name := range []string{"Ada", "ａｄａ", "ΝΊΚΟΣ", ".."} {
		key, err := account.Key(name)
		fmt.Println(key, err)
	}
	// Output:
	// ada <nil>
	// ada <nil>
	// νίκοσ <nil>
	//  username: ".." has no letter or digit: add at least one.
}
