package relay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/class5-go/class5/media/bridge"
	"github.com/class5-go/class5/media/ice"
	"github.com/class5-go/class5/media/transcode"
)

// StateVersion is the version of [State] that this package writes. It reads
// version 1 too, which does not know what is blocked, silenced or kept secret,
// where digits are reported, nor delayed deletions.
const StateVersion = 2

// ErrState means that a state cannot be imported: of another version, of
// ports or interfaces this relay does not have, or of a call it has already.
var ErrState = errors.New("relay: state of a session")

// State is what another process needs to go on with a session: what was
// negotiated, the ports, what was learned, the indices of SRTP, the figures.
// Recordings, taps and announcements are not in it (see [Relay.Suspend]).
//
// It holds SRTP keys and ICE passwords. At rest it belongs in a place that
// only the relay can read, on memory or encrypted, and is deleted with the
// session; in transit it needs TLS. Who can change it can make a sender use an
// SRTP index twice.
type State struct {
	Version   int             `json:"version"`
	CallID    string          `json:"call_id"`
	Created   time.Time       `json:"created"`
	Signalled time.Time       `json:"signalled"`
	Answered  time.Time       `json:"answered,omitzero"`
	Early     bool            `json:"early,omitempty"`
	Source    netip.Addr      `json:"source,omitzero"`
	Bridge    json.RawMessage `json:"bridge"` // of package bridge
	Ports     []PortsState    `json:"ports"`
	Legs      []LegState      `json:"legs"`
	Gone      []LegReport     `json:"gone,omitempty"`
	// Aliases are the Call-IDs of sessions that were joined to it, Over those of
	// its Call-IDs whose dialogs have ended.
	Aliases []string `json:"aliases,omitempty"`
	Over    []string `json:"over,omitempty"`
	// DigitsTo is where digits are reported, Doomed when the session ends whatever
	// happens, TimedOut when its silence was told, CNAME the name in our reports.
	DigitsTo netip.AddrPort `json:"digits_to,omitzero"`
	Doomed   time.Time      `json:"doomed,omitzero"`
	TimedOut time.Time      `json:"timed_out,omitzero"`
	CNAME    string         `json:"cname,omitempty"`
}

// PortsState is a set of ports.
type PortsState struct {
	Leg        bridge.LegID `json:"leg"`
	Media      int          `json:"media"`
	Generation int          `json:"generation,omitempty"`
	Kind       string       `json:"kind"`
	TOS        int          `json:"tos"`
	Pairs      []PairState  `json:"pairs"`
}

// PairState is the RTP port and the one above it, on an interface.
type PairState struct {
	Interface string     `json:"interface,omitempty"`
	Addr      netip.Addr `json:"addr"`
	Port      uint16     `json:"port"`
}

// LegState is a party.
type LegState struct {
	ID       bridge.LegID  `json:"id"`
	Owner    bridge.LegID  `json:"owner,omitempty"`
	Call     string        `json:"call,omitempty"` // Call-ID that the party came with, in a joined session
	Source   netip.Addr    `json:"source,omitzero"`
	Learning Learning      `json:"learning,omitempty"`
	Early    bool          `json:"early,omitempty"`
	Answered bool          `json:"answered,omitempty"`
	Generate bool          `json:"generate,omitempty"`
	Strict   bool          `json:"strict,omitempty"`
	NATWait  bool          `json:"nat_wait,omitempty"`
	Handover bool          `json:"handover,omitempty"`
	Pierce   bool          `json:"pierce,omitempty"`
	Mirror   bool          `json:"mirror,omitempty"`
	Echo     uint8         `json:"echo,omitempty"`
	Delay    time.Duration `json:"delay,omitempty"`
	Streams  []StreamState `json:"streams"`
}

// StreamState is an m= line of a party.
type StreamState struct {
	Index int `json:"index"`
	// Remote and RemoteRTCP are where packets for the party go, when that was
	// learned for good.
	Remote     netip.AddrPort `json:"remote,omitzero"`
	RemoteRTCP netip.AddrPort `json:"remote_rtcp,omitzero"`
	// In and Out are the indices of SRTP (package srtp).
	In  []byte `json:"in,omitempty"`
	Out []byte `json:"out,omitempty"`
	// Orphan: Out came from a process that died, so that SSRCs which it does not
	// know leave under others; Renamed are those, and the others.
	Orphan  bool        `json:"orphan,omitempty"`
	Renamed [][2]uint32 `json:"renamed,omitempty"`
	// InKey and OutKey are set when a handshake made them.
	InKey  *bridge.Crypto `json:"in_key,omitempty"`
	OutKey *bridge.Crypto `json:"out_key,omitempty"`
	// The same of RTCP that has a handshake of its own.
	InRTCP     []byte            `json:"in_rtcp,omitempty"`
	OutRTCP    []byte            `json:"out_rtcp,omitempty"`
	InKeyRTCP  *bridge.Crypto    `json:"in_key_rtcp,omitempty"`
	OutKeyRTCP *bridge.Crypto    `json:"out_key_rtcp,omitempty"`
	ICE        *ice.State        `json:"ice,omitempty"`
	Coders     []transcode.State `json:"coders,omitempty"` // of its routes that have one
	// Alone is the stream that is made for the party because something is mixed
	// into what it hears and it hears nothing else.
	Alone *transcode.State `json:"alone,omitempty"`
	// Offloaded is the local address of its flow in the kernel.
	Offloaded netip.AddrPort `json:"offloaded,omitzero"`
	Figures   Figures        `json:"figures"`
	Extra     *ExtraState    `json:"extra,omitempty"`
	Routes    []RouteState   `json:"routes,omitempty"` // when one of them has something to say
	Reporter  *ReporterState `json:"reporter,omitempty"`
}

// Figures are counters that go on in another process.
type Figures struct {
	Packets      uint64          `json:"packets"`
	Bytes        uint64          `json:"bytes"`
	Expected     uint64          `json:"expected"`
	Lost         uint64          `json:"lost"`
	Duplicates   uint64          `json:"duplicates,omitempty"`
	Reordered    uint64          `json:"reordered,omitempty"`
	Sent         [2]uint64       `json:"sent"` // packets, bytes
	ReceivedRTCP [2]uint64       `json:"received_rtcp"`
	SentRTCP     [2]uint64       `json:"sent_rtcp"`
	Dropped      map[Drop]uint64 `json:"dropped,omitempty"`
}

// Export returns the present state of a session.
func (r *Relay) Export(ctx context.Context, callID string) (State, error) {
	if err := ctx.Err(); err != nil {
		return State{}, err
	}
	s, err := r.lookup(callID)
	if err != nil {
		return State{}, err
	}
	defer s.mu.Unlock()
	return s.export()
}

func (s *session) export() (State, error) {
	s.endFades()
	st := State{Version: StateVersion, CallID: s.id, Created: s.created, Signalled: s.signalled, Answered: s.answered,
		Early: s.early, Source: s.source, Gone: s.gone, Aliases: s.aliases, Over: s.overs, DigitsTo: s.digitsTo, Doomed: s.doomed, TimedOut: s.timedOut, CNAME: s.name}
	b, err := s.bridge.Export()
	if err != nil {
		return st, fmt.Errorf("%w: %w", ErrState, err)
	}
	st.Bridge = b
	for _, x := range s.sets {
		p := PortsState{Leg: x.leg, Media: x.media, Generation: x.generation, Kind: x.kind, TOS: x.tos}
		for _, q := range x.pairs {
			p.Pairs = append(p.Pairs, PairState{Interface: q.iface.Name, Addr: q.iface.Addr, Port: q.media.socket.LocalAddr().Port()})
		}
		st.Ports = append(st.Ports, p)
	}
	for _, l := range s.legs {
		e := LegState{ID: l.id, Owner: l.owner, Call: l.call, Source: l.source, Learning: l.learning, Early: l.early, Answered: l.answered, Generate: l.generate,
			Strict: l.strict, NATWait: l.natWait, Handover: l.handover, Pierce: l.pierce, Mirror: l.mirror, Echo: uint8(l.echo), Delay: l.delay}
		for _, x := range l.streams {
			if x != nil {
				e.Streams = append(e.Streams, x.export())
			}
		}
		st.Legs = append(st.Legs, e)
	}
	return st, nil
}

func (s *stream) export() StreamState {
	e := StreamState{Index: s.index}
	if s.media.latch.Locked() {
		e.Remote = s.media.latch.Remote()
	}
	if s.control.latch.Locked() {
		e.RemoteRTCP = s.control.latch.Remote()
	}
	if h := s.shield; h != nil {
		if h.in != nil {
			e.In = h.in.Export(nil)
		}
		h.exportOut(&e)
		if h.handshaken {
			in, out := h.inKey, h.outKey
			e.InKey, e.OutKey = &in, &out
		}
		if c := h.control; c.in != nil && c.out != nil {
			e.InRTCP, e.OutRTCP, e.InKeyRTCP, e.OutKeyRTCP = c.in.Export(nil), c.out.Export(nil), &c.inKey, &c.outKey
		}
		if h.ice != nil {
			st := h.ice.agent.Export()
			e.ICE = &st
		}
	}
	tell := false
	for i := range s.routes {
		r := &s.routes[i]
		if r.coder != nil {
			e.Coders = append(e.Coders, r.coder.Export())
		}
		e.Routes = append(e.Routes, r.export())
		tell = tell || r.own || r.ssrc.n > 0 || r.shift > 0 || r.inject != nil
	}
	if !tell {
		e.Routes = nil
	}
	if s.mixing != nil && s.mixing.alone != nil {
		st := s.mixing.alone.Export()
		e.Alone = &st
	}
	e.Extra, e.Reporter = s.extra.export(), s.made.export()
	if s.kernel != nil {
		e.Offloaded = s.kernel.flow.Local
	}
	e.Figures = s.figures()
	return e
}

func (h *shield) exportOut(e *StreamState) {
	if h.out == nil {
		return
	}
	e.Out, e.Orphan = h.out.Export(nil), h.orphan
	for _, r := range h.renamed {
		e.Renamed = append(e.Renamed, [2]uint32{r.in, r.out})
	}
}

// figures are the counters without what the kernel goes on counting itself.
func (s *stream) figures() Figures {
	n := s.received.Snapshot()
	f := Figures{Packets: n.Packets + s.otherIn.packets + s.past.packets, Bytes: n.Bytes + s.otherIn.bytes + s.past.bytes,
		Expected: n.Expected + s.past.expected, Lost: n.Lost + s.past.lost,
		Duplicates: n.Duplicates + s.past.duplicates, Reordered: n.Reordered + s.past.reordered,
		Sent: s.sent.pair(), ReceivedRTCP: s.rtcpIn.pair(), SentRTCP: s.rtcpOut.pair()}
	if k := s.kernel; k != nil {
		f.Packets, f.Bytes, f.Expected = f.Packets+k.seen.packets, f.Bytes+k.seen.bytes, f.Expected+k.early
	}
	for _, l := range s.leg.session.legs {
		for _, o := range l.streams {
			if o != nil && o.kernel != nil && len(o.routes) > 0 && o.routes[0].to == s {
				f.Sent[0] -= o.kernel.stats.Forwarded.Packets
				f.Sent[1] -= o.kernel.stats.Forwarded.Octets
			}
		}
	}
	for i, n := range s.dropped {
		if n > 0 {
			if f.Dropped == nil {
				f.Dropped = map[Drop]uint64{}
			}
			f.Dropped[Drop(i)] = n
		}
	}
	return f
}

func (c counter) pair() [2]uint64 { return [2]uint64{c.packets, c.bytes} }
