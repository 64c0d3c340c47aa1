package bridge

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/class5-go/class5/media/sdp"
)

// Sizes of what RFC 8839 leaves to the implementation, and the alphabet used.
const (
	ufragSize     = 8
	passwordSize  = 26
	maxCandidates = 64
	alphabet      = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)

// iceSaid is what a description says about ICE.
type iceSaid struct {
	ufrag, pwd string
	candidates []sdp.Candidate
	lite       bool
	trickle    bool
	end        bool
}

// iceState is ICE on one leg.
type iceState struct {
	On bool `json:"on,omitempty"` // spoken with the party
	// Refused: the party answered an offer of ICE without it.
	Refused    bool            `json:"refused,omitempty"`
	Ufrag      string          `json:"ufrag,omitempty"`
	Pwd        string          `json:"pwd,omitempty"`
	TheirUfrag string          `json:"theirufrag,omitempty"`
	TheirPwd   string          `json:"theirpwd,omitempty"`
	Candidates []sdp.Candidate `json:"candidates,omitempty"`
	Lite       bool            `json:"lite,omitempty"`      // we are
	TheirLite  bool            `json:"theirlite,omitempty"` // the party is
	Trickle    bool            `json:"trickle,omitempty"`   // the party trickles
	End        bool            `json:"end,omitempty"`
	// Told: trickle was offered to the party.
	Told        bool `json:"told,omitempty"`
	Controlling bool `json:"controlling,omitempty"`
	// Relay: ours is one candidate among the parties' own. Forced: of type
	// relay, and c= and m= stay (force-relay). Below: they have such a
	// candidate, so that ours has to stand behind.
	Relay  bool `json:"relay,omitempty"`
	Forced bool `json:"forced,omitempty"`
	Below  bool `json:"below,omitempty"`
	Gen    int  `json:"gen,omitempty"`
	Local  int  `json:"local,omitempty"` // generation of ports the credentials were made for
}

func hearICE(d *sdp.Description, m *sdp.Media) (i iceSaid) {
	attr := func(name string) (string, bool) {
		if v, ok := m.Attr(name); ok {
			return v, true
		}
		return d.Attr(name)
	}
	i.ufrag, _ = attr("ice-ufrag")
	i.pwd, _ = attr("ice-pwd")
	if len(i.ufrag) > 256 || len(i.pwd) > 256 {
		i.ufrag, i.pwd = "", ""
	}
	options, _ := attr("ice-options")
	i.trickle = slices.Contains(strings.Fields(options), "trickle")
	_, i.end = attr("end-of-candidates")
	_, i.lite = m.Attr("ice-lite")
	i.candidates = m.Candidates(maxCandidates)
	return i
}

// agents decides whether and how ICE is spoken on one m= line.
func (w *work) agents(p *pair) {
	if w.o.options.Reset {
		p.to.ICE = iceState{Gen: p.to.ICE.Gen + 1}
	}
	w.hearAgent(p)
	if !w.o.offer {
		w.answerICE(p)
		return
	}
	w.offerLite(p)
	w.offerICE(p)
}

// hearAgent files what the party said.
func (w *work) hearAgent(p *pair) {
	f, h := &p.from.ICE, &p.h.ice
	if !h.offered() || w.o.offer && w.o.options.RejectICE {
		f.Refused = !w.o.offer || f.Refused
		f.On, f.TheirUfrag, f.TheirPwd, f.Candidates = false, "", "", nil
		return
	}
	if f.TheirUfrag != "" && (f.TheirUfrag != h.ufrag || f.TheirPwd != h.pwd) {
		f.Gen++ // RFC 8839 section 4.4.1.1.1: a restart
		f.Ufrag, f.Pwd = "", ""
		f.Controlling = !w.o.offer
	}
	f.TheirUfrag, f.TheirPwd, f.Candidates = h.ufrag, h.pwd, h.candidates
	f.TheirLite, f.Trickle, f.End = h.lite, h.trickle, h.end || !h.trickle
	f.Refused = false
}

// offerLite takes over where the relay is to be lite.
func (w *work) offerLite(p *pair) {
	switch w.o.options.ICELite {
	case LiteOff:
		p.from.ICE.Lite, p.to.ICE.Lite = false, false
	case LiteForward:
		p.from.ICE.Lite, p.to.ICE.Lite = false, true
	case LiteBackward:
		p.from.ICE.Lite, p.to.ICE.Lite = true, false
	case LiteBoth:
		p.from.ICE.Lite, p.to.ICE.Lite = true, true
	}
}

func (w *work) offerICE(p *pair) {
	f, t, o := &p.from.ICE, &p.to.ICE, w.o.options
	said := p.h.ice.offered()
	before := t.On
	t.Relay, t.Forced = false, false
	switch o.ICE {
	case ICERemove:
		t.On = false
	case ICEForce:
		t.On = true
	case ICEForceRelay, ICEOptional:
		t.On = true
		t.among(p.h, o.ICE)
	default:
		t.On = !t.Refused && (said || before)
	}
	t.Told = o.Trickle
	t.Controlling = t.Controlling || t.On && !before
	f.On = said && !o.RejectICE
}

// among puts the own candidate under those of the party.
func (i *iceState) among(h *heard, mode ICEMode) {
	i.Forced = mode == ICEForceRelay
	i.Relay = h.ice.offered() || i.Forced
	kind := "host"
	if i.Forced {
		kind = "relay"
	}
	i.Below = slices.ContainsFunc(h.ice.candidates, func(c sdp.Candidate) bool { return c.Type == kind })
}

func (w *work) answerICE(p *pair) {
	f, t, o := &p.from.ICE, &p.to.ICE, w.o.options
	said, offered := p.h.ice.offered(), t.TheirUfrag != ""
	f.On = said
	t.Relay, t.Forced = false, false
	switch o.ICE {
	case ICERemove:
		t.On = false
	case ICEForce:
		t.On = true
	case ICEOptional, ICEForceRelay:
		t.On = said || offered && !f.Relay
		if said {
			t.among(p.h, o.ICE)
		}
	default:
		t.On = offered
	}
	t.Told = t.Trickle
}

// credentials makes the own ones: once, and anew for a restart or when the
// ports changed.
func (w *work) credentials(m *stream) error {
	i := &m.ICE
	if !i.On || i.Relay {
		return nil
	}
	if i.Ufrag != "" && i.Local == m.Gen {
		return nil
	}
	if i.Ufrag != "" {
		i.Gen++
	}
	var err error
	if i.Ufrag, err = w.random(ufragSize); err != nil {
		return err
	}
	i.Pwd, err = w.random(passwordSize)
	i.Local = m.Gen
	return err
}

// random is a string of n characters of the ICE alphabet.
func (w *work) random(n int) (string, error) {
	b := make([]byte, 0, n)
	var buf [64]byte
	for len(b) < n {
		if _, err := io.ReadFull(w.cfg.Rand, buf[:n]); err != nil {
			return "", fmt.Errorf("bridge: random: %w", err)
		}
		for _, c := range buf[:n] {
			if c &= 0x3f; int(c) < len(alphabet) && len(b) < n {
				b = append(b, alphabet[c])
			}
		}
	}
	return string(b), nil
}

// priority is RFC 8445 section 5.1.2.1. Local preferences below zero wrap, as
// they do where candidates are added under those of a party.
func priority(typ, local int32, component int) uint32 {
	return uint32(typ<<24) | uint32(local<<8) | uint32(256-component)
}

// candidates lists the own candidates for what the party is told.
func (m *stream) candidates() (list []sdp.Candidate) {
	typ, local, kind := int32(126), int32(65535), "host"
	if m.ICE.Relay {
		if m.ICE.Forced {
			typ, kind = 0, "relay"
		}
		if m.ICE.Below {
			typ, local = max(typ-1, 0), 0
		}
	}
	l := m.local()
	if l == nil {
		return nil
	}
	components := 2
	if m.Mux.Agreed || !isRTP(m.Proto) {
		components = 1
	}
	for c := 1; c <= components; c++ {
		for n, a := range inOrder(l) {
			at := addrPort(a.Addr, a.RTP)
			if c == 2 {
				at = addrPort(a.Addr, a.RTCP)
			}
			own := sdp.Candidate{Foundation: a.Foundation, Component: c, Transport: "UDP",
				Priority: priority(typ, local-int32(n), c), Addr: at, Type: kind}
			if m.ICE.Forced {
				own.Related = at
			}
			list = append(list, own)
		}
	}
	return list
}

// inOrder is the addresses of a set of ports, the one in use first.
func inOrder(l *Local) []LocalAddr {
	list := make([]LocalAddr, 0, len(l.Addrs))
	list = append(list, l.In())
	for i, a := range l.Addrs {
		if i != l.Use {
			list = append(list, a)
		}
	}
	return list
}
