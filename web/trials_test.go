package web

// Who may use each route, by what limits. Keep the order of Server.routes.
func trials() map[string]trial {
	const good, toLogIn = 200, 303
	return map[string]trial{
		"GET /{$}":         {path: "/", nobody: toLogIn, other: good, right: good},
		"GET /sign_up/{$}": {path: "/sign_up/", nobody: good, other: 303, right: 303},
		"POST /sign_up/{$}": {
			path: "/sign_up/", form: fields("username", "new#", "password1", "correct horse battery"), nobody: 303, other: 303, right: 303,
			limit: func(o *siteOptions) { o.Accounts.SignupsPerHour = 1 }, nobodys: true,
		},
		"GET /log_in/{$}": {path: "/log_in/", nobody: good, other: 303, right: 303},
		"POST /log_in/{$}": {
			path: "/log_in/", form: fields("username", "ada", "password", "not hers"), nobody: 403, other: 403, right: 403,
			limit: func(o *siteOptions) { o.Accounts.LoginsPerMinute = 1 }, nobodys: true,
		},
		"GET /log_out/{$}": {path: "/log_out/", nobody: toLogIn, other: good, right: good},
		"POST /log_out/{$}": {
			path: "/log_out/", nobody: 303, other: 303, right: 303,
			unlimited: "it ends the session of who asks, once",
		},
		"GET /confirm/{$}": {path: "/confirm/", nobody: toLogIn, other: 303, right: 303}, // they have just logged in
		"POST /confirm/{$}": {
			path: "/confirm/", form: fields("password", "not hers"), nobody: toLogIn, other: 403, right: 403,
			limit: func(o *siteOptions) { o.Accounts.LoginsPerMinute = 1 },
		},
		"GET /settings/{$}": {path: "/settings/", nobody: toLogIn, other: good, right: good},
		"POST /settings/{$}": {
			path: "/settings/", form: fields("end", "others"), nobody: toLogIn, other: 303, right: 303,
			unlimited: "it ends sessions of who asks, each once",
		},
		"GET /settings/name/{$}": {path: "/settings/name/", nobody: toLogIn, other: good, right: good},
		"POST /settings/name/{$}": {
			path: "/settings/name/", form: fields("username", "somebody#"), nobody: toLogIn, other: 303, right: 303,
			limit: func(*siteOptions) {}, // account.RenamesPerHour
		},
		"GET /settings/password/{$}": {path: "/settings/password/", nobody: toLogIn, other: good, right: good},
		"POST /settings/password/{$}": {
			path: "/settings/password/", form: fields("old_password", "not hers", "password", "correct horse battery"),
			nobody: toLogIn, other: 422, right: 422,
			limit: func(o *siteOptions) { o.Accounts.LoginsPerMinute = 1 },
		},
		"GET /settings/tokens/{$}": {path: "/settings/tokens/", nobody: toLogIn, other: good, right: good},
		"POST /settings/tokens/{$}": {
			path: "/settings/tokens/", form: fields("name", "program #", "scope", "read", "days", "7"), nobody: toLogIn, other: 303, right: 303,
			limit: func(*siteOptions) {}, // account.TokensPerHour
		},

		"GET /settings/passkeys/{$}": {path: "/settings/passkeys/", nobody: toLogIn, other: good, right: good},
		"POST /settings/passkeys/{$}": {
			path: "/settings/passkeys/", form: fields("do", "codes"), nobody: toLogIn, other: 303, right: 303,
			limit: func(*siteOptions) {}, // account.maxChanges
		},
		"GET /settings/passkeys/codes/{$}": {path: "/settings/passkeys/codes/", nobody: toLogIn, other: 303, right: 303}, // none were made just now
		"GET /log_in/recovery/{$}":         {path: "/log_in/recovery/", nobody: good, other: good, right: good},
		"POST /log_in/recovery/{$}": {
			path: "/log_in/recovery/", form: fields("username", "ada", "code", "not hers"), nobody: 403, other: 403, right: 403,
			limit: func(o *siteOptions) { o.Accounts.LoginsPerMinute = 1 }, nobodys: true,
		},
		"GET /passkeys/offer/{$}":         {path: "/passkeys/offer/", nobody: toLogIn, other: 303, right: 303}, // passkeys do not work here
		"POST /passkeys/log_in/begin/{$}": byPasskey("/passkeys/log_in/begin/", good, good, good),
		"POST /passkeys/log_in/{$}":       unlimitedByPasskey("/passkeys/log_in/", 409, 409, 409),
		"POST /passkeys/confirm/begin/{$}": {
			path: "/passkeys/confirm/begin/", site: atHome, host: "localhost", nobody: 401, other: 404, right: 404,
			unlimited: "it tells people without a passkey that they have none; with one it counts as the others, see passkeys_test.go",
		},
		"POST /passkeys/confirm/{$}":       unlimitedByPasskey("/passkeys/confirm/", 401, 409, 409),
		"POST /passkeys/add/begin/{$}":     byPasskey("/passkeys/add/begin/", 401, good, good),
		"POST /passkeys/add/{$}":           unlimitedByPasskey("/passkeys/add/", 401, 409, 409),
		"POST /passkeys/sign_up/begin/{$}": byPasskey("/passkeys/sign_up/begin/", good, good, good),
		"POST /passkeys/sign_up/{$}":       unlimitedByPasskey("/passkeys/sign_up/", 409, 409, 409),
		"GET /.well-known/webauthn":        {path: "/.well-known/webauthn", nobody: good, other: good, right: good},

		"GET /chat/{$}": {path: "/chat/", nobody: toLogIn, other: good, right: good},
		"POST /chat/{$}": {
			path: "/chat/", form: fields("name", "room#"), nobody: toLogIn, other: 303, right: 303,
			limit: func(o *siteOptions) { o.Chat.RoomsPerHour = 1 },
		},
		"GET /chat/{room}/{$}":          {path: "/chat/lobby/", nobody: toLogIn, other: good, right: good},
		"GET /chat/{room}/settings/{$}": {path: "/chat/lobby/settings/", nobody: toLogIn, other: 403, right: good},
		"POST /chat/{room}/settings/{$}": {
			path: "/chat/lobby/settings/", form: fields("guests", "on"), nobody: toLogIn, other: 403, right: 303,
			unlimited: "it sets one switch of a room that is theirs",
		},
		"GET /chat/{room}/settings/hooks/{$}": {path: "/chat/lobby/settings/hooks/", nobody: 303, other: 303, right: 303}, // to the settings
		"POST /chat/{room}/settings/hooks/{$}": {
			path: "/chat/lobby/settings/hooks/", form: fields("name", "ci #"), nobody: toLogIn, other: 403, right: 303,
			unlimited: "a room has chat.MaxHooks webhooks at most",
		},
		"POST /chat/{room}/settings/hooks/revoke/{$}": {
			path: "/chat/lobby/settings/hooks/revoke/", form: fields("revoke", "019aa5b2-7c00-7000-8000-0000000000a1"), nobody: toLogIn, other: 403, right: 404,
			unlimited: "it ends a webhook, once",
		},
		"GET /chat/{room}/settings/delete/{$}": {path: "/chat/lobby/settings/delete/", nobody: toLogIn, other: 403, right: good},
		"POST /chat/{room}/settings/delete/{$}": {
			path: "/chat/lobby/settings/delete/", form: fields("name", "another"), nobody: toLogIn, other: 403, right: 409,
			unlimited: "it is for administrators, who delete a room once",
		},
		"GET /pm/{name}/{$}":      {path: "/pm/grace/", nobody: toLogIn, other: good, right: good},
		"GET /invite/{token}/{$}": {ready: (*routeWorld).invitation, nobody: good, other: 303, right: 303},
		"GET /admin/people/{$}":   {path: "/admin/people/", nobody: toLogIn, other: 403, right: good},
		"POST /admin/people/{$}": {
			path: "/admin/people/", form: fields("user", "not an id", "do", "disable"), nobody: toLogIn, other: 403, right: 422,
			unlimited: "it is for administrators, who may do it to everybody",
		},
		"GET /admin/invitations/{$}": {path: "/admin/invitations/", nobody: toLogIn, other: 403, right: good},
		"POST /admin/invitations/{$}": {
			path: "/admin/invitations/", form: fields("uses", "1", "life", "1h"), nobody: toLogIn, other: 403, right: 303,
			unlimited: "it is for administrators, of whom each has a number of invitations at once",
		},
		"GET /admin/{$}":         {path: "/admin/", nobody: toLogIn, other: 403, right: 303},
		"GET /admin/audit/{$}":   {path: "/admin/audit/", nobody: toLogIn, other: 403, right: good},
		"GET /admin/cluster/{$}": {path: "/admin/cluster/", nobody: toLogIn, other: 403, right: good},
		"POST " + movePath + "{$}": {
			path: movePath, form: fields("pass", "made up", "next", "/"), site: func(o *siteOptions) { o.Web.Nodes = newNodes() },
			nobody: 403, other: 403, right: 403,
			unlimited: "it needs a pass that another node has made, which is good once",
		},
		"POST /ws/ticket/{$}": {
			path: "/ws/ticket/", nobody: 401, other: good, right: good,
			limit: func(*siteOptions) {}, // maxUserTickets
		},
		"GET /users/{$}":          {path: "/users/", nobody: 400, other: 400, right: 400, socket: true},
		"GET /ws/chat/{room}/{$}": {path: "/ws/chat/lobby/", nobody: 400, other: 400, right: 400, socket: true},
		"GET /ws/{$}":             {path: "/ws/", nobody: 400, other: 400, right: 400, socket: true},
		"POST " + hookPath + "{secret}": {
			ready: (*routeWorld).webhook, form: fields("payload", `{"text":"#"}`), nobody: good, other: good, right: good, // who knows the secret may
			limit: func(o *siteOptions) { o.Web.Limits.MessagesPerSecond = 1 }, nobodys: true,
		},
		"GET " + caPath + "{$}":      {path: caPath, site: withAuthority, nobody: good, other: good, right: good},
		"GET " + caPath + "snug.crt": {path: caPath + "snug.crt", site: withAuthority, nobody: good, other: good, right: good},
		"GET " + caPath + "snug.pem": {path: caPath + "snug.pem", site: withAuthority, nobody: good, other: good, right: good},
		"GET /healthz":               {path: "/healthz", nobody: good, other: good, right: good, shared: true},
		"GET /readyz":                {path: "/readyz", nobody: good, other: good, right: good},
		"GET /static/{path...}":      {path: "/static/tokens.css", nobody: good, other: good, right: good},
	}
}

// atHome is a site where passkeys work under the name localhost, without the port that a test's server has.
func atHome(o *siteOptions) { o.Web.Origins = []string{"http://localhost"} }

// byPasskey is a route that begins a ceremony.
func byPasskey(path string, nobody, other, right int) trial {
	return trial{
		path: path, form: fields("username", "new#"), site: atHome, host: "localhost", nobody: nobody, other: other, right: right,
		limit: func(o *siteOptions) { o.Accounts.LoginsPerMinute = 1 },
	}
}

// unlimitedByPasskey is a route that ends one.
func unlimitedByPasskey(path string, nobody, other, right int) trial {
	return trial{
		path: path, form: fields("ceremony", "made up", "response", "{}"), site: atHome, host: "localhost", nobody: nobody, other: other, right: right,
		unlimited: "it needs a ceremony, whose beginning is limited, and takes one answer to it",
	}
}
