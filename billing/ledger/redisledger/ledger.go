package redisledger

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"sync"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/ledger"
	"github.com/redis/go-redis/v9"
)

// Below is the ledger that leases are taken from.
type Below interface {
	ledger.Ledger
	Fence(ctx context.Context, node string, epoch int64) error
}

// Config of a ledger. The zero value will do.
type Config struct {
	Prefix string // of all keys; default "ledger:"
	// Chunk is how much a lease is at least, and how much of it may lie idle;
	// default 1,000,000, one unit of money.
	Chunk int64
	// Life is how much longer than the hold that needs it a lease is; default
	// ten minutes.
	Life billing.Millis
}

// Ledger is a ledger.Ledger. It owns its leases: what it remembers of them is
// part of what keeps credit from being granted twice.
type Ledger struct {
	client   redis.UniversalClient
	below    Below
	cfg      Config
	script   *redis.Script
	instance string

	mu    sync.Mutex
	pools map[slot]*pool
	count int64
}

type slot struct{ account, wallet string }

// pool is what is remembered of a pool in Redis.
type pool struct {
	mu    sync.Mutex
	slot  slot
	lease string // "" for none
	seen  string // sequence
	lost  []lease
	holds map[string]lease // which lease a hold was cut from, and when it is over
}

// lease is one whose pool was lost, or that a hold was cut from.
type lease struct {
	name  string
	until billing.Millis
}

var _ ledger.Ledger = (*Ledger)(nil)

// New makes a ledger over a client and a ledger, which both stay the caller's.
func New(client redis.UniversalClient, below Below, cfg Config) *Ledger {
	if cfg.Prefix == "" {
		cfg.Prefix = "ledger:"
	}
	if cfg.Chunk <= 0 {
		cfg.Chunk = 1_000_000
	}
	if cfg.Life <= 0 {
		cfg.Life = 600_000
	}
	var id [8]byte
	_, _ = rand.Read(id[:]) // never fails
	return &Ledger{
		client: client, below: below, cfg: cfg, script: redis.NewScript(cutSource),
		instance: hex.EncodeToString(id[:]), pools: map[slot]*pool{},
	}
}

// enter returns the pool of a wallet, locked.
func (l *Ledger) enter(account, wallet string) *pool {
	s := slot{account, wallet}
	l.mu.Lock()
	p := l.pools[s]
	if p == nil {
		p = &pool{slot: s, seen: "0", holds: map[string]lease{}}
		l.pools[s] = p
	}
	l.mu.Unlock()
	p.mu.Lock()
	return p
}

// known returns the pool of a wallet if there ever was one.
func (l *Ledger) known(s slot) *pool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.pools[s]
}

func (l *Ledger) next() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.count++
	return l.count
}

// run runs the script. A pool that is not what it was is given up.
func (l *Ledger) run(ctx context.Context, p *pool, r *ledger.Request, op string, epoch int64, args ...any) ([]string, error) {
	keys := []string{l.cfg.Prefix + "p:" + l.instance + ":" + p.slot.account + ":" + p.slot.wallet, l.cfg.Prefix + "k:" + r.Key, l.cfg.Prefix + "e:" + r.Node}
	out, err := l.script.Run(ctx, l.client, keys, append([]any{op, p.lease, p.seen, int64(r.At), epoch}, args...)...).StringSlice()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ledger.ErrUnavailable, err)
	}
	switch out[0] {
	case "ok":
		p.seen = out[1]
	case "fenced":
		return out, fmt.Errorf("%w: node %.40q at epoch %s, not %d", ledger.ErrFenced, r.Node, out[1], r.Epoch)
	}
	return out, nil
}

// giveUp makes sure that nothing more is cut from a lease.
func (p *pool) giveUp(now billing.Millis, life billing.Millis) {
	if p.lease != "" {
		p.lost = append(p.lost, lease{p.lease, now + life})
	}
	p.lease, p.seen = "", "0"
}

// remember notes which lease a hold was cut from.
func (p *pool) remember(hold string, until, now billing.Millis) {
	const many = 1024
	if len(p.holds) >= many {
		maps.DeleteFunc(p.holds, func(_ string, h lease) bool { return h.until <= now })
	}
	p.holds[hold] = lease{p.lease, until}
}

// elsewhere is the lost lease that a hold was cut from, "" for none.
func (p *pool) elsewhere(hold string) string {
	if h := p.holds[hold]; h.name != p.lease {
		return h.name
	}
	return ""
}

// Fence implements Below.
func (l *Ledger) Fence(ctx context.Context, node string, epoch int64) error {
	if err := l.below.Fence(ctx, node, epoch); err != nil {
		return err
	}
	const raise = `if tonumber(redis.call('GET', KEYS[1]) or '0') < tonumber(ARGV[1]) then redis.call('SET', KEYS[1], ARGV[1]) end return 1`
	if err := l.client.Eval(ctx, raise, []string{l.cfg.Prefix + "e:" + node}, epoch).Err(); err != nil {
		return fmt.Errorf("%w: %w", ledger.ErrUnavailable, err)
	}
	return nil
}

// Post implements ledger.Ledger. What lies idle in leases of the accounts is
// given back when there is not enough.
func (l *Ledger) Post(ctx context.Context, p ledger.Posting) (ledger.Answer, error) {
	a, err := l.below.Post(ctx, p)
	short := errors.Is(err, ledger.ErrInsufficient)
	if !short && (err != nil || a.Available >= 0) {
		return a, err
	}
	gave := false
	for _, account := range append([]string{p.Account}, p.Accounts...) {
		l.mu.Lock()
		var all []*pool
		for s, q := range l.pools {
			if s.account == account {
				all = append(all, q)
			}
		}
		l.mu.Unlock()
		for _, q := range all {
			q.mu.Lock()
			n, err := l.give(ctx, q, &p.Request, 0)
			q.mu.Unlock()
			if err != nil {
				return ledger.Answer{}, err
			}
			gave = gave || n > 0
		}
	}
	if short && gave {
		return l.below.Post(ctx, p)
	}
	return a, err
}

// Balance implements ledger.Ledger. What lies idle in leases of this ledger is
// available.
func (l *Ledger) Balance(ctx context.Context, account, wallet string, at billing.Millis) (ledger.Balance, error) {
	p := l.known(slot{account, wallet})
	if p == nil {
		return l.below.Balance(ctx, account, wallet, at)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	b, err := l.below.Balance(ctx, account, wallet, at)
	if err != nil || p.lease == "" {
		return b, err
	}
	idle, err := l.idle(ctx, p, &ledger.Request{At: at})
	if err != nil {
		return ledger.Balance{}, err
	}
	idle = min(idle, b.Held) // the lease may be over below
	b.Held -= idle
	b.Available += idle
	return b, nil
}
