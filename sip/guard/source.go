package guard

import (
	"net/netip"
	"time"

	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
)

// Source decides before anything is parsed whether a message of src is taken:
// by prefixes, bans and the source's bucket. False means to drop it, unless
// SecondLook offers something else.
func (g *Guard) Source(now time.Time, src netip.AddrPort, p transport.Protocol) bool {
	r, t := g.rules.Load(), now.UnixNano()
	switch r.prefixes.lookup(src.Addr(), t) {
	case prefixAllow:
		return true
	case prefixDeny:
		return g.refuse(Denied)
	case prefixBan:
		return g.refuse(Banned)
	}
	id, ok := sourceKey(src.Addr())
	if !ok {
		return g.refuse(Denied)
	}
	h := g.seed.source(id)
	if g.bans.refuses(h, t, !p.Reliable(), r.bans.trickle) {
		return g.refuse(Banned)
	}
	if g.sources.take(salted(h, channel(p)), t, r.source) {
		return true
	}
	g.flooding(r, t, h, id, p)
	return g.refuse(SourceRate)
}

// SecondLook reports whether a message that Source refused may be parsed all
// the same, to see whether it carries a token of ours. It may when src has
// proved its address lately, which a connection does by itself, and nobody has
// banned it by hand. If a token is
// found and opens, ask Dialog; whatever has none stays refused.
//
// All sources together share Limits.SecondLooks, so that a flood costs no more
// than that.
func (g *Guard) SecondLook(now time.Time, src netip.AddrPort, p transport.Protocol) bool {
	id, ok := sourceKey(src.Addr())
	if !ok {
		return false
	}
	// First what nearly always says no, for this is where floods end.
	r, t, h := g.rules.Load(), now.UnixNano(), g.seed.source(id)
	if !p.Reliable() && !within(seconds(t), g.standing.proved(h), r.bans.proof) {
		return false
	}
	if r.prefixes.lookup(src.Addr(), t) != prefixNone {
		return false
	}
	if b, banned := g.bans.active(h, t); banned && b.reason == Manual {
		return false
	}
	return g.looks.take(t, r.looks)
}

// Dialog decides about a message with a valid token from a source that Source
// refused. It has a bucket of its own, which nobody can empty who has not seen
// a token made for this source.
func (g *Guard) Dialog(now time.Time, src netip.AddrPort, p transport.Protocol) bool {
	r := g.rules.Load()
	id, ok := sourceKey(src.Addr())
	return ok && g.sources.take(salted(g.seed.source(id), saltDialog|channel(p)), now.UnixNano(), r.dialog)
}

// Malformed decides about a message that package wire refused for reason and
// that would be answered with status. It returns the status to answer with, or
// 0 to drop the message. What would not be answered (status 0), such as a
// response or an ACK, never is.
func (g *Guard) Malformed(now time.Time, src netip.AddrPort, p transport.Protocol, reason wire.Reason, status int) int {
	r, t := g.rules.Load(), now.UnixNano()
	g.counts.malformed[reason].Add(1)
	if row := r.bad[reason]; status != 0 {
		switch row.Action {
		case Drop:
			status = 0
		case Reply:
			status = row.Status
		}
	}
	id, ok := sourceKey(src.Addr())
	if !ok || r.prefixes.lookup(src.Addr(), t) == prefixAllow {
		return status
	}
	h := g.seed.source(id)
	if g.sources.take(salted(h, channel(p)|saltGarbage), t, r.garbage) {
		return status
	}
	g.refuse(Garbage)
	g.flooding(r, t, h, id, p)
	return 0
}

// Proved notes that src has answered correctly to something that was sent to
// it: a request with a token of ours, a response with our Via, credentials with
// a nonce of ours. Only then can datagrams earn it a ban longer than
// Bans.Unproved.
func (g *Guard) Proved(now time.Time, src netip.AddrPort, p transport.Protocol) {
	if id, ok := sourceKey(src.Addr()); ok {
		g.standing.prove(g.seed.source(id), id, seconds(now.UnixNano()), p.Reliable())
	}
}

// flooding counts a message for which a bucket was empty. Who goes on all the
// same is banned, which is cheaper and can be left to the network card.
func (g *Guard) flooding(r *rules, t int64, h uint64, id sourceID, p transport.Protocol) {
	if !g.sources.take(salted(h, channel(p)|saltFlood), t, r.flood) {
		g.offence(r, t, h, id, !p.Reliable(), Flood)
	}
}

// offence bans a source if what is known of it allows that.
//
// Who forges source addresses can make anybody offend. So a source at which a
// user has lately succeeded is never banned for an offence; when passwords are
// guessed there, only the users known there may authenticate. Datagrams of an
// unproved source ban it for a short time, and for datagrams alone.
func (g *Guard) offence(r *rules, t int64, h uint64, id sourceID, forgeable bool, reason Reason) {
	now, s := seconds(t), g.standing.get(h)
	if within(now, s.success, r.bans.proof) {
		if reason == AuthFailures && g.standing.restrict(h, now, &r.auth) {
			g.counts.bans[Restricted].Add(1)
		}
		return
	}
	b := banned{id: id, since: t, reason: reason}
	b.datagrams = forgeable && !within(now, s.proved, r.bans.proof)
	if g.bans.add(h, b, &r.bans) {
		g.counts.bans[reason].Add(1)
	}
}
