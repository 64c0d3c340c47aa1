package directory

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"runtime"
	"sync"
	"time"

	"github.com/jmoiron/sqlx"
	"golang.org/x/sync/semaphore"
)

// Config is what [Open] needs. Only DSN has no default.
type Config struct {
	// DSN says where the data is: "sqlite:/var/lib/class5/class5.db", or
	// "mysql:" and a DSN of go-sql-driver, as in
	// "mysql:class5:secret@unix(/run/mysqld/mysqld.sock)/class5".
	DSN string
	// Conns bounds the connections for reading (SQLite: 2 for each processor)
	// or for all (MySQL: 16).
	Conns int
	// SessionIdle ends a login session that was not used (30 min);
	// SessionLifetime ends every one (12 h).
	SessionIdle, SessionLifetime time.Duration
	// Now is the clock.
	Now func() time.Time
	// Rand is the source of passwords, tokens and salts (crypto/rand).
	Rand io.Reader
	// Logger gets what callers are not told: the text of the driver.
	Logger *slog.Logger
}

// Store is the provisioning store. Its methods may be called from any
// goroutine; each repository method is one transaction. [Store.Update] puts
// several into one.
type Store struct {
	repositories
	cfg     Config
	dialect dialect
	writer  *sqlx.DB
	reader  *sqlx.DB
	hashing *semaphore.Weighted

	mu      sync.Mutex
	readers map[*Reader]struct{}
}

// Open connects to the database. It changes nothing: call [Store.Migrate]
// before first use and after each update of the program. What is wrong with a
// database that it can not reach is told by [Cause].
func Open(ctx context.Context, cfg Config) (*Store, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.Reader
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.SessionIdle <= 0 {
		cfg.SessionIdle = 30 * time.Minute
	}
	if cfg.SessionLifetime <= 0 {
		cfg.SessionLifetime = 12 * time.Hour
	}
	d, write, read, err := open(cfg.DSN, cfg.Conns, cfg.Logger)
	if err != nil {
		return nil, err
	}
	s := &Store{
		cfg: cfg, dialect: d, writer: write, reader: read,
		hashing: semaphore.NewWeighted(int64(runtime.GOMAXPROCS(0))),
		readers: map[*Reader]struct{}{},
	}
	s.repositories = repositories{s}
	if err := s.reach(ctx); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// reach is the first Ping. A new SQLite file is set to write-ahead mode by
// its first connection, and to others that come at that moment it is locked,
// whatever their busy handler would like.
func (s *Store) reach(ctx context.Context) (err error) {
	for range 50 {
		err = s.Ping(ctx)
		if s.dialect.classify(err) != classRetry || !sleep(ctx, 100*time.Millisecond) {
			break
		}
	}
	return err
}

// Ping asks both pools for a sign of life.
func (s *Store) Ping(ctx context.Context) error {
	for _, db := range []*sqlx.DB{s.writer, s.reader} {
		if err := db.PingContext(ctx); err != nil {
			return s.failure(ctx, err)
		}
	}
	return nil
}

// Close ends all connections. Readers made of the store answer from their
// caches afterwards, and [ErrUnavailable] otherwise.
func (s *Store) Close() error {
	err := s.reader.Close()
	if s.writer != s.reader {
		// The writer goes last: the last SQLite connection to close folds
		// the write-ahead log into the file, which a reader may not do.
		err = errors.Join(err, s.writer.Close())
	}
	return err
}

func (s *Store) now() int64 { return s.cfg.Now().UnixMilli() }

func (s *Store) view(context.Context) sqlx.QueryerContext { return s.reader }
func (s *Store) owner() *Store                            { return s }

// time from the database; 0 is "never".
func at(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
