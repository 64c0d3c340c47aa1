package directory

import (
	"context"
	"net/netip"
	"time"
)

// Contract is what rating needs to know of a customer: by which billing
// profile it pays, and who sells to it.
type Contract struct {
	CustomerID       int64
	BillingProfileID int64 // the customer's own, which holds when no assignment does
	ResellerID       int64 // the customer that sells to it, 0 for nobody
	Assignments      []Assignment
}

// Assignment puts a customer on a billing profile for a time, for all calls or
// for those of callers in a network.
type Assignment struct {
	ID               int64
	CustomerID       int64
	BillingProfileID int64
	From, To         time.Time    // [From, To); the zero To is never
	Network          netip.Prefix // the zero one is everywhere
	Created          time.Time
}

type assignmentRow struct {
	ID               int64  `db:"id"`
	CustomerID       int64  `db:"customer_id"`
	BillingProfileID int64  `db:"billing_profile_id"`
	FromMS           int64  `db:"from_ms"`
	ToMS             int64  `db:"to_ms"`
	Network          string `db:"network"`
	CreatedMS        int64  `db:"created_ms"`
}

func (r assignmentRow) value() Assignment {
	network, _ := netip.ParsePrefix(r.Network) // checked on its way in
	return Assignment{r.ID, r.CustomerID, r.BillingProfileID, at(r.FromMS), at(r.ToMS), network, at(r.CreatedMS)}
}

// holds reports whether the assignment is for a call at an instant from a
// caller at an address.
func (a *Assignment) holds(at time.Time, from netip.Addr) bool {
	if at.Before(a.From) || !a.To.IsZero() && !at.Before(a.To) {
		return false
	}
	return !a.Network.IsValid() || a.Network.Contains(from.Unmap())
}

// before reports whether a goes before b where both hold: the smaller network,
// then the later begin, then the later made.
func (a *Assignment) before(b *Assignment) bool {
	switch {
	case b == nil:
		return true
	case a.Network.IsValid() != b.Network.IsValid():
		return a.Network.IsValid()
	case a.Network.Bits() != b.Network.Bits():
		return a.Network.Bits() > b.Network.Bits()
	case !a.From.Equal(b.From):
		return a.From.After(b.From)
	}
	return a.ID > b.ID
}

// Profile is the billing profile that holds for a call at an instant from a
// caller at an address, which may be the zero one.
func (c *Contract) Profile(at time.Time, from netip.Addr) int64 {
	var best *Assignment
	for i := range c.Assignments {
		if a := &c.Assignments[i]; a.holds(at, from) && a.before(best) {
			best = a
		}
	}
	if best == nil {
		return c.BillingProfileID
	}
	return best.BillingProfileID
}

// Contracts is the repository of who sells to whom and of which profile holds
// when. What is changed in it is a change of the customer.
type Contracts struct{ on access }

// Find gives the contract of a customer.
func (r Contracts) Find(ctx context.Context, customerID int64) (Contract, error) {
	customer, err := Customers(r).Find(ctx, customerID)
	if err != nil {
		return Contract{}, err
	}
	c := Contract{CustomerID: customerID, BillingProfileID: customer.BillingProfileID}
	if c.ResellerID, err = r.reseller(ctx, customerID); err != nil {
		return Contract{}, err
	}
	c.Assignments, err = r.Assignments(ctx, customerID)
	return c, err
}

// reseller is who sells to a customer, 0 for nobody.
func (r Contracts) reseller(ctx context.Context, customerID int64) (int64, error) {
	id, err := one[int64](ctx, r.on, "SELECT reseller_id FROM prov_resales WHERE customer_id = ?", customerID)
	return id, replace(err, ErrNotFound, nil)
}

// MaxResellers is how many resellers can stand above a customer.
const MaxResellers = 16

// Resell says that one customer sells to another, 0 that nobody does.
// [ErrInvalid] when they would sell to each other in a ring.
func (r Contracts) Resell(ctx context.Context, customerID, resellerID int64) error {
	return r.on.update(ctx, func(tx *Tx) error {
		if _, err := tx.Customers().Find(ctx, customerID); err != nil {
			return err
		}
		if _, err := tx.exec(ctx, "DELETE FROM prov_resales WHERE customer_id = ?", customerID); err != nil {
			return err
		}
		if resellerID != 0 {
			if err := tx.resell(ctx, customerID, resellerID); err != nil {
				return err
			}
		}
		tx.changed(KindCustomer, customerID, Updated)
		return nil
	})
}

func (t *Tx) resell(ctx context.Context, customerID, resellerID int64) error {
	above := resellerID
	for n := 0; above != 0; n++ {
		if above == customerID || n == MaxResellers {
			return invalid(KindCustomer, "reseller_id", "resellers in a ring, or too many of them")
		}
		var err error
		if above, err = t.Contracts().reseller(ctx, above); err != nil {
			return err
		}
	}
	_, err := t.exec(ctx, "INSERT INTO prov_resales (customer_id, reseller_id) VALUES (?, ?)", customerID, resellerID)
	return missingParent(err, KindCustomer, "reseller_id")
}

// Assign adds an assignment. ID and Created of a are ignored.
func (r Contracts) Assign(ctx context.Context, a Assignment) (Assignment, error) {
	if !a.To.IsZero() && !a.To.After(a.From) {
		return Assignment{}, invalid(KindCustomer, "to", "not after from")
	}
	network := ""
	if a.Network.IsValid() {
		if a.Network.Addr().Is4In6() || a.Network != a.Network.Masked() {
			return Assignment{}, invalid(KindCustomer, "network", "not an address block in its shortest form")
		}
		network = a.Network.String()
	}
	err := r.on.update(ctx, func(tx *Tx) error {
		id, err := tx.nextIDs(ctx, "assignment", 1)
		if err != nil {
			return err
		}
		now := tx.store.now()
		_, err = tx.exec(ctx, `INSERT INTO prov_assignments (id, customer_id, billing_profile_id, from_ms, to_ms, network, created_ms)
			VALUES (?, ?, ?, ?, ?, ?, ?)`, id, a.CustomerID, a.BillingProfileID, millis(a.From), millis(a.To), network, now)
		if err != nil {
			return missingParent(err, KindCustomer, "billing_profile_id")
		}
		tx.changed(KindCustomer, a.CustomerID, Updated)
		a.ID, a.Created = id, at(now)
		return nil
	})
	return a, err
}

// millis is a time as it stands in the database.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// Assignments gives the assignments of a customer in the order in which they
// were made.
func (r Contracts) Assignments(ctx context.Context, customerID int64) ([]Assignment, error) {
	rows, err := all[assignmentRow](ctx, r.on,
		"SELECT id, customer_id, billing_profile_id, from_ms, to_ms, network, created_ms FROM prov_assignments WHERE customer_id = ? ORDER BY id", customerID)
	out := make([]Assignment, len(rows))
	for i := range rows {
		out[i] = rows[i].value()
	}
	return out, err
}

// Unassign removes an assignment.
func (r Contracts) Unassign(ctx context.Context, id int64) error {
	return r.on.update(ctx, func(tx *Tx) error {
		customer, err := one[int64](ctx, tx, "SELECT customer_id FROM prov_assignments WHERE id = ?", id)
		if err != nil {
			return err
		}
		tx.changed(KindCustomer, customer, Updated)
		_, err = tx.exec(ctx, "DELETE FROM prov_assignments WHERE id = ?", id)
		return err
	})
}

// Contract gives the contract of a customer from memory, until it changes. It
// is shared by all who ask and must not be changed.
func (r *Reader) Contract(ctx context.Context, customerID int64) (*Contract, error) {
	return r.contracts.get(ctx, customerID, func(ctx context.Context, id int64) (*Contract, error) {
		c, err := r.store.Contracts().Find(ctx, id)
		if err != nil {
			return nil, err
		}
		return &c, nil
	})
}

// PeerContract gives the customer that a foreign network is, [ErrNotFound] for
// one that is not known.
func (r *Reader) PeerContract(ctx context.Context, name string) (customerID int64, err error) {
	c, err := r.catalog.get(ctx, r)
	if err != nil {
		return 0, err
	}
	if id, ok := c.peers.customers[name]; ok {
		return id, nil
	}
	return 0, ErrNotFound
}
