package panel

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/class5-go/class5/cluster/api/login"
	"github.com/class5-go/class5/cluster/directory"
	"github.com/class5-go/class5/cluster/live"
)

// Config is what a Panel shows. Store, Live and Gate are required.
type Config struct {
	Store *directory.Store
	Live  live.Source
	Gate  *login.Gate
	// Docs is the path of the API's description, linked from each page when
	// it is not empty.
	Docs string
	// Streams bounds the browsers that get live updates at once (512);
	// further ones work without.
	Streams int
	Now     func() time.Time // [time.Now]
	Log     *slog.Logger     // discards by default
}

// Panel is the web site. Its methods may be called from any goroutine.
type Panel struct {
	store   *directory.Store
	live    live.Source
	gate    *login.Gate
	docs    string
	now     func() time.Time
	log     *slog.Logger
	pages   pages
	assets  *assets
	hub     *hub
	handler http.Handler
}

// New makes a panel. Nothing runs before Run.
func New(cfg Config) (*Panel, error) {
	if cfg.Store == nil || cfg.Live == nil || cfg.Gate == nil {
		return nil, errors.New("panel: Store, Live and Gate are required")
	}
	if cfg.Streams <= 0 {
		cfg.Streams = 512
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	p := &Panel{store: cfg.Store, live: cfg.Live, gate: cfg.Gate, docs: cfg.Docs, now: cfg.Now, log: cfg.Log}
	var err error
	if p.assets, err = loadAssets(); err != nil {
		return nil, err
	}
	if p.pages, err = p.loadPages(); err != nil {
		return nil, err
	}
	p.hub = newHub(cfg.Streams, p.watch)
	p.handler = p.guard(cfg.Gate.Protect(p.routes()))
	return p, nil
}

// Run keeps browsers up to date until ctx is done. It may be called once.
func (p *Panel) Run(ctx context.Context) error { return p.hub.run(ctx) }

// ServeHTTP implements http.Handler.
func (p *Panel) ServeHTTP(w http.ResponseWriter, r *http.Request) { p.handler.ServeHTTP(w, r) }

func (p *Panel) routes() http.Handler {
	private := http.NewServeMux()
	see := func(pattern string, h http.HandlerFunc) { private.HandleFunc("GET "+pattern, h) }
	see("/{$}", p.overview)
	see("/events", p.events)
	see("/calls", p.callList)
	see("/calls/live", p.liveCall)
	see("/calls/{id}", p.callPage)
	see("/subscribers/{id}/registrations", p.subscriberRegistrations)
	private.HandleFunc("POST /subscribers/{id}/password", p.change(p.newPassword))
	private.HandleFunc("POST /logout", p.logout)
	for _, res := range []*resource{p.subscribers(), p.domains(), p.customers(), p.profiles(), p.fees(), p.specials()} {
		p.mount(private, res)
	}
	private.HandleFunc("/", p.notFound)

	public := http.NewServeMux()
	public.Handle("GET /assets/", p.assets)
	public.HandleFunc("GET /login", p.loginForm)
	public.HandleFunc("POST /login", p.login)
	public.Handle("/", p.gate.Require(private, p.refuse))
	return public
}
