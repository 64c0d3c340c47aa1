package directory

import (
	"context"
	"strconv"
	"sync"
	"time"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/tariff"
)

// Tariff gives the tariff of a billing profile compiled for rating, from
// memory until the profile or one of its fees changes. The fees' identifiers
// in it are their ids in decimal digits. Unlike profiles, a tariff that has
// changed is not answered from memory when the database is away: a call can
// be rated later, and not at a price that was.
func (r *Reader) Tariff(ctx context.Context, profileID int64) (*tariff.Snapshot, error) {
	return r.tariffs.get(ctx, r.store, profileID)
}

// tariffCache holds tariffs by profile. A platform has few, and each is
// needed as long as the profile is, so none is forgotten but by a change.
type tariffCache struct {
	mu      sync.Mutex
	entries map[int64]*tariffEntry
	version uint64 // number of changes
}

type tariffEntry struct {
	loading  gate
	snapshot *tariff.Snapshot // nil: not loaded, or changed since; guarded by tariffCache.mu
	changed  uint64           // version of the last change
}

func (c *tariffCache) entry(id int64) (*tariffEntry, *tariff.Snapshot, uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.entries[id]
	if e == nil {
		e = &tariffEntry{loading: make(gate, 1)}
		c.entries[id] = e
	}
	return e, e.snapshot, c.version
}

func (c *tariffCache) forget(id int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.version++
	if e := c.entries[id]; e != nil {
		e.snapshot, e.changed = nil, c.version
	}
}

func (c *tariffCache) forgetAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.version++
	for _, e := range c.entries {
		e.snapshot, e.changed = nil, c.version
	}
}

func (c *tariffCache) get(ctx context.Context, s *Store, id int64) (*tariff.Snapshot, error) {
	e, snapshot, _ := c.entry(id)
	if snapshot != nil {
		return snapshot, nil
	}
	if err := e.loading.enter(ctx); err != nil {
		return nil, err
	}
	defer e.loading.leave()
	_, snapshot, version := c.entry(id)
	if snapshot != nil { // who was before us loaded it
		return snapshot, nil
	}
	snapshot, err := s.tariff(ctx, id)
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case err != nil && c.entries[id] == e:
		delete(c.entries, id) // ids that do not exist take no memory
	case err == nil && e.changed <= version:
		e.snapshot = snapshot
	}
	return snapshot, err
}

// tariff reads a profile and its fees, row by row: decks have up to half a
// million.
func (s *Store) tariff(ctx context.Context, id int64) (*tariff.Snapshot, error) {
	p, err := s.BillingProfiles().Find(ctx, id)
	if err != nil {
		return nil, err
	}
	zone, err := time.LoadLocation(p.TimeZone)
	if err != nil {
		return nil, damaged(id, err)
	}
	b, err := tariff.NewBuilder(tariff.Config{Name: p.Name, Currency: p.Currency, Location: zone})
	if err != nil {
		return nil, damaged(id, err)
	}
	err = each(ctx, s, func(r feeRow) error { return b.Add(r.value().compiled(p.Currency)) },
		selectFee+" WHERE profile_id = ?", id)
	if err != nil {
		return nil, err
	}
	snapshot, err := b.Build()
	if err != nil {
		return nil, damaged(id, err)
	}
	return snapshot, nil
}

func (f Fee) compiled(c billing.Currency) tariff.Fee {
	return tariff.Fee{
		ID: strconv.FormatInt(f.ID, 10), Direction: f.Direction, Destination: f.Destination, Source: f.Source, Zone: f.Zone,
		Connect: billing.NewAmount(f.Connect, c),
		Rate: tariff.Rate{
			Init:   tariff.Interval{Price: f.Init, Seconds: f.InitInterval},
			Follow: tariff.Interval{Price: f.Follow, Seconds: f.FollowInterval},
		},
	}
}

// gate is a lock that can be waited for under a context.
type gate chan struct{}

func (g gate) enter(ctx context.Context) error {
	select {
	case g <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (g gate) leave() { <-g }
