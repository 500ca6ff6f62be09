// Package config is what an operator may change: one struct, filled from the defaults, then a TOML file, then the environment, then flags.
//
// It is strict. A key that does not exist, a value of the wrong type and a value that cannot work are problems, each told with its place,
// what is allowed and, where a name was misspelt, the nearest real one. All problems are told at once.
//
// Every setting has one name, and the others follow from it: limits.sockets_per_user is the key sockets_per_user in the table [limits] of the
// file, SNUG_LIMITS_SOCKETS_PER_USER in the environment, and --set limits.sockets_per_user=… on the command line.
package config

import "time"

// Config is every setting. A field's tags are its key, its default as it is written in the environment, what is allowed, its unit, and one line
// on what it does.
type Config struct {
	Server   Server   `key:"server"`
	TLS      TLS      `key:"tls"`
	Log      Log      `key:"log"`
	Accounts Accounts `key:"accounts"`
	Auth     Auth     `key:"auth"`
	Presence Presence `key:"presence"`
	Store    Store    `key:"store"`
	Layer    Layer    `key:"layer"`
	Cluster  Cluster  `key:"cluster"`
	Limits   Limits   `key:"limits"`
}

// Server is where Snug is and where it keeps its data.
type Server struct {
	Listen          string        `key:"listen" default:"localhost:8000" allow:"address" unit:"host:port" doc:"The address that browsers reach. \":8000\" listens on every interface; port 0 takes any free one."`
	Data            string        `key:"data" default:"" allow:"directory" unit:"directory" doc:"Where everything is stored. Empty: snug in the data directory of the user, such as ~/.local/share/snug."`
	Names           []string      `key:"names" default:"" allow:"hosts" unit:"host names" doc:"Names under which browsers open Snug, besides localhost, the machine's own name and IP addresses. Requests for other names are refused."`
	TrustedProxies  []string      `key:"trusted_proxies" default:"" allow:"networks" unit:"networks" doc:"Reverse proxies before Snug, by their addresses. What these say of where a request comes from is believed, and nobody else's word. List the proxies alone: whoever sits in one of these networks can be anybody."`
	ProxyHeader     string        `key:"proxy_header" default:"x-forwarded" allow:"x-forwarded|forwarded" doc:"What those proxies write: X-Forwarded-For, -Proto and -Host, as most do, or Forwarded (RFC 7239). The other is not looked at, for a proxy hands it on as a client has written it."`
	ShutdownTimeout time.Duration `key:"shutdown_timeout" default:"10s" allow:"1s..10m" unit:"ms, s, m, h or d" doc:"How long requests under way may take to finish when Snug is stopped."`
}

// Log is what Snug tells its operator, on standard error.
type Log struct {
	Level  string `key:"level" default:"info" allow:"debug|info|warn|error" doc:"The least important lines that are written."`
	Format string `key:"format" default:"text" allow:"text|json" doc:"How lines are written: for people or for programs."`
}

// Accounts is who may come, how long people stay logged in, and how long it is remembered.
type Accounts struct {
	Signup      string        `key:"signup" default:"open" allow:"open|invite|closed" doc:"Who may make an account. open: everybody who can reach this place. invite: only with an invitation link, which administrators make. closed: nobody; accounts are made with snug user add. The link for the first administrator always works."`
	SessionIdle time.Duration `key:"session_idle" default:"30d" allow:"1m..3650d" unit:"ms, s, m, h or d" doc:"After this long without a visit, a person has to log in again."`
	SessionLife time.Duration `key:"session_life" default:"365d" allow:"1m..3650d" unit:"ms, s, m, h or d" doc:"After this long, a person has to log in again in any case."`
	AuditKeep   time.Duration `key:"audit_keep" default:"365d" allow:"1d..3650d" unit:"ms, s, m, h or d" doc:"How long the audit log remembers log-ins, changes of rights and the like. Each node forgets by its own setting, so say the same on all."`
}

// Presence is who counts as online.
type Presence struct {
	Linger time.Duration `key:"linger" default:"5s" allow:"0s..10m" unit:"ms, s, m, h or d" doc:"How long a person whose last connection broke still counts as online, so that a page reload does not show."`
}

// Store is how messages are kept.
type Store struct {
	Synchronous string `key:"synchronous" default:"full" allow:"full|normal" doc:"full: what was acknowledged survives a power cut. normal: faster; the last moments may be lost in a power cut, never in a crash of Snug."`
}

// Layer is the channel layer, which carries messages inside Snug.
type Layer struct {
	Capacity    int           `key:"capacity" default:"100" allow:"1..1000000" unit:"messages" doc:"How many unread messages a channel holds."`
	Expiry      time.Duration `key:"expiry" default:"60s" allow:"1s..24h" unit:"ms, s, m, h or d" doc:"How long an unread message is kept in a channel."`
	GroupExpiry time.Duration `key:"group_expiry" default:"24h" allow:"1m..365d" unit:"ms, s, m, h or d" doc:"How long a channel stays in a group without being added again."`
}

// Cluster is how this node finds others and becomes one place with them. Nothing of it counts unless Enabled is true.
type Cluster struct {
	Enabled            bool          `key:"enabled" default:"false" allow:"true|false" doc:"Whether this Snug is one node of several. false: it runs alone, opens no port for others, and the rest of this table means nothing."`
	Name               string        `key:"name" default:"" allow:"host or empty" unit:"name" doc:"What people call this node in lists. Empty: the name of the machine."`
	Bind               string        `key:"bind" default:"0.0.0.0:7846" allow:"address" unit:"host:port" doc:"Where other nodes reach this one, by TCP and UDP. The port must be open between the nodes."`
	Advertise          string        `key:"advertise" default:"" allow:"host:port or empty" unit:"host:port" doc:"The address that other nodes are told, where it is not the one of bind, as behind a router. Empty: the address of bind, or that of the machine."`
	URL                string        `key:"url" default:"" allow:"url or empty" unit:"URL" doc:"Where browsers find this node, told to the pages of the other nodes so that they can come here when theirs dies. Empty: made of server.listen and the address that other nodes are told."`
	Seeds              []string      `key:"seeds" default:"" allow:"nodes" unit:"host:port" doc:"Nodes to ask first. One is enough, and snug join remembers some by itself; nodes that were ever met are asked without being named here."`
	Discover           bool          `key:"discover" default:"false" allow:"true|false" doc:"Whether to look for nodes of this cluster on the local network with multicast DNS."`
	Acknowledge        string        `key:"acknowledge" default:"disk" allow:"disk|peer" doc:"When a sender is told that a message is stored. disk: when it is on this node's disk. peer: when another node has it too."`
	AcknowledgeTimeout time.Duration `key:"acknowledge_timeout" default:"2s" allow:"10ms..1m" unit:"ms, s, m, h or d" doc:"With acknowledge = \"peer\": after this long without an answer of another node, the sender is told that the message is on this node only."`
}

// Limits are the numbers that keep one person from using up what belongs to all.
type Limits struct {
	Sockets           int           `key:"sockets" default:"50000" allow:"0..1000000" unit:"sockets" doc:"Open WebSockets in all. Each takes a file handle of the process, of which a unit file or ulimit -n allows so many. 0: no limit."`
	SocketsPerAddress int           `key:"sockets_per_address" default:"2000" allow:"0..1000000" unit:"sockets" doc:"Open WebSockets from one IP address. Everybody behind one router shares an address, and everybody on one IPv6 network: limits on addresses count the first 64 bits. 0: no limit."`
	SocketsPerUser    int           `key:"sockets_per_user" default:"20" allow:"0..1000000" unit:"sockets" doc:"Open WebSockets of one person, over all tabs and devices. 0: no limit."`
	SessionsPerUser   int           `key:"sessions_per_user" default:"50" allow:"1..1000" unit:"sessions" doc:"Browsers that one person may be logged in with. One more ends the one that was not used for longest."`
	MessagesPerSecond int           `key:"messages_per_second" default:"10" allow:"0..1000000" unit:"messages per second" doc:"Messages that one person may send, after a burst of twice as many. 0: no limit."`
	APIPerMinute      int           `key:"api_per_minute" default:"600" allow:"0..1000000" unit:"calls per minute" doc:"Calls of the JSON API that one person may make, over all tokens, and one webhook; and one IP address without a token. 0: no limit."`
	LoginsPerMinute   int           `key:"logins_per_minute" default:"10" allow:"0..1000000" unit:"attempts per minute" doc:"Failed log-ins for one account, and from one IP address. 0: no limit."`
	SignupsPerHour    int           `key:"signups_per_hour" default:"60" allow:"0..1000000" unit:"accounts per hour" doc:"Accounts made from one IP address. 0: no limit."`
	RoomsPerHour      int           `key:"rooms_per_hour" default:"30" allow:"0..1000000" unit:"rooms per hour" doc:"Rooms made by one person. 0: no limit."`
	MessageCharacters int           `key:"message_characters" default:"4000" allow:"512..65536" unit:"characters" doc:"The longest message."`
	FrameBytes        int           `key:"frame_bytes" default:"65536" allow:"4096..1048576" unit:"bytes" doc:"The largest WebSocket frame that is read. It must hold the longest message: 4 bytes a character and 512 more."`
	QueueBytes        int           `key:"queue_bytes" default:"1048576" allow:"65536..1073741824" unit:"bytes" doc:"What may wait for one slow reader before its connection is cut. It comes back and gets what it missed."`
	QueueFrames       int           `key:"queue_frames" default:"4096" allow:"64..1000000" unit:"frames" doc:"As queue_bytes, counted in frames."`
	HeaderBytes       int           `key:"header_bytes" default:"65536" allow:"4096..1048576" unit:"bytes" doc:"The largest head of an HTTP request."`
	HeaderTimeout     time.Duration `key:"header_timeout" default:"5s" allow:"1s..5m" unit:"ms, s, m, h or d" doc:"How long a browser may take to send the head of a request."`
	RequestTimeout    time.Duration `key:"request_timeout" default:"60s" allow:"1s..1h" unit:"ms, s, m, h or d" doc:"How long a request may take, from its first byte to the last of the answer. WebSockets are not meant."`
	IdleTimeout       time.Duration `key:"idle_timeout" default:"120s" allow:"1s..1h" unit:"ms, s, m, h or d" doc:"How long an unused HTTP connection is kept. WebSockets are not meant: they are pinged."`
}
