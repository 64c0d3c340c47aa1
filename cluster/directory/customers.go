package directory

import (
	"context"
	"time"
)

// Customer holds a contract: who pays for its subscribers, and by which
// billing profile.
type Customer struct {
	ID               int64  `db:"id"`
	Name             string `db:"name"`
	ExternalID       string `db:"external_id"` // the operator's own, free text
	BillingProfileID int64  `db:"billing_profile_id"`
	Status           Status `db:"status"`
	Rev              int64  `db:"rev"`
	Created          time.Time
	Updated          time.Time
}

type customerRow struct {
	Customer
	stamps
}

func (r customerRow) value() Customer {
	r.Customer.Created, r.Customer.Updated = at(r.CreatedMS), at(r.UpdatedMS)
	return r.Customer
}

const selectCustomer = "SELECT id, name, external_id, billing_profile_id, status, rev, created_ms, updated_ms FROM prov_customers"

// Customers is the repository of customers.
type Customers struct{ on access }

func (c *Customer) check() error {
	c.Status = either(c.Status, Active)
	return firstError(
		text(KindCustomer, "name", c.Name, 1, maxName),
		text(KindCustomer, "external_id", c.ExternalID, 0, maxName),
		status(KindCustomer, c.Status),
	)
}

// Create adds a customer. ID, Rev and times of c are ignored; an empty Status
// is Active.
func (r Customers) Create(ctx context.Context, c Customer) (Customer, error) {
	if err := c.check(); err != nil {
		return Customer{}, err
	}
	err := r.on.update(ctx, func(tx *Tx) error {
		id, err := tx.nextIDs(ctx, "customer", 1)
		if err != nil {
			return err
		}
		now := tx.store.now()
		_, err = tx.exec(ctx, `INSERT INTO prov_customers
			(id, name, external_id, billing_profile_id, status, rev, created_ms, updated_ms) VALUES (?, ?, ?, ?, ?, 1, ?, ?)`,
			id, c.Name, c.ExternalID, c.BillingProfileID, string(c.Status), now, now)
		if err != nil {
			return missingParent(err, KindCustomer, "billing_profile_id")
		}
		tx.changed(KindCustomer, id, Created)
		c.ID, c.Rev, c.Created, c.Updated = id, 1, at(now), at(now)
		return nil
	})
	return c, err
}

// Find gives the customer with an id.
func (r Customers) Find(ctx context.Context, id int64) (Customer, error) {
	row, err := one[customerRow](ctx, r.on, selectCustomer+" WHERE id = ?", id)
	return row.value(), err
}

// CustomerFilter selects customers; zero fields select all.
type CustomerFilter struct {
	Name             string // begins with
	ExternalID       string
	BillingProfileID int64
	Status           Status
}

func (f CustomerFilter) where() (w where) {
	w.prefix("name", f.Name)
	is(&w, "external_id", f.ExternalID)
	is(&w, "billing_profile_id", f.BillingProfileID)
	is(&w, "status", f.Status)
	return w
}

// List gives one page of customers.
func (r Customers) List(ctx context.Context, f CustomerFilter, p Page) (List[Customer], error) {
	return page(ctx, r.on, p, selectCustomer, "id", f.where(), customerRow.value, func(v Customer) int64 { return v.ID })
}

// Count counts what List lists.
func (r Customers) Count(ctx context.Context, f CustomerFilter) (int64, error) {
	return count(ctx, r.on, "prov_customers", f.where())
}

// Update replaces a customer at the revision c.Rev and returns the new one.
func (r Customers) Update(ctx context.Context, c Customer) (Customer, error) {
	if err := c.check(); err != nil {
		return Customer{}, err
	}
	var out Customer
	err := r.on.update(ctx, func(tx *Tx) error {
		n, err := tx.exec(ctx, `UPDATE prov_customers
			SET name = ?, external_id = ?, billing_profile_id = ?, status = ?, rev = rev + 1, updated_ms = ? WHERE id = ? AND rev = ?`,
			c.Name, c.ExternalID, c.BillingProfileID, string(c.Status), tx.store.now(), c.ID, c.Rev)
		if err != nil {
			return missingParent(err, KindCustomer, "billing_profile_id")
		}
		if err := tx.revised(ctx, n, "prov_customers", c.ID); err != nil {
			return err
		}
		tx.changed(KindCustomer, c.ID, Updated)
		out, err = tx.Customers().Find(ctx, c.ID)
		return err
	})
	return out, err
}

// Delete removes a customer without subscribers, [ErrInUse] otherwise.
func (r Customers) Delete(ctx context.Context, id, rev int64) error {
	return r.on.update(ctx, func(tx *Tx) error {
		return tx.remove(ctx, "prov_customers", KindCustomer, id, rev)
	})
}
