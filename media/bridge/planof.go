package bridge

import (
	"bytes"
	"slices"

	"github.com/class5-go/class5/media/srtp/sdes"
)

// Plan is what the packet plane has to do after the last successful call.
func (s *Session) Plan() Plan {
	st := s.state // which nothing here changes
	w := &work{state: st, cfg: s.cfg}
	p := Plan{Legs: make([]Leg, 0, len(st.Legs))}
	for _, l := range st.Legs {
		p.Legs = append(p.Legs, w.planLeg(l))
	}
	for _, l := range st.Legs {
		if to := st.leg(l.Peer); to != nil {
			p.Flows = append(p.Flows, w.flows(l, to)...)
		}
	}
	for _, l := range st.Legs {
		if l.subscribes() {
			p.Flows = append(p.Flows, w.copyFlows(l)...)
		}
		for _, id := range l.Hears {
			if from := st.leg(id); from != nil && l.Peer != id {
				p.Flows = append(p.Flows, w.heard(from, l)...)
			}
		}
		p.Mixes = append(p.Mixes, w.mixes(l)...)
	}
	return p
}

func (w *work) planLeg(l *leg) Leg {
	out := Leg{ID: l.ID, Tags: slices.Clone(l.Tags), Branch: l.Branch, Label: l.Label, Interface: l.Interface, Peer: l.Peer,
		Subscriber: l.subscribes(), Publisher: l.Publishes}
	peer := w.leg(l.Peer)
	out.Media = make([]Media, 0, len(l.Media))
	for i, m := range l.Media {
		var other *stream
		if peer != nil {
			if j := l.partner(i, peer); j < len(peer.Media) {
				other = peer.Media[j]
			}
		}
		out.Media = append(out.Media, planMedia(l, i, m, other))
	}
	return out
}

func planMedia(l *leg, i int, m, other *stream) Media {
	out := Media{Index: i, Kind: m.Kind, Proto: m.Proto, Rejected: m.Rejected || other != nil && other.Rejected || m.Untouched,
		RTP: m.RTP, RTCP: m.RTCP, Muted: m.Muted, Direction: m.Dir, Mux: m.Mux.Agreed, Bundle: m.Bundle, MID: m.MID,
		Extensions: m.agreed(), Ptime: m.Ptime, MaxPtime: m.MaxPtime, T38: isUDPTL(m.Proto)}
	head := m
	if m.Bundle != i && m.Bundle < len(l.Media) {
		head = l.Media[m.Bundle]
	} else {
		out.Bundle = i
	}
	if loc := head.local(); loc != nil {
		out.Local = cloneLocal(loc)
	}
	for g := range head.Gens {
		if g != head.Gen {
			out.Old = append(out.Old, cloneLocal(&head.Gens[g].Local))
		}
	}
	for _, e := range out.Extensions {
		if e.URI == midURI {
			out.MIDID = e.ID
		}
	}
	out.SendMID = out.MIDID != 0 && m.MID != "" && l.sharing(out.Bundle) > 1
	planSecurity(&out, m)
	out.ICE = planICE(head)
	for k := range m.Codecs.Said {
		out.Codecs = append(out.Codecs, m.Codecs.Said[k].codec())
	}
	if len(m.Codecs.Said) == 0 {
		for k := range m.Codecs.Told {
			out.Codecs = append(out.Codecs, m.Codecs.Told[k].codec())
		}
	}
	return out
}

// sharing counts the streams that share ports.
func (l *leg) sharing(head int) (n int) {
	for _, m := range l.Media {
		if m.Bundle == head && !m.Rejected {
			n++
		}
	}
	return n
}

func cloneLocal(l *Local) Local {
	c := *l
	c.Addrs = slices.Clone(l.Addrs)
	return c
}

// planSecurity says how a stream is protected. Both ways on offer are left to
// the packets until the party has answered.
func planSecurity(out *Media, m *stream) {
	in := len(m.SDES.Leg.In) > 0
	switch {
	case m.DTLS.On && m.DTLS.Print != "":
		out.Security = DTLSSRTP
	case m.SDES.On && m.DTLS.On:
		out.Security = SDESOrDTLS
	case m.SDES.On && (in || isSecure(m.Proto)):
		out.Security = SDES
	case m.DTLS.On:
		out.Security = DTLSSRTP
	}
	if m.SDES.On && out.Security != DTLSSRTP {
		if in {
			out.SDESIn = planCrypto(&m.SDES.Leg.In[0])
		}
		if len(m.SDES.Leg.Out) > 0 {
			out.SDESOut = planCrypto(chosen(&m.SDES.Leg))
		}
	}
	if m.DTLS.On {
		d := &m.DTLS
		out.DTLS = &DTLS{Active: d.Told == "active", Undecided: d.Told == "actpass", Hash: d.Hash, Fingerprint: d.Print,
			LocalHash: d.MyHash, TLSID: d.TLSID, LocalTLSID: d.MyTLSID, Generation: d.Gen}
		if d.Told == "actpass" && d.Print != "" {
			out.DTLS.Active, out.DTLS.Undecided = d.reply(false) == "active", false
		}
	}
}

// chosen is the own attribute that goes with what the party chose.
func chosen(l *sdes.Leg) *sdes.Attribute {
	if len(l.In) > 0 {
		for i := range l.Out {
			if l.Out[i].Suite == l.In[0].Suite {
				return &l.Out[i]
			}
		}
	}
	return &l.Out[0]
}

func planCrypto(a *sdes.Attribute) *Crypto {
	c := &Crypto{Tag: a.Tag, Suite: a.Suite.String(), UnencryptedSRTP: a.Session.UnencryptedRTP,
		UnencryptedSRTCP: a.Session.UnencryptedRTCP, UnauthenticatedSRTP: a.Session.UnauthenticatedRTP}
	if len(a.Keys) > 0 {
		k := a.Keys[0]
		c.Key, c.Salt = bytes.Clone(k.Key), bytes.Clone(k.Salt)
		c.MKI, c.MKILength, c.Lifetime = bytes.Clone(k.MKI), len(k.MKI), k.Lifetime
	}
	return c
}

func planICE(m *stream) *ICE {
	i := &m.ICE
	if !i.On || i.Relay {
		return nil
	}
	out := &ICE{LocalUfrag: i.Ufrag, LocalPwd: i.Pwd, RemoteUfrag: i.TheirUfrag, RemotePwd: i.TheirPwd,
		RemoteCandidates: slices.Clone(i.Candidates), Lite: i.Lite, RemoteLite: i.TheirLite,
		Controlling: i.Controlling && !i.Lite || i.TheirLite && !i.Lite, Trickle: i.Trickle, EndOfCandidates: i.End,
		Components: 2, Generation: i.Gen, Relay: i.Relay}
	if m.Mux.Agreed || !isRTP(m.Proto) {
		out.Components = 1
	}
	if i.Ufrag == "" {
		return nil
	}
	return out
}

// flows connects the streams of a leg to those of its peer.
func (w *work) flows(from, to *leg) []Flow {
	var list []Flow
	for i, f := range from.Media {
		j := from.partner(i, to)
		if j >= len(to.Media) || f.Untouched {
			continue
		}
		t := to.Media[j]
		if f.Rejected || t.Rejected || f.local() == nil && f.Bundle == i || t.Kind == "" {
			continue
		}
		fl := Flow{From: from.ID, To: to.ID, FromMedia: i, ToMedia: j, Inject: f.Codecs.Inject || t.Codecs.Inject,
			Extensions: mapExtensions(f, t)}
		fl.Open = w.open(f, t)
		w.routes(&fl, f, t, from.Owner == to.ID)
		fl.SameKeys = sameKeys(f, t)
		list = append(list, fl)
	}
	return list
}

// open tells whether media may flow by what both parties said. A party that
// has said nothing yet may be sent early media.
func (w *work) open(f, t *stream) bool {
	receives := t.Dir.Receives() && !t.Muted
	if !t.RTP.IsValid() {
		receives = true
	}
	sends := f.Dir.Sends()
	if !f.RTP.IsValid() {
		sends = true
	}
	return sends && receives
}

// sameKeys tells whether what one party protects can be passed to the other as
// it is.
func sameKeys(f, t *stream) bool {
	if !f.SDES.On || !t.SDES.On || f.DTLS.Print != "" || t.DTLS.Print != "" || len(f.SDES.Leg.In) == 0 || len(t.SDES.Leg.Out) == 0 {
		return false
	}
	return sdes.SameKeys(f.SDES.Leg.In[0], *chosen(&t.SDES.Leg))
}
