package relay

import (
	"strings"
	"time"

	"github.com/class5-go/class5/media/bridge"
	"github.com/class5-go/class5/media/codec"
	"github.com/class5-go/class5/media/dtmf"
	"github.com/class5-go/class5/media/rtpwire"
)

const (
	// recent is how long ago a stream was heard that digits are put into.
	recent = 200 * time.Millisecond
	// maxGap is how long digits wait for the next packet of the stream before
	// they go on by themselves.
	maxGap = 100 * time.Millisecond
)

// injection puts digits into a stream that flows: they take the places of its
// packets, under its SSRC, numbers and times. What is heard beside them is the
// receiver's stream as it was.
type injection struct {
	request PlayDTMFRequest // of the first digits
	queue   []injected      // the first is the one that plays
	playing bool
	from    uint32 // timestamp of the beginning of the present digit, or when it may begin
	waits   bool   // from says when
	tone    framed // of the present digit; nil: it is an event
	last    rtpwire.Header
	known   bool   // last is
	units   uint32 // timestamp units of a packet
	due     time.Time
}

type injected struct {
	event           dtmf.Event
	volume          uint8
	duration, pause time.Duration
	held            *pressing // the length, when it is not known yet; nil: duration
	tone            float64   // Hz; 0: the digit
}

func (d *injected) length() time.Duration {
	if d.held != nil {
		return d.held.duration
	}
	return d.duration
}

// inject queues digits for the route; false: its stream does not flow, or the
// store is away, so that the next process would not know of the numbers they take.
func (r *route) injects(s *stream, req *PlayDTMFRequest, list []dtmf.Event, now time.Time) bool {
	sess := s.leg.session
	flows := s.kernel != nil || s.came && now.Sub(sess.r.base)-s.received.Last() < recent
	if !flows || sess.r.behind.away() || !r.open || r.to.playing != nil || r.to.leg.subscriber || !r.to.takesDigits() {
		return false
	}
	if r.inject == nil {
		r.inject = &injection{request: *req, due: now.Add(maxGap)}
	}
	for _, e := range list {
		r.inject.queue = append(r.inject.queue, injected{e, req.Volume, req.Duration, req.Pause, req.length, req.tone})
	}
	return true
}

// takesDigits tells whether the party can be played digits at all.
func (s *stream) takesDigits() bool {
	for _, c := range s.codecs {
		if strings.EqualFold(c.Name, "telephone-event") {
			return true
		}
		if found, ok := s.leg.session.r.find(c); ok && found.Kind == codec.Audio && found.CanTranscode() {
			return true
		}
	}
	return false
}

// put sends a packet of the route's stream, or what stands in its place.
func (r *route) put(s *stream, b []byte, q sender) (Drop, bool) {
	if r.inject == nil && r.shift == 0 {
		return r.to.emit(rtpwire.KindRTP, b, q)
	}
	h, _, ok := rtpwire.ParseHeader(b)
	if !ok {
		return DropMalformed, false
	}
	h.Sequence += r.shift
	b[2], b[3] = byte(h.Sequence>>8), byte(h.Sequence)
	if r.inject != nil {
		if cause, done, sent := r.ride(s, h, s.leg.session.r.now(), q); done {
			return cause, sent
		}
	}
	return r.to.emit(rtpwire.KindRTP, b, q)
}

// codecOf finds what the receiver takes a payload type for.
func (r *route) codecOf(pt uint8) (bridge.Codec, bool) {
	for _, c := range r.to.codecs {
		if c.PayloadType == pt {
			return c, !strings.EqualFold(c.Name, "telephone-event") && !strings.EqualFold(c.Name, "CN")
		}
	}
	return bridge.Codec{}, false
}

// ride lets the present digit take the place of a packet. done is false when
// the packet itself is to be sent.
func (r *route) ride(s *stream, h rtpwire.Header, now time.Time, q sender) (cause Drop, done, sent bool) {
	j := r.inject
	c, ok := r.codecOf(h.PayloadType)
	if !ok || c.ClockRate == 0 {
		return 0, false, false
	}
	j.measure(s, h, &c)
	j.last, j.known, j.due = h, true, now.Add(maxGap)
	return r.step(h, &c, q)
}

// measure finds the length of packets.
func (j *injection) measure(s *stream, h rtpwire.Header, c *bridge.Codec) {
	if d := h.Timestamp - j.last.Timestamp; j.known && d > 0 && d <= c.ClockRate/5 {
		j.units = d
	} else if j.units == 0 {
		ptime := s.ptime
		if ptime <= 0 {
			ptime = 20 * time.Millisecond
		}
		j.units = ticks(ptime, c)
	}
}

func ticks(d time.Duration, c *bridge.Codec) uint32 {
	return uint32(int64(d) * int64(c.ClockRate) / int64(time.Second))
}

// step is what happens at the place of one packet.
func (r *route) step(h rtpwire.Header, c *bridge.Codec, q sender) (cause Drop, done, sent bool) {
	j := r.inject
	if !j.playing {
		if j.waits && int32(h.Timestamp-j.from) < 0 {
			return 0, false, false
		}
		if len(j.queue) == 0 {
			r.inject = nil // what was shifted stays so
			return 0, false, false
		}
		j.playing, j.from = true, h.Timestamp
		j.tone = r.tone(&j.queue[0], c)
	}
	if j.tone != nil {
		return r.sing(h, c, q)
	}
	return r.tell(h, c, q)
}

// event is the receiver's format of events beside a codec.
func (r *route) event(c *bridge.Codec) (uint8, bool) {
	for _, e := range r.to.codecs {
		if strings.EqualFold(e.Name, "telephone-event") && e.ClockRate == c.ClockRate {
			return e.PayloadType, true
		}
	}
	return 0, false
}

// tone is a digit as audio where the receiver takes no events.
func (r *route) tone(d *injected, c *bridge.Codec) framed {
	if _, ok := r.event(c); ok && d.tone == 0 {
		return nil
	}
	none := framed{}
	found, ok := r.to.leg.session.r.find(*c)
	if !ok || !found.CanTranscode() {
		return none
	}
	ptime := time.Duration(r.inject.units) * time.Second / time.Duration(c.ClockRate)
	req := PlayDTMFRequest{Duration: d.duration, Pause: d.pause, Volume: d.volume, tone: d.tone}
	f, err := tones{&req, []dtmf.Event{d.event}}.Frames(found, ptime)
	if list, ok := f.(framed); err == nil && ok {
		return list
	}
	return none
}

// sing sends the next packet of a tone.
func (r *route) sing(h rtpwire.Header, c *bridge.Codec, q sender) (Drop, bool, bool) {
	j := r.inject
	elapsed := h.Timestamp - j.from
	frame, ok := j.tone.Frame(int(elapsed / max(j.units, 1)))
	if d := &j.queue[0]; !ok || d.held != nil && elapsed >= ticks(d.length(), c) {
		j.end(h.Timestamp)
		if len(j.queue) == 0 {
			r.inject = nil
		}
		return 0, false, false
	}
	cause, sent := r.to.emit(rtpwire.KindRTP, append(h.Append(q.buffer()[:0]), frame...), q)
	return cause, true, sent
}

// end makes the next digit the present one.
func (j *injection) end(from uint32) {
	j.queue, j.playing, j.tone = j.queue[1:], false, nil
	j.from, j.waits = from, true
}

// tell sends the next packet of an event; of its end, all of them.
func (r *route) tell(h rtpwire.Header, c *bridge.Codec, q sender) (cause Drop, done, sent bool) {
	j := r.inject
	pt, ok := r.event(c)
	if !ok {
		j.end(h.Timestamp)
		return 0, false, false
	}
	d := &j.queue[0]
	elapsed, length := h.Timestamp-j.from, ticks(d.length(), c)
	p := dtmf.Payload{Event: d.event, Volume: d.volume, Duration: uint16(min(elapsed+j.units, 0xffff)), End: elapsed >= length}
	out := rtpwire.Header{Marker: elapsed == 0, PayloadType: pt, Sequence: h.Sequence, Timestamp: j.from, SSRC: h.SSRC}
	n := 1
	if p.End {
		n = dtmf.EndPackets
	}
	for range n {
		cause, sent = r.to.emit(rtpwire.KindRTP, p.Append(out.Append(q.buffer()[:0])), q)
		out.Sequence++
	}
	r.shift += uint16(n - 1)
	j.last.Sequence = out.Sequence - 1
	if p.End {
		j.end(j.from + length + ticks(d.pause, c))
		if len(j.queue) == 0 {
			r.inject = nil
		}
	}
	return cause, true, sent
}

// goOn lets digits whose stream stopped in the middle end by themselves.
func (r *route) goOn(s *stream, now time.Time) {
	for r.inject != nil && !r.inject.due.After(now) {
		j := r.inject
		c, ok := r.codecOf(j.last.PayloadType)
		if !j.known || !ok || c.ClockRate == 0 || j.units == 0 { // nothing came: by themselves from the beginning
			r.inject = nil
			list := make([]dtmf.Event, 0, len(j.queue))
			for _, d := range j.queue {
				list = append(list, d.event)
			}
			r.to.playing = r.to.keys(j.request.settled(), list, now)
			s.leg.session.resettle()
			return
		}
		h := j.last
		h.Sequence++
		h.Timestamp += j.units
		r.shift++
		j.last = h
		_, done, _ := r.step(h, &c, sender{session: s.leg.session})
		if !done { // no packet took the number
			r.shift--
			j.last.Sequence--
		}
		j.due = j.due.Add(time.Duration(j.units) * time.Second / time.Duration(c.ClockRate))
	}
}
