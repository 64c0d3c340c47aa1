package guard

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// ErrFull means that no more prefixes can be banned.
var ErrFull = errors.New("guard: too many banned prefixes")

// Ban bans prefix for ttl, whatever is known of it and even if Config.Allow has
// it. Prefixes longer than an IPv6 /64 are widened to that. A ban of the same
// prefix that is in force is replaced.
func (g *Guard) Ban(now time.Time, prefix netip.Prefix, ttl time.Duration, reason Reason) error {
	p, err := normal(prefix)
	switch {
	case err != nil:
		return err
	case ttl <= 0 || ttl > longestBan:
		return fmt.Errorf("guard: a ban of %v", ttl)
	case reason == None || reason >= numReasons:
		return fmt.Errorf("guard: a ban for reason %d", reason)
	}
	one := p.IsSingleIP()
	if p.Addr().Is6() && p.Bits() >= 64 {
		one, p = true, netip.PrefixFrom(p.Addr(), 64).Masked()
	}
	b := Ban{Prefix: p, Reason: reason, Since: now, Until: now.Add(ttl), Strikes: 1}
	g.reload.Lock()
	defer g.reload.Unlock()
	r := g.rules.Load()
	g.counts.bans[reason].Add(1)
	if id, ok := sourceKey(p.Addr()); one && ok && !r.prefixes.allowed(p.Addr()) {
		if !g.bans.set(g.seed.source(id), banned{id: id, since: now.UnixNano(), until: b.Until.UnixNano(), reason: reason, strikes: 1}) {
			return ErrFull
		}
		return nil
	}
	wide := slices.DeleteFunc(slices.Clone(g.wide), func(w Ban) bool { return w.Prefix == p || !now.Before(w.Until) })
	if len(wide) >= r.cfg.Tables.Prefixes {
		return ErrFull
	}
	return g.replaceWide(r, append(wide, b))
}

// replaceWide puts other wide bans in force; the caller holds reload.
func (g *Guard) replaceWide(r *rules, wide []Ban) error {
	p, err := newPrefixes(r.cfg.Allow, r.cfg.Deny, wide)
	if err != nil {
		return err
	}
	next := *r
	next.prefixes = p
	g.wide = wide
	g.rules.Store(&next)
	return nil
}

// Unban ends all bans within prefix and reports how many. What was counted
// against their sources is forgotten.
func (g *Guard) Unban(now time.Time, prefix netip.Prefix) (int, error) {
	p, err := normal(prefix)
	if err != nil {
		return 0, err
	}
	if p.Addr().Is6() && p.Bits() > 64 {
		p = netip.PrefixFrom(p.Addr(), 64).Masked()
	}
	inside := func(b Ban) bool { return b.Prefix.Bits() >= p.Bits() && p.Contains(b.Prefix.Addr()) }
	n := 0
	for _, b := range g.sourceBans(now) {
		if id, ok := sourceKey(b.Prefix.Addr()); ok && inside(b) && g.bans.lift(g.seed.source(id), now.UnixNano(), false) {
			g.standing.forgive(g.seed.source(id))
			n++
		}
	}
	g.reload.Lock()
	defer g.reload.Unlock()
	wide := slices.DeleteFunc(slices.Clone(g.wide), inside)
	if len(wide) == len(g.wide) {
		return n, nil
	}
	n += len(g.wide) - len(wide)
	return n, g.replaceWide(g.rules.Load(), wide)
}

// Bans lists what is banned at now, ordered by prefix. It goes over the whole
// ban table.
func (g *Guard) Bans(now time.Time) []Ban {
	list := g.sourceBans(now)
	g.reload.Lock()
	for _, b := range g.wide {
		if now.Before(b.Until) {
			list = append(list, b)
		}
	}
	g.reload.Unlock()
	slices.SortFunc(list, func(a, b Ban) int {
		if c := a.Prefix.Addr().Compare(b.Prefix.Addr()); c != 0 {
			return c
		}
		return a.Prefix.Bits() - b.Prefix.Bits()
	})
	return list
}

func (g *Guard) sourceBans(now time.Time) (list []Ban) {
	t := now.UnixNano()
	g.bans.each(func(_ uint64, b *banned) {
		if t < b.until {
			list = append(list, Ban{Prefix: b.id.prefix(), Reason: b.reason, Since: time.Unix(0, b.since),
				Until: time.Unix(0, b.until), Strikes: int(b.strikes), Datagrams: b.datagrams})
		}
	})
	return list
}
