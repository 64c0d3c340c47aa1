package transport

import (
	"net/netip"
	"strings"
)

// aliasDomains is the most domains of one certificate that are remembered.
const aliasDomains = 16

// Alias lets Dial use a connection that a peer opened (RFC 5923), for TLS to the
// flow's remote address with the given port, which is that of the peer's
// sent-by, and to any SIP domain of its certificate. It is to be called when a
// request with the parameter alias in its topmost Via came over flow. The peer
// must have proved by a certificate who it is: ErrNotVerified otherwise. A
// connection already in the pool stays there.
func (e *Endpoint) Alias(flow Flow, port uint16) error {
	c := (*conn)(nil)
	if flow.Protocol == TLS && port != 0 {
		c = e.conns.find(&flow)
	}
	switch {
	case c == nil:
		return ErrFlowGone
	case !c.accepted || c.via != nil: // a balancer's port leads nowhere
		return ErrNotVerified
	}
	s := c.tls.ConnectionState()
	leaf := c.verifiedLeaf(&s)
	if leaf == nil {
		return ErrNotVerified
	}
	var keys []dialKey
	for _, d := range Domains(leaf) {
		if !strings.HasPrefix(d, "*") && len(keys) < aliasDomains {
			keys = append(keys, dialKey{listener: flow.Listener, protocol: TLS, remote: netip.AddrPortFrom(c.flow.Remote.Addr(), port), serverName: d})
		}
	}
	if len(keys) == 0 {
		return ErrNotVerified
	}
	return e.dials.alias(c, keys)
}

// alias enters a connection that is open already.
func (p *dialPool) alias(c *conn, keys []dialKey) error {
	p.mu.Lock()
	var err error
	for _, key := range keys {
		if p.calls[key] != nil {
			continue
		}
		if len(p.calls) >= p.limit {
			err = ErrTooManyConnections
			break
		}
		call := &dialCall{done: make(chan struct{}), flow: c.flow}
		close(call.done)
		p.calls[key] = call
		c.keys = append(c.keys, key)
	}
	p.mu.Unlock()
	if c.ended.Load() != 0 { // meanwhile, and may have looked for keys too early
		p.forget(c)
		return ErrFlowGone
	}
	return err
}
