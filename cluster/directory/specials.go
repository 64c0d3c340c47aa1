package directory

import (
	"context"
	"time"
)

// Special is a number, dialled as it stands in any domain, that an
// application answers: a test number, a voice box.
type Special struct {
	ID      int64  `db:"id"`
	Number  string `db:"number"` // what is dialled: letters, digits, "*", "#", "+"
	App     string `db:"app"`    // name of the application, such as "announce"
	Rev     int64  `db:"rev"`
	Created time.Time
	Updated time.Time
}

type specialRow struct {
	Special
	stamps
}

func (r specialRow) value() Special {
	r.Special.Created, r.Special.Updated = at(r.CreatedMS), at(r.UpdatedMS)
	return r.Special
}

const selectSpecial = "SELECT id, number, app, rev, created_ms, updated_ms FROM prov_specials"

// Specials is the repository of special numbers.
type Specials struct{ on access }

// Create adds a special number.
func (r Specials) Create(ctx context.Context, number, app string) (Special, error) {
	err := firstError(charset(KindSpecial, "number", number, "*#+", 32), charset(KindSpecial, "app", app, "-_.", 64))
	if err != nil {
		return Special{}, err
	}
	var out Special
	err = r.on.update(ctx, func(tx *Tx) error {
		id, err := tx.nextIDs(ctx, "special", 1)
		if err != nil {
			return err
		}
		now := tx.store.now()
		_, err = tx.exec(ctx, "INSERT INTO prov_specials (id, number, app, rev, created_ms, updated_ms) VALUES (?, ?, ?, 1, ?, ?)", id, number, app, now, now)
		if err != nil {
			return conflictOn(err, KindSpecial, "number")
		}
		tx.changed(KindSpecial, id, Created)
		out = Special{id, number, app, 1, at(now), at(now)}
		return nil
	})
	return out, err
}

// Find gives the special number with an id.
func (r Specials) Find(ctx context.Context, id int64) (Special, error) {
	row, err := one[specialRow](ctx, r.on, selectSpecial+" WHERE id = ?", id)
	return row.value(), err
}

// List gives one page of special numbers.
func (r Specials) List(ctx context.Context, p Page) (List[Special], error) {
	return page(ctx, r.on, p, selectSpecial, "id", where{}, specialRow.value, func(v Special) int64 { return v.ID })
}

// Delete removes a special number.
func (r Specials) Delete(ctx context.Context, id, rev int64) error {
	return r.on.update(ctx, func(tx *Tx) error {
		return tx.remove(ctx, "prov_specials", KindSpecial, id, rev)
	})
}
