package call

import (
	"bytes"
	"crypto/rand"
	"strconv"
	"strings"
	"time"

	"github.com/class5-go/class5/sip/b2bua"
	"github.com/class5-go/class5/sip/dialog"
	"github.com/class5-go/class5/sip/proxy"
	"github.com/class5-go/class5/sip/transaction"
	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
)

// Core is the state of one shard. It implements shard.Core.
type Core struct {
	*Shared
	layer   *transaction.Layer
	proxy   *proxy.Proxy
	b2bua   *b2bua.B2BUA
	calls   *dialog.Tracker
	expired []dialog.Expired
	interim time.Time // next proofs of life
	parsed  wire.Message
	resumed wire.Message // a message that has waited
	asking  int          // questions to relays under way
	// informed are calls whose parties may have to be told of digits, by id.
	informed map[string]*limited
	closed   bool
	out      []byte
}

// New makes a core.
func New(s *Shared, send func(transport.Flow, []byte) error) *Core {
	c := &Core{Shared: s, informed: map[string]*limited{}}
	c.layer = transaction.New(transaction.Config{Send: send, User: c})
	self := s.Self.String()
	c.proxy = proxy.New(proxy.Config{
		Layer:   c.layer,
		SentBy:  func(transport.Flow) string { return self },
		Self:    c.isSelf,
		Resolve: s.Resolve,
	})
	c.b2bua = b2bua.New(b2bua.Config{
		Layer: c.layer, SentBy: func(transport.Flow) string { return self }, Host: self, Resolve: s.Resolve,
	})
	c.calls = dialog.New(dialog.Config{Observer: c})
	return c
}

func (c *Core) isSelf(host []byte, port uint16) bool {
	addr, ok := wire.ParseAddr(host)
	if port == 0 {
		port = 5060
	}
	return ok && addr == c.Self.Addr() && port == c.Self.Port()
}

// Advance implements shard.Core.
func (c *Core) Advance(now time.Time) (time.Time, bool) {
	expired, next, ok := c.calls.Advance(now, c.expired[:0])
	for _, e := range expired {
		c.byeBoth(now, e.Record, reason(408, e.Record.Cause))
	}
	c.expired = expired[:0]
	if c.running() > 0 {
		c.proveAlive(now)
		if !ok || c.interim.Before(next) {
			next, ok = c.interim, true
		}
	}
	at, armed := c.layer.Advance(now)
	if armed && (!ok || at.Before(next)) {
		return at, true
	}
	return next, ok
}

// running is the number of calls.
func (c *Core) running() int { return c.calls.Len() + c.b2bua.Len() }

// Close implements shard.Core: running calls end with the element, since
// their media do. What is asked of relays elsewhere then is still under way.
func (c *Core) Close(now time.Time) {
	c.closed = true
	c.closeLimited(now)
	var all []*dialog.Record
	c.calls.Each(func(r *dialog.Record) bool { all = append(all, r); return true })
	for _, r := range all {
		confirmed := r.State == dialog.Confirmed
		k := r.Facts.(*call)
		if k.begins != nil {
			k.abandon(now, dialog.CauseShutdown, 503, "")
			continue
		}
		if k.context != nil {
			k.context.Cancel(now, nil)
		}
		c.calls.End(now, r, dialog.CauseShutdown)
		if confirmed {
			c.byeBoth(now, r, "")
		}
	}
}

// End hangs up the call with an id, if this core has it.
func (c *Core) End(now time.Time, id string, cause dialog.Cause) {
	var found *dialog.Record
	c.calls.Each(func(r *dialog.Record) bool {
		if r.ID == id {
			found = r
		}
		return found == nil
	})
	if found != nil {
		c.hangUp(now, found, cause, reason(480, cause))
		return
	}
	c.endLimited(now, id, cause)
}

// reason is the value of a Reason header field (RFC 3326).
func reason(status int, cause dialog.Cause) string {
	return "SIP;cause=" + strconv.Itoa(status) + ";text=\"" + cause.String() + "\""
}

// hangUp ends a call. One that still rings is cancelled, and ends with the
// final response to that: an answer can cross the CANCEL.
func (c *Core) hangUp(now time.Time, r *dialog.Record, cause dialog.Cause, reason string) {
	k := r.Facts.(*call)
	switch {
	case r.State == dialog.Early && k.begins != nil:
		k.abandon(now, cause, 480, "")
	case r.State == dialog.Early && k.context != nil:
		k.doomed = true
		k.context.Cancel(now, []byte(reason))
	case r.State == dialog.Confirmed:
		c.calls.End(now, r, cause)
		c.byeBoth(now, r, reason)
	default:
		c.calls.End(now, r, cause)
	}
}

// byeBoth ends a dialog on both sides (RFC 3261 section 15): each gets a BYE
// as the other would have sent it.
func (c *Core) byeBoth(now time.Time, r *dialog.Record, reason string) {
	for _, side := range []dialog.Side{dialog.Caller, dialog.Callee} {
		branch := c.Self.String() + ";branch=" + string(c.layer.AppendBranch(nil))
		bye, err := r.AppendBye(c.out[:0], side, "SIP/2.0/UDP "+branch, reason)
		if err != nil || c.parsed.Parse(bye, nil) != nil {
			continue
		}
		c.out = bye
		hop := c.parsed.RequestURI()
		if v := c.parsed.Values(wire.HdrRoute); v.Next() {
			addr, err := wire.ParseNameAddr(v.Value())
			if err != nil {
				continue
			}
			hop = addr.URI
		}
		uri, err := wire.ParseURI(hop)
		if err != nil {
			continue
		}
		flow, err := c.Resolve(uri)
		if err != nil {
			c.Log.Warn("a side of an ended call cannot be told", "call_id", r.CallID, "side", side.String(), "error", err)
			continue
		}
		if flow.Protocol != transport.UDP {
			bye = bytes.Replace(bye, []byte("SIP/2.0/UDP "+branch), []byte("SIP/2.0/"+flow.Protocol.ViaToken()+" "+branch), 1)
		}
		_, _ = c.layer.NewClient(now, bye, flow, forget{}) // the call is over whatever they answer
	}
}

// forget is the user of a request whose outcome changes nothing.
type forget struct{}

func (forget) Response(time.Time, *transaction.Client, *wire.Message) {}
func (forget) Failed(time.Time, *transaction.Client, error)           {}

// dialogID is a new unique id and the Record-Route URI that carries it.
func (c *Core) dialogID(callID []byte) (id, uri string) {
	id = rand.Text()[:20]
	var b strings.Builder
	b.WriteString("sip:")
	b.WriteString(c.Self.String())
	b.WriteString(";lr;did=")
	b.WriteString(id)
	b.WriteByte('.')
	b.Write(c.Sign(nil, []byte(id), callID))
	return id, b.String()
}

// ownDialog returns the id in a Route that led here, if that was made by dialogID
// for the dialog of this Call-ID.
func (c *Core) ownDialog(own, callID []byte) (id string, ok bool) {
	uri, err := wire.ParseURI(own)
	if err != nil {
		return "", false
	}
	did, ok := uri.Params.Get("did")
	if !ok {
		return "", false
	}
	id, sig, ok := strings.Cut(string(did), ".")
	return id, ok && c.Verify([]byte(sig), []byte(id), callID)
}

func (c *Core) count(m *wire.Message, status int) {
	method := "other"
	if m.Method() != wire.MethodUnknown {
		method = string(m.MethodName())
	}
	c.Stats.Requests.WithLabelValues(method, strconv.Itoa(status)).Inc()
}
