package watch

import (
	"context"
	"errors"
	"maps"
	"strconv"

	"github.com/jmoiron/sqlx"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/fraud"
	"github.com/class5-go/class5/billing/ship"
	"github.com/class5-go/class5/billing/ship/sqlstore"
	"github.com/class5-go/class5/cluster/directory"
)

// Hook is a sqlstore.Hook: it counts what records cost.
func (w *Watch) Hook(ctx context.Context, tx *sqlx.Tx, changes []sqlstore.Change) error {
	w.mu.Lock()
	clear(w.verdicts) // of an attempt that was rolled back
	w.mu.Unlock()
	for _, c := range changes {
		if err := w.count(ctx, tx, &c); err != nil {
			return err
		}
	}
	return nil
}

func (w *Watch) count(ctx context.Context, tx *sqlx.Tx, c *sqlstore.Change) error {
	for _, side := range []billing.Side{billing.SideCaller, billing.SideCallee} {
		account, s, err := spent(&c.New.CDR, c.Old, side)
		if err != nil {
			return &ship.RecordError{Key: c.New.Key, Err: err}
		}
		id, bad := strconv.ParseInt(account, 10, 64)
		if bad != nil {
			continue // nobody of ours
		}
		sp, err := w.cfg.Reader.Spending(ctx, id)
		if errors.Is(err, directory.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		if !sp.Limited() {
			continue
		}
		if err := w.add(ctx, tx, sp, account, s); err != nil {
			return err
		}
	}
	return nil
}

func (w *Watch) add(ctx context.Context, tx *sqlx.Tx, sp *directory.Spending, account string, s fraud.Spent) error {
	var v fraud.Verdict
	err := w.cfg.Store.CountSpent(ctx, tx, account, func(c fraud.Counter) (_ fraud.Counter, err error) {
		c, v, err = fraud.Add(c, sp.Limits, s, billing.NewAmount(0, sp.Currency), sp.Zone)
		return c, err
	})
	if err == nil && len(v.Reasons) > 0 {
		w.mu.Lock()
		w.verdicts[sp.CustomerID] = v
		w.mu.Unlock()
	}
	return err
}

// spent is what a record costs a customer, less what an earlier one did.
func spent(c, old *billing.CDR, side billing.Side) (account string, s fraud.Spent, err error) {
	s.End = c.End
	add := func(r *billing.CDR, sign int64) {
		for i := range r.Parties {
			p := &r.Parties[i]
			if p.Side != side || err != nil {
				continue
			}
			a := billing.NewAmount(sign*p.Amount.Micros(), p.Amount.Currency())
			switch {
			case p.Role == billing.RoleCustomer:
				account = p.Account
				s.Customer, err = s.Customer.Add(a)
			case p.Role == billing.RoleReseller && p.Depth <= 1:
				s.Reseller, err = s.Reseller.Add(a)
			}
		}
	}
	add(c, 1)
	if old != nil {
		add(old, -1)
	} else if c.Chargeable() && side == billing.SideCaller {
		s.Calls = 1
	}
	return account, s, err
}

// Counted is a store of records in front of another one whose transactions run
// Hook: what they led to is carried out when they are committed.
type Counted struct {
	Records ship.Store
	Watch   *Watch
}

// Position implements ship.Store.
func (s *Counted) Position(ctx context.Context, source string) (ship.Position, error) {
	return s.Records.Position(ctx, source)
}

// Store implements ship.Store.
func (s *Counted) Store(ctx context.Context, b ship.Batch) error {
	if err := s.Records.Store(ctx, b); err != nil {
		return err
	}
	w := s.Watch
	for customer, v := range w.take() {
		act, cancel := context.WithTimeout(context.WithoutCancel(ctx), w.cfg.Timeout)
		if err := w.act(act, customer, v); err != nil {
			w.cfg.Log.Warn("a limit on spending is not enforced yet", "customer", customer, "error", directory.Cause(err))
		}
		cancel()
	}
	return nil
}

// take returns the verdicts of the transaction that was just committed.
func (w *Watch) take() map[int64]fraud.Verdict {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := maps.Clone(w.verdicts)
	clear(w.verdicts)
	return out
}
