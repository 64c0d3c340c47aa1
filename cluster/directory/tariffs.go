package directory

import (
	"context"
	"sync"
)

// Tariff is a billing profile with all its fees, in the order of their ids.
// It is shared by all who ask and must not be changed.
type Tariff struct {
	Profile BillingProfile
	Fees    []Fee
}

// Tariff gives the tariff of a billing profile, from memory until a change
// of the profile or of one of its fees.
func (r *Reader) Tariff(ctx context.Context, profileID int64) (*Tariff, error) {
	return r.tariffs.get(ctx, r, profileID)
}

// tariffCache holds tariffs by profile. A platform has few, and each is
// needed as long as the profile is, so none is forgotten but by a change.
type tariffCache struct {
	mu      sync.Mutex
	entries map[int64]*tariffEntry
}

type tariffEntry struct {
	mu      sync.Mutex // held while loading, so that one load is running
	tariff  *Tariff
	loaded  uint64 // the version that tariff is of
	version uint64 // number of changes + 1; guarded by tariffCache.mu
}

func (c *tariffCache) entry(id int64) (*tariffEntry, uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.entries[id]
	if e == nil {
		e = &tariffEntry{version: 1}
		c.entries[id] = e
	}
	return e, e.version
}

func (c *tariffCache) forget(id int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.entries[id]; e != nil {
		e.version++
	}
}

func (c *tariffCache) forgetAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range c.entries {
		e.version++
	}
}

func (c *tariffCache) get(ctx context.Context, r *Reader, id int64) (*Tariff, error) {
	e, version := c.entry(id)
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.tariff != nil && e.loaded >= version {
		return e.tariff, nil
	}
	t, err := r.store.tariff(ctx, id)
	if err != nil {
		return nil, err
	}
	e.tariff, e.loaded = t, version
	return t, nil
}

func (s *Store) tariff(ctx context.Context, id int64) (*Tariff, error) {
	p, err := s.BillingProfiles().Find(ctx, id)
	if err != nil {
		return nil, err
	}
	rows, err := all[feeRow](ctx, s, selectFee+" WHERE profile_id = ? ORDER BY id", id)
	if err != nil {
		return nil, err
	}
	t := &Tariff{Profile: p, Fees: make([]Fee, len(rows))}
	for i, r := range rows {
		t.Fees[i] = r.value()
	}
	return t, nil
}
