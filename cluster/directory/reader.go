package directory

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/class5-go/class5/billing/tariff"
	"github.com/class5-go/class5/sip/digest"
	"github.com/class5-go/class5/sip/routing"
)

// ReaderConfig bounds a [Reader]. Zero fields have the defaults named.
type ReaderConfig struct {
	// CacheBytes bounds the profiles kept (64 MiB, some 80,000 subscribers).
	CacheBytes int64
	// NegativeEntries bounds the names and numbers kept that nobody has
	// (65,536).
	NegativeEntries int
	// Poll is how often the change log is asked for changes by other
	// processes (100 ms).
	Poll time.Duration
}

// Reader answers what calls and registrations ask, from memory when it can.
// Its writes' own process sees changes at once; changes by other processes
// show after a poll of the change log, which [Reader.Run] does.
//
// A miss costs at most two statements, and one miss at a time is in progress
// for each name or number. When the database is gone, what is in memory goes
// on being answered.
//
// A Reader implements digest.Credentials and routing.Directory.
type Reader struct {
	store   *Store
	cfg     ReaderConfig
	cache   *cache
	flights flights
	catalog catalogCache
	loader  *loader

	tariffs   memo[tariff.Snapshot] // a platform has few, and each is needed as long as its profile is
	contracts memo[Contract]
	spending  memo[Spending]
	holders   memo[Holder]
	agreed    memo[agreed] // of one entry

	mu   sync.Mutex
	last int64 // newest change applied with all before it

	hits, misses, failures atomic.Uint64
	behind                 atomic.Bool
}

var (
	_ digest.Credentials = (*Reader)(nil)
	_ routing.Directory  = (*Reader)(nil)
)

// maxContracts bounds the contracts in memory; one takes some 300 bytes.
const maxContracts = 50_000

// NewReader makes a reader over the store; Run should be called for it.
func (s *Store) NewReader(ctx context.Context, cfg ReaderConfig) (*Reader, error) {
	if cfg.CacheBytes <= 0 {
		cfg.CacheBytes = 64 << 20
	}
	if cfg.NegativeEntries <= 0 {
		cfg.NegativeEntries = 1 << 16
	}
	if cfg.Poll <= 0 {
		cfg.Poll = 100 * time.Millisecond
	}
	r := &Reader{store: s, cfg: cfg, cache: newCache(cfg.CacheBytes, cfg.NegativeEntries)}
	r.flights.running, r.catalog.loading = map[key]*flight{}, make(gate, 1)
	r.tariffs, r.contracts = newMemo[tariff.Snapshot](0), newMemo[Contract](maxContracts)
	r.spending = newMemo[Spending](maxContracts)
	r.holders, r.agreed = newMemo[Holder](maxContracts), newMemo[agreed](1)
	// Nothing is cached yet, so all changes up to here are seen.
	last, err := s.LastChange(ctx)
	if err != nil {
		return nil, err
	}
	r.last = last
	if r.loader, err = s.newLoader(ctx); err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.readers[r] = struct{}{}
	s.mu.Unlock()
	return r, nil
}

// Subscriber gives the profile of user@domain, or [ErrNotFound].
func (r *Reader) Subscriber(ctx context.Context, user, domain string) (*Profile, error) {
	return byName(ctx, r, user, domain)
}

// Number gives the profile of the subscriber with an E.164 number, digits
// without "+", or [ErrNotFound].
func (r *Reader) Number(ctx context.Context, number string) (*Profile, error) {
	return find(ctx, r, number, "")
}

// Resolve gives the profile of "user@domain", or of a number in any form that
// [CanonicalNumber] reads.
func (r *Reader) Resolve(ctx context.Context, target string) (*Profile, error) {
	if at := strings.LastIndexByte(target, '@'); at >= 0 {
		return r.Subscriber(ctx, target[:at], target[at+1:])
	}
	number, err := CanonicalNumber(target)
	if err != nil {
		return nil, ErrNotFound
	}
	return r.Number(ctx, number)
}

// HA1 implements digest.Credentials; the realm is the domain.
func (r *Reader) HA1(ctx context.Context, dst, user []byte, realm string, a digest.Algorithm) ([]byte, error) {
	p, err := byName(ctx, r, user, realm)
	switch {
	case errors.Is(err, ErrNotFound):
		return dst, digest.ErrUnknownUser
	case err != nil:
		return dst, err
	case p.HA1(a) == nil:
		return dst, digest.ErrUnknownUser
	}
	return append(dst, p.HA1(a)...), nil
}

// LocalDomain implements routing.Directory.
func (r *Reader) LocalDomain(ctx context.Context, domain string) (bool, error) {
	c, err := r.catalog.get(ctx, r)
	if err != nil {
		return false, err
	}
	_, ok := c.domains[domain]
	return ok, nil
}

// Destination implements routing.Directory: a special number as it was
// dialled wins over a user name, a user name over a number.
func (r *Reader) Destination(ctx context.Context, user, number, domain string) (routing.Destination, error) {
	c, err := r.catalog.get(ctx, r)
	if err != nil {
		return routing.Destination{}, err
	}
	if app, ok := c.specials[user]; ok {
		return routing.Destination{Application: app}, nil
	}
	p, err := r.Subscriber(ctx, user, domain)
	if errors.Is(err, ErrNotFound) && number != "" {
		p, err = r.Number(ctx, number)
	}
	switch {
	case errors.Is(err, ErrNotFound):
		return routing.Destination{}, routing.ErrNotFound
	case err != nil:
		return routing.Destination{}, err
	}
	return routing.Destination{Subscriber: &p.route}, nil
}

// byName is find for users: an empty domain would mean a number.
func byName[S octets](ctx context.Context, r *Reader, user S, domain string) (*Profile, error) {
	if domain == "" {
		return nil, ErrNotFound
	}
	return find(ctx, r, user, domain)
}

// find is the one way to a profile.
func find[S octets](ctx context.Context, r *Reader, user S, domain string) (*Profile, error) {
	p, known := lookup(r.cache, user, domain)
	switch {
	case p != nil:
		r.hits.Add(1)
		return p, nil
	case known:
		r.hits.Add(1)
		return nil, ErrNotFound
	}
	r.misses.Add(1)
	return r.load(ctx, key{string(user), domain})
}

// load reads a profile and caches the outcome, once for all who ask.
func (r *Reader) load(ctx context.Context, k key) (*Profile, error) {
	// No such name or number can be stored: do not ask, and do not let the
	// long ones into the cache.
	if len(k.user) > maxUsername || len(k.domain) > maxDomain {
		return nil, ErrNotFound
	}
	for {
		m := r.cache.mark()
		p, err, again := r.flights.do(ctx, k, m, func() (*Profile, error) {
			p, err := r.loader.profile(ctx, k)
			switch {
			case err == nil:
				r.cache.put(p, m)
			case errors.Is(err, ErrNotFound):
				r.cache.putNegative(k, m)
			default:
				r.failures.Add(1)
			}
			return p, err
		})
		if !again {
			return p, err
		}
	}
}

// ReaderStats are figures for metrics.
type ReaderStats struct {
	Hits, Misses, Failures uint64 // look-ups of profiles; misses that the database did not answer
	Profiles               int
	Bytes                  int64 // estimated
	Negative               int
	LastChange             int64 // sequence number up to which changes are applied
	Behind                 bool  // the change log could not be read at the last poll
}

// Stats gives the figures of now.
func (r *Reader) Stats() ReaderStats {
	s := ReaderStats{Hits: r.hits.Load(), Misses: r.misses.Load(), Failures: r.failures.Load(), Behind: r.behind.Load()}
	s.Profiles, s.Bytes, s.Negative = r.cache.stats()
	r.mu.Lock()
	s.LastChange = r.last
	r.mu.Unlock()
	return s
}

// Close takes the reader off the store, which then no longer tells it of
// changes. It must not be asked afterwards.
func (r *Reader) Close() error {
	r.store.mu.Lock()
	delete(r.store.readers, r)
	r.store.mu.Unlock()
	return r.loader.close()
}

func (r *Reader) log() *slog.Logger { return r.store.cfg.Logger }
