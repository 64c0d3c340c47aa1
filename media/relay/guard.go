package relay

import (
	"fmt"
	"net/netip"

	"github.com/class5-go/class5/media/bridge"
	"github.com/class5-go/class5/media/sdp"
)

// refuseOther takes the way past the relay out of a description: m= lines that
// it does not carry are rejected in their place, and rejected ones do not tell
// where the other party is.
func (s *session) refuseOther(res *bridge.Result) {
	if s.r.cfg.PassOther || len(res.SDP) == 0 {
		return
	}
	d, err := sdp.Parse(res.SDP, nil)
	if err != nil {
		return // several descriptions in one body: the engine made them
	}
	changed := false
	for _, m := range d.All() {
		own := s.facing(res.To)
		c, has := m.Connection()
		if foreign := has && c.Addr != own && !c.Addr.IsUnspecified(); relayed(m) && (!m.Rejected() || !foreign) {
			continue
		}
		m.Reject()
		m.SetAddr(own)
		changed = true
	}
	if changed {
		res.SDP = d.Bytes()
	}
}

// relayed tells whether the relay can carry a stream: one port of UDP.
func relayed(m *sdp.Media) bool {
	return m.PortCount() == 1 && (m.RTP() || m.Kind() == "image" && (m.Proto() == "udptl" || m.Proto() == "UDPTL"))
}

// facing is the address that a party sends to.
func (s *session) facing(id bridge.LegID) netip.Addr {
	for _, x := range s.sets {
		if x.leg == id {
			return x.pairs[0].iface.advertised()
		}
	}
	return s.r.ifaces.list[0].advertised()
}

// fits checks that an answer is in an address family of the ports that the
// branch was told.
func (s *session) fits(req *AnswerRequest) error {
	d, err := sdp.Parse(req.SDP, nil)
	if err != nil {
		return nil // the engine says what is wrong
	}
	from := s.byTag(req.FromTag)
	for i, m := range d.All() {
		a := m.Addr().Addr()
		if m.Rejected() || !relayed(m) || !a.IsValid() || a.IsUnspecified() || from == nil {
			continue
		}
		told, fit := false, false
		for _, x := range s.sets {
			if x.leg == from.id || x.media != i {
				continue
			}
			for _, p := range x.pairs {
				told, fit = true, fit || p.iface.Addr.Is4() == a.Is4()
			}
		}
		if told && !fit {
			return fmt.Errorf("%w: address %v on a leg of the other family", ErrInterface, a)
		}
	}
	return nil
}
