package relay

import (
	"net/netip"

	"github.com/class5-go/class5/media/sdp"
)

// rewrite makes a description lead to the ports of the leg, whose party it is
// sent to. infos is what was read of it; answer tells an answer from an offer.
func (l *leg) rewrite(d *sdp.Description, infos []info, answer bool) {
	addr := l.iface.advertised()
	d.RemoveICE()
	d.RemoveBundle()
	d.SetAddr(addr)
	if !l.session.r.cfg.KeepOrigin {
		d.SetOriginAddr(addr)
	}
	for i, m := range d.All() {
		st := l.stream(i)
		if !infos[i].on || st == nil || answer && st.off {
			m.Reject()
			m.SetAddr(addr)
			continue
		}
		if infos[i].muted {
			// The other side is asked to be quiet in the old way: it must see that.
			m.SetAddr(unspecified(addr))
		} else {
			m.SetAddr(addr)
		}
		port := st.advertised().Port()
		m.SetPort(port)
		if _, ok := m.Attr("rtcp"); !ok {
			continue // RTCP is expected one above RTP, which is where it is
		}
		_, only := m.Attr("rtcp-mux-only")
		if only || answer && infos[i].mux {
			m.SetRTCPPort(port)
		} else {
			m.SetRTCPPort(port + 1)
		}
	}
}

func unspecified(a netip.Addr) netip.Addr {
	if a.Is4() {
		return netip.IPv4Unspecified()
	}
	return netip.IPv6Unspecified()
}
