package directory

import (
	"context"
	"sync/atomic"
)

// catalog is what is small enough to be held whole.
type catalog struct {
	domains  map[string]int64
	specials map[string]string // number to application
	peers    *peering
	version  uint64
}

// catalogCache gives the catalog of now: read on first use and after a
// change.
type catalogCache struct {
	current atomic.Pointer[catalog]
	version atomic.Uint64 // number of changes
	loading gate
}

func (c *catalogCache) forget() { c.version.Add(1) }

func (c *catalogCache) get(ctx context.Context, r *Reader) (*catalog, error) {
	if now := c.current.Load(); now != nil && now.version == c.version.Load() {
		return now, nil
	}
	if err := c.loading.enter(ctx); err != nil {
		return nil, err
	}
	defer c.loading.leave()
	now := c.current.Load()
	version := c.version.Load()
	if now != nil && now.version == version {
		return now, nil
	}
	read, err := r.store.catalog(ctx)
	if err != nil {
		if now != nil && ctx.Err() == nil {
			return now, nil // an old answer is better than none
		}
		return nil, err
	}
	read.version = version
	c.current.Store(read)
	return read, nil
}

func (s *Store) catalog(ctx context.Context) (*catalog, error) {
	c := &catalog{domains: map[string]int64{}, specials: map[string]string{}}
	domains, err := all[domainRow](ctx, s, selectDomain)
	if err != nil {
		return nil, err
	}
	for _, d := range domains {
		c.domains[d.Name] = d.ID
	}
	specials, err := all[specialRow](ctx, s, selectSpecial)
	if err != nil {
		return nil, err
	}
	for _, v := range specials {
		c.specials[v.Number] = v.App
	}
	peers, err := all[peerRow](ctx, s, selectPeer+" ORDER BY id")
	c.peers = newPeering(peers)
	return c, err
}
