package sqlledger

import (
	"context"
	"fmt"

	"github.com/class5-go/class5/billing/balance"
	"github.com/class5-go/class5/billing/ledger"
)

// Post implements ledger.Ledger.
func (t *Tx) Post(ctx context.Context, p ledger.Posting) (ledger.Answer, error) {
	if err := p.Check(); err != nil {
		return ledger.Answer{}, err
	}
	return t.request(ctx, "post", &p.Request, p, func() (ledger.Answer, error) {
		e := p.Effect
		if p.Make != nil {
			states, err := t.Documents(ctx, p.Accounts...)
			if err != nil {
				return ledger.Answer{}, err
			}
			if e, err = p.Make(states); err != nil {
				return ledger.Answer{}, err
			}
		}
		if err := e.Check(&p); err != nil {
			return ledger.Answer{}, err
		}
		return t.apply(ctx, &p, &e)
	})
}

// touched is a wallet that a posting changes.
type touched struct {
	account, name string
	w             *ledger.Wallet
	was, changed  bool
}

// apply computes the whole effect before it writes the first row of it.
func (t *Tx) apply(ctx context.Context, p *ledger.Posting, e *ledger.Effect) (ledger.Answer, error) {
	var all []*touched
	wallet := func(account, name string, u balance.Unit) (*touched, error) {
		for _, c := range all {
			if c.account == account && c.name == name {
				return c, nil
			}
		}
		w, err := t.load(ctx, account, name, t.now)
		if err != nil {
			return nil, err
		}
		c := &touched{account: account, name: name, w: w, was: w != nil}
		if !c.was {
			c.w = &ledger.Wallet{Unit: u}
		}
		all = append(all, c)
		return c, nil
	}
	for _, f := range e.Floors {
		c, err := wallet(f.Account, f.Wallet, balance.Cash)
		if err != nil {
			return ledger.Answer{}, err
		}
		c.w.Floor, c.changed = f.Value, true
	}
	for _, n := range e.Net() {
		c, err := wallet(n.Account, n.Wallet, n.Unit)
		if err != nil {
			return ledger.Answer{}, err
		}
		if c.w.Unit != n.Unit {
			return ledger.Answer{}, fmt.Errorf("%w: %s in a wallet of %s", ledger.ErrRequest, n.Unit, c.w.Unit)
		}
		if err := c.w.Post(n.Value, p.At, p.Force); err != nil {
			return ledger.Answer{}, err
		}
		c.changed = true
	}
	a := ledger.Answer{Result: e.Result}
	own, err := wallet(p.Account, p.Wallet, balance.Cash)
	if err != nil {
		return ledger.Answer{}, err
	}
	a.Balance, a.Available = own.w.Value, own.w.Available(p.At)
	for _, c := range all {
		if c.changed {
			if err := t.putWallet(ctx, c.account, c.name, c.w, c.was); err != nil {
				return ledger.Answer{}, err
			}
		}
	}
	return a, t.write(ctx, p, e)
}

// write stores entries and documents.
func (t *Tx) write(ctx context.Context, p *ledger.Posting, e *ledger.Effect) error {
	if err := t.journal(ctx, p.Key, e.Entries); err != nil {
		return err
	}
	for _, s := range e.States {
		if _, err := t.exec(ctx, "UPDATE ledger_accounts SET document = ? WHERE account = ?", string(s.Data), s.Account); err != nil {
			return failed(ctx, err)
		}
	}
	return nil
}
