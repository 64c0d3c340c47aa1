package relay

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/class5-go/class5/media/sdp"
)

// Offer takes an offer and returns the description to send on instead. An
// error leaves the session, if there was one, as it was, and no port in use
// that was not in use before. Errors: ErrSessions, ErrPorts, ErrStreams,
// ErrInterface, ErrMismatch, ErrClosed, and those of [sdp.Parse].
func (r *Relay) Offer(ctx context.Context, req OfferRequest) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if req.CallID == "" || req.FromTag == "" || req.FromTag == req.ToTag {
		return nil, fmt.Errorf("%w: Call-ID or tags missing or equal", ErrMismatch)
	}
	d, infos, err := r.parse(req.SDP)
	if err != nil {
		return nil, err
	}
	s, err := r.open(req.CallID)
	if err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	if s.passes(infos) {
		return d.Bytes(), nil
	}
	o := offering{r: r, s: s, req: &req, infos: infos}
	if err := o.prepare(); err != nil {
		o.undo()
		return nil, err
	}
	o.from.offer, o.from.source = infos, req.Source
	s.signalled = r.now()
	o.to.rewrite(d, infos, false)
	return d.Bytes(), nil
}

// parse reads a description and extracts what the relay needs of it.
func (r *Relay) parse(b []byte) (*sdp.Description, []info, error) {
	d, err := sdp.Parse(b, nil)
	if err != nil {
		return nil, nil, err
	}
	infos := make([]info, d.Len())
	on := 0
	for i, m := range d.All() {
		a := m.Addr()
		infos[i] = info{
			kind: m.Kind(), proto: m.Proto(), on: !m.Rejected() && relayed(m),
			addr: a, rtcp: m.RTCPAddr(), muted: a.Addr().IsValid() && a.Addr().IsUnspecified(),
			direction: m.Direction(), mux: m.RTCPMux(), codecs: m.Codecs(),
		}
		if infos[i].on {
			on++
		}
	}
	if on > r.cfg.MaxStreams {
		return nil, nil, ErrStreams
	}
	return d, infos, nil
}

// relayed tells whether the relay can carry a stream: one port of UDP.
func relayed(m *sdp.Media) bool {
	return m.PortCount() == 1 && (m.RTP() || m.Kind() == "image" && (m.Proto() == "udptl" || m.Proto() == "UDPTL"))
}

// passes tells whether the description leads to this session's ports already.
func (s *session) passes(infos []info) bool {
	for _, m := range infos {
		if m.on && s.owns(m.addr) {
			return true
		}
	}
	return false
}

// offering is the work of one offer, with what must be taken back if it fails.
type offering struct {
	r        *Relay
	s        *session
	req      *OfferRequest
	infos    []info
	from, to *leg
	legs     []*leg
	streams  []*stream
}

func (o *offering) prepare() (err error) {
	if o.from = o.s.byTag(o.req.FromTag); o.from == nil {
		if o.from, err = o.leg(nil, o.req.FromTag, "", o.req.FromInterface, o.family()); err != nil {
			return err
		}
	}
	o.to = o.s.branchOf(o.from, o.req.ToTag, o.req.ViaBranch)
	if o.to == nil {
		family := o.req.ToFamily
		if family == AnyFamily && o.req.ToInterface == "" {
			family = familyOf(o.from.iface.Addr)
		}
		if o.to, err = o.leg(o.from, o.req.ToTag, o.req.ViaBranch, o.req.ToInterface, family); err != nil {
			return err
		}
	}
	if err := o.from.fits(o.infos); err != nil {
		return err
	}
	for _, l := range []*leg{o.from, o.to} {
		if err := o.ensure(l); err != nil {
			return err
		}
	}
	return nil
}

// family is that of the first usable address of the offer.
func (o *offering) family() Family {
	for _, m := range o.infos {
		if m.on && m.addr.Addr().IsValid() {
			return familyOf(m.addr.Addr())
		}
	}
	return AnyFamily
}

func familyOf(a netip.Addr) Family {
	if a.Is4() {
		return IPv4
	}
	return IPv6
}

func (o *offering) leg(owner *leg, tag, branch, name string, family Family) (*leg, error) {
	in, err := o.r.pick(name, family)
	if err != nil {
		return nil, err
	}
	l, err := o.s.newLeg(owner, in, tag, branch)
	if err == nil {
		o.legs = append(o.legs, l)
	}
	return l, err
}

// fits checks that a party stays in the address family of its ports.
func (l *leg) fits(infos []info) error {
	for _, m := range infos {
		a := m.addr.Addr()
		if m.on && a.IsValid() && !m.muted && a.Is4() != l.iface.Addr.Is4() {
			return fmt.Errorf("%w: address %v on a leg of the other family", ErrInterface, a)
		}
	}
	return nil
}

// ensure gives a leg ports for every stream of the offer. Ports that it has
// stay.
func (o *offering) ensure(l *leg) error {
	for len(l.streams) < len(o.infos) {
		l.streams = append(l.streams, nil)
	}
	have := 0
	for _, st := range l.streams {
		if st != nil {
			have++
		}
	}
	for i, m := range o.infos {
		if !m.on || l.streams[i] != nil {
			continue
		}
		if have++; have > o.r.cfg.MaxStreams {
			return ErrStreams
		}
		st, err := l.newStream(i, m)
		if err != nil {
			return err
		}
		o.streams = append(o.streams, st)
	}
	return nil
}

// undo takes back what a failed offer made.
func (o *offering) undo() {
	now := o.r.now()
	for _, st := range o.streams {
		st.close(now)
		st.leg.streams[st.index] = nil
	}
	for _, l := range o.legs {
		o.s.forget(l, now)
	}
	if len(o.s.legs) == 0 {
		o.r.remove(o.s, now)
	}
}
