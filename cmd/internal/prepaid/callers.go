package prepaid

import (
	"context"
	"errors"
	"net/netip"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/rate"
	"github.com/class5-go/class5/billing/tariff"
	"github.com/class5-go/class5/cluster/directory"
	"github.com/class5-go/class5/cmd/internal/call"
)

// Tariffs knows who pays by which tariff. directory.Reader is one.
type Tariffs interface {
	Contract(ctx context.Context, customerID int64) (*directory.Contract, error)
	Tariff(ctx context.Context, profileID int64) (*tariff.Snapshot, error)
}

// Snapshot is the tariff of a customer for a call at an instant.
func Snapshot(ctx context.Context, t Tariffs, customerID int64, at billing.Millis, source netip.Addr) (*tariff.Snapshot, error) {
	c, err := t.Contract(ctx, customerID)
	if err != nil {
		return nil, err
	}
	return t.Tariff(ctx, c.Profile(at.Time(), source))
}

// Customers is the call.Credit of the customers in a directory.
type Customers struct {
	Credit  *Credit
	Tariffs Tariffs
}

var _ call.Credit = (*Customers)(nil)

// Spender implements call.Credit. Who is called pays only where its tariff asks
// for that: most calls cost the caller alone.
func (c *Customers) Spender(ctx context.Context, side billing.Side, e *billing.Event) (call.Spender, error) {
	account := e.Caller.Account
	if side == billing.SideCallee {
		account = e.Callee.Account
	}
	id, err := customerID(account)
	if err != nil {
		return nil, err
	}
	s, err := Snapshot(ctx, c.Tariffs, id, e.Init, e.Source)
	if err != nil {
		return nil, err
	}
	r := NewRater(s, e, side)
	if side == billing.SideCallee {
		r.call.Start = e.Init
		most, err := r.Price(longest)
		if errors.Is(err, rate.ErrNoFee) || err == nil && most.Sign() <= 0 {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
	}
	return c.Credit.Spender(e.Key(), side, account, e.CallID, r), nil
}
