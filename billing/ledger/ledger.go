package ledger

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/balance"
)

// Errors of a ledger. They come wrapped.
var (
	// ErrInsufficient says that there is not enough for the least wanted.
	ErrInsufficient = errors.New("ledger: insufficient")
	// ErrDuplicate says that the request was carried out before. The error is
	// a *DuplicateError.
	ErrDuplicate = errors.New("ledger: duplicate")
	// ErrFenced says that the node's lease was taken over by a higher epoch.
	ErrFenced = errors.New("ledger: fenced")
	// ErrKey says that the key belongs to another request.
	ErrKey = errors.New("ledger: key was used for another request")
	// ErrHold says that there is no such hold.
	ErrHold = errors.New("ledger: no such hold")
	// ErrNotFound says that there is no such account or wallet.
	ErrNotFound = errors.New("ledger: not found")
	// ErrRequest says that a request is not possible.
	ErrRequest = errors.New("ledger: bad request")
	// ErrUnavailable says that the store could not be asked, or did not say
	// whether it did what was asked: send the request again.
	ErrUnavailable = errors.New("ledger: unavailable")
)

// DuplicateError is ErrDuplicate with the first answer.
type DuplicateError struct{ First Answer }

// Error implements error.
func (e *DuplicateError) Error() string { return ErrDuplicate.Error() }

// Is makes errors.Is(err, ErrDuplicate) true.
func (e *DuplicateError) Is(target error) bool { return target == ErrDuplicate }

// Again makes the answer to a repeated request that of the first.
func Again(a Answer, err error) (Answer, error) {
	var d *DuplicateError
	if errors.As(err, &d) {
		return d.First, nil
	}
	return a, err
}

// Request is what all requests have in common.
type Request struct {
	Key     string         `json:"key"`
	Node    string         `json:"node"`
	Epoch   int64          `json:"epoch"`
	Account string         `json:"account,omitempty"`
	Wallet  string         `json:"wallet,omitempty"` // balance.CashWallet when empty
	At      billing.Millis `json:"at"`               // now, by which holds are over
}

// Reservation sets something aside, or more of it.
type Reservation struct {
	Request
	Hold  string         `json:"hold"` // name of the hold, such as that of a session
	Value int64          `json:"value"`
	Least int64          `json:"least,omitempty"` // take less than Value but no less than this; 0 for all or nothing
	Until billing.Millis `json:"until"`
}

// Settlement pays for something out of a hold, and frees the rest of it.
type Settlement struct {
	Request
	Hold  string         `json:"hold"`
	Value int64          `json:"value"` // negative for a credit
	Ref   string         `json:"ref,omitempty"`
	Keep  bool           `json:"keep,omitempty"`  // the rest stays reserved
	Until billing.Millis `json:"until,omitempty"` // until then, if later

	// From and Limit are for a ledger in front of another one, whose holds are
	// parts of a larger hold of that: From pays in place of Hold and the rest
	// of it stays, and no more than Limit is paid. A repetition may name
	// others.
	From  string `json:"-"`
	Limit *int64 `json:"-"`
}

// Effect is what a posting does.
type Effect struct {
	Entries []balance.Entry `json:"entries,omitempty"`
	Floors  []Floor         `json:"floors,omitempty"`
	States  []State         `json:"states,omitempty"`
	Result  json.RawMessage `json:"result,omitempty"` // comes back in the answer, also of a repetition
}

// Floor is how low a wallet may go by reservations and settlements; 0 unless
// it is set.
type Floor struct {
	Account string `json:"account"`
	Wallet  string `json:"wallet"`
	Value   int64  `json:"value"`
}

// State is the document of an account; nil when it has none.
type State struct {
	Account string          `json:"account"`
	Data    json.RawMessage `json:"data,omitempty"`
}

// Posting books entries, each of which may create its wallet.
type Posting struct {
	Request
	// Accounts whose documents Make gets, and all that entries are for. The
	// request's own account is one of them.
	Accounts []string `json:"accounts,omitempty"`
	Effect
	// Make, when it is set, computes the effect from the documents, in the
	// order of Accounts with the request's own account first. It may be called
	// several times, so it must only compute. Its error is that of Post.
	Make func([]State) (Effect, error) `json:"-"`
	// Force books what happened already even below a floor or what is held.
	Force bool `json:"force,omitempty"`
}

// Answer is what a request led to.
type Answer struct {
	Granted   int64           `json:"granted,omitempty"` // of this request
	Settled   int64           `json:"settled,omitempty"`
	Short     int64           `json:"short,omitempty"` // what nobody paid
	Held      int64           `json:"held"`            // by the hold now
	Until     billing.Millis  `json:"until,omitempty"`
	Balance   int64           `json:"balance"`   // of the wallet now
	Available int64           `json:"available"` // of it
	Result    json.RawMessage `json:"result,omitempty"`
}

// Balance is what a wallet has.
type Balance struct {
	Unit      balance.Unit `json:"unit"`
	Value     int64        `json:"value"`
	Floor     int64        `json:"floor"`
	Held      int64        `json:"held"`
	Available int64        `json:"available"`
}

// Ledger is a store of balances. Methods may be called from any goroutine and
// block on the store as long as the context allows.
type Ledger interface {
	// Reserve makes a hold: ErrInsufficient when there is less than the least.
	Reserve(ctx context.Context, r Reservation) (Answer, error)
	// Extend adds to a hold that Reserve made, and sets when it is over. With
	// less than the least the hold stays as it was. ErrHold when it is over.
	Extend(ctx context.Context, r Reservation) (Answer, error)
	// Settle pays and ends a hold. It works without one as well, for a hold
	// that is over must not make a call free.
	Settle(ctx context.Context, s Settlement) (Answer, error)
	// Release ends a hold that nothing was used of, or with Keep frees Value
	// of it. A hold that is over is released already.
	Release(ctx context.Context, s Settlement) (Answer, error)
	// Post books entries.
	Post(ctx context.Context, p Posting) (Answer, error)
	// Balance tells what a wallet has at an instant.
	Balance(ctx context.Context, account, wallet string, at billing.Millis) (Balance, error)
}

const maxText = 190

// Check says whether a request is well formed, and fills in the wallet.
func (r *Request) Check() error {
	if r.Wallet == "" {
		r.Wallet = balance.CashWallet
	}
	for _, s := range []string{r.Key, r.Node, r.Account, r.Wallet} {
		if s == "" || len(s) > maxText {
			return fmt.Errorf("%w: key %.40q, node %.40q, account %.40q, wallet %.40q", ErrRequest, r.Key, r.Node, r.Account, r.Wallet)
		}
	}
	if r.Epoch < 0 || r.At <= 0 {
		return fmt.Errorf("%w: epoch %d at %d", ErrRequest, r.Epoch, r.At)
	}
	return nil
}

// Check says whether a reservation is well formed, and fills in what is left
// out.
func (r *Reservation) Check() error {
	if err := r.Request.Check(); err != nil {
		return err
	}
	if r.Least == 0 {
		r.Least = r.Value
	}
	if r.Hold == "" || len(r.Hold) > maxText || r.Value < 0 || r.Least < 0 || r.Least > r.Value || r.Until <= r.At {
		return fmt.Errorf("%w: hold %.40q of %d, %d at least, until %d", ErrRequest, r.Hold, r.Value, r.Least, r.Until)
	}
	return nil
}

// Check says whether a settlement is well formed, and fills in the wallet.
func (s *Settlement) Check() error {
	if err := s.Request.Check(); err != nil {
		return err
	}
	if s.Hold == "" || len(s.Hold) > maxText || len(s.Ref) > maxText {
		return fmt.Errorf("%w: hold %.40q, reference %.40q", ErrRequest, s.Hold, s.Ref)
	}
	return nil
}

// Check says whether a posting is well formed, and puts its own account among
// the accounts.
func (p *Posting) Check() error {
	if err := p.Request.Check(); err != nil {
		return err
	}
	all := []string{p.Account}
	for _, a := range p.Accounts {
		if a == "" || len(a) > maxText {
			return fmt.Errorf("%w: account %.40q", ErrRequest, a)
		}
		if a != p.Account {
			all = append(all, a)
		}
	}
	p.Accounts = all
	return nil
}

// Check says whether an effect is possible for a posting.
func (e *Effect) Check(p *Posting) error {
	known := map[string]bool{}
	for _, a := range p.Accounts {
		known[a] = true
	}
	for _, n := range e.Entries {
		if !known[n.Account] || n.Wallet == "" || len(n.Wallet) > maxText || n.Unit == "" || len(n.Unit) > 64 || len(n.Ref) > maxText || len(n.Reason) > 64 {
			return fmt.Errorf("%w: entry for wallet %.40q of %.40q", ErrRequest, n.Wallet, n.Account)
		}
	}
	for _, s := range e.States {
		if !known[s.Account] {
			return fmt.Errorf("%w: document of %.40q", ErrRequest, s.Account)
		}
	}
	for _, f := range e.Floors {
		if !known[f.Account] || f.Wallet == "" {
			return fmt.Errorf("%w: floor of wallet %.40q of %.40q", ErrRequest, f.Wallet, f.Account)
		}
	}
	return nil
}

// Net returns one entry for each wallet, with the sum of its entries: what
// counts is where a posting ends, not the way there.
func (e *Effect) Net() []balance.Entry {
	var out []balance.Entry
	for _, n := range e.Entries {
		i := slices.IndexFunc(out, func(o balance.Entry) bool {
			return o.Account == n.Account && o.Wallet == n.Wallet && o.Unit == n.Unit
		})
		if i < 0 {
			out = append(out, n)
			continue
		}
		out[i].Value = add(out[i].Value, n.Value)
	}
	return out
}

// Digest tells two requests of one key apart. The time and the epoch are not
// part of it: a repetition may be later, and may come from a standby. Neither
// is what Make computes.
func Digest(kind string, request any) (string, error) {
	switch r := request.(type) {
	case Reservation:
		r.At, r.Epoch, r.Until = 0, 0, 0
		request = r
	case Settlement:
		r.At, r.Epoch, r.Until = 0, 0, 0
		request = r
	case Posting:
		r.At, r.Epoch = 0, 0
		request = r
	}
	b, err := json.Marshal(request)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrRequest, err)
	}
	sum := sha256.Sum256(append([]byte(kind+"\n"), b...))
	return hex.EncodeToString(sum[:16]), nil
}
