package directory

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/class5-go/class5/billing"
)

// Fee prices calls between two prefixes under a billing profile. The longest
// destination prefix wins, then the longest source prefix; an empty prefix
// fits every number.
type Fee struct {
	ID          int64
	ProfileID   int64
	Direction   billing.Direction
	Source      string // prefix of the caller's number; digits, as in E.164 without "+"
	Destination string
	Zone        string // what the bill calls it
	// Connect is due once when the call is answered, in millionths of a unit
	// of the profile's currency.
	Connect int64
	// The first InitInterval seconds cost Init, however short the call; then
	// each FollowInterval seconds begun cost Follow.
	Init           billing.Price
	InitInterval   int
	Follow         billing.Price
	FollowInterval int
	FreeTime       bool // free time of the customer may pay
	Rev            int64
	Created        time.Time
	Updated        time.Time
}

type feeRow struct {
	ID             int64  `db:"id"`
	ProfileID      int64  `db:"profile_id"`
	Direction      string `db:"direction"`
	Source         string `db:"source"`
	Destination    string `db:"destination"`
	Zone           string `db:"zone"`
	Connect        int64  `db:"connect_micro"`
	InitPico       int64  `db:"init_price_pico"`
	InitPer        int    `db:"init_per_s"`
	InitInterval   int    `db:"init_interval_s"`
	FollowPico     int64  `db:"follow_price_pico"`
	FollowPer      int    `db:"follow_per_s"`
	FollowInterval int    `db:"follow_interval_s"`
	FreeTime       int64  `db:"free_time"`
	Rev            int64  `db:"rev"`
	stamps
}

func (r feeRow) value() Fee {
	// Checked on their way in.
	var direction billing.Direction
	_ = direction.UnmarshalText([]byte(r.Direction))
	first, _ := billing.NewPrice(r.InitPico, r.InitPer)
	follow, _ := billing.NewPrice(r.FollowPico, r.FollowPer)
	return Fee{
		r.ID, r.ProfileID, direction, r.Source, r.Destination, r.Zone, r.Connect,
		first, r.InitInterval, follow, r.FollowInterval, r.FreeTime != 0, r.Rev, at(r.CreatedMS), at(r.UpdatedMS),
	}
}

const (
	feeColumns = `profile_id, direction, source, destination, zone, connect_micro, init_price_pico, init_per_s, init_interval_s,
		follow_price_pico, follow_per_s, follow_interval_s, free_time`
	selectFee = "SELECT id, " + feeColumns + ", rev, created_ms, updated_ms FROM prov_fees"
)

func (f Fee) columns() []any {
	return []any{
		f.ProfileID, f.Direction.String(), f.Source, f.Destination, f.Zone, f.Connect, f.Init.Pico(), f.Init.Per(), f.InitInterval,
		f.Follow.Pico(), f.Follow.Per(), f.FollowInterval, flag(f.FreeTime),
	}
}

// flag is a truth as it stands in the database.
func flag(v bool) int64 {
	if v {
		return 1
	}
	return 0
}

// Fees is the repository of fees.
type Fees struct{ on access }

const (
	maxPrefix   = 32
	maxInterval = 86400
)

func (f Fee) check() error {
	if f.Direction != billing.Out && f.Direction != billing.In {
		return invalid(KindFee, "direction", `not "in" or "out"`)
	}
	if f.InitInterval < 1 || f.InitInterval > maxInterval {
		return invalid(KindFee, "init_interval", "not 1 to 86400 seconds")
	}
	if f.FollowInterval < 1 || f.FollowInterval > maxInterval {
		return invalid(KindFee, "follow_interval", "not 1 to 86400 seconds")
	}
	return firstError(
		prefixOf("source", f.Source),
		prefixOf("destination", f.Destination),
		text(KindFee, "zone", f.Zone, 0, maxName),
	)
}

// prefixOf checks a prefix of a number; tariff.Fee takes the same.
func prefixOf(field, v string) error {
	if len(v) > maxPrefix {
		return invalid(KindFee, field, fmt.Sprintf("longer than %d characters", maxPrefix))
	}
	if strings.Trim(v, "0123456789*#+") != "" {
		return invalid(KindFee, field, "a prefix has digits, *, # and + only")
	}
	return nil
}

// Create adds fees, all or none, and returns them with their ids. [ErrConflict]
// on "destination" means that a fee with the same direction and prefixes is
// there.
func (r Fees) Create(ctx context.Context, fees ...Fee) ([]Fee, error) {
	out := append([]Fee(nil), fees...)
	for _, f := range out {
		if err := f.check(); err != nil {
			return nil, err
		}
	}
	if len(out) == 0 {
		return out, nil
	}
	err := r.on.update(ctx, func(tx *Tx) error {
		id, err := tx.nextIDs(ctx, "fee", int64(len(out)))
		if err != nil {
			return err
		}
		now := tx.store.now()
		for i := range out {
			out[i].ID, out[i].Rev, out[i].Created, out[i].Updated = id+int64(i), 1, at(now), at(now)
			tx.changed(KindBillingProfile, out[i].ProfileID, Updated)
		}
		err = tx.insertRows(ctx, "prov_fees", "id, rev, created_ms, updated_ms, "+feeColumns, len(out), func(i int) []any {
			return append([]any{out[i].ID, 1, now, now}, out[i].columns()...)
		})
		return missingParent(conflictOn(err, KindFee, "destination"), KindFee, "profile_id")
	})
	return out, err
}

// Find gives the fee with an id.
func (r Fees) Find(ctx context.Context, id int64) (Fee, error) {
	row, err := one[feeRow](ctx, r.on, selectFee+" WHERE id = ?", id)
	return row.value(), err
}

// FeeFilter selects fees; zero fields select all.
type FeeFilter struct {
	ProfileID   int64
	Direction   string // "out" or "in"
	Destination string // begins with
	Zone        string
}

func (f FeeFilter) where() (w where) {
	is(&w, "profile_id", f.ProfileID)
	is(&w, "direction", f.Direction)
	w.prefix("destination", f.Destination)
	is(&w, "zone", f.Zone)
	return w
}

// List gives one page of fees.
func (r Fees) List(ctx context.Context, f FeeFilter, p Page) (List[Fee], error) {
	return page(ctx, r.on, p, selectFee, "id", f.where(), feeRow.value, func(v Fee) int64 { return v.ID })
}

// Count counts what List lists.
func (r Fees) Count(ctx context.Context, f FeeFilter) (int64, error) {
	return count(ctx, r.on, "prov_fees", f.where())
}

// Update replaces a fee at the revision f.Rev and returns the new one. It
// stays with its profile.
func (r Fees) Update(ctx context.Context, f Fee) (Fee, error) {
	if err := f.check(); err != nil {
		return Fee{}, err
	}
	var out Fee
	err := r.on.update(ctx, func(tx *Tx) error {
		n, err := tx.exec(ctx, `UPDATE prov_fees SET direction = ?, source = ?, destination = ?, zone = ?, connect_micro = ?,
			init_price_pico = ?, init_per_s = ?, init_interval_s = ?, follow_price_pico = ?, follow_per_s = ?, follow_interval_s = ?, free_time = ?,
			rev = rev + 1, updated_ms = ? WHERE id = ? AND rev = ?`,
			append(f.columns()[1:], tx.store.now(), f.ID, f.Rev)...)
		if err != nil {
			return conflictOn(err, KindFee, "destination")
		}
		if err := tx.revised(ctx, n, "prov_fees", f.ID); err != nil {
			return err
		}
		if out, err = tx.Fees().Find(ctx, f.ID); err == nil {
			tx.changed(KindBillingProfile, out.ProfileID, Updated)
		}
		return err
	})
	return out, err
}

// Delete removes a fee.
func (r Fees) Delete(ctx context.Context, id, rev int64) error {
	return r.on.update(ctx, func(tx *Tx) error {
		f, err := tx.Fees().Find(ctx, id)
		if err != nil {
			return err
		}
		n, err := tx.exec(ctx, "DELETE FROM prov_fees WHERE id = ? AND rev = ?", id, rev)
		if err != nil {
			return err
		}
		tx.changed(KindBillingProfile, f.ProfileID, Updated)
		return tx.revised(ctx, n, "prov_fees", id)
	})
}
