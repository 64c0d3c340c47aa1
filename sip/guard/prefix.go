package guard

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
)

type prefixAction uint8

const (
	prefixNone prefixAction = iota
	prefixAllow
	prefixDeny
	prefixBan
)

// prefixes answers which of many prefixes is the longest that an address is in.
// It is made once and never changed.
//
// Prefixes either contain one another or are apart, so they cut the addresses
// into runs, each with one answer; a binary search finds the run.
type prefixes struct{ lists, bans [2]runs } // IPv4, IPv6

// runs are the first addresses of runs in order, and what holds in them.
type runs struct {
	first []u128
	hold  []hold
}

type hold struct {
	action prefixAction
	until  int64 // of a ban
}

type u128 struct{ hi, lo uint64 }

func (a u128) less(b u128) bool { return a.hi < b.hi || a.hi == b.hi && a.lo < b.lo }

// number is an address as a number, and its family.
func number(a netip.Addr) (n u128, family int) {
	if a.Is4() || a.Is4In6() {
		b := a.As4()
		return u128{0, uint64(binary.BigEndian.Uint32(b[:]))}, 0
	}
	b := a.As16()
	return u128{binary.BigEndian.Uint64(b[:]), binary.BigEndian.Uint64(b[8:])}, 1
}

// block is a prefix as a range with what it says.
type block struct {
	first, last u128
	bits        int
	hold        hold
}

// newBlock wants a valid prefix.
func newBlock(p netip.Prefix, h hold) (b block, family int) {
	b.hold, b.bits = h, p.Bits()
	b.first, family = number(p.Addr())
	host := p.Addr().BitLen() - p.Bits()
	b.last = b.first
	if host >= 64 {
		b.last.lo = ^uint64(0)
		b.last.hi |= 1<<(host-64) - 1
	} else {
		b.last.lo |= 1<<host - 1
	}
	return b, family
}

// normal is p masked and with a mapped IPv4 address unmapped.
func normal(p netip.Prefix) (netip.Prefix, error) {
	if !p.IsValid() {
		return p, fmt.Errorf("guard: %v is no prefix", p)
	}
	if p.Addr().Is4In6() {
		if p.Bits() < 96 {
			return p, fmt.Errorf("guard: prefix %v is neither IPv4 nor IPv6", p)
		}
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return p.Masked(), nil
}

func newPrefixes(allow, deny []netip.Prefix, bans []Ban) (*prefixes, error) {
	var lists, banned [2][]block
	seen := map[netip.Prefix]prefixAction{}
	add := func(list []netip.Prefix, action prefixAction) error {
		for _, p := range list {
			p, err := normal(p)
			if err != nil {
				return err
			}
			if old := seen[p]; old != prefixNone && old != action {
				return fmt.Errorf("guard: prefix %v is both allowed and denied", p)
			}
			if seen[p] == prefixNone {
				seen[p] = action
				b, f := newBlock(p, hold{action: action})
				lists[f] = append(lists[f], b)
			}
		}
		return nil
	}
	if err := add(allow, prefixAllow); err != nil {
		return nil, err
	}
	if err := add(deny, prefixDeny); err != nil {
		return nil, err
	}
	for _, ban := range bans {
		b, f := newBlock(ban.Prefix, hold{prefixBan, ban.Until.UnixNano()})
		banned[f] = append(banned[f], b)
	}
	p := new(prefixes)
	for f := range 2 {
		p.lists[f], p.bans[f] = flatten(lists[f]), flatten(banned[f])
	}
	return p, nil
}

// flatten cuts nested blocks into runs. Of nested bans the later end holds.
func flatten(blocks []block) (r runs) {
	slices.SortFunc(blocks, func(a, b block) int {
		switch {
		case a.first.less(b.first):
			return -1
		case b.first.less(a.first):
			return 1
		}
		return a.bits - b.bits
	})
	var open []block
	closeUntil := func(limit *u128) {
		for len(open) > 0 {
			inner := open[len(open)-1]
			if limit != nil && !inner.last.less(*limit) {
				return
			}
			open = open[:len(open)-1]
			if next, ok := inner.last.next(); ok {
				var h hold
				if len(open) > 0 {
					h = open[len(open)-1].hold
				}
				r.add(next, h)
			}
		}
	}
	for _, b := range blocks {
		closeUntil(&b.first)
		if len(open) > 0 {
			b.hold.until = max(b.hold.until, open[len(open)-1].hold.until)
		}
		open = append(open, b)
		r.add(b.first, b.hold)
	}
	closeUntil(nil)
	return r
}

// add starts a run; one that has no length is overwritten.
func (r *runs) add(first u128, h hold) {
	if n := len(r.first); n > 0 && r.first[n-1] == first {
		r.hold[n-1] = h
		return
	}
	r.first, r.hold = append(r.first, first), append(r.hold, h)
}

func (a u128) next() (u128, bool) {
	if a.lo++; a.lo == 0 {
		if a.hi++; a.hi == 0 {
			return a, false
		}
	}
	return a, true
}

func (r *runs) find(a u128) hold {
	lo, hi := 0, len(r.first)
	for lo < hi {
		if mid := int(uint(lo+hi) >> 1); a.less(r.first[mid]) {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	if lo == 0 {
		return hold{}
	}
	return r.hold[lo-1]
}

// lookup is what holds for an address at now: a ban before anything else.
func (p *prefixes) lookup(a netip.Addr, now int64) prefixAction {
	f := 0
	if a.Is6() && !a.Is4In6() {
		f = 1
	}
	if len(p.bans[f].first) == 0 && len(p.lists[f].first) == 0 {
		return prefixNone
	}
	n, _ := number(a)
	if h := p.bans[f].find(n); h.action == prefixBan && now < h.until {
		return prefixBan
	}
	return p.lists[f].find(n).action
}

// allowed reports whether a is in Config.Allow.
func (p *prefixes) allowed(a netip.Addr) bool {
	n, f := number(a)
	return p.lists[f].find(n).action == prefixAllow
}
