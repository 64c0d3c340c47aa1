package prepaid

import (
	"context"
	"fmt"
	"strconv"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/balance"
	"github.com/class5-go/class5/billing/ledger"
	"github.com/class5-go/class5/cluster/directory"
)

// Funds knows the accounts behind a ledger, and reserves what they have besides
// cash.
type Funds interface {
	// Open gives an account as it is at an instant, and stores what of that is
	// new.
	Open(ctx context.Context, account string, at billing.Millis) (balance.Account, *balance.Terms, error)
	Reserve(ctx context.Context, r ledger.Reservation) (ledger.Answer, error)
	Extend(ctx context.Context, r ledger.Reservation) (ledger.Answer, error)
	Release(ctx context.Context, s ledger.Settlement) (ledger.Answer, error)
}

// Book is the Funds of a directory's customers.
type Book struct {
	ledger.Ledger
	Store  *directory.Store
	Holder func(ctx context.Context, customerID int64) (*directory.Holder, error)
}

// Open implements Funds.
func (b *Book) Open(ctx context.Context, account string, at billing.Millis) (balance.Account, *balance.Terms, error) {
	id, err := customerID(account)
	if err != nil {
		return balance.Account{}, nil, err
	}
	h, err := b.Holder(ctx, id)
	if err != nil {
		return balance.Account{}, nil, err
	}
	return b.Store.OpenAccount(ctx, h, at)
}

// customerID is whose account it is.
func customerID(account string) (int64, error) {
	id, ours := customerOf(account)
	if !ours {
		return 0, fmt.Errorf("%w: account %.40q", ledger.ErrNotFound, account)
	}
	return id, nil
}

// fund looks at what the account has besides cash and reserves it for the call.
// Without an answer the call is paid by cash; its record will give back what
// free time pays.
func (s *Spender) fund(ctx context.Context, now billing.Millis) {
	funds := s.credit.cfg.Funds
	if funds == nil {
		return
	}
	a, t, err := funds.Open(ctx, s.account, now)
	if err != nil {
		s.credit.cfg.Log.Warn("what an account has besides cash is not known", "call_id", s.callID, "account", s.account, "error", directory.Cause(err))
		return
	}
	left := a.Running().FreeLeft
	if left > 0 {
		a.Intervals[len(a.Intervals)-1].FreeLeft = billing.Millis(s.reserve(ctx, balance.FreeWallet, int64(left), now))
	}
	for i := range a.Wallets {
		w := &a.Wallets[i]
		if w.Value > 0 && (w.Expires == 0 || w.Expires > now) {
			w.Value = s.reserve(ctx, w.ID, w.Value, now)
		}
	}
	if len(s.held) > 0 {
		s.rater.with(a, t)
	}
}

// reserve sets aside what nobody else has of a wallet besides cash.
func (s *Spender) reserve(ctx context.Context, wallet string, value int64, now billing.Millis) int64 {
	a, err := ledger.Again(s.credit.cfg.Funds.Reserve(ctx, ledger.Reservation{
		Request: s.request(wallet, "", now), Hold: s.hold(), Value: value, Least: 1, Until: s.untilFree(now),
	}))
	if err != nil {
		return 0 // another call has it all, or it can not be had now
	}
	s.held = append(s.held, wallet)
	return a.Granted
}

func (s *Spender) hold() string { return "session/" + s.id + "/free" }

func (s *Spender) request(wallet, step string, now billing.Millis) ledger.Request {
	cfg := s.credit.cfg.Session
	return ledger.Request{Key: s.hold() + "/" + wallet + step, Node: cfg.Node, Epoch: cfg.Epoch, Account: s.account, Wallet: wallet, At: now}
}

// untilFree is how long what is reserved now stays so: as long as the session's
// cash, for which zero settings have the same defaults.
func (s *Spender) untilFree(now billing.Millis) billing.Millis {
	cfg := s.credit.cfg.Session
	quota, slack := cfg.Quota, cfg.Slack
	if quota <= 0 {
		quota = 60_000
	}
	if slack <= 0 {
		slack = 30_000
	}
	return now + quota + slack
}

// keep keeps what is reserved. What is lost that way another call may count
// on; the records of both tell who paid.
func (s *Spender) keep(ctx context.Context, number int64, now billing.Millis) {
	for _, wallet := range s.held {
		_, err := ledger.Again(s.credit.cfg.Funds.Extend(ctx, ledger.Reservation{
			Request: s.request(wallet, "/"+strconv.FormatInt(number, 10), now), Hold: s.hold(), Until: s.untilFree(now),
		}))
		if err != nil {
			s.credit.cfg.Log.Warn("free time is not reserved any more", "call_id", s.callID, "account", s.account, "error", err)
		}
	}
}

// unfund gives back what is reserved for a call that used nothing.
func (s *Spender) unfund(ctx context.Context, now billing.Millis) {
	wait, cancel := context.WithTimeout(ctx, s.credit.cfg.Timeout)
	defer cancel()
	for _, wallet := range s.held {
		_, err := ledger.Again(s.credit.cfg.Funds.Release(wait, ledger.Settlement{Request: s.request(wallet, "/end", now), Hold: s.hold()}))
		if err != nil {
			s.credit.cfg.Log.Debug("free time stays reserved for a while", "call_id", s.callID, "account", s.account, "error", err)
		}
	}
	s.held = nil
}
