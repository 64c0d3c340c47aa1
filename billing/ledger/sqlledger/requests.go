package sqlledger

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/balance"
	"github.com/class5-go/class5/billing/ledger"
	"github.com/jmoiron/sqlx"
)

// Reserve implements ledger.Ledger.
func (t *Tx) Reserve(ctx context.Context, r ledger.Reservation) (ledger.Answer, error) {
	return t.reserve(ctx, "reserve", r)
}

// Extend implements ledger.Ledger.
func (t *Tx) Extend(ctx context.Context, r ledger.Reservation) (ledger.Answer, error) {
	return t.reserve(ctx, "extend", r)
}

func (t *Tx) reserve(ctx context.Context, kind string, r ledger.Reservation) (ledger.Answer, error) {
	if err := r.Check(); err != nil {
		return ledger.Answer{}, err
	}
	return t.request(ctx, kind, &r.Request, r, func() (ledger.Answer, error) {
		w, err := t.wallet(ctx, &r.Request)
		if err != nil {
			return ledger.Answer{}, err
		}
		_, was := w.Holds[r.Hold]
		a, err := w.Reserve(&r, kind == "extend")
		if err != nil {
			return a, err
		}
		return a, t.putHold(ctx, &r.Request, r.Hold, w, was)
	})
}

// wallet reads the wallet of a request as it is now.
func (t *Tx) wallet(ctx context.Context, r *ledger.Request) (*ledger.Wallet, error) {
	w, err := t.load(ctx, r.Account, r.Wallet, t.now)
	if err == nil && w == nil {
		err = fmt.Errorf("%w: wallet %.40q of %.40q", ledger.ErrNotFound, r.Wallet, r.Account)
	}
	return w, err
}

// putHold writes what became of a hold that was there, or not.
func (t *Tx) putHold(ctx context.Context, r *ledger.Request, name string, w *ledger.Wallet, was bool) error {
	h, is := w.Holds[name]
	var err error
	switch {
	case is && was:
		_, err = t.exec(ctx, "UPDATE ledger_holds SET amount = ?, until_ms = ? WHERE account = ? AND wallet = ? AND hold_name = ?",
			h.Value, h.Until, r.Account, r.Wallet, name)
	case is:
		_, err = t.exec(ctx, "INSERT INTO ledger_holds (account, wallet, hold_name, amount, until_ms) VALUES (?, ?, ?, ?, ?)",
			r.Account, r.Wallet, name, h.Value, h.Until)
	case was:
		_, err = t.exec(ctx, "DELETE FROM ledger_holds WHERE account = ? AND wallet = ? AND hold_name = ?", r.Account, r.Wallet, name)
	}
	if err != nil {
		return failed(ctx, err)
	}
	return t.purge(ctx, r, w)
}

// purge removes holds that have been over for long.
func (t *Tx) purge(ctx context.Context, r *ledger.Request, w *ledger.Wallet) error {
	const long = 3_600_000
	for _, h := range w.Holds {
		if h.Until < r.At-long {
			_, err := t.exec(ctx, "DELETE FROM ledger_holds WHERE account = ? AND wallet = ? AND until_ms < ?", r.Account, r.Wallet, r.At-long)
			return failed(ctx, err)
		}
	}
	return nil
}

// Settle implements ledger.Ledger.
func (t *Tx) Settle(ctx context.Context, s ledger.Settlement) (ledger.Answer, error) {
	if err := s.Check(); err != nil {
		return ledger.Answer{}, err
	}
	return t.request(ctx, "settle", &s.Request, s, func() (ledger.Answer, error) {
		w, err := t.wallet(ctx, &s.Request)
		if err != nil {
			return ledger.Answer{}, err
		}
		_, was := w.Holds[s.Payer()]
		a := w.Settle(&s)
		if a.Settled != 0 {
			if err := t.putWallet(ctx, s.Account, s.Wallet, w, true); err != nil {
				return a, err
			}
			if err := t.journal(ctx, s.Key, []balance.Entry{s.Entry(w.Unit, a.Settled)}); err != nil {
				return a, err
			}
		}
		return a, t.putHold(ctx, &s.Request, s.Payer(), w, was)
	})
}

// Release implements ledger.Ledger.
func (t *Tx) Release(ctx context.Context, s ledger.Settlement) (ledger.Answer, error) {
	if err := s.Check(); err != nil {
		return ledger.Answer{}, err
	}
	return t.request(ctx, "release", &s.Request, s, func() (ledger.Answer, error) {
		w, err := t.wallet(ctx, &s.Request)
		if err != nil {
			return ledger.Answer{}, err
		}
		_, was := w.Holds[s.Payer()]
		a := w.Release(&s)
		return a, t.putHold(ctx, &s.Request, s.Payer(), w, was)
	})
}

func (t *Tx) putWallet(ctx context.Context, account, name string, w *ledger.Wallet, was bool) error {
	var err error
	if was {
		_, err = t.exec(ctx, "UPDATE ledger_wallets SET amount = ?, floor_value = ? WHERE account = ? AND wallet = ?", w.Value, w.Floor, account, name)
	} else {
		_, err = t.exec(ctx, "INSERT INTO ledger_wallets (account, wallet, unit, amount, floor_value) VALUES (?, ?, ?, ?, ?)",
			account, name, string(w.Unit), w.Value, w.Floor)
	}
	return failed(ctx, err)
}

// journal writes entries, many by one statement.
func (t *Tx) journal(ctx context.Context, key string, entries []balance.Entry) error {
	const most, columns = 500, 9
	line := 0
	for chunk := range slices.Chunk(entries, most) {
		args := make([]any, 0, columns*len(chunk))
		for _, e := range chunk {
			line++
			args = append(args, key, line, e.Account, e.Wallet, string(e.Unit), e.Value, string(e.Reason), e.Ref, e.At)
		}
		query := "INSERT INTO ledger_journal (op_key, line, account, wallet, unit, amount, reason, ref, at_ms) VALUES " +
			strings.TrimSuffix(strings.Repeat("(?, ?, ?, ?, ?, ?, ?, ?, ?), ", len(chunk)), ", ")
		if _, err := t.exec(ctx, query, args...); err != nil {
			return failed(ctx, err)
		}
	}
	return nil
}

// Balance implements ledger.Ledger.
func (t *Tx) Balance(ctx context.Context, account, wallet string, at billing.Millis) (ledger.Balance, error) {
	w, err := t.load(ctx, account, wallet, "")
	if err != nil {
		return ledger.Balance{}, err
	}
	if w == nil {
		return ledger.Balance{}, fmt.Errorf("%w: wallet %.40q of %.40q", ledger.ErrNotFound, wallet, account)
	}
	return w.Balance(at), nil
}

// Documents returns the documents of accounts as they are now, in the order
// given, and locks the accounts until the transaction ends.
func (t *Tx) Documents(ctx context.Context, accounts ...string) ([]ledger.State, error) {
	if err := t.lock(ctx, true, accounts...); err != nil {
		return nil, err
	}
	query, args, err := sqlx.In("SELECT account, document FROM ledger_accounts WHERE account IN (?)"+t.now, accounts)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ledger.ErrRequest, err)
	}
	var rows []struct {
		Account  string `db:"account"`
		Document string `db:"document"`
	}
	if err := t.tx.SelectContext(ctx, &rows, query, args...); err != nil {
		return nil, failed(ctx, err)
	}
	states := make([]ledger.State, len(accounts))
	for i, a := range accounts {
		states[i].Account = a
		for _, r := range rows {
			if r.Account == a && r.Document != "" {
				states[i].Data = []byte(r.Document)
			}
		}
	}
	return states, nil
}
