package memstore

import (
	"context"
	"hash/maphash"
	"iter"
	"log/slog"
	"math"
	"time"

	"github.com/class5-go/class5/sip/registrar"
)

// shardCount is a power of two, large enough that cores seldom meet.
const shardCount = 64

// Store is a registrar.Store in memory.
type Store struct {
	seed    maphash.Seed
	shards  [shardCount]shard
	journal *journal // nil without one
	cfg     Config
}

var _ registrar.Store = (*Store)(nil)

// Config of a store. The zero value is a store without a journal.
type Config struct {
	// Dir is where the journal lives; it is created if missing. "" for none.
	Dir string

	// SyncInterval is how often Run makes the journal safe against a loss of
	// power. Default 1 second; below zero each change is synced by itself.
	SyncInterval time.Duration

	// CompactAfter is the size in octets that the segments must have before a
	// new snapshot is worth its while; they must also be twice the size of
	// the last snapshot. Default 4 MiB.
	CompactAfter int64

	// Now is the clock of Open and Run. Default time.Now.
	Now func() time.Time

	// Logger hears of failed background work. Default: nobody.
	Logger *slog.Logger
}

// New makes an empty store without a journal.
func New() *Store {
	s := &Store{seed: maphash.MakeSeed()}
	for i := range s.shards {
		s.shards[i].records = make(map[string]entry)
	}
	s.cfg.defaults()
	return s
}

func (c *Config) defaults() {
	if c.SyncInterval == 0 {
		c.SyncInterval = time.Second
	}
	if c.CompactAfter <= 0 {
		c.CompactAfter = 4 << 20
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
}

func (s *Store) shard(aor string) *shard {
	return &s.shards[maphash.String(s.seed, aor)%shardCount]
}

// Update implements registrar.Store. It fails when the journal cannot be
// written, with nothing altered.
func (s *Store) Update(_ context.Context, aor string, now time.Time, change func([]registrar.Binding) ([]registrar.Binding, error)) error {
	sh := s.shard(aor)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	sh.expire(now, 8) // a little of the work of Run, so that it is not needed
	before := sh.records[aor].record
	current, err := registrar.DecodeBindings(sh.bindings[:0], before, now)
	if err != nil {
		return err
	}
	// Nothing of the strings must stay reachable through the scratch.
	defer func(lent []registrar.Binding) {
		clear(lent[:cap(lent)])
		sh.bindings = lent[:0]
	}(current)
	changed, err := change(current)
	if err != nil {
		return err
	}
	if len(changed) == 0 {
		if before == "" {
			return nil
		}
		if err := s.log(aor, nil); err != nil {
			return err
		}
		delete(sh.records, aor)
		return nil
	}
	sh.encoded = registrar.AppendBindings(sh.encoded[:0], changed)
	if string(sh.encoded) == before {
		return nil
	}
	if err := s.log(aor, sh.encoded); err != nil {
		return err
	}
	sh.put(aor, string(sh.encoded), earliest(changed))
	return nil
}

func (s *Store) log(aor string, record []byte) error {
	if s.journal == nil {
		return nil
	}
	return s.journal.append(aor, record)
}

// Lookup implements registrar.Store. It allocates nothing when dst has room.
func (s *Store) Lookup(_ context.Context, dst []registrar.Binding, aor string, now time.Time) ([]registrar.Binding, error) {
	sh := s.shard(aor)
	sh.mu.RLock()
	record := sh.records[aor].record
	sh.mu.RUnlock()
	return registrar.DecodeBindings(dst, record, now)
}

// Len implements registrar.Store. It expires on the way.
func (s *Store) Len(_ context.Context, now time.Time) (int, error) {
	s.Expire(now)
	n := 0
	for i := range s.shards {
		sh := &s.shards[i]
		sh.mu.RLock()
		n += len(sh.records)
		sh.mu.RUnlock()
	}
	return n, nil
}

// All implements registrar.Store. Every record is yielded once. No lock is
// held while yield runs.
func (s *Store) All(ctx context.Context, now time.Time) iter.Seq2[registrar.Record, error] {
	return func(yield func(registrar.Record, error) bool) {
		var rec registrar.Record
		var names, records []string
		for i := range s.shards {
			if err := ctx.Err(); err != nil {
				yield(registrar.Record{}, err)
				return
			}
			names, records = s.shards[i].copy(names[:0], records[:0])
			for j, name := range names {
				bs, err := registrar.DecodeBindings(rec.Bindings[:0], records[j], now)
				if err != nil {
					yield(registrar.Record{}, err)
					return
				}
				rec.AoR, rec.Bindings = name, bs
				if len(bs) > 0 && !yield(rec, nil) {
					return
				}
			}
		}
	}
}

func (s *shard) copy(names, records []string) (_, _ []string) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for name, e := range s.records {
		names, records = append(names, name), append(records, e.record)
	}
	return names, records
}

// Expire frees the memory of bindings that expired at now.
func (s *Store) Expire(now time.Time) {
	for i := range s.shards {
		sh := &s.shards[i]
		sh.mu.Lock()
		sh.expire(now, math.MaxInt)
		sh.mu.Unlock()
	}
}
