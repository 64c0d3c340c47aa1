package play

import (
	"time"

	"github.com/class5-go/class5/media/internal/udploop"
	"github.com/class5-go/class5/media/latch"
	"github.com/class5-go/class5/media/rtpwire"
)

var _ udploop.Handler = (*Session)(nil)

// maxJump is the gap in received sequence numbers up to which it is taken for
// loss and passed on.
const maxJump = 3000

// echo maps the received stream to the sent one.
type echo struct {
	begun bool
	ssrc  uint32 // of the stream being mapped
	last  uint16 // highest received sequence number
	seq   uint16 // to add
	ts    uint32 // to add
}

// HandlePackets takes what arrived at the session's port.
func (s *Session) HandlePackets(packets []udploop.Packet, now time.Time, out *udploop.Outbox) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	for i := range packets {
		if !s.receive(&packets[i], now, out) {
			s.stats.Dropped++
		}
	}
}

func (s *Session) receive(p *udploop.Packet, now time.Time, out *udploop.Outbox) bool {
	if rtpwire.Classify(p.Data) != rtpwire.KindRTP || p.Truncated {
		return false
	}
	h, payload, ok := rtpwire.Parse(p.Data)
	_, n, _ := rtpwire.ParseHeader(p.Data)
	event := s.remote.DTMF != 0 && h.PayloadType == s.remote.DTMF
	if !ok || !event && h.PayloadType != s.remote.PayloadType || s.remote.Codec == "" {
		return false
	}
	switch s.latch.Admit(p.From, now) {
	case latch.Admitted, latch.Learned:
	default:
		return false
	}
	at := now.Sub(s.e.base)
	clock := uint32(rate)
	if event {
		clock = 0
	}
	s.in.Packet(h, len(p.Data), clock, at)
	to := s.latch.Remote()
	if !s.script.Echo || s.script.Prompt != nil || !s.remote.MaySend || !to.IsValid() {
		return true
	}
	samples := len(payload)
	if event {
		samples = 0
	}
	// The payload goes back where it lies: our header is written in front of
	// it, over the received one.
	b := p.Data[n-rtpwire.HeaderSize : n+len(payload)]
	s.mapped(h, samples, at).Append(b[:0])
	out.Add(s.socket, b, to)
	s.sent(len(b))
	s.stats.Echoed++
	return true
}

// mapped translates a received header to the session's own stream. A new
// source, or a jump in its numbers, continues where the session's stream is;
// otherwise gaps and order stay as received.
func (s *Session) mapped(h rtpwire.Header, samples int, at time.Duration) rtpwire.Header {
	e, o := &s.echo, &s.out
	ahead := h.Sequence - e.last
	switch {
	case !e.begun || h.SSRC != e.ssrc || ahead >= maxJump && -ahead >= maxJump:
		idle := max(0, at-o.at-s.remote.Ptime)
		if o.at == 0 {
			idle = 0 // nothing was sent yet
		}
		*e = echo{begun: true, ssrc: h.SSRC, last: h.Sequence, seq: o.seq - h.Sequence,
			ts: o.timestamp + uint32(idle*rate/time.Second) - h.Timestamp}
		h.Marker = true
	case ahead < maxJump:
		e.last = h.Sequence
	}
	h.SSRC = o.ssrc
	h.Sequence += e.seq
	h.Timestamp += e.ts
	if int16(h.Sequence-o.seq) >= 0 {
		o.seq, o.timestamp, o.at = h.Sequence+1, h.Timestamp+uint32(samples), at
	}
	return h
}
