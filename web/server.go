package web

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"snug/account"
	"snug/chat"
	"snug/layer"
	"snug/presence"
	"snug/web/socket"
)

// Options are what a Server is made of.
type Options struct {
	Files    fs.FS // holds templates/, static/ and api/
	Accounts *account.Accounts
	Chat     *chat.Chat
	Presence *presence.Tracker // the one that Chat has
	Layer    layer.Layer       // the one that Chat publishes on, or one of several nodes over it
	Limits   Limits
	Names    []string // the DNS names, beside localhost, by which browsers may call this server
	Origins  []string // where else, by scheme, name and port, browsers open it to use passkeys
	Proxies  Proxies  // those before this server
	HSTS     HSTS     // when browsers are told to use nothing but TLS
	// Authority is the root certificate of our own authority, as DER; nil, or an answer of nil: there is none.
	Authority func() []byte
	Version   string
	Ready     func(ctx context.Context) error                // whether the store can be written; nil: always
	Cluster   func(ctx context.Context) (ClusterView, error) // the nodes of the cluster; nil: this server is alone
	Nodes     Nodes                                          // the other nodes, as pages know them; nil: this server is alone
	Logger    *slog.Logger                                   // nil: slog.Default()
}

// Limits are the bounds that an operator may move. Zero turns a limit off, except where it says otherwise.
type Limits struct {
	Sockets           int // of everybody together
	SocketsPerAddress int // see account.AddressKey
	SocketsPerUser    int
	MessagesPerSecond int           // of one person, over all their sockets; twice as many at once
	CallsPerMinute    int           // of the API, of one person
	FrameBytes        int64         // of one frame from a client; 0: 64 KiB
	QueueBytes        int           // waiting for one slow reader before it is cut off; 0: 1 MiB
	QueueFrames       int           // the same, in frames; 0: 4096
	GroupExpiry       time.Duration // the layer's, so that memberships are renewed in time; 0: 24 hours
}

// Server is Snug's HTTP side: pages, sockets and health. It is ready as New returns it.
type Server struct {
	parts
	look
	limits Limits
	reach
	ready   func(ctx context.Context) error
	cluster func(ctx context.Context) (ClusterView, error)
	logger  *slog.Logger
	noise   noise

	handler   http.Handler
	hub       *socket.Hub
	peers     *peers
	typing    *typing
	tickets   *tickets
	once      *shownOnce
	talk      *allowance // messages
	asks      *allowance // all other frames of /ws/
	calls     *calls     // of the API
	neighbors *neighbors
	moves     *moves // nil: this server is alone
	stopping  atomic.Bool
	stopEnded func()
}

// parts are what the server shows and changes. They belong to who made it.
type parts struct {
	accounts *account.Accounts
	chat     *chat.Chat
	presence *presence.Tracker
	layer    layer.Layer
}

// reach is how browsers come here.
type reach struct {
	names     map[string]bool
	ordered   []string        // the same, but for localhost, in the order of their importance
	origins   map[string]bool // those of Options.Origins
	proxies   Proxies
	hsts      HSTS
	authority func() []byte
}

// look is what pages are made of.
type look struct {
	templates map[string]*template.Template
	document  []byte // that describes the API
	static    *static
	version   string
}

// noise logs what strangers can bring about as often as they like.
type noise struct {
	misnamed seldom   // requests under unknown host names
	foreign  seldom   // requests of other sites' pages
	crowded  seldom   // sockets of which there are too many
	refusals refusals // tokens that are no good
}

// New makes a server. Its own goroutine runs until Shutdown.
func New(opts Options) (*Server, error) {
	if opts.Files == nil || opts.Accounts == nil || opts.Chat == nil || opts.Presence == nil || opts.Layer == nil {
		return nil, errors.New("make web server: files, accounts, chat, presence and layer are all needed")
	}
	if opts.Logger == nil {
		opts.Logger = slog.Default()
	}
	if opts.Ready == nil {
		opts.Ready = func(context.Context) error { return nil }
	}
	templates, err := parseTemplates(opts.Files)
	if err != nil {
		return nil, err
	}
	document, err := fs.ReadFile(opts.Files, "api/openapi.json")
	if err != nil {
		return nil, fmt.Errorf("read the description of the API: %w", err)
	}
	static, err := readStatic(opts.Files)
	if err != nil {
		return nil, fmt.Errorf("read static files: %w", err)
	}
	typing, err := newTyping(opts.Layer)
	if err != nil {
		return nil, fmt.Errorf("listen to who is typing: %w", err)
	}
	s := &Server{
		parts:  parts{accounts: opts.Accounts, chat: opts.Chat, presence: opts.Presence, layer: opts.Layer},
		look:   look{templates: templates, document: document, static: static, version: opts.Version},
		limits: opts.Limits,
		reach: reach{
			names: hostNames(opts.Names), ordered: opts.Names, origins: originSet(opts.Origins),
			proxies: opts.Proxies, hsts: opts.HSTS, authority: opts.Authority,
		},
		ready:   opts.Ready,
		cluster: opts.Cluster,
		logger:  opts.Logger,
		tickets: newTickets(),
		once:    newShownOnce(),
		talk:    newTalk(opts.Limits.MessagesPerSecond),
		asks:    newAsks(),
		typing:  typing,
		calls:   newCalls(opts.Limits.CallsPerMinute),
	}
	s.hub = socket.NewHub(socket.Options{
		MaxFrame:    opts.Limits.FrameBytes,
		QueueBytes:  opts.Limits.QueueBytes,
		QueueFrames: opts.Limits.QueueFrames,
		Total:       opts.Limits.Sockets,
		PerUser:     opts.Limits.SocketsPerUser,
		PerAddress:  opts.Limits.SocketsPerAddress,
		CheckOrigin: s.sameOrigin,
		Refuse:      s.refuseSocket,
		Logger:      opts.Logger,
	})
	s.handler = s.guarded(s.routes().mux)
	if opts.Nodes != nil {
		s.moves = newMoves(opts.Nodes.Keys)
	}
	s.peers = newPeers(s)
	s.neighbors = newNeighbors(opts.Nodes, s.peers)
	stopSessions, stopRooms := opts.Accounts.OnEnded(s.peers.end), opts.Chat.OnRoomDeleted(s.peers.endRoom)
	stopGuests := opts.Chat.OnRoomClosed(s.peers.endGuests)
	s.stopEnded = func() {
		stopSessions()
		stopRooms()
		stopGuests()
	}
	return s, nil
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.handler.ServeHTTP(w, r)
}

// Shutdown refuses new sockets, tells the open ones to come back (1012) and ends what New started. The caller stops the
// http.Server itself, which does not know sockets.
func (s *Server) Shutdown(ctx context.Context) error {
	if !s.stopping.CompareAndSwap(false, true) {
		return nil
	}
	s.stopEnded()
	s.neighbors.stop()
	s.peers.endStreams()
	err := s.hub.Shutdown(ctx)
	s.peers.close()
	s.typing.stop()
	return err
}

// routes maps addresses to what answers them. Nothing stands for "everything else": see guarded.
func (s *Server) routes() *router {
	mux := newRouter()
	mux.HandleFunc("GET /{$}", s.getPeople)
	mux.HandleFunc("GET /sign_up/{$}", s.getSignUp)
	mux.HandleFunc("POST /sign_up/{$}", s.postSignUp)
	mux.HandleFunc("GET /log_in/{$}", s.getLogIn)
	mux.HandleFunc("POST /log_in/{$}", s.postLogIn)
	mux.HandleFunc("GET /log_out/{$}", s.getLogOut)
	mux.HandleFunc("POST /log_out/{$}", s.postLogOut)
	mux.HandleFunc("GET /confirm/{$}", s.getConfirm)
	mux.HandleFunc("POST /confirm/{$}", s.postConfirm)
	mux.HandleFunc("GET /settings/{$}", s.getAccount)
	mux.HandleFunc("POST /settings/{$}", s.postAccount)
	mux.HandleFunc("GET /settings/name/{$}", s.getName)
	mux.HandleFunc("POST /settings/name/{$}", s.postName)
	mux.HandleFunc("GET /settings/password/{$}", s.getPassword)
	mux.HandleFunc("POST /settings/password/{$}", s.postPassword)
	mux.HandleFunc("GET /settings/tokens/{$}", s.onRequest(s.getTokens))
	mux.HandleFunc("POST /settings/tokens/{$}", s.postTokens)
	s.handlePasskeys(mux)
	mux.HandleFunc("GET /chat/{$}", s.getRooms)
	mux.HandleFunc("POST /chat/{$}", s.postRooms)
	mux.HandleFunc("GET /chat/{room}/{$}", s.getRoom)
	mux.HandleFunc("GET /chat/{room}/settings/{$}", s.onRequest(s.getSettings))
	mux.HandleFunc("POST /chat/{room}/settings/{$}", s.postSettings)
	mux.HandleFunc("GET /chat/{room}/settings/hooks/{$}", s.getHooks)
	mux.HandleFunc("POST /chat/{room}/settings/hooks/{$}", s.postHooks)
	mux.HandleFunc("POST /chat/{room}/settings/hooks/revoke/{$}", s.postRevokeHook)
	mux.HandleFunc("GET /chat/{room}/settings/delete/{$}", s.getDeleteRoom)
	mux.HandleFunc("POST /chat/{room}/settings/delete/{$}", s.postDeleteRoom)
	mux.HandleFunc("GET /pm/{name}/{$}", s.getPrivate)
	mux.HandleFunc("GET /invite/{token}/{$}", s.getInvite)
	mux.HandleFunc("GET /admin/{$}", s.getAdmin)
	mux.HandleFunc("GET /admin/people/{$}", s.getAdminPeople)
	mux.HandleFunc("POST /admin/people/{$}", s.postAdminPeople)
	mux.HandleFunc("GET /admin/invitations/{$}", s.onRequest(s.getInvitations))
	mux.HandleFunc("POST /admin/invitations/{$}", s.postInvitations)
	mux.HandleFunc("GET /admin/cluster/{$}", s.getCluster)
	mux.HandleFunc("GET /admin/audit/{$}", s.getAudit)
	mux.HandleFunc("POST "+movePath+"{$}", s.postMove)
	mux.HandleFunc("POST /ws/ticket/{$}", s.postTicket)
	mux.HandleFunc("GET /users/{$}", s.serveUsers)
	mux.HandleFunc("GET /ws/chat/{room}/{$}", s.serveChat)
	mux.HandleFunc("GET /ws/{$}", s.serveSnug)
	mux.HandleFunc("GET "+caPath+"{$}", s.getAuthority)
	mux.HandleFunc("GET "+caPath+"snug.crt", s.getRootDER)
	mux.HandleFunc("GET "+caPath+"snug.pem", s.getRootPEM)
	mux.HandleFunc("GET /healthz", s.getHealth)
	mux.HandleFunc("GET /readyz", s.getReady)
	mux.Handle("GET /static/{path...}", s.static)
	s.handleAPI(mux)
	mux.HandleFunc("POST "+hookPath+"{secret}", s.postHook)
	return mux
}
