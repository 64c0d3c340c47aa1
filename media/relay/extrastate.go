package relay

import (
	"time"

	"github.com/class5-go/class5/media/dtmf"
)

// ExtraState is what is asked for a party beyond forwarding: see
// [Relay.BlockMedia], [Relay.SilenceMedia], [Relay.SecureDTMF].
type ExtraState struct {
	Blocked  bool          `json:"blocked,omitempty"`
	Silenced bool          `json:"silenced,omitempty"`
	Secrecy  *SecrecyState `json:"secrecy,omitempty"`
}

// SecrecyState is how digits are kept secret. What was dialled is not in it: a
// sequence of a trigger that was under way begins anew.
type SecrecyState struct {
	How     DTMFSecurity      `json:"how"`
	Trigger dtmf.TriggerState `json:"trigger,omitzero"`
	Began   bool              `json:"began,omitempty"` // the trigger was on once
	Aside   bool              `json:"aside,omitempty"` // digits are events only: see [Relay.TakeDTMF]
}

// RouteState is how the sources of a party leave towards another one.
type RouteState struct {
	Own  bool        `json:"own,omitempty"`  // under SSRCs of their own
	SSRC [][2]uint32 `json:"ssrc,omitempty"` // theirs, and ours
	// Shift is by how much sequence numbers have grown by digits put in.
	Shift uint16 `json:"shift,omitempty"`
	// Digits: it grows.
	Digits bool `json:"digits,omitempty"`
}

// ReporterState are the RTCP reports that the relay makes for a party.
type ReporterState struct {
	SSRC    uint32 `json:"ssrc"`
	Out     uint32 `json:"out,omitempty"` // SSRC of the packets it is sent
	Packets uint32 `json:"packets,omitempty"`
	Octets  uint32 `json:"octets,omitempty"`
}

func (e *extra) export() *ExtraState {
	if e == nil || !e.blocked && !e.silenced && e.secrets == nil {
		return nil
	}
	st := &ExtraState{Blocked: e.blocked, Silenced: e.silenced}
	if x := e.secrets; x != nil {
		st.Secrecy = &SecrecyState{How: x.how, Began: x.began, Aside: x.aside}
		if x.trigger != nil {
			st.Secrecy.Trigger = x.trigger.State()
		}
	}
	return st
}

func (s *stream) restoreExtra(st *ExtraState) {
	if st == nil {
		return
	}
	e := s.ask()
	e.blocked, e.silenced = st.Blocked, st.Silenced
	if st.Secrecy == nil {
		return
	}
	e.secrets = newSecrets(st.Secrecy.How)
	e.secrets.began, e.secrets.aside = st.Secrecy.Began, st.Secrecy.Aside
	if t := e.secrets.trigger; t != nil {
		t.Resume(st.Secrecy.Trigger)
	}
}

func (r *route) export() RouteState {
	st := RouteState{Own: r.own, Shift: r.shift, Digits: r.inject != nil}
	for _, p := range r.ssrc.pairs[:r.ssrc.n] {
		st.SSRC = append(st.SSRC, [2]uint32{p.in, p.out})
	}
	return st
}

// restore goes on with a route that may have sent skip numbers more.
func (r *route) restore(st *RouteState, skip uint16) {
	r.own, r.shift = r.own || st.Own && r.raw, st.Shift
	if st.Digits {
		r.shift += skip
	}
	for _, p := range st.SSRC {
		r.ssrc.set(p[0], p[1])
	}
}

func (g *generated) export() *ReporterState {
	if g == nil {
		return nil
	}
	return &ReporterState{SSRC: g.ssrc, Out: g.out.ssrc, Packets: g.out.packets, Octets: g.out.octets}
}

func (g *generated) restore(st *ReporterState) {
	if g != nil && st != nil {
		g.ssrc, g.out = st.SSRC, origin{ssrc: st.Out, packets: st.Packets, octets: st.Octets, at: -time.Hour}
	}
}
