package node

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/class5-go/class5/sip/capture"
)

// Part is a node as a command runs it.
type Part interface {
	Run(ctx context.Context) error
	Close() error
}

// Reloader is a Part that takes a changed configuration while it runs. What it
// can't change without a restart it leaves and says so; with an error all is as
// before.
type Reloader interface {
	Reload(ctx context.Context, cfg *Config) error
}

// Main is the main function of a command that runs one node from a
// configuration file: build gets the file, the environment and the admin
// listener. It returns the exit code: 0 after a signal, 2 for what the
// operator can mend, 1 for the rest.
func Main(name string, args []string, stderr io.Writer, build func(context.Context, *Config, Env, *Admin) (Part, error)) int {
	return exitCode(name, stderr, serve(name, args, stderr, build, false))
}

// Succeed is Main for a process that goes on with what another one of the same
// configuration does; see MediaNodeConfig.Upgrade.
func Succeed(name string, args []string, stderr io.Writer, build func(context.Context, *Config, Env, *Admin) (Part, error)) int {
	return exitCode(name, stderr, serve(name, args, stderr, build, true))
}

func exitCode(name string, stderr io.Writer, err error) int {
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case errors.Is(err, ErrConfig):
		fmt.Fprintf(stderr, "%s: %v\n", name, err)
		return 2
	}
	fmt.Fprintf(stderr, "%s: %v\n", name, err)
	return 1
}

func serve(name string, args []string, stderr io.Writer, build func(context.Context, *Config, Env, *Admin) (Part, error), succeed bool) error {
	f := flag.NewFlagSet(name, flag.ContinueOnError)
	f.SetOutput(io.Discard)
	file := f.String("config", name+".yaml", "configuration file")
	if err := f.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			f.SetOutput(stderr)
			f.PrintDefaults()
			return err
		}
		return fmt.Errorf("%w: %w", ErrConfig, err)
	}
	cfg, err := Load(*file)
	if err != nil {
		return err
	}
	env := Env{Args: args}
	if succeed {
		if env.Inherit, err = inherit(context.Background(), cfg.Media.Upgrade); err != nil {
			return err
		}
		defer env.Inherit.Close()
	}
	err = serveConfig(name, *file, cfg, env, build)
	if errors.Is(err, ErrConfig) {
		return fmt.Errorf("%s: %w", *file, err)
	}
	return err
}

func serveConfig(name, file string, cfg *Config, env Env, build func(context.Context, *Config, Env, *Admin) (Part, error)) error {
	if err := needs("admin", cfg.Admin != ""); err != nil {
		return err
	}
	log, err := cfg.Logger()
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	env.Sockets = &Sockets{}
	if env.Inherit != nil {
		env.Sockets = env.Inherit.sockets
	}
	admin, err := NewAdmin(ctx, cfg.Admin, env.Sockets)
	if err != nil {
		return bindError(err)
	}
	defer admin.Close()
	if a, err := netip.ParseAddrPort(admin.Addr()); err == nil && !a.Addr().IsLoopback() {
		log.Warn("the admin listener asks nobody who they are, and others can reach it", "admin", admin.Addr())
	}
	env.Node, env.Log, env.Metrics, env.Capture, env.Now = cfg.Node, log, admin.Registry, capture.New(capture.Config{}), time.Now
	part, err := build(ctx, cfg, env, admin)
	if err != nil {
		return err
	}
	defer part.Close()
	log.Info("ready", "command", name)
	below, end := context.WithCancel(context.WithoutCancel(ctx))
	var hangups sync.WaitGroup
	hangups.Go(func() { reloadOnHangup(below, file, cfg, part, log) })
	defer hangups.Wait()
	defer end()
	return runBeside(ctx, part, admin, env)
}

// reloadOnHangup reads the configuration again at each SIGHUP.
func reloadOnHangup(ctx context.Context, file string, was *Config, part Part, log *slog.Logger) {
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	for {
		select {
		case <-ctx.Done():
			return
		case <-hup:
		}
		r, ok := part.(Reloader)
		if !ok {
			log.Warn("nothing here can be reloaded; restart for a changed configuration")
			continue
		}
		cfg, err := Load(file)
		if err == nil {
			_, err = cfg.Logger() // a level that is none
		}
		if err == nil {
			err = r.Reload(ctx, cfg)
		}
		if err != nil {
			log.Error("not reloaded, all is as before", "error", err)
			continue
		}
		for setting, differs := range map[string]bool{"node": cfg.Node != was.Node, "admin": cfg.Admin != was.Admin, "log": cfg.Log != was.Log} {
			if differs {
				log.Warn("a changed setting needs a restart", "setting", setting)
			}
		}
		log.Info("reloaded", "file", file)
	}
}

// runBeside runs a part and its admin listener, which stays until the part has
// drained.
func runBeside(ctx context.Context, part Part, admin *Admin, env Env) error {
	below, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	g, failed := errgroup.WithContext(below)
	g.Go(func() error { return admin.Run(below, env.Log) })
	work, end := context.WithCancel(ctx)
	defer end()
	context.AfterFunc(failed, end)
	err := part.Run(work)
	stop()
	return errors.Join(err, g.Wait())
}

// ProxyNode is a proxy with the stores it opened for itself.
type ProxyNode struct {
	*Proxy
	stores *Stores
	close  func() error
}

// NewProxyNode opens the stores of a configuration and a proxy on them.
func NewProxyNode(ctx context.Context, cfg *Config, env Env) (*ProxyNode, error) {
	if err := needs("store: data", cfg.Store.Data != ""); err != nil {
		return nil, err
	}
	if err := cfg.Proxy.check(); err != nil {
		return nil, err
	}
	dir, err := OpenDirectory(ctx, cfg.Store, env)
	if err != nil {
		return nil, err
	}
	stores, err := OpenStores(ctx, cfg.Store, cfg.Proxy.interims(cfg.Exports), env, dir)
	if err != nil {
		return nil, errors.Join(err, dir.Close())
	}
	if err := stores.Export(cfg.Exports, env); err != nil {
		return nil, errors.Join(err, stores.Close(), dir.Close())
	}
	p, err := NewProxy(ctx, cfg.Proxy, env, stores)
	if err != nil {
		return nil, errors.Join(err, stores.Close(), dir.Close())
	}
	return &ProxyNode{Proxy: p, stores: stores, close: dir.Close}, nil
}

// Run serves until ctx is done. The stores outlive the calls that end in them.
func (p *ProxyNode) Run(ctx context.Context) error {
	below, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	g, failed := errgroup.WithContext(below)
	g.Go(func() error { return p.stores.Run(below) })
	calls, end := context.WithCancel(ctx)
	defer end()
	context.AfterFunc(failed, end)
	err := p.Proxy.Run(calls)
	stop()
	return errors.Join(err, g.Wait())
}

// Quarantine is that of its stores.
func (p *ProxyNode) Quarantine() http.Handler { return p.stores.Quarantine() }

// Close closes proxy and stores.
func (p *ProxyNode) Close() error { return errors.Join(p.Proxy.Close(), p.stores.Close(), p.close()) }

// Secret reads the file with the secret between proxy and web, which setting names.
func Secret(setting, file string) (string, error) { return secretFile(setting, file) }

// Reload implements Reloader: the keys of the edges, certificates, and what is
// told of the load.
func (p *ProxyNode) Reload(_ context.Context, cfg *Config) error {
	if err := cfg.Proxy.check(); err != nil {
		return err
	}
	if p.certificates != nil {
		if err := p.certificates.Load(keyPairs(cfg.Proxy.Certificates)...); err != nil {
			return fmt.Errorf("%w: proxy: certificates: %w", ErrConfig, err)
		}
		pool, err := authorities("proxy: edge_ca", cfg.Proxy.EdgeCA)
		if err != nil {
			return err
		}
		if err := p.endpoint.SetAuthorities(1, pool, pool); err != nil {
			return err
		}
	}
	if err := cfg.reloadKeys(p.env.Keys); err != nil {
		return err
	}
	p.local.Hold(cfg.Proxy.Overload.Loss)
	return nil
}
