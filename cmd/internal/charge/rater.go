package charge

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strconv"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/chain"
	"github.com/class5-go/class5/billing/ship"
	"github.com/class5-go/class5/billing/tariff"
	"github.com/class5-go/class5/cluster/directory"
)

// Contracts knows who pays by which tariff. directory.Reader is one. Errors
// other than directory.ErrNotFound and directory.ErrDamaged go away: the record
// is tried again.
type Contracts interface {
	Contract(ctx context.Context, customerID int64) (*directory.Contract, error)
	// PeerContract is the customer that a foreign network is.
	PeerContract(ctx context.Context, name string) (customerID int64, err error)
	Tariff(ctx context.Context, profileID int64) (*tariff.Snapshot, error)
}

// Rate makes the rating function of a ship.Shipper: it adds the prices of a
// record for all its parties, and leaves the []chain.Price they were made of
// in Detail.
func Rate(contracts Contracts) func(ctx context.Context, r *ship.Record) error {
	return func(ctx context.Context, r *ship.Record) error {
		q := question{ctx: ctx, contracts: contracts}
		prices, err := (&chain.Rater{Directory: &q, Explain: true}).Prices(nil, &r.CDR)
		switch {
		case q.later != nil:
			return q.later
		case err != nil:
			return fmt.Errorf("%w: %w", ship.ErrUnrated, err)
		}
		r.Parties = make([]billing.Party, len(prices))
		for i := range prices {
			r.Parties[i] = prices[i].Party
		}
		r.Detail = prices
		return nil
	}
}

// question is the directory of the rating of one record.
type question struct {
	ctx       context.Context
	contracts Contracts
	later     error // why the directory could not answer; the record waits
}

// Terms implements chain.Directory.
func (q *question) Terms(r chain.Ref, at billing.Millis, source netip.Addr) (chain.Terms, error) {
	t, err := q.terms(r, at, source)
	switch {
	case errors.Is(err, directory.ErrNotFound):
		return t, nil // without a tariff: the rater knows whether that is an error
	case errors.Is(err, directory.ErrDamaged):
		return t, directory.Cause(err)
	case err != nil:
		q.later = err
	}
	return t, err
}

func (q *question) terms(r chain.Ref, at billing.Millis, source netip.Addr) (t chain.Terms, err error) {
	id, err := q.customer(r)
	if err != nil {
		return t, err
	}
	c, err := q.contracts.Contract(q.ctx, id)
	if err != nil {
		return t, err
	}
	if c.ResellerID != 0 && r.Role != billing.RoleCarrier {
		t.Parent = strconv.FormatInt(c.ResellerID, 10)
	}
	t.Snapshot, err = q.contracts.Tariff(q.ctx, c.Profile(at.Time(), source))
	if err == nil {
		t.Profile = t.Snapshot.Name()
	}
	return t, err
}

// customer is whose contract a party has.
func (q *question) customer(r chain.Ref) (int64, error) {
	if r.Role == billing.RoleCarrier {
		return q.contracts.PeerContract(q.ctx, r.Account)
	}
	id, err := strconv.ParseInt(r.Account, 10, 64)
	if err != nil {
		return 0, directory.ErrNotFound // no customer of ours has it
	}
	return id, nil
}
