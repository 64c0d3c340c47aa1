package directory

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/balance"
	"github.com/class5-go/class5/billing/ledger"
)

// ErrAccount means that the account of a customer does not allow an operation;
// the error of package balance or ledger is behind it.
var ErrAccount = errors.New("directory: not possible for this account")

// intervals is how many balance intervals an account remembers: a year of
// months, and one to look back to.
const intervals = 14

// AccountNow gives the account of a customer as it is at an instant: opened,
// and with the intervals that have begun since it was used last. Nothing is
// stored. cash says what the ledger has, of which running calls have reserved
// a part.
func (s *Store) AccountNow(ctx context.Context, customerID int64, now billing.Millis) (a balance.Account, cash ledger.Balance, err error) {
	h, err := s.Holder(ctx, customerID)
	if err != nil {
		return a, cash, err
	}
	v, err := s.account(ctx, h, now)
	return v.account, v.cash, err
}

// OpenAccount gives the account of a customer as it is at an instant, with its
// terms. Whatever that has changed since it was used last is stored before, so
// that the ledger has it as well.
func (s *Store) OpenAccount(ctx context.Context, h *Holder, now billing.Millis) (balance.Account, *balance.Terms, error) {
	v, err := s.account(ctx, h, now)
	if err != nil || !v.changed {
		return v.account, v.terms, err
	}
	key := "advance/" + h.Account() + "/" + strconv.FormatInt(int64(now), 10)
	_, err = s.BookFor(ctx, h, Booking{Key: key, Node: "accounts", At: now, Force: true}, func(b Books) (balance.Change, any, error) {
		c, err := balance.Advance(b.Terms, b.Account, now)
		v.account, v.terms = c.Account, b.Terms
		return c, nil, err
	})
	return v.account, v.terms, err
}

// view is an account at an instant.
type view struct {
	account balance.Account
	terms   *balance.Terms
	cash    ledger.Balance
	changed bool // it is not what is stored
}

func (s *Store) account(ctx context.Context, h *Holder, now billing.Millis) (v view, err error) {
	document, err := one[string](ctx, s, "SELECT document FROM ledger_accounts WHERE account = ?", h.Account())
	if err = replace(err, ErrNotFound, nil); err != nil {
		return v, err
	}
	v.cash, err = s.Accounts().Balance(ctx, h.Account(), balance.CashWallet, now)
	if err != nil && !errors.Is(err, ledger.ErrNotFound) {
		return v, s.failure(ctx, err)
	}
	state := ledger.State{Account: h.Account()}
	if document != "" {
		state.Data = []byte(document)
	}
	t, opened, err := h.open(state, now, v.cash.Value, nil)
	if err != nil {
		return v, fmt.Errorf("%w: %w", ErrAccount, err)
	}
	c, err := balance.Advance(t, opened.Account, now)
	if err != nil {
		return v, fmt.Errorf("%w: %w", ErrAccount, err)
	}
	for _, n := range append(opened.Entries, c.Entries...) { // the ledger will have these as well
		if n.Wallet == balance.CashWallet {
			v.cash.Value, v.cash.Available = v.cash.Value-n.Value, v.cash.Available-n.Value
		}
	}
	v.account, v.terms, v.changed = c.Account, t, document == "" || len(opened.Events)+len(c.Entries)+len(c.Events) > 0
	return v, nil
}
