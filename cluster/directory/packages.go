package directory

import (
	"context"
	"encoding/json"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"github.com/class5-go/class5/billing/balance"
)

// Package is a bundle of rules of balances that accounts get by a top-up or a
// voucher that names it. Accounts remember the name: one whose package is
// deleted goes on by the rules of its billing profile's months.
//
// A package can bring billing profiles into force, with a top-up and when cash
// falls below a threshold: they become assignments of the contract, by which
// calls that begin from then on are rated. Whether the customer is prepaid, its
// currency and its limits are those of its own profile: a profile that differs
// in the first two does not come into force.
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

// document checks a package and writes it as it is stored. The profiles that it
// brings, and their networks, are billing profiles by their id and address
// blocks.
func (p *Package) document(ctx context.Context, on access) (string, error) {
	if err := charset(KindPackage, "name", p.Name, "-_.", 64); err != nil {
		return "", err
	}
	if len(p.Rules.Initial) > 0 {
		return "", invalid(KindPackage, "initial", "customers come by their packages by top-ups: the profiles of those are meant")
	}
	if (p.Rules.ProfileBelow == nil) != (len(p.Rules.Underrun) == 0) {
		return "", invalid(KindPackage, "underrun", "profiles and a threshold belong together")
	}
	t := balance.Terms{Packages: map[string]balance.Package{p.Name: p.Rules}, Profiles: map[string]balance.Profile{}}
	for _, m := range slices.Concat(p.Rules.TopUp, p.Rules.Underrun) {
		id, err := strconv.ParseInt(m.Profile, 10, 64)
		if err == nil {
			_, err = repositories{on}.BillingProfiles().Find(ctx, id)
		}
		if err != nil {
			return "", replace(err, err, invalid(KindPackage, "profiles", "no such billing profile"))
		}
		if network, err := netip.ParsePrefix(m.Network); m.Network != "" && (err != nil || network.Addr().Is4In6() || network != network.Masked()) {
			return "", invalid(KindPackage, "profiles", "not an address block in its shortest form")
		}
		t.Profiles[m.Profile] = balance.Profile{}
	}
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
	document, err := p.document(ctx, r.on)
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
		document, err := p.document(ctx, tx)
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
