package redisrelay

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"hash/fnv"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/class5-go/class5/media/relay"
)

const (
	buckets = 256
	// page is how many hashes are read at once.
	page = 8
	// maxState bounds a state that is read, and a write.
	maxState = 4 << 20
	// maxCallID bounds what is taken for a Call-ID.
	maxCallID = 4096
)

// Config of a store.
type Config struct {
	// Name of the relay among those that use the Redis.
	Name   string
	Prefix string // of all keys; default "media:"
	// Life is how long states live without a sign of life of their process;
	// default 10 minutes.
	Life time.Duration
}

// ErrConfig means that a name cannot be that of a relay.
var ErrConfig = errors.New("redisrelay: name")

// Store is a relay.Store in Redis. How long its methods block is up to their
// contexts, where the client respects those, and to the client.
type Store struct {
	client redis.UniversalClient
	life   time.Duration
	owner  string
	keys   [buckets]string
	all    []string // owner and keys

	opening, resuming, applying, confirming *redis.Script

	mu      sync.Mutex // held for a write: they are numbered
	word    string     // of this process; empty: not opened
	at      string
	gen     int64
	seq     int64
	unsure  bool // the last write may have come or not
	renewed time.Time
}

var _ relay.Store = (*Store)(nil)

// New makes a store over a client, which stays the caller's to close.
func New(client redis.UniversalClient, cfg Config) (*Store, error) {
	if cfg.Name == "" || strings.ContainsAny(cfg.Name, "{}") || len(cfg.Name) > 255 {
		return nil, fmt.Errorf("%w: %q", ErrConfig, cfg.Name)
	}
	if cfg.Prefix == "" {
		cfg.Prefix = "media:"
	}
	if cfg.Life <= 0 {
		cfg.Life = 10 * time.Minute
	}
	at := cfg.Prefix + "{" + cfg.Name + "}:"
	s := &Store{client: client, life: cfg.Life, owner: at + "owner", opening: redis.NewScript(openSource), resuming: redis.NewScript(resumeSource),
		applying: redis.NewScript(applySource), confirming: redis.NewScript(confirmSource)}
	s.all = append(s.all, s.owner)
	for i := range s.keys {
		s.keys[i] = fmt.Sprintf("%s%02x", at, i)
		s.all = append(s.all, s.keys[i])
	}
	return s, nil
}

func failed(err error) error {
	if err == nil || errors.Is(err, relay.ErrStoreLost) || errors.Is(err, relay.ErrStoreTaken) {
		return err
	}
	return fmt.Errorf("redisrelay: %w", err)
}

// key is that of a call's hash.
func (s *Store) key(callID string) string {
	h := fnv.New32a()
	h.Write([]byte(callID))
	return s.keys[h.Sum32()%buckets]
}

// Open implements relay.Store.
func (s *Store) Open(ctx context.Context) (age time.Duration, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open(ctx)
}

func (s *Store) open(ctx context.Context) (age time.Duration, err error) {
	word := rand.Text()
	reply, err := s.opening.Run(ctx, s.client, []string{s.owner}, word, s.life.Milliseconds()).Slice()
	if err != nil {
		return 0, failed(err)
	}
	at, ok := reply[0].(string)
	ms, ok2 := reply[1].(int64)
	if !ok || !ok2 {
		return 0, failed(errors.New("an answer of another script"))
	}
	s.word, s.at, s.gen, s.seq, s.unsure, s.renewed = word, at, 1, 0, false, time.Time{}
	if ms < 0 {
		return -1, nil
	}
	return time.Duration(ms) * time.Millisecond, nil
}

// verdict is the error of a script's answer.
func verdict(reply any, err error) error {
	switch {
	case err != nil:
		return failed(err)
	case reply == "lost":
		return relay.ErrStoreLost
	case reply == "taken":
		return relay.ErrStoreTaken
	}
	return nil
}

// resume finds out what became of a write that failed.
func (s *Store) resume(ctx context.Context) error {
	if s.word == "" {
		_, err := s.open(ctx)
		return err
	}
	if !s.unsure {
		return nil
	}
	reply, err := s.resuming.Run(ctx, s.client, []string{s.owner}, s.word, s.at, s.gen, s.seq).Result()
	if err := verdict(reply, err); err != nil {
		return err
	}
	gen, ok := reply.(int64)
	if !ok {
		return failed(errors.New("an answer of another script"))
	}
	s.gen, s.seq, s.unsure = gen, 0, false
	return nil
}

// Apply implements relay.Store.
func (s *Store) Apply(ctx context.Context, changes []relay.Change) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.apply(ctx, changes, s.key)
}

// apply writes changes to the keys of their calls.
func (s *Store) apply(ctx context.Context, changes []relay.Change, key func(callID string) string) error {
	if len(changes) == 0 {
		return nil
	}
	if err := s.resume(ctx); err != nil {
		return err
	}
	keys := make([]string, 1, 1+len(changes))
	keys[0] = s.owner
	args := make([]any, 5, 5+2*len(changes))
	args[0], args[1], args[2], args[3], args[4] = s.word, s.at, s.gen, s.seq, s.life.Milliseconds()
	for _, c := range changes {
		keys = append(keys, key(c.CallID))
		args = append(args, c.CallID, c.State)
	}
	s.unsure = true
	reply, err := s.applying.Run(ctx, s.client, keys, args...).Result()
	if err := verdict(reply, err); err != nil {
		return err
	}
	s.unsure = false
	s.seq++
	return nil
}

// Confirm implements relay.Store.
func (s *Store) Confirm(ctx context.Context, ago time.Duration) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.resume(ctx); err != nil {
		return err
	}
	keys, now := s.all[:1], time.Now()
	renew := now.Sub(s.renewed) >= s.life/8
	if renew {
		keys = s.all
	}
	err := verdict(s.confirming.Run(ctx, s.client, keys, s.word, s.at, s.gen, s.seq, s.life.Milliseconds(), ago.Milliseconds()).Result())
	if err == nil && renew {
		s.renewed = now
	}
	return err
}

// All implements relay.Store. What is no state of a session is removed.
func (s *Store) All(ctx context.Context) iter.Seq2[relay.Kept, error] {
	return func(yield func(relay.Kept, error) bool) {
		for first := 0; first < buckets; first += page {
			pipe := s.client.Pipeline()
			var replies [page]*redis.MapStringStringCmd
			for i := range replies {
				replies[i] = pipe.HGetAll(ctx, s.keys[first+i])
			}
			_, _ = pipe.Exec(ctx) // each has its error
			for i, reply := range replies {
				sessions, err := reply.Result()
				if err != nil {
					if !s.damaged(err) {
						yield(relay.Kept{}, failed(err))
						return
					}
					if !yield(relay.Kept{}, fmt.Errorf("%w: a key of another type", relay.ErrState)) {
						return
					}
					_ = s.client.Del(ctx, s.keys[first+i]).Err() // in the way; tried again when it is written
				}
				for callID, state := range sessions {
					var err error
					if len(callID) > maxCallID || len(state) > maxState {
						err = fmt.Errorf("%w: %d octets", relay.ErrState, len(state))
					}
					if !yield(relay.Kept{CallID: callID, State: []byte(state)}, err) {
						return
					}
				}
			}
		}
	}
}

// damaged tells whether an error says that a key is not what it should be.
func (s *Store) damaged(err error) bool { return redis.HasErrorPrefix(err, "WRONGTYPE") }

// Retain implements relay.Store.
func (s *Store) Retain(ctx context.Context, keep func(callID string) bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for first := 0; first < buckets; first += page {
		pipe := s.client.Pipeline()
		var replies [page]*redis.StringSliceCmd
		for i := range replies {
			replies[i] = pipe.HKeys(ctx, s.keys[first+i])
		}
		if _, err := pipe.Exec(ctx); err != nil {
			return failed(err)
		}
		for i, reply := range replies {
			at := s.keys[first+i]
			var changes []relay.Change
			for _, callID := range reply.Val() {
				if !keep(callID) || s.key(callID) != at {
					changes = append(changes, relay.Change{CallID: callID})
				}
			}
			for some := range slices.Chunk(changes, 1000) {
				if err := s.apply(ctx, some, func(string) string { return at }); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
