package directory

import (
	"context"
	"time"

	"github.com/class5-go/class5/billing"
)

// BillingProfile is a tariff: a currency, a time zone for its calendar, and
// the fees that point to it.
type BillingProfile struct {
	ID       int64
	Name     string
	Currency billing.Currency
	TimeZone string // IANA name, "UTC" by default
	Rev      int64
	Created  time.Time
	Updated  time.Time
}

type billingProfileRow struct {
	ID       int64  `db:"id"`
	Name     string `db:"name"`
	Currency string `db:"currency"`
	TimeZone string `db:"time_zone"`
	Rev      int64  `db:"rev"`
	stamps
}

func (r billingProfileRow) value() BillingProfile {
	// What the database holds was checked on its way in; a code that is not
	// one reads as no currency.
	c, _ := billing.ParseCurrency(r.Currency)
	return BillingProfile{r.ID, r.Name, c, r.TimeZone, r.Rev, at(r.CreatedMS), at(r.UpdatedMS)}
}

const selectBillingProfile = "SELECT id, name, currency, time_zone, rev, created_ms, updated_ms FROM prov_billing_profiles"

// BillingProfiles is the repository of billing profiles.
type BillingProfiles struct{ on access }

func (p *BillingProfile) check() error {
	p.TimeZone = either(p.TimeZone, "UTC")
	if err := text(KindBillingProfile, "name", p.Name, 1, maxName); err != nil {
		return err
	}
	if p.Currency.IsZero() {
		return invalid(KindBillingProfile, "currency", "missing")
	}
	if err := text(KindBillingProfile, "time_zone", p.TimeZone, 1, 64); err != nil {
		return err
	}
	if _, err := time.LoadLocation(p.TimeZone); err != nil || p.TimeZone == "Local" {
		return invalid(KindBillingProfile, "time_zone", "not a name of the time zone database")
	}
	return nil
}

// Create adds a billing profile. ID, Rev and times of p are ignored.
func (r BillingProfiles) Create(ctx context.Context, p BillingProfile) (BillingProfile, error) {
	if err := p.check(); err != nil {
		return BillingProfile{}, err
	}
	err := r.on.update(ctx, func(tx *Tx) error {
		id, err := tx.nextIDs(ctx, "billing_profile", 1)
		if err != nil {
			return err
		}
		now := tx.store.now()
		_, err = tx.exec(ctx, "INSERT INTO prov_billing_profiles (id, name, currency, time_zone, rev, created_ms, updated_ms) VALUES (?, ?, ?, ?, 1, ?, ?)",
			id, p.Name, p.Currency.String(), p.TimeZone, now, now)
		if err != nil {
			return conflictOn(err, KindBillingProfile, "name")
		}
		tx.changed(KindBillingProfile, id, Created)
		p.ID, p.Rev, p.Created, p.Updated = id, 1, at(now), at(now)
		return nil
	})
	return p, err
}

// Find gives the billing profile with an id.
func (r BillingProfiles) Find(ctx context.Context, id int64) (BillingProfile, error) {
	row, err := one[billingProfileRow](ctx, r.on, selectBillingProfile+" WHERE id = ?", id)
	return row.value(), err
}

// BillingProfileFilter selects billing profiles; zero fields select all.
type BillingProfileFilter struct {
	Name string // begins with
}

func (f BillingProfileFilter) where() (w where) {
	w.prefix("name", f.Name)
	return w
}

// List gives one page of billing profiles.
func (r BillingProfiles) List(ctx context.Context, f BillingProfileFilter, p Page) (List[BillingProfile], error) {
	return page(ctx, r.on, p, selectBillingProfile, "id", f.where(), billingProfileRow.value, func(v BillingProfile) int64 { return v.ID })
}

// Count counts what List lists.
func (r BillingProfiles) Count(ctx context.Context, f BillingProfileFilter) (int64, error) {
	return count(ctx, r.on, "prov_billing_profiles", f.where())
}

// Update replaces a billing profile at the revision p.Rev and returns the new
// one.
func (r BillingProfiles) Update(ctx context.Context, p BillingProfile) (BillingProfile, error) {
	if err := p.check(); err != nil {
		return BillingProfile{}, err
	}
	var out BillingProfile
	err := r.on.update(ctx, func(tx *Tx) error {
		n, err := tx.exec(ctx, "UPDATE prov_billing_profiles SET name = ?, currency = ?, time_zone = ?, rev = rev + 1, updated_ms = ? WHERE id = ? AND rev = ?",
			p.Name, p.Currency.String(), p.TimeZone, tx.store.now(), p.ID, p.Rev)
		if err != nil {
			return conflictOn(err, KindBillingProfile, "name")
		}
		if err := tx.revised(ctx, n, "prov_billing_profiles", p.ID); err != nil {
			return err
		}
		tx.changed(KindBillingProfile, p.ID, Updated)
		out, err = tx.BillingProfiles().Find(ctx, p.ID)
		return err
	})
	return out, err
}

// Delete removes a billing profile and its fees, unless a customer is on it
// ([ErrInUse]).
func (r BillingProfiles) Delete(ctx context.Context, id, rev int64) error {
	return r.on.update(ctx, func(tx *Tx) error {
		return tx.remove(ctx, "prov_billing_profiles", KindBillingProfile, id, rev)
	})
}
