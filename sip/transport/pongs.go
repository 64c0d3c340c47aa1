package transport

import (
	"hash/maphash"
	"net/netip"
	"time"
)

const (
	pongSlots = 1024 // sources told apart at once
	pongRate  = 50   // answers in a second to one source
	pongBurst = 200
)

// pongLimit bounds how many keep-alives of one source are answered, so that
// nobody is shot at by way of us. A source is an IPv4 address or an IPv6 /64,
// and may be a whole company behind one address. The table does not grow; a
// source may push another out of its slot, which then starts anew.
type pongLimit struct {
	seed  maphash.Seed
	slots [pongSlots]struct {
		source netip.Addr
		tokens float32
		at     time.Time
	}
}

func newPongLimit() *pongLimit { return &pongLimit{seed: maphash.MakeSeed()} }

func (p *pongLimit) allow(from netip.Addr, now time.Time) bool {
	from = source(from)
	s := &p.slots[maphash.Comparable(p.seed, from)%pongSlots]
	if s.source != from {
		s.source, s.tokens, s.at = from, pongBurst, now
	}
	s.tokens = min(pongBurst, s.tokens+float32(max(0, now.Sub(s.at)).Seconds()*pongRate))
	s.at = now
	if s.tokens < 1 {
		return false
	}
	s.tokens--
	return true
}
