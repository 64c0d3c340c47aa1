package directory

import (
	"context"
	"strings"
	"time"
)

// Domain is a SIP domain served by the platform; it is the digest realm of
// its subscribers too. Its name can not change: their credentials are bound
// to it.
type Domain struct {
	ID      int64  `db:"id"`
	Name    string `db:"name"`
	Rev     int64  `db:"rev"`
	Created time.Time
	Updated time.Time
}

type stamps struct {
	CreatedMS int64 `db:"created_ms"`
	UpdatedMS int64 `db:"updated_ms"`
}

type domainRow struct {
	Domain
	stamps
}

func (r domainRow) value() Domain {
	r.Domain.Created, r.Domain.Updated = at(r.CreatedMS), at(r.UpdatedMS)
	return r.Domain
}

const selectDomain = "SELECT id, name, rev, created_ms, updated_ms FROM prov_domains"

// Domains is the repository of domains.
type Domains struct{ on access }

// Create adds a domain. Names are kept in lower case.
func (d Domains) Create(ctx context.Context, name string) (Domain, error) {
	name = strings.ToLower(name)
	if err := domainName(name); err != nil {
		return Domain{}, err
	}
	var out Domain
	err := d.on.update(ctx, func(tx *Tx) error {
		id, err := tx.nextIDs(ctx, "domain", 1)
		if err != nil {
			return err
		}
		now := tx.store.now()
		_, err = tx.exec(ctx, "INSERT INTO prov_domains (id, name, rev, created_ms, updated_ms) VALUES (?, ?, 1, ?, ?)", id, name, now, now)
		if err != nil {
			return conflictOn(err, KindDomain, "name")
		}
		tx.changed(KindDomain, id, Created)
		out = Domain{ID: id, Name: name, Rev: 1, Created: at(now), Updated: at(now)}
		return nil
	})
	return out, err
}

// Find gives the domain with an id.
func (d Domains) Find(ctx context.Context, id int64) (Domain, error) {
	r, err := one[domainRow](ctx, d.on, selectDomain+" WHERE id = ?", id)
	return r.value(), err
}

// ByName gives the domain with a name, in any case.
func (d Domains) ByName(ctx context.Context, name string) (Domain, error) {
	r, err := one[domainRow](ctx, d.on, selectDomain+" WHERE name = ?", strings.ToLower(name))
	return r.value(), err
}

// DomainFilter selects domains; zero fields select all.
type DomainFilter struct {
	Name string // begins with
}

func (f DomainFilter) where() (w where) {
	w.prefix("name", strings.ToLower(f.Name))
	return w
}

// List gives one page of domains.
func (d Domains) List(ctx context.Context, f DomainFilter, p Page) (List[Domain], error) {
	return page(ctx, d.on, p, selectDomain, "id", f.where(), domainRow.value, func(v Domain) int64 { return v.ID })
}

// Count counts what List lists.
func (d Domains) Count(ctx context.Context, f DomainFilter) (int64, error) {
	return count(ctx, d.on, "prov_domains", f.where())
}

// Delete removes a domain without subscribers, [ErrInUse] otherwise. rev is
// the revision the caller saw.
func (d Domains) Delete(ctx context.Context, id, rev int64) error {
	return d.on.update(ctx, func(tx *Tx) error {
		return tx.remove(ctx, "prov_domains", KindDomain, id, rev)
	})
}
