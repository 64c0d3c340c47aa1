package node

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"syscall"

	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"

	"github.com/class5-go/class5/billing/ledger"
	"github.com/class5-go/class5/billing/ship"
	"github.com/class5-go/class5/billing/ship/sqlstore"
	"github.com/class5-go/class5/cluster/directory"
	"github.com/class5-go/class5/cmd/internal/charge"
	"github.com/class5-go/class5/cmd/internal/exports"
	"github.com/class5-go/class5/cmd/internal/watch"
	"github.com/class5-go/class5/sip/digest"
	"github.com/class5-go/class5/sip/registrar"
	"github.com/class5-go/class5/sip/registrar/memstore"
	"github.com/class5-go/class5/sip/registrar/redisstore"
)

// Stores are what a proxy keeps things in.
type Stores struct {
	Directory *directory.Store
	Reader    *directory.Reader
	Bindings  registrar.Store
	Recorder  *charge.Recorder
	NonceKeys *digest.Keys
	Exports   *exports.Runner // nil without exports
	Ledger    ledger.Ledger   // of prepaid customers
	Watch     *watch.Watch

	interims int // see charge.Config

	store  ship.Store                                         // of records
	cut    func(ctx context.Context, callID, id string) error // ends a running call; set before Run
	memory *memstore.Store                                    // nil with Redis
	redis  redis.UniversalClient
}

// dsn is what package directory wants.
func (c StoreConfig) dsn() (string, error) {
	switch c.Driver {
	case "", "sqlite":
		name := c.DSN
		if name == "" {
			name = filepath.Join(c.Data, "class5.db")
		}
		return "sqlite:" + name, nil
	case "mysql", "mariadb":
		return "mysql:" + c.DSN, nil
	}
	return "", fmt.Errorf("%w: store: driver %q, want sqlite or mysql", ErrConfig, c.Driver)
}

// OpenDirectory opens and migrates the provisioning store.
func OpenDirectory(ctx context.Context, cfg StoreConfig, env Env) (*directory.Store, error) {
	dsn, err := cfg.dsn()
	if err != nil {
		return nil, err
	}
	store, err := directory.Open(ctx, directory.Config{DSN: dsn, Now: env.Now, Logger: env.Log})
	if err != nil {
		return nil, fmt.Errorf("%w: store: %w: %w", ErrConfig, err, directory.Cause(err))
	}
	if err := store.Migrate(ctx); err != nil {
		_ = store.Close()
		return nil, fmt.Errorf("%w: store: %w: %w", ErrConfig, err, directory.Cause(err))
	}
	return store, nil
}

// OpenStores opens all that a proxy needs beside its directory, which stays
// the caller's to close.
// Running calls get an interim record with every so many-th note of them.
func OpenStores(ctx context.Context, cfg StoreConfig, interims int, env Env, dir *directory.Store) (*Stores, error) {
	s := &Stores{Directory: dir, interims: interims}
	if err := s.open(ctx, cfg, env); err != nil {
		_ = s.Close()
		return nil, err
	}
	return s, nil
}

func (s *Stores) open(ctx context.Context, cfg StoreConfig, env Env) error {
	if err := MakeDir(cfg.Data); err != nil {
		return err
	}
	secret, err := s.Directory.Ensure(ctx, "digest/nonce-key", func() ([]byte, error) {
		b := make([]byte, 32)
		_, err := rand.Read(b)
		return b, err
	})
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	if s.NonceKeys, err = digest.NewKeys(digest.Key{ID: 1, Secret: secret.Value}); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	if s.Reader, err = s.Directory.NewReader(ctx, directory.ReaderConfig{}); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	if err := s.openBindings(ctx, cfg, env); err != nil {
		return err
	}
	s.openLedger(cfg, env)
	s.store = s.records(env)
	s.Recorder, err = charge.Open(ctx, charge.Config{
		Dir: filepath.Join(cfg.Data, "spool"), Source: env.Node, Store: s.store, Contracts: s.Reader,
		Now: env.Now, Log: env.Log, Metrics: env.Metrics, Interims: s.interims,
	})
	return dirError(err)
}

// Quarantine is the handler by which operators see what no record could be made
// of, and try it again: accounts pay for what is stored then.
func (s *Stores) Quarantine() http.Handler {
	return s.Recorder.QuarantineHandler(&replays{records: s.store, list: s.Directory.Records(sqlstore.Options{})})
}

// replays is a charge.Quarantine whose records go the way of all others.
type replays struct {
	records ship.Store
	list    *sqlstore.Store
}

// Position implements ship.Store.
func (r *replays) Position(ctx context.Context, source string) (ship.Position, error) {
	return r.records.Position(ctx, source)
}

// Store implements ship.Store.
func (r *replays) Store(ctx context.Context, b ship.Batch) error { return r.records.Store(ctx, b) }

// Quarantine implements charge.Quarantine.
func (r *replays) Quarantine(ctx context.Context, after int64, limit int) ([]ship.Poison, error) {
	return r.list.Quarantine(ctx, after, limit)
}

// Export sets up exports of the records, for Run.
func (s *Stores) Export(list []exports.Config, env Env) (err error) {
	if len(list) == 0 {
		return nil
	}
	s.Exports, err = exports.New(list, exports.Options{
		Store: s.Directory.Records(sqlstore.Options{}), Now: env.Now, Log: env.Log, Metrics: env.Metrics,
	})
	if err != nil {
		return fmt.Errorf("%w: %w", ErrConfig, err)
	}
	return nil
}

func (s *Stores) openBindings(ctx context.Context, cfg StoreConfig, env Env) error {
	if cfg.Redis == "" {
		m, recovery, err := memstore.Open(memstore.Config{Dir: filepath.Join(cfg.Data, "registrations"), Now: env.Now, Logger: env.Log})
		if err != nil {
			return dirError(err)
		}
		for _, d := range recovery.Damaged {
			env.Log.Warn("registrations left out at start", "file", d.File, "offset", d.Offset, "octets", d.Octets)
		}
		s.memory, s.Bindings = m, m
		return nil
	}
	o, err := redisOptions("store: redis", cfg.Redis)
	if err != nil {
		return err
	}
	s.redis = openRedis(o, env)
	if err := s.redis.Ping(ctx).Err(); err != nil {
		return fmt.Errorf("%w: redis %s: %w", ErrConfig, o.Addr, err)
	}
	s.Bindings = redisstore.New(s.redis, redisstore.Config{})
	return nil
}

// Run does the stores' own work until ctx is done.
func (s *Stores) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.Reader.Run(ctx) })
	g.Go(func() error { return s.Recorder.Run(ctx) })
	if s.Exports != nil {
		g.Go(func() error { return s.Exports.Run(ctx) })
	}
	g.Go(func() error { return s.Watch.Run(ctx) })
	if s.memory != nil {
		g.Go(func() error { return s.memory.Run(ctx) })
	}
	return g.Wait()
}

// Close closes what OpenStores opened.
func (s *Stores) Close() error {
	var errs []error
	if s.Recorder != nil {
		errs = append(errs, s.Recorder.Close())
	}
	if s.memory != nil {
		errs = append(errs, s.memory.Close())
	}
	if s.redis != nil {
		errs = append(errs, s.redis.Close())
	}
	if s.Reader != nil {
		errs = append(errs, s.Reader.Close())
	}
	return errors.Join(errs...)
}

// MakeDir makes a directory that only its owner can read.
func MakeDir(dir string) error { return dirError(os.MkdirAll(dir, 0o700)) }

// dirError makes a mistake of the operator of what a directory refuses.
func dirError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS), errors.Is(err, syscall.ENOTDIR), errors.Is(err, fs.ErrExist),
		errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("%w: data directory can not be written: %w", ErrConfig, err)
	case errors.Is(err, memstore.ErrLocked):
		return fmt.Errorf("%w: data directory: %w", ErrConfig, err)
	}
	return err
}

// listen binds a web listener.
func listen(ctx context.Context, addr string) (net.Listener, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, bindError(fmt.Errorf("web listener %s: %w", addr, err))
	}
	return l, nil
}
