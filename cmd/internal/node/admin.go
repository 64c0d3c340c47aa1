package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Admin is a node's listener for its operators: metrics, health, profiles and
// whatever else a node mounts. It belongs on loopback.
type Admin struct {
	Registry *prometheus.Registry
	mux      *http.ServeMux
	listener net.Listener
	retired  chan struct{} // closed when another process has the listener
	retire   sync.Once

	mu     sync.Mutex
	checks map[string]func(context.Context) error
}

// NewAdmin binds addr. sockets may be nil.
func NewAdmin(ctx context.Context, addr string, sockets *Sockets) (*Admin, error) {
	l, err := sockets.Listen(ctx, addr)
	if err != nil {
		return nil, fmt.Errorf("admin listener %s: %w", addr, err)
	}
	a := &Admin{
		Registry: prometheus.NewRegistry(),
		mux:      http.NewServeMux(),
		listener: l,
		checks:   map[string]func(context.Context) error{},
		retired:  make(chan struct{}),
	}
	a.Registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	a.mux.Handle("GET /metrics", promhttp.HandlerFor(a.Registry, promhttp.HandlerOpts{}))
	a.mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	a.mux.HandleFunc("GET /readyz", a.ready)
	a.mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	a.mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	a.mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	a.mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	a.mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return a, nil
}

// Addr is the bound address.
func (a *Admin) Addr() string { return a.listener.Addr().String() }

// Handle mounts a handler, with the pattern syntax of http.ServeMux.
func (a *Admin) Handle(pattern string, h http.Handler) { a.mux.Handle(pattern, h) }

// Check adds a condition of readiness under a name.
func (a *Admin) Check(name string, check func(context.Context) error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.checks[name] = check
}

// CheckAll adds conditions of readiness.
func (a *Admin) CheckAll(checks map[string]func(context.Context) error) {
	for name, check := range checks {
		a.Check(name, check)
	}
}

// ready answers 200 when every check passes and 503 with the failures otherwise.
func (a *Admin) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
	defer cancel()
	a.mu.Lock()
	defer a.mu.Unlock()
	answer := map[string]string{}
	status := http.StatusOK
	for name, check := range a.checks {
		answer[name] = "ok"
		if err := check(ctx); err != nil {
			answer[name] = err.Error()
			status = http.StatusServiceUnavailable
		}
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(answer)
}

// Run serves until ctx is done, or another process serves the listener.
func (a *Admin) Run(ctx context.Context, log *slog.Logger) error {
	return serveHTTP(ctx, a.retired, a.listener, a.mux, log)
}

// Retire leaves the listener to another process. What is being answered is.
func (a *Admin) Retire() { a.retire.Do(func() { close(a.retired) }) }

// Close gives the socket back when Run was never called.
func (a *Admin) Close() error { return a.listener.Close() }

// serveHTTP runs a server with the limits that every listener of ours has,
// and drains it for up to two seconds when ctx is done, or stop is closed; nil:
// it never is.
func serveHTTP(ctx context.Context, stop <-chan struct{}, l net.Listener, h http.Handler, log *slog.Logger) error {
	srv := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		BaseContext:       func(net.Listener) context.Context { return ctx },
	}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	select {
	case err := <-done:
		return err
	case <-stop:
	case <-ctx.Done():
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	if err := srv.Shutdown(drain); err != nil {
		_ = srv.Close()
	}
	if err := <-done; err != nil && !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
