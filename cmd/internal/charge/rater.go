package charge

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/rate"
	"github.com/class5-go/class5/billing/tariff"
	"github.com/class5-go/class5/cluster/directory"
)

// Tariffs knows whose tariff is which. directory.Reader is one.
type Tariffs interface {
	Subscriber(ctx context.Context, user, domain string) (*directory.Profile, error)
	Tariff(ctx context.Context, profileID int64) (*tariff.Snapshot, error)
}

// rater prices records.
type rater struct {
	tariffs   Tariffs
	customers func(ctx context.Context, id int64) (directory.Customer, error)
}

// price adds the parties of a record. A side that is no subscriber of ours has
// none. errUnrated says that a side should pay and no tariff says how much:
// the record is kept without that price. Other errors ask for another try.
func (r *rater) price(ctx context.Context, c *billing.CDR) error {
	c.Generation = 1
	var unrated error
	for _, side := range []billing.Side{billing.SideCaller, billing.SideCallee} {
		e := c.Caller
		if side == billing.SideCallee {
			e = c.Callee
		}
		if e.Account == "" {
			continue
		}
		profile, err := r.profile(ctx, e)
		if err != nil {
			return err
		}
		s, err := r.tariffs.Tariff(ctx, profile)
		if errors.Is(err, directory.ErrNotFound) {
			unrated = fmt.Errorf("%w: %s has no tariff", errUnrated, side)
			continue
		}
		if err != nil {
			return err
		}
		p, err := rate.Party(s, c, side, s.Name())
		if err != nil {
			unrated = fmt.Errorf("%w: %s: %w", errUnrated, side, err)
			continue
		}
		c.Parties = append(c.Parties, p)
	}
	return unrated
}

var errUnrated = errors.New("charge: no price")

// profile is the billing profile of the side's customer.
func (r *rater) profile(ctx context.Context, e billing.Endpoint) (int64, error) {
	p, err := r.tariffs.Subscriber(ctx, e.User, e.Domain)
	if err == nil && strconv.FormatInt(p.CustomerID, 10) == e.Account {
		return p.BillingProfileID, nil
	}
	if err != nil && !errors.Is(err, directory.ErrNotFound) {
		return 0, err
	}
	// The subscriber is gone or somebody else's by now: its customer pays.
	id, err := strconv.ParseInt(e.Account, 10, 64)
	if err != nil {
		id = 0 // no customer of ours has it
	}
	customer, err := r.customers(ctx, id)
	if errors.Is(err, directory.ErrNotFound) {
		return 0, nil
	}
	return customer.BillingProfileID, err
}
