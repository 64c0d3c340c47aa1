package account

import (
	"encoding/json"
	"fmt"

	"github.com/class5-go/class5/billing/balance"
	"github.com/class5-go/class5/billing/ledger"
)

// Make computes the effect of a posting from the documents of its accounts.
type Make func([]ledger.State) (ledger.Effect, error)

// Op is an operation of package balance on an account, and on those that it
// shares wallets with. What it returns besides the change comes back as
// ledger.Answer.Result, in JSON.
type Op func(a balance.Account, shared []balance.Account) (balance.Change, any, error)

// Apply carries an operation out on the documents of a posting's accounts. The
// first one is the account, the others share wallets with it. An account
// without a document is ledger.ErrNotFound.
func Apply(op Op) Make {
	return func(states []ledger.State) (ledger.Effect, error) {
		all := make([]balance.Account, len(states))
		for i, s := range states {
			var err error
			if all[i], err = Decode(s); err != nil {
				return ledger.Effect{}, err
			}
		}
		c, result, err := op(all[0], all[1:])
		if err != nil {
			return ledger.Effect{}, err
		}
		return Effect(c, result)
	}
}

// Open opens an account, once.
func Open(t *balance.Terms, seed balance.Account) Make {
	return func(states []ledger.State) (ledger.Effect, error) {
		if len(states[0].Data) > 0 {
			return ledger.Effect{}, fmt.Errorf("%w: account %.40q is open already", ledger.ErrRequest, seed.ID)
		}
		c, err := balance.Open(t, seed)
		if err != nil {
			return ledger.Effect{}, err
		}
		return Effect(c, nil)
	}
}

// Settled charges a usage of which a session has settled micros from cash
// already.
func Settled(t *balance.Terms, u balance.Usage, micros int64) Make {
	return Apply(func(a balance.Account, shared []balance.Account) (balance.Change, any, error) {
		c, r, err := balance.Charge(t, a, u, shared...)
		if micros != 0 {
			c.Entries = append(c.Entries, balance.Entry{
				At: u.Start, Account: a.ID, Wallet: balance.CashWallet, Unit: balance.Cash, Value: -micros, Reason: balance.ReasonUsage, Ref: u.Ref,
			})
		}
		return c, r, err
	})
}

// Charge charges a usage. The result is its balance.Receipt.
func Charge(t *balance.Terms, u balance.Usage) Make { return Settled(t, u, 0) }

// Decode reads the document of an account.
func Decode(s ledger.State) (balance.Account, error) {
	var a balance.Account
	if len(s.Data) == 0 {
		return a, fmt.Errorf("%w: account %.40q", ledger.ErrNotFound, s.Account)
	}
	if err := json.Unmarshal(s.Data, &a); err != nil {
		return a, fmt.Errorf("account: document of %.40q: %w", s.Account, err)
	}
	return a, nil
}

// Effect books a change: its entries, the documents of all accounts in it, and
// how far their wallets may be overdrawn.
func Effect(c balance.Change, result any) (ledger.Effect, error) {
	e := ledger.Effect{Entries: c.Entries}
	for _, a := range append([]balance.Account{c.Account}, c.Shared...) {
		data, err := json.Marshal(a)
		if err != nil {
			return e, fmt.Errorf("account: document of %.40q: %w", a.ID, err)
		}
		e.States = append(e.States, ledger.State{Account: a.ID, Data: data})
		e.Floors = append(e.Floors, ledger.Floor{Account: a.ID, Wallet: balance.CashWallet, Value: -a.Overdraft.Micros()})
		for _, w := range a.Wallets {
			if w.Overdraft != 0 {
				e.Floors = append(e.Floors, ledger.Floor{Account: a.ID, Wallet: w.ID, Value: -w.Overdraft})
			}
		}
	}
	if result == nil {
		return e, nil
	}
	data, err := json.Marshal(result)
	if err != nil {
		return e, fmt.Errorf("account: result: %w", err)
	}
	e.Result = data
	return e, nil
}
