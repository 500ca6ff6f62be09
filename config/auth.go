package config

// Auth is how people prove who they are, besides with the password of their account.
type Auth struct {
	RPID    string   `key:"rp_id" default:"" allow:"rp_id or empty" unit:"host name" doc:"The name for which browsers make passkeys (the relying party's id): one of the names here, or a domain that they are under. Empty: the first of server.names that can be one, else localhost. It is fixed at the first start, in every node of a cluster, for a passkey works under no other name: a Snug whose file says another one later does not start."`
	Origins []string `key:"origins" default:"" allow:"origins" unit:"origins" doc:"Where else browsers open Snug to use a passkey, as scheme, name and port: for a reverse proxy that listens on another port than 443."`

	JWT []JWT `key:"jwt" doc:"A site with users of its own, whose tokens (JWTs) open sockets here with ?token=. One [[auth.jwt]] for each key. The site speaks for everybody whose name it puts into a token, administrators too."`
}

// JWT is a site whose tokens are believed, and the key that they are signed with.
type JWT struct {
	Name          string `key:"name" default:"" allow:"text" doc:"What the site is called in the log. Needed."`
	Algorithm     string `key:"algorithm" default:"HS256" allow:"HS256|RS256|ES256|EdDSA" doc:"How tokens are signed. No other is taken, whatever a token says."`
	Secret        string `key:"secret" default:"" allow:"secret" doc:"For HS256: what the site signs with, such as Django's SECRET_KEY."`
	SecretFile    string `key:"secret_file" default:"" allow:"file" doc:"For HS256, in place of secret: a file that holds it. The end of its last line does not count."`
	PublicKeyFile string `key:"public_key_file" default:"" allow:"file" doc:"For RS256, ES256 and EdDSA: a file that holds the site's public key, as PEM."`
	Issuer        string `key:"issuer" default:"" allow:"text" doc:"What the claim iss must say. Empty: anything."`
	Audience      string `key:"audience" default:"" allow:"text" doc:"What the claim aud must say, or have among others. Empty: anything."`
	UsernameClaim string `key:"username_claim" default:"username" allow:"text" doc:"Which claim is the user name: a text or a whole number. Django's simplejwt has user_id."`
	CreateUsers   bool   `key:"create_users" default:"false" allow:"true|false" doc:"Whether a user of the site who has no account here gets one. It has no password: its owner comes with tokens only."`

	// Key is made from the settings above: []byte, *rsa.PublicKey, *ecdsa.PublicKey on P-256 or ed25519.PublicKey.
	Key any
}
