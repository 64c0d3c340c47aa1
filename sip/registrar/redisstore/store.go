package redisstore

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/class5-go/class5/sip/registrar"
)

// ErrContended is the error of Update when a record was written by others
// again and again.
var ErrContended = errors.New("redisstore: too many lost races for one record")

const (
	// attempts bounds lost races: each one means that somebody else got
	// through.
	attempts     = 64
	longestPause = 100 * time.Millisecond
	// skew is how long an expired record stays in the index, so that a proxy
	// with a fast clock does not take it from the others.
	skew = time.Minute
	// page is how many records All asks for at once.
	page      = 256
	tokenSize = 8
)

// Config of a store. The zero value will do.
type Config struct {
	Prefix string // of all keys; default "reg:"
}

// Store is a registrar.Store in Redis. It holds no state of its own; how long
// its methods block is the client's business (timeouts, retries).
type Store struct {
	client redis.UniversalClient
	prefix string
	index  string
	swap   *redis.Script
}

var _ registrar.Store = (*Store)(nil)

// New makes a store over a client, which stays the caller's to close.
func New(client redis.UniversalClient, cfg Config) *Store {
	if cfg.Prefix == "" {
		cfg.Prefix = "reg:"
	}
	return &Store{
		client: client,
		prefix: cfg.Prefix + "b:",
		index:  cfg.Prefix + "index",
		swap:   redis.NewScript(swapSource),
	}
}

func failed(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("redisstore: %w", err)
}

// Update implements registrar.Store.
func (s *Store) Update(ctx context.Context, aor string, now time.Time, change func([]registrar.Binding) ([]registrar.Binding, error)) error {
	value, err := s.client.Get(ctx, s.prefix+aor).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return failed(err)
	}
	var room []registrar.Binding
	var trip time.Duration
	for lost := range attempts {
		if err := pause(ctx, lost, trip); err != nil {
			return err
		}
		began := time.Now()
		token, record, err := split(value)
		if err != nil {
			return err
		}
		if room, err = registrar.DecodeBindings(room[:0], record, now); err != nil {
			return err
		}
		changed, err := change(room)
		if err != nil {
			return err
		}
		next := encode(changed)
		if next == "" && value == "" || next != "" && next[tokenSize:] == record {
			return nil
		}
		done, found, err := s.write(ctx, aor, token, next, changed, now)
		if err != nil || done {
			return err
		}
		value, trip = found, time.Since(began)
	}
	return ErrContended
}

// pause lets others go first after some lost races. It takes a random part of
// as many round trips as races were lost, so that nobody loses for ever.
func pause(ctx context.Context, lost int, trip time.Duration) error {
	if lost < 3 {
		return nil
	}
	t := time.NewTimer(rand.N(min(time.Duration(lost)*max(trip, time.Microsecond), longestPause)))
	defer t.Stop()
	select {
	case <-ctx.Done():
		return failed(ctx.Err())
	case <-t.C:
		return nil
	}
}

// write runs the script. It reports whether the record is written now, or
// what was found in place of the one expected.
func (s *Store) write(ctx context.Context, aor, token, value string, bs []registrar.Binding, now time.Time) (done bool, found string, err error) {
	last := now
	for i := range bs {
		if bs[i].Expires.After(last) {
			last = bs[i].Expires
		}
	}
	reply, err := s.swap.Run(ctx, s.client, []string{s.prefix + aor, s.index},
		token, value, max(last.Sub(now).Milliseconds(), 1), last.UnixMilli(), aor, now.Add(-skew).UnixMilli()).Result()
	if err != nil {
		return false, "", failed(err)
	}
	found, ok := reply.(string)
	return !ok, found, nil
}

// split takes a stored value apart.
func split(value string) (token, record string, err error) {
	if value == "" {
		return "", "", nil
	}
	if len(value) <= tokenSize {
		return "", "", registrar.ErrRecord
	}
	return value[:tokenSize], value[tokenSize:], nil
}

// encode gives the value to store, with a new token; "" for no bindings.
func encode(bs []registrar.Binding) string {
	if len(bs) == 0 {
		return ""
	}
	b := binary.LittleEndian.AppendUint64(make([]byte, 0, 512), rand.Uint64())
	return string(registrar.AppendBindings(b, bs))
}

// Lookup implements registrar.Store in one round trip.
func (s *Store) Lookup(ctx context.Context, dst []registrar.Binding, aor string, now time.Time) ([]registrar.Binding, error) {
	value, err := s.client.Get(ctx, s.prefix+aor).Result()
	if errors.Is(err, redis.Nil) {
		return dst, nil
	}
	if err != nil {
		return dst, failed(err)
	}
	_, record, err := split(value)
	if err != nil {
		return dst, err
	}
	return registrar.DecodeBindings(dst, record, now)
}

// Len implements registrar.Store in one round trip.
func (s *Store) Len(ctx context.Context, now time.Time) (int, error) {
	n, err := s.client.ZCount(ctx, s.index, "("+strconv.FormatInt(now.UnixMilli(), 10), "+inf").Result()
	return int(n), failed(err)
}

// All implements registrar.Store. A record may be yielded twice when records
// are written meanwhile.
func (s *Store) All(ctx context.Context, now time.Time) iter.Seq2[registrar.Record, error] {
	return func(yield func(registrar.Record, error) bool) {
		var rec registrar.Record
		var cursor uint64
		for {
			pairs, next, err := s.client.ZScan(ctx, s.index, cursor, "", page).Result()
			var values []any
			if err == nil && len(pairs) > 0 {
				values, err = s.values(ctx, pairs)
			}
			if err != nil {
				yield(registrar.Record{}, failed(err))
				return
			}
			for i, v := range values {
				value, _ := v.(string) // nil: expired since
				_, record, err := split(value)
				if err == nil {
					rec.Bindings, err = registrar.DecodeBindings(rec.Bindings[:0], record, now)
				}
				if err != nil {
					yield(registrar.Record{}, err)
					return
				}
				rec.AoR = pairs[2*i]
				if len(rec.Bindings) > 0 && !yield(rec, nil) {
					return
				}
			}
			if cursor = next; cursor == 0 {
				return
			}
		}
	}
}

// values reads the records of a page of the index: member, score, member …
func (s *Store) values(ctx context.Context, pairs []string) ([]any, error) {
	keys := make([]string, 0, len(pairs)/2)
	for i := 0; i < len(pairs); i += 2 {
		keys = append(keys, s.prefix+pairs[i])
	}
	return s.client.MGet(ctx, keys...).Result()
}
