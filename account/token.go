package account

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"snug/store"
)

const (
	// TokenPrefix begins every access token, so that people and programs that look for leaked secrets know one when they see it.
	TokenPrefix = "snug_pat_"

	// MaxTokens is how many access tokens one account may have that are good: one for each program of somebody busy.
	MaxTokens = 50
	// TokensPerHour is how many of them one account may make: those that were revoked have to be remembered.
	TokensPerHour = 20
	// MaxTokenName bounds the name of a token, in characters.
	MaxTokenName = 60

	// keepExpiredTokens is how long one is remembered that has expired, so that the log can say what is wrong with it.
	keepExpiredTokens = 30 * 24 * time.Hour
)

// What an access token may be good for, as it stands in Token.Scopes. None has another in it: a token that may write
// need not be able to read.
const (
	ScopeRead  = "read"
	ScopeWrite = "write"
	ScopeAdmin = "admin" // only for administrators, and only for as long as they are
)

// Scopes are all of them, in the order in which they are shown.
func Scopes() []string { return []string{ScopeRead, ScopeWrite, ScopeAdmin} }

// Token is an access token: what a program of somebody's comes with in place of a session.
type Token struct {
	ID      ID
	User    ID
	Name    string
	Scopes  []string
	Created time.Time
	Expires time.Time // zero: never
	Used    time.Time // to the minute; zero: never
}

// NewToken is what somebody chooses of a token.
type NewToken struct {
	Name    string
	Scopes  []string
	Expires time.Time // zero: never
}

// ErrNoToken is an access token that there is not.
var ErrNoToken = errors.New("no such access token")

// tokenBody is what the record of a token holds.
type tokenBody struct {
	Name   string   `json:"name"`
	Scopes []string `json:"scopes"`
	Used   int64    `json:"used,omitzero"` // Unix milliseconds
}

// CreateToken makes an access token for a user. The secret is given once and not stored. What can be mended comes as FieldErrors.
func (a *Accounts) CreateToken(ctx context.Context, user ID, t NewToken) (secret string, made Token, err error) {
	u, err := a.UserByID(ctx, user)
	if err != nil {
		return "", Token{}, err
	}
	t.Name = strings.TrimSpace(t.Name)
	if i := slices.IndexFunc(t.Scopes, func(scope string) bool { return !known(scope) }); i >= 0 {
		return "", Token{}, FieldErrors{{FieldTokenScopes, CodeUnknown, fmt.Sprintf("There is no scope %.20q: choose from %s.", t.Scopes[i], strings.Join(Scopes(), ", "))}}
	}
	t.Scopes = slices.DeleteFunc(Scopes(), func(scope string) bool { return !slices.Contains(t.Scopes, scope) })
	if faults := checkToken(t, u); faults != nil {
		return "", Token{}, faults
	}
	if err := a.tokens.take(ctx, user.String()); err != nil {
		return "", Token{}, err
	}
	defer func() {
		if err != nil {
			a.tokens.giveBack(user.String())
		} else {
			a.tokens.spend(user.String())
		}
	}()
	body, err := json.Marshal(tokenBody{Name: t.Name, Scopes: t.Scopes})
	if err != nil {
		return "", Token{}, fmt.Errorf("make an access token: %w", err)
	}
	secret = TokenPrefix + newToken()
	row, err := a.st.CreateRecord(ctx, store.NewRecord{
		Record: store.Record{
			Kind: store.KindToken, Owner: user, Key: secretKey(secret), Created: time.Now(), Expires: t.Expires, Body: string(body),
		},
		Most: MaxTokens,
	})
	switch {
	case errors.Is(err, store.ErrFull):
		return "", Token{}, FieldErrors{{FieldTokenName, CodeFull, fmt.Sprintf("You have %d access tokens, and more are not allowed: revoke one first.", MaxTokens)}}
	case err != nil:
		return "", Token{}, fmt.Errorf("make an access token: %w", err)
	}
	made, err = readToken(row)
	return secret, made, err
}

func checkToken(t NewToken, u User) FieldErrors {
	var faults FieldErrors
	add := func(field, code, message string) { faults = append(faults, FieldError{field, code, message}) }
	switch {
	case t.Name == "":
		add(FieldTokenName, CodeRequired, "Give the token a name by which you will know it, such as the program's.")
	case utf8.RuneCountInString(t.Name) > MaxTokenName:
		add(FieldTokenName, CodeTooLong, fmt.Sprintf("The name is too long: use at most %s.", characters(MaxTokenName)))
	case !utf8.ValidString(t.Name) || strings.ContainsFunc(t.Name, func(r rune) bool { return !unicode.IsPrint(r) }):
		add(FieldTokenName, CodeInvisible, "The name has a character that cannot be seen: leave it out.")
	}
	switch {
	case len(t.Scopes) == 0:
		add(FieldTokenScopes, CodeRequired, "Choose what the token may do.")
	case slices.Contains(t.Scopes, ScopeAdmin) && !u.Admin:
		add(FieldTokenScopes, CodeForbidden, "Only the token of an administrator can administer: leave that out.")
	}
	if !t.Expires.IsZero() && !t.Expires.After(time.Now()) {
		add(FieldTokenExpires, CodePast, "The token would have expired already: choose a later end.")
	}
	return faults
}

// Tokens lists the access tokens of a user that are neither revoked nor expired, the newest first.
func (a *Accounts) Tokens(ctx context.Context, user ID) ([]Token, error) {
	rows, err := a.st.RecordsOf(ctx, store.KindToken, user)
	if err != nil {
		return nil, fmt.Errorf("list access tokens: %w", err)
	}
	now := time.Now()
	var tokens []Token
	for _, row := range slices.Backward(rows) {
		if row.Final || expired(row, now) {
			continue
		}
		token, err := readToken(row)
		if err != nil {
			a.log.Warn("an access token cannot be read", "token", row.ID, "error", err)
			continue
		}
		tokens = append(tokens, token)
	}
	return tokens, nil
}

// RevokeToken ends an access token of a user, and its sockets on every node. One that the user does not have, or that is revoked already,
// is ErrNoToken. The result is what it was.
func (a *Accounts) RevokeToken(ctx context.Context, user, id ID) (Token, error) {
	var was store.Record
	_, err := a.st.UpdateRecord(ctx, store.KindToken, id, func(x *store.Record) error {
		if x.Owner != user || x.Final {
			return ErrNoToken
		}
		was = *x
		x.Final = true
		return nil
	})
	switch {
	case errors.Is(err, ErrNoToken), errors.Is(err, store.ErrNotFound):
		return Token{}, ErrNoToken
	case err != nil:
		return Token{}, fmt.Errorf("revoke an access token: %w", err)
	}
	token, err := readToken(was)
	if err != nil {
		return Token{ID: id, User: user}, nil // it is revoked, and nobody will miss its name
	}
	return token, nil
}

// TokenUser tells whose access token a secret is, and notes its use. One that is not good is a *TokenError. It is read anew each time, so
// that one that was revoked anywhere is refused as soon as that is known here.
func (a *Accounts) TokenUser(ctx context.Context, secret string) (User, Token, error) {
	refuse := func(reason, name string) (User, Token, error) {
		return User{}, Token{}, &TokenError{Reason: reason, User: name}
	}
	if len(secret) != len(TokenPrefix)+tokenLength || !strings.HasPrefix(secret, TokenPrefix) {
		return refuse(ReasonMalformed, "")
	}
	row, err := a.st.RecordByKey(ctx, store.KindToken, secretKey(secret))
	if errors.Is(err, store.ErrNotFound) {
		return refuse(ReasonUnknownToken, "")
	}
	if err != nil {
		return User{}, Token{}, fmt.Errorf("look up an access token: %w", err)
	}
	u, err := a.UserByID(ctx, row.Owner)
	if errors.Is(err, ErrNoUser) {
		return refuse(ReasonUnknownUser, "")
	}
	if err != nil {
		return User{}, Token{}, err
	}
	now := time.Now()
	switch {
	case row.Final:
		return refuse(ReasonRevoked, u.Name)
	case expired(row, now):
		return refuse(ReasonExpired, u.Name)
	case u.Disabled:
		return refuse(ReasonDisabledUser, u.Name)
	}
	token, err := readToken(row)
	if err != nil {
		return refuse(ReasonMalformed, u.Name)
	}
	if now.Sub(token.Used) >= touchPeriod {
		select {
		case a.touches <- touch{token: token.ID, at: now}:
		default:
		}
	}
	return u, token, nil
}

// touchToken notes the use of a token. What a newer version has written beside it stays.
func (a *Accounts) touchToken(ctx context.Context, t touch) error {
	_, err := a.st.UpdateRecord(ctx, store.KindToken, t.token, func(x *store.Record) error {
		body := map[string]json.RawMessage{}
		token, err := readToken(*x)
		if x.Final || err != nil || json.Unmarshal([]byte(x.Body), &body) != nil || t.at.Sub(token.Used) < touchPeriod {
			return errUnchanged
		}
		body["used"] = fmt.Appendf(nil, "%d", t.at.UnixMilli())
		written, err := json.Marshal(body)
		x.Body = string(written)
		return err
	})
	return err
}

func readToken(row store.Record) (Token, error) {
	var body tokenBody
	if err := json.Unmarshal([]byte(row.Body), &body); err != nil {
		return Token{}, fmt.Errorf("read an access token: %w", err)
	}
	token := Token{
		ID: row.ID, User: row.Owner, Name: body.Name, Created: row.Created, Expires: row.Expires,
		Scopes: slices.DeleteFunc(body.Scopes, func(scope string) bool { return !known(scope) }),
	}
	if token.Scopes == nil {
		token.Scopes = []string{} // nil would be somebody who needs none
	}
	if body.Used > 0 {
		token.Used = time.UnixMilli(body.Used)
	}
	return token, nil
}

func known(scope string) bool { return slices.Contains(Scopes(), scope) }

func expired(row store.Record, now time.Time) bool {
	return !row.Expires.IsZero() && !now.Before(row.Expires)
}

// secretKey is what is stored of a secret, and what it is found by. A fast hash will do, see hashToken.
func secretKey(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// Describe is what the audit log says of a token.
func (t Token) Describe() string {
	ends := "never expires"
	if !t.Expires.IsZero() {
		ends = "expires " + t.Expires.UTC().Format(time.DateOnly)
	}
	return fmt.Sprintf("%q: %s; %s", t.Name, strings.Join(t.Scopes, ", "), ends)
}
