package account

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const (
	// maxJWT is the longest token that is looked at, in bytes: those of large sites with many claims have 2 KiB.
	maxJWT = 8 << 10
	// jwtLeeway is how far the clock of an issuer may be ahead of ours. It makes no token last longer.
	jwtLeeway = 30 * time.Second
	// lastSecond is the end of the year 9999: an expiry beyond it is a mistake, in the unit perhaps.
	lastSecond = 253402300799
)

// Issuer is a site with users of its own, whose tokens (JWTs) are believed here. It speaks for every name that it puts
// into one.
type Issuer struct {
	Name string // for the log
	// Key verifies the tokens, and its type is the only algorithm that they may have: a []byte is the secret of HS256,
	// *rsa.PublicKey is for RS256, *ecdsa.PublicKey (on P-256) for ES256, ed25519.PublicKey for EdDSA.
	Key any
	// Iss and Aud are what the claims of these names must say. Empty: they may say anything.
	Iss, Aud      string
	UsernameClaim string // which claim is the user name; it may be a whole number
	CreateUsers   bool   // whether a user who is unknown gets an account, without a password
}

// Issuers are all sites whose tokens are believed.
type Issuers struct{ all []*issuer }

type issuer struct {
	Issuer
	algorithm string
	parser    *jwt.Parser
}

// NewIssuers checks that every issuer has a key of a known type.
func NewIssuers(list []Issuer) (*Issuers, error) {
	known := &Issuers{}
	for _, i := range list {
		algorithm := algorithmOf(i.Key)
		if algorithm == "" {
			return nil, fmt.Errorf("token issuer %q: no algorithm has a key of type %T", i.Name, i.Key)
		}
		if i.UsernameClaim == "" {
			return nil, fmt.Errorf("token issuer %q: no claim is the user name", i.Name)
		}
		opts := []jwt.ParserOption{
			jwt.WithValidMethods([]string{algorithm}), jwt.WithExpirationRequired(), jwt.WithIssuedAt(), jwt.WithLeeway(jwtLeeway),
			jwt.WithStrictDecoding(), jwt.WithJSONNumber(),
		}
		if i.Iss != "" {
			opts = append(opts, jwt.WithIssuer(i.Iss))
		}
		if i.Aud != "" {
			opts = append(opts, jwt.WithAudience(i.Aud))
		}
		known.all = append(known.all, &issuer{Issuer: i, algorithm: algorithm, parser: jwt.NewParser(opts...)})
	}
	return known, nil
}

// algorithmOf is the algorithm of a key, or "". An empty secret is none: anybody could sign with it.
func algorithmOf(key any) string {
	switch key := key.(type) {
	case []byte:
		if len(key) > 0 {
			return jwt.SigningMethodHS256.Alg()
		}
	case *rsa.PublicKey:
		return jwt.SigningMethodRS256.Alg()
	case *ecdsa.PublicKey:
		if key.Curve == elliptic.P256() {
			return jwt.SigningMethodES256.Alg()
		}
	case ed25519.PublicKey:
		if len(key) == ed25519.PublicKeySize {
			return jwt.SigningMethodEdDSA.Alg()
		}
	}
	return ""
}

// Reasons why a token is refused, as they are in TokenError.Reason.
const (
	ReasonTooLong       = "too_long"
	ReasonMalformed     = "malformed"
	ReasonUnknownIssuer = "unknown_issuer"
	ReasonAlgorithm     = "algorithm"
	ReasonSignature     = "bad_signature"
	ReasonNoExpiry      = "no_expiry"
	ReasonExpired       = "expired"
	ReasonNotYetValid   = "not_yet_valid"
	ReasonAudience      = "wrong_audience"
	ReasonRefresh       = "refresh_token"
	ReasonNoName        = "no_user_name"
	ReasonUnknownUser   = "unknown_user"
	ReasonKeptName      = "kept_name"
	ReasonDisabledUser  = "disabled_user"
	ReasonUnknownToken  = "unknown_token" // this and the next are of our own tokens
	ReasonRevoked       = "revoked"
)

// TokenError is a token that was refused. It holds nothing of the token but what its issuer has signed, so it may be
// logged. Whoever sent the token must not be told: they would learn who has an account.
type TokenError struct {
	Reason string
	Issuer string // the issuer's name here, "" if none has signed it
	User   string // the user name in the token, "" if it did not come to that
}

func (e *TokenError) Error() string { return "token refused: " + e.Reason }

// claim is what a token says that an issuer has signed.
type claim struct {
	issuer  *issuer
	name    string
	expires time.Time
}

// verify believes a token or refuses it.
func (is *Issuers) verify(token string) (claim, *TokenError) {
	if len(token) > maxJWT {
		return claim{}, &TokenError{Reason: ReasonTooLong}
	}
	candidates, refused := is.candidates(token)
	if refused != nil {
		return claim{}, refused
	}
	for _, i := range candidates {
		c, err := i.verify(token)
		if err == nil || err.Reason != ReasonSignature {
			return c, err // whoever has signed it, nobody else has
		}
	}
	return claim{}, &TokenError{Reason: ReasonSignature}
}

// candidates are the issuers that may have signed a token. A site that changes its key has two for a while. Nothing is
// believed yet: what the token says of itself only chooses who looks at it.
func (is *Issuers) candidates(text string) ([]*issuer, *TokenError) {
	token, _, err := jwt.NewParser(jwt.WithStrictDecoding()).ParseUnverified(text, jwt.MapClaims{})
	if err != nil && !errors.Is(err, jwt.ErrTokenUnverifiable) { // that is an algorithm of which nobody has heard
		return nil, &TokenError{Reason: ReasonMalformed}
	}
	said, err := token.Claims.GetIssuer()
	if err != nil {
		return nil, &TokenError{Reason: ReasonMalformed}
	}
	var meant, others []*issuer
	for _, i := range is.all {
		switch i.Iss {
		case "":
			others = append(others, i)
		case said:
			meant = append(meant, i)
		}
	}
	if meant == nil {
		meant = others
	}
	if meant == nil {
		return nil, &TokenError{Reason: ReasonUnknownIssuer}
	}
	var able []*issuer
	for _, i := range meant {
		if i.algorithm == token.Header["alg"] {
			able = append(able, i)
		}
	}
	if able == nil {
		return nil, &TokenError{Reason: ReasonAlgorithm}
	}
	return able, nil
}

// errCritical is a token with an extension that must not be ignored, and none is known here (RFC 7515, section 4.1.11).
var errCritical = errors.New("critical extension")

func (i *issuer) verify(text string) (claim, *TokenError) {
	claims := jwt.MapClaims{}
	_, err := i.parser.ParseWithClaims(text, claims, func(t *jwt.Token) (any, error) {
		if _, ok := t.Header["crit"]; ok {
			return nil, errCritical
		}
		return i.Key, nil
	})
	// Only for errors of a token whose signature is good.
	refuse := func(reason string) (claim, *TokenError) {
		return claim{}, &TokenError{Reason: reason, Issuer: i.Name}
	}
	switch {
	case errors.Is(err, errCritical), errors.Is(err, jwt.ErrTokenMalformed):
		return claim{}, &TokenError{Reason: ReasonMalformed}
	case errors.Is(err, jwt.ErrTokenSignatureInvalid), errors.Is(err, jwt.ErrTokenUnverifiable):
		return claim{}, &TokenError{Reason: ReasonSignature}
	}
	expires, errExpires := claims.GetExpirationTime()
	switch {
	case errExpires != nil:
		return refuse(ReasonMalformed)
	case expires == nil:
		return refuse(ReasonNoExpiry)
	case !time.Now().Before(expires.Time): // to the second: the leeway is not for this
		return refuse(ReasonExpired)
	case expires.Unix() > lastSecond:
		return refuse(ReasonMalformed)
	case err == nil:
	case errors.Is(err, jwt.ErrTokenNotValidYet), errors.Is(err, jwt.ErrTokenUsedBeforeIssued):
		return refuse(ReasonNotYetValid)
	case errors.Is(err, jwt.ErrTokenInvalidAudience), errors.Is(err, jwt.ErrTokenRequiredClaimMissing):
		return refuse(ReasonAudience)
	default:
		return refuse(ReasonMalformed)
	}
	if claims["token_type"] == "refresh" { // Django's simplejwt signs them with the same key; they are for the issuer alone
		return refuse(ReasonRefresh)
	}
	name := userName(claims[i.UsernameClaim])
	if name == "" {
		return refuse(ReasonNoName)
	}
	return claim{issuer: i, name: name, expires: expires.Time}, nil
}

// userName is the claim as a text: a site may know its users by number.
func userName(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case json.Number:
		if n, err := strconv.ParseInt(v.String(), 10, 64); err == nil {
			return strconv.FormatInt(n, 10)
		}
	}
	return ""
}
