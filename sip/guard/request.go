package guard

import (
	"net/netip"
	"time"

	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
)

// Request decides about a parsed request from outside that Source has let
// through: by the traps, the sanity table, the buckets of its method and its
// user, and the rules for authentication. When pass is false the request is
// answered with status and text, or dropped when status is 0. An ACK is never
// answered.
//
// Requests with a To-tag other than REGISTER, ACK and CANCEL belong to a dialog
// or transaction that was decided about before: they are held against traps and
// sanity table only, and the caller checks their token.
func (g *Guard) Request(now time.Time, src netip.AddrPort, p transport.Protocol, m *wire.Message) (pass bool, status int, text string) {
	r, t := g.rules.Load(), now.UnixNano()
	c := context{g: g, r: r, t: t, p: p, m: m}
	var ok bool
	if c.id, ok = sourceKey(src.Addr()); !ok {
		g.refuse(Denied)
		return false, 0, ""
	}
	c.h = g.seed.source(c.id)
	trusted := r.prefixes.lookup(src.Addr(), t) == prefixAllow
	rule := Rule{Action: Pass}
	if !trusted {
		rule = c.trap()
	}
	if rule.Action == Pass {
		if rule = c.sane(); rule.Action == Pass && !trusted && c.opens() {
			rule = c.limit()
		}
	}
	switch {
	case rule.Action == Pass:
		return true, 0, ""
	case rule.Action == Drop || m.Method() == wire.ACK:
		return false, 0, ""
	}
	return false, rule.Status, rule.Text
}

// context is one request on its way through the tables.
type context struct {
	g        *Guard
	r        *rules
	m        *wire.Message
	t        int64
	h        uint64 // of the source
	id       sourceID
	p        transport.Protocol
	from, to party
}

// refused counts rule for reason, unless it is to pass.
func (c *context) refused(rule Rule, reason Reason) Rule {
	if rule.Action != Pass {
		c.g.refuse(reason)
	}
	return rule
}

// trap looks at what scanners say of themselves and whom they call.
func (c *context) trap() Rule {
	traps := &c.r.cfg.Traps
	agent, ok := c.m.First(wire.HdrUserAgent)
	switch {
	case !ok:
		if traps.Absent.Action != Pass {
			return c.refused(traps.Absent, NoUserAgent)
		}
	case len(agent.Value) == 0:
		if traps.Empty.Action != Pass {
			return c.refused(traps.Empty, EmptyAgent)
		}
	case c.r.agents.match(agent.Value):
		return c.caught(traps.UserAgent, Scanner)
	}
	if len(c.r.users) > 0 && c.r.nobody(c.m) {
		return c.caught(traps.User, TrapUser)
	}
	return Rule{Action: Pass}
}

func (c *context) caught(rule Rule, reason Reason) Rule {
	if !c.r.cfg.Traps.NoBan && rule.Action != Pass {
		c.g.offence(c.r, c.t, c.h, c.id, !c.p.Reliable(), reason)
	}
	return c.refused(rule, reason)
}

// nobody reports whether the request is for a trap user.
func (r *rules) nobody(m *wire.Message) bool {
	uri := m.RequestURI()
	if m.Method() == wire.REGISTER {
		h, _ := m.First(wire.HdrTo)
		uri = bareURI(h.Value)
	}
	u, err := wire.ParseURI(uri)
	if err != nil || len(u.User) == 0 || len(u.User) > longestUser {
		return false
	}
	var room [longestUser]byte
	for i, ch := range u.User {
		room[i] = lower(ch)
	}
	_, found := r.users[string(room[:len(u.User)])]
	return found
}

// sane holds the request against the sanity table.
func (c *context) sane() Rule {
	c.from, c.to = readParty(c.m, wire.HdrFrom), readParty(c.m, wire.HdrTo)
	if check, bad := c.r.insane(c.m, &c.from, &c.to); bad {
		c.g.counts.checks[check].Add(1)
		return c.refused(c.r.checks[check], Insane)
	}
	return Rule{Action: Pass}
}

// opens reports whether the request starts something.
func (c *context) opens() bool {
	switch c.m.Method() {
	case wire.REGISTER:
		return true
	case wire.ACK, wire.CANCEL:
		return false
	}
	return c.m.ToTag() == nil
}

// limit takes from the buckets of method and user. Where one is empty, a user
// that is known at this source still has one that is theirs alone: so neither
// somebody who forges the source's address nor one who claims to be the user
// keeps the user out.
func (c *context) limit() Rule {
	g, r := c.g, c.r
	if rule := c.authenticates(); rule.Action != Pass {
		return rule
	}
	sender := &c.from
	if c.m.Method() == wire.REGISTER {
		sender = &c.to
	}
	user := g.seed.user(sender.user, sender.host)
	class := classOf(c.m.Method())
	var reason Reason
	switch {
	case !g.methods.take(salted(c.h, channel(c.p)|saltMethod*(uint64(class)+1)), c.t, r.methods[class]):
		reason = MethodRate
	case sender.user != nil && !g.users.take(user, c.t, r.user):
		reason = UserRate
	default:
		return Rule{Action: Pass}
	}
	pair := g.seed.pair(user, c.h)
	if g.known.has(pair, seconds(c.t), r.auth.known) && g.users.take(pair, c.t, r.user) {
		return Rule{Action: Pass}
	}
	if reason == MethodRate {
		g.flooding(r, c.t, c.h, c.id, c.p)
	}
	return c.refused(Rule{Action: Drop}, reason)
}
