package prepaid

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/ledger"
	"github.com/class5-go/class5/billing/mediate"
	"github.com/class5-go/class5/billing/ship"
	"github.com/class5-go/class5/cluster/directory"
)

// Settling is a ship.Store in front of another one that lets prepaid customers
// pay for their records before these are stored. Most have paid by their session; the key is the
// same, so that nothing is paid twice.
type Settling struct {
	Records ship.Store
	// Ledger is that of the sessions of this process, Accounts what stands
	// behind its leases: calls of an earlier process pay from there, since its
	// leases are over.
	Ledger, Accounts Payer
	// Spending says whether a customer is prepaid.
	Spending func(ctx context.Context, customerID int64) (*directory.Spending, error)
	Epoch    int64
	Now      func() time.Time
	Log      *slog.Logger
}

// Payer settles.
type Payer interface {
	Settle(ctx context.Context, s ledger.Settlement) (ledger.Answer, error)
}

// Position implements ship.Store.
func (s *Settling) Position(ctx context.Context, source string) (ship.Position, error) {
	return s.Records.Position(ctx, source)
}

// Store implements ship.Store.
func (s *Settling) Store(ctx context.Context, b ship.Batch) error {
	for i := range b.Records {
		for _, side := range []billing.Side{billing.SideCaller, billing.SideCallee} {
			if err := s.settle(ctx, &b.Records[i].CDR, side); err != nil {
				return err
			}
		}
	}
	return s.Records.Store(ctx, b)
}

// settle lets the customer on one side of one record pay. A later revision is
// paid for by who posts it.
func (s *Settling) settle(ctx context.Context, c *billing.CDR, side billing.Side) error {
	account, price, ok := owed(c, side)
	if !ok || price.Sign() == 0 || c.Revision > 1 {
		return nil
	}
	id, ours := customerOf(account)
	if !ours {
		return nil
	}
	sp, err := s.Spending(ctx, id)
	switch {
	case errors.Is(err, directory.ErrNotFound):
		return nil // the customer is gone
	case err != nil:
		return fmt.Errorf("prepaid: %w", err)
	case !sp.Prepaid:
		return nil
	}
	payer := s.Ledger
	if c.Evidence == mediate.ReasonRestart {
		payer = s.Accounts
	}
	_, err = ledger.Again(payer.Settle(ctx, ledger.Settlement{
		Request: ledger.Request{
			Key: Settled(c.Key, side), Node: c.Node, Epoch: s.Epoch, Account: account,
			At: billing.MillisOf(s.Now()), // what was set aside when it ended may be over by now
		},
		Hold: "session/" + SessionID(c.Key, side) + "/0", Value: price.Micros(), Ref: SessionID(c.Key, side),
	}))
	switch {
	case err == nil, errors.Is(err, ledger.ErrKey): // the session has paid
		return nil
	case errors.Is(err, ledger.ErrUnavailable), ctx.Err() != nil:
		return fmt.Errorf("prepaid: %w", err)
	}
	s.Log.Error("a prepaid call is not settled", "call_id", c.CallID, "account", account, "error", err)
	return nil
}

// customerOf is whose account it is, false for nobody of ours.
func customerOf(account string) (int64, bool) {
	id, err := strconv.ParseInt(account, 10, 64)
	return id, err == nil
}

// owed is what the customer on a side of a record owes for it.
func owed(c *billing.CDR, side billing.Side) (account string, price billing.Amount, ok bool) {
	if !c.Chargeable() {
		return "", billing.Amount{}, false
	}
	for i := range c.Parties {
		if p := &c.Parties[i]; p.Side == side && p.Role == billing.RoleCustomer {
			return p.Account, p.Amount, true
		}
	}
	return "", billing.Amount{}, false
}
