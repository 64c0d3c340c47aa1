package call

import (
	"strconv"
	"time"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/cluster/directory"
	"github.com/class5-go/class5/sip/digest"
	"github.com/class5-go/class5/sip/routing"
	"github.com/class5-go/class5/sip/transaction"
	"github.com/class5-go/class5/sip/wire"
)

// origin is who calls: a subscriber of ours, or somebody behind a foreign
// network.
type origin struct {
	billing.Endpoint
	subscriber *directory.Profile // nil for a foreign network's
}

func (o *origin) prepaid() bool { return o.subscriber != nil && o.subscriber.Prepaid }

// of is the origin that a subscriber is.
func of(p *directory.Profile) *origin {
	return &origin{subscriber: p, Endpoint: billing.Endpoint{
		Subscriber: strconv.FormatInt(p.SubscriberID, 10), Account: strconv.FormatInt(p.CustomerID, 10),
		User: p.Username, Domain: p.Domain, Number: p.Number(),
	}}
}

// origin finds out who calls, or answers the request and returns nil. What comes
// from the addresses of a foreign network is the network's, whatever it says: it
// vouches for its callers.
func (c *Core) origin(now time.Time, tx *transaction.Server, m *wire.Message, src Source) *origin {
	peer, err := c.peer(src)
	if err != nil {
		c.unavailable(now, tx, m, err)
		return nil
	}
	if peer == "" {
		if p := c.caller(now, tx, m, src, digest.Proxy, wire.HdrFrom); p != nil {
			return of(p)
		}
		return nil
	}
	h, _ := m.First(wire.HdrFrom)
	o := &origin{Endpoint: billing.Endpoint{Peer: peer}}
	addr, err := wire.ParseNameAddr(h.Value)
	if err != nil {
		c.refuse(now, tx, m, 400, "Bad From")
		return nil
	}
	if uri, err := wire.ParseURI(addr.URI); err == nil && uri.IsSIP() { // others hide their number
		o.User, o.Domain = wire.Unescape(uri.User), string(uri.Host)
		o.Number = o.User
		if n, ok := routing.E164(o.User); ok {
			o.Number = n
		}
	}
	return o
}

// peer is the foreign network that a request comes from.
func (c *Core) peer(src Source) (string, error) {
	if c.Peering == nil || !src.Addr.IsValid() {
		return "", nil
	}
	ctx, cancel := c.context()
	defer cancel()
	return c.Peering.PeerAt(ctx, src.Addr.Addr())
}
