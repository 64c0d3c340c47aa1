package transport

import (
	"net/netip"
)

// keepAliveMax is the longest datagram taken for a keep-alive. Phones send
// CRLF, double CRLF, or four zero bytes.
const keepAliveMax = 16

// isKeepAlive reports whether a datagram has no message in it.
func isKeepAlive(b []byte) bool {
	if len(b) > keepAliveMax {
		return false
	}
	for _, c := range b {
		if c != '\r' && c != '\n' && c != 0 && c != ' ' {
			return false
		}
	}
	return true
}

// network returns the name of a network of one family only, so that 0.0.0.0
// and [::] can be bound side by side.
func network(name string, a netip.Addr) string {
	if a.Is4() {
		return name + "4"
	}
	return name + "6"
}

// sameFamily reports whether a and b are both IPv4 or both IPv6.
func sameFamily(a, b netip.Addr) bool {
	return a.IsValid() && b.IsValid() && a.Is4() == b.Is4()
}

// localAddr returns the bound address in the form it was configured in.
func localAddr(bound netip.AddrPort, configured netip.Addr) netip.AddrPort {
	return netip.AddrPortFrom(configured, bound.Port())
}

// deliver stamps a batch and hands it to the handler.
func (e *Endpoint) deliver(batch []Packet, out *Outbox) {
	now := e.cfg.Now()
	for i := range batch {
		batch[i].At = now
		if e.cfg.Tap != nil {
			e.cfg.Tap(Received, batch[i].Flow, batch[i].Data, now)
		}
	}
	e.handler.ServeSIP(batch, out)
	out.Flush()
}
