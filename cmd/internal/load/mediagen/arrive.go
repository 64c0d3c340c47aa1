package mediagen

import (
	"time"

	"github.com/class5-go/class5/media/rtpwire"
)

// drain reads all that has arrived.
func (r *run) drain() {
	for side, s := range r.sides {
		for n := batch; n == batch; {
			n = s.receive()
			for i := range n {
				r.arrive(side, s.packet(i))
			}
		}
	}
}

// arrive checks a packet and counts it.
func (r *run) arrive(side int, p packet) {
	s := r.find(side, p)
	if s == nil {
		r.result.Faults["packet from an unknown port"]++
		return
	}
	sent, fault := r.check(s, p.data)
	if fault != "" {
		r.result.Faults[fault]++
		if fault == foreign {
			return
		}
	}
	r.result.Received++
	if r.measuring {
		r.result.Measured++
		if sent != 0 && p.at != 0 {
			r.result.Latency.Add(time.Duration(p.at - sent))
		}
	}
}

// foreign is RTCP and what else is no packet of a stream.
const foreign = "not RTP"

// find is the stream of a packet: by the relay's port, and without a relay by
// the SSRC.
func (r *run) find(side int, p packet) *stream {
	if r.cfg.Control == nil {
		h, _, ok := rtpwire.ParseHeader(p.data)
		if n := int(h.SSRC) - 1; ok && n >= 0 && n < len(r.streams) && r.streams[n].side != side {
			return r.streams[n]
		}
		return nil
	}
	if n := r.calls[side][p.port]; n != 0 {
		return r.streams[2*int(n-1)+1-side]
	}
	return nil
}

// check holds a packet against what was sent.
func (r *run) check(s *stream, b []byte) (sent int64, fault string) {
	if rtpwire.Classify(b) != rtpwire.KindRTP {
		return 0, foreign
	}
	if s.unseal != nil {
		n, err := s.unseal.Unprotect(b)
		if err != nil {
			return 0, "SRTP refused: " + err.Error()
		}
		b = b[:n]
	}
	h, payload, ok := rtpwire.Parse(b)
	switch {
	case !ok:
		return 0, foreign
	case h.PayloadType != s.arrives.payloadType:
		return 0, "payload type of another codec"
	case s.heard && h.SSRC != s.source:
		fault = "SSRC changed"
	case s.heard && int16(h.Sequence-s.last) <= 0:
		fault = "packet twice or out of order"
	}
	s.heard, s.last, s.source = true, h.Sequence, h.SSRC
	if fault != "" {
		return 0, fault
	}
	if s.tone != nil {
		if s.listener != nil {
			fault = s.listener.hear(payload)
		}
		return 0, fault
	}
	number, sent, fault := readNumbered(payload, s.call)
	if fault == "" && number < s.expected {
		fault = "payload twice or out of order"
	}
	s.expected = number + 1
	return sent, fault
}
