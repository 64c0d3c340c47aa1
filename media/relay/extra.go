package relay

import (
	"net/netip"
	"strings"
	"time"

	"github.com/class5-go/class5/media/codec"
	"github.com/class5-go/class5/media/rtpwire"
)

// extra is what is asked for beyond forwarding the packets of a party.
type extra struct {
	blocked  bool     // nothing passes
	silenced bool     // audio passes as silence
	secrets  *secrets // digits do not pass; nil: they do
	taps     []*tap
	late     late
}

func (e *extra) empty() bool {
	return !e.blocked && !e.silenced && e.secrets == nil && len(e.taps) == 0 && e.late.delay == 0 && e.late.count == 0
}

// TapInfo says whose packets a tap gets.
type TapInfo struct {
	CallID string // that the party came with
	Tags   []string
	Leg    int // number of the party in the session, from 1; another one after a join
	Stream int // index of the m= line
	Kind   string
	// Remote is the party, Local the port of the relay it sends to.
	Remote, Local netip.AddrPort
}

// Tap gets copies of a session's media: a recorder, a fork.
type Tap interface {
	// RTP gets a packet of a party in the clear, after what is blocked was
	// taken out. It is lent until RTP returns, which must not block.
	RTP(of *TapInfo, packet []byte, at time.Time)
}

// tap is a Tap at one stream.
type tap struct {
	to   Tap
	info TapInfo
}

// alters tells whether what passes may differ from what came, or when.
func (e *extra) alters() bool {
	return e != nil && (e.silenced || e.secrets != nil || e.late.delay > 0)
}

// see looks at a packet in the clear, before it goes anywhere, and returns
// what stands for it; nil: nothing.
func (e *extra) see(s *stream, h rtpwire.Header, b []byte, now time.Time, q sender) (rtpwire.Header, []byte) {
	if e.blocked {
		return h, nil
	}
	if e.secrets != nil || e.silenced {
		c := s.clock(h.PayloadType)
		digits := c != nil && strings.EqualFold(c.name, "telephone-event")
		switch {
		case e.silenced && !digits:
			if !silence(c, b) {
				return h, nil
			}
		case e.secrets != nil:
			var ok bool
			if h, b, ok = e.secrets.work(s, h, b, digits, now, q); !ok {
				return h, nil
			}
		}
	}
	for _, t := range e.taps {
		t.info.Remote = s.carrier.media.latch.Remote()
		t.to.RTP(&t.info, b, now)
	}
	return h, b
}

// silence replaces the payload by silence where the codec has such octets.
func silence(c *clock, b []byte) bool {
	_, payload, ok := rtpwire.Parse(b)
	if !ok || c == nil {
		return false
	}
	fill := byte(0)
	switch strings.ToUpper(c.name) {
	case "PCMA":
		fill = codec.SilenceA
	case "PCMU":
		fill = codec.SilenceU
	case "L16":
	default:
		return false
	}
	for i := range payload {
		payload[i] = fill
	}
	return true
}

// tapInfo describes the stream to taps.
func (s *stream) tapInfo() TapInfo {
	return TapInfo{CallID: s.leg.of(), Tags: s.leg.tags, Leg: int(s.leg.id), Stream: s.index, Kind: s.kind, Local: s.advertised()}
}
