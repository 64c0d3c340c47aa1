package directory

import (
	"context"
	"encoding/json"
	"time"

	"github.com/class5-go/class5/billing/balance"
)

// Package is a bundle of rules of balances that accounts get by a top-up or a
// voucher that names it. Accounts remember the name: one whose package is
// deleted goes on by the rules of its billing profile's months.
type Package struct {
	ID      int64
	Name    string // letters, digits and "-_."
	Rules   balance.Package
	Rev     int64
	Created time.Time
	Updated time.Time
}

type packageRow struct {
	ID       int64  `db:"id"`
	Name     string `db:"name"`
	Document string `db:"document"`
	Rev      int64  `db:"rev"`
	stamps
}

func (r packageRow) value() (Package, error) {
	p := Package{ID: r.ID, Name: r.Name, Rev: r.Rev, Created: at(r.CreatedMS), Updated: at(r.UpdatedMS)}
	if err := json.Unmarshal([]byte(r.Document), &p.Rules); err != nil {
		return p, damaged(r.ID, err)
	}
	return p, nil
}

const selectPackage = "SELECT id, name, document, rev, created_ms, updated_ms FROM prov_packages"

// Packages is the repository of packages.
type Packages struct{ on access }

// document checks a package and writes it as it is stored. Which profile a
// customer has is its contract's to say, and not its package's.
func (p *Package) document() (string, error) {
	if err := charset(KindPackage, "name", p.Name, "-_.", 64); err != nil {
		return "", err
	}
	if len(p.Rules.Initial)+len(p.Rules.Underrun)+len(p.Rules.TopUp) > 0 {
		return "", invalid(KindPackage, "profiles", "a package changes no billing profile")
	}
	t := balance.Terms{Packages: map[string]balance.Package{p.Name: p.Rules}}
	if err := t.Check(); err != nil {
		return "", invalid(KindPackage, "rules", err.Error())
	}
	b, err := json.Marshal(p.Rules)
	if err != nil || len(b) > 20_000 {
		return "", invalid(KindPackage, "rules", "too long")
	}
	return string(b), nil
}

// Create adds a package. ID, Rev and times of p are ignored.
func (r Packages) Create(ctx context.Context, p Package) (Package, error) {
	document, err := p.document()
	if err != nil {
		return Package{}, err
	}
	err = r.on.update(ctx, func(tx *Tx) error {
		id, err := tx.nextIDs(ctx, "package", 1)
		if err != nil {
			return err
		}
		now := tx.store.now()
		_, err = tx.exec(ctx, "INSERT INTO prov_packages (id, name, document, rev, created_ms, updated_ms) VALUES (?, ?, ?, 1, ?, ?)", id, p.Name, document, now, now)
		if err != nil {
			return conflictOn(err, KindPackage, "name")
		}
		tx.changed(KindPackage, id, Created)
		p.ID, p.Rev, p.Created, p.Updated = id, 1, at(now), at(now)
		return nil
	})
	return p, err
}

// Find gives the package with an id.
func (r Packages) Find(ctx context.Context, id int64) (Package, error) {
	row, err := one[packageRow](ctx, r.on, selectPackage+" WHERE id = ?", id)
	if err != nil {
		return Package{}, err
	}
	return row.value()
}

// List gives one page of packages.
func (r Packages) List(ctx context.Context, p Page) (List[Package], error) {
	rows, err := page(ctx, r.on, p, selectPackage, "id", where{}, func(r packageRow) packageRow { return r }, func(v packageRow) int64 { return v.ID })
	out := List[Package]{Next: rows.Next}
	for _, row := range rows.Items {
		v, bad := row.value()
		if bad != nil {
			return out, bad
		}
		out.Items = append(out.Items, v)
	}
	return out, err
}

// Update replaces the rules of a package at the revision p.Rev. Its name
// stays: accounts know it by that.
func (r Packages) Update(ctx context.Context, p Package) (Package, error) {
	var out Package
	err := r.on.update(ctx, func(tx *Tx) error {
		old, err := tx.Packages().Find(ctx, p.ID)
		if err != nil {
			return err
		}
		if p.Name != old.Name {
			return invalid(KindPackage, "name", "can not be changed")
		}
		document, err := p.document()
		if err != nil {
			return err
		}
		n, err := tx.exec(ctx, "UPDATE prov_packages SET document = ?, rev = rev + 1, updated_ms = ? WHERE id = ? AND rev = ?", document, tx.store.now(), p.ID, p.Rev)
		if err != nil {
			return err
		}
		if err := tx.revised(ctx, n, "prov_packages", p.ID); err != nil {
			return err
		}
		tx.changed(KindPackage, p.ID, Updated)
		out, err = tx.Packages().Find(ctx, p.ID)
		return err
	})
	return out, err
}

// Delete removes a package.
func (r Packages) Delete(ctx context.Context, id, rev int64) error {
	return r.on.update(ctx, func(tx *Tx) error { return tx.remove(ctx, "prov_packages", KindPackage, id, rev) })
}
