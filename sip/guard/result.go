package guard

import (
	"bytes"
	"net/netip"
	"time"

	"github.com/class5-go/class5/sip/wire"
)

// Result notes how the authentication of user, as "name@domain", from src
// ended, as the proxy tells. A success also proves the address. user may be
// empty when the proxy does not know it.
func (g *Guard) Result(now time.Time, src netip.AddrPort, user []byte, ok bool) {
	id, valid := sourceKey(src.Addr())
	if !valid {
		return
	}
	r, t := g.rules.Load(), now.UnixNano()
	sec, h := seconds(t), g.seed.source(id)
	var who uint64
	if len(user) > 0 {
		who = g.seed.address(user)
	}
	if ok {
		g.counts.succeeded.Add(1)
		g.standing.succeed(h, id, sec)
		g.bans.lift(h, t, true)
		if who != 0 {
			g.known.add(g.seed.pair(who, h), sec)
		}
		return
	}
	g.counts.failed.Add(1)
	if r.prefixes.lookup(src.Addr(), t) != prefixAllow && g.standing.fail(h, id, sec, &r.auth) {
		overStream := within(sec, g.standing.get(h).stream, r.auth.window)
		g.offence(r, t, h, id, !overStream, AuthFailures)
	}
	if who != 0 && g.targets.fail(who, h, sec, &r.auth) {
		g.counts.bans[UserAttacked].Add(1)
	}
}

// address hashes "name@domain"; the name may hold an "@" itself.
func (s *seed) address(a []byte) uint64 {
	at := bytes.LastIndexByte(a, '@')
	if at < 0 {
		return s.user(a, nil)
	}
	return s.user(a[:at], a[at+1:])
}

// authenticates refuses attempts to authenticate as a protected user, or from
// a restricted source, unless the user has lately succeeded at this source.
func (c *context) authenticates() Rule {
	g, pass := c.g, Rule{Action: Pass}
	register := c.m.Method() == wire.REGISTER
	credentials := c.m.Count(wire.HdrAuthorization)+c.m.Count(wire.HdrProxyAuthorization) > 0
	if !register && !credentials {
		return pass
	}
	now := seconds(c.t)
	if c.p.Reliable() {
		// Who sends this over a connection is where it says. A datagram proves
		// nothing, so that Result, which does not see the transport, needs this.
		g.standing.prove(c.h, c.id, now, true)
	}
	restricted := c.t < g.standing.latest.Load() && now < g.standing.get(c.h).restricted
	if !restricted && c.t >= g.targets.latest.Load() {
		return pass
	}
	if !credentials {
		return c.judge(g.seed.user(c.to.user, c.to.host), restricted)
	}
	for _, id := range [...]wire.HeaderID{wire.HdrAuthorization, wire.HdrProxyAuthorization} {
		for v := c.m.Values(id); v.Next(); {
			cred, ok := readCredentials(v.Value())
			if !ok || !cred.digest {
				continue
			}
			if rule := c.judge(g.seed.credentials(&cred), restricted); rule.Action != Pass {
				return rule
			}
		}
	}
	return pass
}

func (c *context) judge(user uint64, restricted bool) Rule {
	g, now := c.g, seconds(c.t)
	attacked := g.targets.protected(user, now)
	if !attacked && !restricted || g.known.has(g.seed.pair(user, c.h), now, c.r.auth.known) {
		return Rule{Action: Pass}
	}
	if attacked {
		return c.refused(c.r.cfg.Auth.Refused, UserAttacked)
	}
	return c.refused(c.r.cfg.Auth.Refused, Restricted)
}

// credentials hashes the user of digest credentials: name@realm, or the name
// alone where it has a domain itself.
func (s *seed) credentials(c *credentials) uint64 {
	var room [longestUser]byte
	n := 0
	for i := 0; i < len(c.username) && n < len(room); i++ {
		if c.username[i] == '\\' && i+1 < len(c.username) {
			i++
		}
		room[n] = c.username[i]
		n++
	}
	return s.user(room[:n], c.realm)
}
