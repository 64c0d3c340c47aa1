package bridge

import (
	"net/netip"
	"slices"
)

func addrPort(a netip.Addr, p uint16) netip.AddrPort { return netip.AddrPortFrom(a, p) }

// gather settles the ports of both sides of one m= line.
func (w *work) gather(p *pair) error {
	if p.from.Rejected {
		return nil
	}
	w.generation(p)
	if err := w.bind(p.to, w.o.to, p.j, w.o.family, p.to.ICE.On); err != nil {
		return err
	}
	if !w.o.offer {
		return nil
	}
	// The offerer's own side is reserved now: an answer must not fail for want
	// of ports.
	return w.bind(p.from, w.o.from, p.i, w.o.from.Family, p.from.ICE.On)
}

// bind gives a stream the ports of the generation that fits the address of the
// other party.
func (w *work) bind(m *stream, l *leg, index int, family Family, all bool) error {
	if l.ID == 0 || m.Bundle != index && m.Bundle < len(l.Media) {
		return nil // nobody needs none, nor does a member of a bundle
	}
	if len(m.Gens) == 0 {
		m.Gens = []generation{{}}
	}
	local, err := w.ports.Local(PortRequest{Leg: l.ID, Media: index, Generation: m.Gen, Kind: m.Kind,
		Interface: l.Interface, Family: family, All: all})
	if err != nil {
		return err
	}
	if len(local.Addrs) == 0 {
		return ErrLimit
	}
	local.Addrs = slices.Clone(local.Addrs)
	local.Generation, local.Use = m.Gen, 0
	for i, a := range local.Addrs {
		if familyOf(a.Addr) == family {
			local.Use = i
			break
		}
	}
	m.Gens[m.Gen].Local = local
	return nil
}

// maxGenerations bounds how many sets of ports a stream collects; from then on
// it keeps those it has.
const maxGenerations = 16

// generation chooses the set of ports of the party that is told something.
// Another address of the other party means another set, so that late packets
// of the old address are told from those of the new; with ICE the agents take
// care of that.
func (w *work) generation(p *pair) {
	m, from, at := p.to, w.o.from, p.h.rtp
	if len(m.Gens) == 0 {
		m.Gens = []generation{{}}
	}
	if !at.IsValid() || at.Addr().IsUnspecified() || p.h.ice.offered() && at.Port() == 9 {
		return
	}
	g := &m.Gens[m.Gen]
	if g.Peer != from.ID || g.For == at {
		g.Peer, g.For = from.ID, at
		return
	}
	o := w.o.options
	if o.PortLatching || m.ICE.On && !o.NoPortLatching || len(m.Gens) >= maxGenerations {
		return
	}
	for i := range m.Gens {
		if m.Gens[i].Peer == from.ID && m.Gens[i].For == at {
			m.Gen = i
			return
		}
	}
	m.Gens = append(m.Gens, generation{Peer: from.ID, For: at})
	m.Gen = len(m.Gens) - 1
}
