package resolve

import (
	"encoding/binary"
	"slices"
	"time"
)

// weight is w as a share; see Server.Weight.
func weight(w uint16, all bool) float64 {
	switch {
	case w > 0:
		return float64(w)
	case all:
		return 1
	}
	return 0.01
}

func unweighted(tier []Server) bool {
	for i := range tier {
		if tier[i].Weight > 0 {
			return false
		}
	}
	return true
}

// choose picks the target of an answer for the transaction with this hash, if it
// can another than the one it failed with. With probe set the caller waits for an
// answer and may try a target whose time on the list of the dead is over.
func (a *Answer) choose(now time.Time, key uint64, h hasher, d *Dead, probe bool, but Target) (Target, bool) {
	for _, tier := range a.Tiers {
		// A target whose time is over can be taken by another caller between
		// looking and taking; then the next best is looked for, which is rare.
		for range 3 {
			best := bestOf(now, tier, key, h, d, but)
			if best == nil {
				break
			}
			if d.usable(now, *best, probe) {
				return *best, true
			}
		}
	}
	return a.leastDead(now, d)
}

// bestOf is the highest ranked of the targets that are not dead.
func bestOf(now time.Time, tier []Server, key uint64, h hasher, d *Dead, but Target) *Target {
	var best *Target
	var top float64
	all := unweighted(tier)
	for i := range tier {
		s := &tier[i]
		t, id := bestAddress(now, s, key, h, d, but)
		if t == nil {
			continue
		}
		if v := score(key, id, weight(s.Weight, all)); best == nil || v > top {
			best, top = t, v
		}
	}
	return best
}

// bestAddress is the highest ranked address of a server that is not dead. The
// server's own rank goes by all its addresses, so that a dead one does not move
// transactions from or to other servers.
func bestAddress(now time.Time, s *Server, key uint64, h hasher, d *Dead, but Target) (best *Target, id uint64) {
	var top float64
	for i := range s.Targets {
		t := &s.Targets[i]
		tid := targetID(h, t)
		id ^= mix(tid)
		if _, dead := d.listed(now, *t); dead || *t == but {
			continue
		}
		if v := score(mix(key), tid, 1); best == nil || v > top {
			best, top = t, v
		}
	}
	return best, id
}

func targetID(h hasher, t *Target) uint64 {
	var b [19]byte
	a := t.Addr.Addr().As16()
	copy(b[:], a[:])
	binary.BigEndian.PutUint16(b[16:], t.Addr.Port())
	b[18] = byte(t.Protocol)
	return h.sum(b[:])
}

// leastDead is the target that failed first.
func (a *Answer) leastDead(now time.Time, d *Dead) (least Target, ok bool) {
	var first time.Time
	for _, tier := range a.Tiers {
		for _, s := range tier {
			for _, t := range s.Targets {
				if failed, _ := d.listed(now, t); !ok || failed.Before(first) {
					least, first, ok = t, failed, true
				}
			}
		}
	}
	return least, ok
}

// order returns all targets in the order to try them in for a key, the dead
// ones last, those that failed first before the others.
func (a *Answer) order(now time.Time, key uint64, d *Dead) []Target {
	type ranked struct {
		Target
		tier          int
		server, place float64
	}
	var live, dead []ranked
	var h hasher // the key is random already
	for i, tier := range a.Tiers {
		all := unweighted(tier)
		for _, s := range tier {
			var id uint64
			for j := range s.Targets {
				id ^= mix(targetID(h, &s.Targets[j]))
			}
			rank := score(key, id, weight(s.Weight, all))
			for j := range s.Targets {
				r := ranked{s.Targets[j], i, rank, score(mix(key), targetID(h, &s.Targets[j]), 1)}
				if failed, isDead := d.listed(now, r.Target); isDead {
					r.tier, r.server, r.place = 0, 0, -float64(failed.UnixNano())
					dead = append(dead, r)
				} else {
					live = append(live, r)
				}
			}
		}
	}
	before := func(x, y ranked) int {
		switch {
		case x.tier != y.tier:
			return x.tier - y.tier
		case x.server != y.server:
			return descending(x.server, y.server)
		}
		return descending(x.place, y.place)
	}
	slices.SortStableFunc(live, before)
	slices.SortStableFunc(dead, before)
	out := make([]Target, 0, len(live)+len(dead))
	for _, r := range append(live, dead...) {
		out = append(out, r.Target)
	}
	return out
}

func descending(x, y float64) int {
	switch {
	case x > y:
		return -1
	case x < y:
		return 1
	}
	return 0
}
