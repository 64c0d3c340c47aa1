package call

import (
	"errors"
	"net/url"
	"strings"
	"time"

	"github.com/class5-go/class5/cluster/directory"
	"github.com/class5-go/class5/sip/digest"
	"github.com/class5-go/class5/sip/proxy"
	"github.com/class5-go/class5/sip/transaction"
	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
)

// Request implements transaction.User.
func (c *Core) Request(now time.Time, tx *transaction.Server, m *wire.Message) {
	src, err := c.Edge(m, tx.Flow())
	switch {
	case err != nil:
		c.refuse(now, tx, m, 403, "Not From An Edge")
	case len(m.ToTag()) > 0:
		c.inDialog(now, tx, m, src)
	case m.Method() == wire.REGISTER:
		c.register(now, tx, m, src)
	case m.Method() == wire.INVITE:
		c.invite(now, tx, m, src)
	case m.Method() == wire.OPTIONS && c.forUs(m):
		c.refuse(now, tx, m, 200, "")
	case m.Method() == wire.MESSAGE, m.Method() == wire.OPTIONS:
		c.message(now, tx, m, src)
	case m.Method() == wire.SUBSCRIBE, m.Method() == wire.PUBLISH:
		c.refuse(now, tx, m, 489, "Bad Event")
	case m.Method() == wire.MethodUnknown:
		c.refuse(now, tx, m, 501, "")
	case m.Method() == wire.BYE, m.Method() == wire.UPDATE, m.Method() == wire.PRACK, m.Method() == wire.NOTIFY:
		c.refuse(now, tx, m, 481, "")
	default:
		c.refuse(now, tx, m, 405, "")
	}
}

// refuse answers a request here; the name fits because it is hardly ever 200.
func (c *Core) refuse(now time.Time, tx *transaction.Server, m *wire.Message, status int, reason string, extra ...wire.Field) {
	c.count(m, status)
	if status == 405 || status == 200 {
		extra = append(extra, wire.Field{ID: wire.HdrAllow, Value: []byte("INVITE, ACK, BYE, CANCEL, OPTIONS, REGISTER, UPDATE, PRACK, INFO, REFER, NOTIFY, MESSAGE")})
	}
	_ = tx.Reply(now, status, reason, extra...) // whoever asked is gone when this fails
}

// forUs: a request for the platform and nobody on it, or for this very element.
func (c *Core) forUs(m *wire.Message) bool {
	uri, err := wire.ParseURI(m.RequestURI())
	return err == nil && (len(uri.User) == 0 || c.isSelf(uri.Host, uri.Port))
}

// Cancel implements transaction.User.
func (c *Core) Cancel(now time.Time, invite *transaction.Server, m *wire.Message) {
	if w, ok := invite.Value.(*waiting); ok {
		w.cancel(now)
		return
	}
	if !c.proxy.Cancel(now, invite, m) {
		c.b2bua.Cancel(now, invite, m)
	}
}

// Stray implements transaction.User.
func (c *Core) Stray(time.Time, *wire.Message, transport.Flow) {}

// ServerFailed implements transaction.ServerFailureUser.
func (c *Core) ServerFailed(now time.Time, tx *transaction.Server, _ error) {
	if w, ok := tx.Value.(*waiting); ok {
		w.cancel(now)
		return
	}
	c.proxy.ServerFailed(now, tx)
	c.b2bua.ServerFailed(now, tx)
}

// caller authenticates the sender of a request outside of dialogs as a
// subscriber of ours, or answers it and returns nil.
func (c *Core) caller(now time.Time, tx *transaction.Server, m *wire.Message, src Source, role digest.Role, header wire.HeaderID) *directory.Profile {
	h, _ := m.First(header)
	addr, err := wire.ParseNameAddr(h.Value)
	if err != nil {
		c.refuse(now, tx, m, 400, "Bad "+header.Name())
		return nil
	}
	uri, err := wire.ParseURI(addr.URI)
	if err != nil || !uri.IsSIP() || len(uri.User) == 0 {
		c.refuse(now, tx, m, 400, "Bad "+header.Name())
		return nil
	}
	ctx, cancel := c.context()
	defer cancel()
	domain := strings.ToLower(string(uri.Host))
	switch local, err := c.Directory.LocalDomain(ctx, domain); {
	case err != nil:
		c.unavailable(now, tx, m, err)
		return nil
	case !local && role == digest.Origin:
		c.refuse(now, tx, m, 404, "Domain Not Served")
		return nil
	case !local:
		c.refuse(now, tx, m, 403, "Domain Not Served")
		return nil
	}
	origin := src.Addr.Addr().As16()
	x := &digest.Exchange{Role: role, Realm: domain, Origin: origin[:], Now: now}
	res := c.Digest.Verify(ctx, m, x)
	c.Stats.Auth.WithLabelValues(res.Outcome.String()).Inc()
	if res.Outcome != digest.OK {
		c.challenge(now, tx, m, x, res)
		return nil
	}
	return c.authorised(now, tx, m, string(res.User), wire.Unescape(uri.User), domain)
}

// challenge answers a request without good credentials and tells the edge
// about bad ones, which it counts against their sender.
func (c *Core) challenge(now time.Time, tx *transaction.Server, m *wire.Message, x *digest.Exchange, res digest.Result) {
	var extra []wire.Field
	switch res.Outcome {
	case digest.WrongPassword, digest.UnknownUser, digest.Replayed, digest.Malformed:
		extra = append(extra, edgeResult("fail", string(res.User), x.Realm, res.Answered, m))
	case digest.Unavailable:
		c.Log.Error("credentials are not to be had", "error", directory.Cause(res.Err))
	}
	b, err := c.Digest.AppendResponse(c.out[:0], m, x, res.Outcome, tx.Tag(), extra...)
	if err != nil {
		c.refuse(now, tx, m, 500, "")
		return
	}
	c.out = b
	c.count(m, c.Digest.Status(x.Role, res.Outcome))
	_ = tx.Respond(now, b) // whoever asked is gone when this fails
}

// longestUser bounds what somebody without credentials can make us say.
const longestUser = 128

// edgeResult tells the edge whose credentials were good or not, for its bans:
//
//	P-Edge-Result: auth=fail;user=alice@example.com;nonce=own;class=register
//
// nonce=own says that the credentials answer a challenge that was sent to the
// client's address: it is no forged one.
func edgeResult(auth, user, domain string, answered bool, m *wire.Message) wire.Field {
	v := "auth=" + auth
	if user != "" && len(user) <= longestUser {
		v += ";user=" + url.PathEscape(user+"@"+domain)
	}
	if answered {
		v += ";nonce=own"
	}
	return wire.Field{ID: wire.HdrPEdgeResult, Value: []byte(v + ";class=" + strings.ToLower(m.Method().String()))}
}

// authorised reads the subscriber and holds the name it claims against the
// one that it proved.
func (c *Core) authorised(now time.Time, tx *transaction.Server, m *wire.Message, proved, claimed, domain string) *directory.Profile {
	ctx, cancel := c.context()
	defer cancel()
	p, err := c.Directory.Subscriber(ctx, proved, domain)
	switch {
	case errors.Is(err, directory.ErrNotFound): // deleted between the two questions
		c.refuse(now, tx, m, 403, "")
		return nil
	case err != nil:
		c.unavailable(now, tx, m, err)
		return nil
	}
	if claimed != p.Username && !owns(p, claimed) {
		c.refuse(now, tx, m, 403, "Not Your Address")
		return nil
	}
	return p
}

func owns(p *directory.Profile, claimed string) bool {
	number, err := directory.CanonicalNumber(claimed)
	if err != nil {
		return false
	}
	for _, n := range p.Numbers {
		if n == number {
			return true
		}
	}
	return false
}

func (c *Core) unavailable(now time.Time, tx *transaction.Server, m *wire.Message, err error) {
	c.Log.Error("the directory does not answer", "error", directory.Cause(err))
	c.refuse(now, tx, m, 503, "", wire.Field{ID: wire.HdrRetryAfter, Value: []byte("10")})
}

// message routes a request that makes no dialog to all contacts of its target.
func (c *Core) message(now time.Time, tx *transaction.Server, m *wire.Message, src Source) {
	if r := c.proxy.Check(m); r != nil {
		c.proxy.Refuse(now, tx, r)
		return
	}
	if c.preloaded(m) {
		c.refuse(now, tx, m, 403, "Preloaded Route")
		return
	}
	p := c.caller(now, tx, m, src, digest.Proxy, wire.HdrFrom)
	if p == nil {
		return
	}
	plan := c.plan(m, of(p))
	targets, status, reason := c.targets(now, plan)
	if status != 0 {
		c.refuse(now, tx, m, status, reason)
		return
	}
	c.count(m, 0)
	c.proxy.Start(now, tx, m, proxy.Plan{Groups: targets, Call: letter{core: c, aor: plan.Callee.AoR()}})
}
