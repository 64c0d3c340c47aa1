package ledger

import (
	"context"
	"fmt"
	"maps"
	"sync"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/balance"
)

// Memory is a ledger in memory, for tests and for tools. The zero Memory is
// empty and ready for use.
type Memory struct {
	mu      sync.Mutex
	epochs  map[string]int64
	done    map[string]record
	wallets map[slot]*Wallet
	states  map[string][]byte
	journal []balance.Entry
}

type slot struct{ account, wallet string }

type record struct {
	digest string
	answer Answer
}

var _ Ledger = (*Memory)(nil)

// NewMemory makes an empty ledger.
func NewMemory() *Memory { return &Memory{} }

// once carries a request out unless it was before. do must change nothing when
// it fails.
func (m *Memory) once(ctx context.Context, kind string, r *Request, request any, do func() (Answer, error)) (Answer, error) {
	digest, err := Digest(kind, request)
	if err != nil {
		return Answer{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return Answer{}, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	if m.epochs == nil {
		m.epochs, m.done, m.wallets, m.states = map[string]int64{}, map[string]record{}, map[slot]*Wallet{}, map[string][]byte{}
	}
	if e := m.epochs[r.Node]; r.Epoch < e {
		return Answer{}, fmt.Errorf("%w: node %.40q at epoch %d, not %d", ErrFenced, r.Node, e, r.Epoch)
	}
	m.epochs[r.Node] = r.Epoch
	if old, ok := m.done[r.Key]; ok {
		if old.digest != digest {
			return Answer{}, fmt.Errorf("%w: %.40q", ErrKey, r.Key)
		}
		return Answer{}, &DuplicateError{old.answer}
	}
	a, err := do()
	if err == nil {
		m.done[r.Key] = record{digest, a}
	}
	return a, err
}

// wallet returns a wallet. do functions run under the lock.
func (m *Memory) wallet(r *Request) (*Wallet, error) {
	w := m.wallets[slot{r.Account, r.Wallet}]
	if w == nil {
		return nil, fmt.Errorf("%w: wallet %.40q of %.40q", ErrNotFound, r.Wallet, r.Account)
	}
	return w, nil
}

// Reserve implements Ledger.
func (m *Memory) Reserve(ctx context.Context, r Reservation) (Answer, error) {
	return m.reserve(ctx, r, "reserve", false)
}

// Extend implements Ledger.
func (m *Memory) Extend(ctx context.Context, r Reservation) (Answer, error) {
	return m.reserve(ctx, r, "extend", true)
}

func (m *Memory) reserve(ctx context.Context, r Reservation, kind string, extend bool) (Answer, error) {
	if err := r.Check(); err != nil {
		return Answer{}, err
	}
	return m.once(ctx, kind, &r.Request, r, func() (Answer, error) {
		w, err := m.wallet(&r.Request)
		if err != nil {
			return Answer{}, err
		}
		return w.Reserve(&r, extend)
	})
}

// Settle implements Ledger.
func (m *Memory) Settle(ctx context.Context, s Settlement) (Answer, error) {
	if err := s.Check(); err != nil {
		return Answer{}, err
	}
	return m.once(ctx, "settle", &s.Request, s, func() (Answer, error) {
		w, err := m.wallet(&s.Request)
		if err != nil {
			return Answer{}, err
		}
		a := w.Settle(&s)
		if a.Settled != 0 {
			m.journal = append(m.journal, s.Entry(w.Unit, a.Settled))
		}
		return a, nil
	})
}

// Entry is the journal line of a settlement.
func (s *Settlement) Entry(u balance.Unit, paid int64) balance.Entry {
	return balance.Entry{At: s.At, Account: s.Account, Wallet: s.Wallet, Unit: u, Value: paid, Reason: balance.ReasonUsage, Ref: s.Ref}
}

// Release implements Ledger.
func (m *Memory) Release(ctx context.Context, s Settlement) (Answer, error) {
	if err := s.Check(); err != nil {
		return Answer{}, err
	}
	return m.once(ctx, "release", &s.Request, s, func() (Answer, error) {
		w, err := m.wallet(&s.Request)
		if err != nil {
			return Answer{}, err
		}
		return w.Release(&s), nil
	})
}

// Post implements Ledger.
func (m *Memory) Post(ctx context.Context, p Posting) (Answer, error) {
	if err := p.Check(); err != nil {
		return Answer{}, err
	}
	return m.once(ctx, "post", &p.Request, p, func() (Answer, error) {
		e := p.Effect
		if p.Make != nil {
			states := make([]State, len(p.Accounts))
			for i, a := range p.Accounts {
				states[i] = State{a, m.states[a]}
			}
			var err error
			if e, err = p.Make(states); err != nil {
				return Answer{}, err
			}
		}
		if err := e.Check(&p); err != nil {
			return Answer{}, err
		}
		return m.apply(&p, &e)
	})
}

// apply works on copies of the wallets until all went well.
func (m *Memory) apply(p *Posting, e *Effect) (Answer, error) {
	touched := map[slot]*Wallet{}
	wallet := func(account, name string, u balance.Unit) *Wallet {
		s := slot{account, name}
		if touched[s] == nil {
			w := Wallet{Unit: u}
			if old := m.wallets[s]; old != nil {
				w = *old
				w.Holds = maps.Clone(old.Holds)
			}
			touched[s] = &w
		}
		return touched[s]
	}
	for _, f := range e.Floors {
		wallet(f.Account, f.Wallet, balance.Cash).Floor = f.Value
	}
	for _, n := range e.Net() {
		w := wallet(n.Account, n.Wallet, n.Unit)
		if w.Unit != n.Unit {
			return Answer{}, fmt.Errorf("%w: %s in a wallet of %s", ErrRequest, n.Unit, w.Unit)
		}
		if err := w.Post(n.Value, p.At, p.Force); err != nil {
			return Answer{}, err
		}
	}
	maps.Copy(m.wallets, touched)
	for _, s := range e.States {
		m.states[s.Account] = s.Data
	}
	m.journal = append(m.journal, e.Entries...)
	a := Answer{Result: e.Result}
	if w := m.wallets[slot{p.Account, p.Wallet}]; w != nil {
		a.Balance, a.Available = w.Value, w.Available(p.At)
	}
	return a, nil
}

// Balance implements Ledger.
func (m *Memory) Balance(_ context.Context, account, wallet string, at billing.Millis) (Balance, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	w, err := m.wallet(&Request{Account: account, Wallet: wallet})
	if err != nil {
		return Balance{}, err
	}
	return w.Balance(at), nil
}

// Fence refuses what a node asks for with a lower epoch from now on.
func (m *Memory) Fence(_ context.Context, node string, epoch int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.epochs == nil {
		m.epochs, m.done, m.wallets, m.states = map[string]int64{}, map[string]record{}, map[slot]*Wallet{}, map[string][]byte{}
	}
	m.epochs[node] = max(m.epochs[node], epoch)
	return nil
}

// Audit compares every balance with the journal.
func (m *Memory) Audit(context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	sums := map[slot]int64{}
	for _, e := range m.journal {
		sums[slot{e.Account, e.Wallet}] += e.Value
	}
	for s, w := range m.wallets {
		if w.Value != -sums[s] {
			return fmt.Errorf("ledger: wallet %q of %q has %d, its entries say %d", s.wallet, s.account, w.Value, -sums[s])
		}
	}
	return nil
}
