package transcode

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/class5-go/class5/media/codec"
	"github.com/class5-go/class5/media/rtpwire"
)

// maxJump is the gap in sequence numbers up to which it is taken for loss.
const maxJump = 3000

// Transcoder is one direction of one stream.
type Transcoder struct {
	cfg    Config
	inputs []input
	byType [128]uint8 // index into inputs, plus one
	last   *input     // that sent last
	// decoded: its last packet was, and did not go as it came.
	decoded bool

	state   State
	seen    uint64 // of the sequence numbers before state.SourceSequence
	at      time.Time
	mark    bool // the next packet begins a talk spurt
	resumed bool // the state is another's

	pcm    pcm
	queue  queue
	jitter jitter
	events events
	asIs   bool // nothing is done to audio but its encoding
	plain  bool // and every input can go straight through
	pause  pause
	solo   time.Time // when a frame is made without the source; see Config.Mix
	stats  Stats
}

type input struct {
	Input
	direct func(dst, payload []byte) []byte // payloads without decoding; nil: none
	// stateless: no payload depends on those before.
	stateless bool
	decoder   codec.Decoder
	conv      *codec.Converter
	conceal   *codec.Concealment
	length    int // samples per channel of the last packet
	rate      int // of the decoder's samples
	chans     int
}

// New checks the configuration. Codecs are made when their first packet comes.
// Errors wrap ErrConfig, or those of package codec.
func New(cfg Config) (*Transcoder, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	t := &Transcoder{cfg: cfg, asIs: cfg.Jitter.Max == 0 && !cfg.Detect && cfg.Silence == 0}
	t.plain = t.asIs && cfg.Mix == nil
	out := cfg.Output.Codec
	for _, in := range cfg.Inputs {
		if in.PayloadType > 127 || t.byType[in.PayloadType] != 0 {
			return nil, fmt.Errorf("%w: payload type %d", ErrConfig, in.PayloadType)
		}
		i := input{Input: in, direct: straight(in.Codec, out)}
		i.stateless = i.direct != nil && (companded(out) || out.Name == "L16")
		switch {
		case in.Codec.Kind == codec.Event:
			t.plain = t.plain && cfg.Output.Event != 0 && in.Codec.ClockRate == out.ClockRate
		case in.Codec.Kind == codec.Noise:
			t.plain = t.plain && cfg.Output.Noise != 0 && in.Codec.ClockRate == out.ClockRate
		case i.direct != nil:
		case !in.Codec.CanTranscode() || !out.CanTranscode():
			return nil, fmt.Errorf("%w: %v to %v: %w", ErrConfig, in.Codec, out, codec.ErrPassThrough)
		default:
			t.plain = false
		}
		t.inputs = append(t.inputs, i)
		t.byType[in.PayloadType] = uint8(len(t.inputs))
	}
	t.solo = time.Time{}.Add(1) // long ago
	t.state.SSRC = cfg.SSRC
	if t.state.SSRC == 0 {
		t.state.SSRC = rand.Uint32()
	}
	t.pcm = newPCM(t.inputs, cfg.Output)
	if err := t.events.init(cfg, t.pcm.rate); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	return t, nil
}

// straight finds a way from payload to payload.
func straight(from, to codec.Codec) func(dst, payload []byte) []byte {
	switch {
	case from.Match(to.Format):
		return func(dst, payload []byte) []byte { return append(dst, payload...) }
	case !companded(from) || !companded(to) || from.ClockRate != to.ClockRate:
		return nil
	case strings.EqualFold(from.Name, "PCMA"):
		return codec.ALawToMuLaw
	}
	return codec.MuLawToALaw
}

// companded tells whether a codec is G.711, at whichever rate.
func companded(c codec.Codec) bool {
	return strings.EqualFold(c.Name, "PCMA") || strings.EqualFold(c.Name, "PCMU")
}

// Stats returns the figures so far.
func (t *Transcoder) Stats() Stats {
	s := t.stats
	s.Delay = t.jitter.delay - t.jitter.base
	return s
}

// Push takes one received packet, which is not kept, and appends to out what
// is to be sent now. An error tells why the packet was dropped; out is good in
// any case.
func (t *Transcoder) Push(out *Packets, packet []byte, now time.Time) error {
	t.stats.Received++
	h, payload, ok := rtpwire.Parse(packet)
	if !ok {
		t.stats.Malformed++
		return ErrPacket
	}
	n := t.byType[h.PayloadType]
	if n == 0 {
		t.stats.UnknownType++
		t.skip(h)
		return ErrType
	}
	in := &t.inputs[n-1]
	if t.begins(h) {
		t.begin(out, h, in, now)
	}
	if t.resumed {
		t.resume(h, in)
	}
	t.at = now
	t.heard(in, payload, now)
	t.awaits(in, payload, now)
	if t.plain && t.pcm.made == 0 && t.straight(payload, in) {
		return t.pass(out, h, payload, in)
	}
	if t.cfg.Jitter.Max > 0 {
		err := t.buffer(h, payload, now)
		t.Advance(out, now)
		return err
	}
	return t.inOrder(out, h, payload, now)
}

// Advance appends to out what is due at now without a new packet: from the
// jitter buffer, in place of lost packets, and comfort noise.
func (t *Transcoder) Advance(out *Packets, now time.Time) {
	switch {
	case !t.state.Begun:
	case t.cfg.Jitter.Max > 0:
		t.playOut(out, now)
	default:
		t.release(out, now)
		t.fillPause(now)
		t.noise(out, now)
	}
	t.alone(out, now)
}

// Next is when Advance has something to do; the zero time is never.
func (t *Transcoder) Next() time.Time {
	next := t.pcm.noiseDue
	if t.cfg.Jitter.Max > 0 {
		next = t.jitter.next
	}
	if t.cfg.Mix != nil && !t.pcm.noiseOn && t.cfg.Mix.Sounds() && (next.IsZero() || t.solo.Before(next)) {
		next = t.solo
	}
	if t.cfg.Jitter.Max > 0 {
		return next
	}
	if due := t.pause.due; !due.IsZero() && (next.IsZero() || due.Before(next)) {
		next = due
	}
	if s := t.queue.first(t.state.SourceSequence); s != nil {
		if due := s.at.Add(holdTime); next.IsZero() || due.Before(next) {
			next = due
		}
	}
	return next
}

// begins tells whether a packet does not continue what was before.
func (t *Transcoder) begins(h rtpwire.Header) bool {
	if !t.state.Begun || h.SSRC != t.state.Source {
		return true
	}
	ahead := int16(h.Sequence - t.state.SourceSequence)
	return ahead > maxJump || ahead < -maxJump
}

// begin takes a source, or its new numbers. The output goes on where it is,
// after the time that has passed. A source that goes on under other numbers at
// once is not heard to do so.
func (t *Transcoder) begin(out *Packets, h rtpwire.Header, in *input, now time.Time) {
	s := &t.state
	if !s.Begun {
		s.Sequence, s.Timestamp = h.Sequence, h.Timestamp
		if t.cfg.SourceSSRC {
			s.SSRC = h.SSRC
		}
	} else {
		idle := now.Sub(t.at) - t.frameTime() - t.filled()
		if idle > 0 || h.SSRC != s.Source {
			t.flush(out)
			t.mark = true
		}
		if !t.at.IsZero() && idle > 0 && idle < time.Hour {
			s.Timestamp += uint32(int64(idle) * int64(t.cfg.Output.Codec.ClockRate) / int64(time.Second))
		}
		for i := range t.inputs {
			t.inputs[i].decoder = nil
		}
	}
	s.Begun, s.Source = true, h.SSRC
	s.SourceSequence, s.SourceTimestamp, s.SourceClock = h.Sequence, h.Timestamp, in.Codec.ClockRate
	t.seen = 0
	t.pcm.spoke()
	t.pause.filling, t.pause.carried = false, false
	t.queue.clear()
	t.jitter.reset()
	t.events.reset()
}

// skip takes the number of a packet that is not passed on out of the sequence,
// so that nobody takes it for lost.
func (t *Transcoder) skip(h rtpwire.Header) {
	if t.state.Begun && h.SSRC == t.state.Source && h.Sequence == t.state.SourceSequence {
		t.state.SourceSequence++
		t.seen = t.seen<<1 | 1
	}
}

// fresh notes a number and tells whether it was not there before. ahead is its
// distance from the next expected.
func (t *Transcoder) fresh(ahead int16) bool {
	if ahead >= 0 {
		t.seen = t.seen<<(uint(ahead)+1) | 1
		return true
	}
	bit := uint64(1) << (uint(-int(ahead)) - 1)
	if ahead < -64 || t.seen&bit != 0 {
		return false
	}
	t.seen |= bit
	return true
}

// straight tells whether a packet needs no decoding.
func (t *Transcoder) straight(payload []byte, in *input) bool {
	if len(t.pcm.fifo) > 0 || t.events.busy() {
		return false
	}
	if in.Codec.Kind != codec.Audio || t.cfg.Output.Ptime == 0 || !in.Codec.CanTranscode() {
		return true
	}
	return in.duration(payload) == uint32(int64(t.cfg.Output.Ptime)*int64(in.Codec.ClockRate)/int64(time.Second))
}

// duration is that of a payload in timestamp units, where it can be told from
// its length.
func (in *input) duration(payload []byte) uint32 {
	switch c := in.Codec; {
	case companded(c), c.Is("G722", 8000):
		return uint32(len(payload))
	case c.Name == "L16":
		return uint32(len(payload) / 2 / max(c.Channels, 1))
	default:
		return uint32(int64(c.Ptime) * int64(c.ClockRate) / int64(time.Second))
	}
}

// pass maps the numbers of a packet and converts its payload. Order, gaps and
// duplicates stay as they are.
func (t *Transcoder) pass(out *Packets, h rtpwire.Header, payload []byte, in *input) error {
	s := &t.state
	t.decoded = false
	ahead := int16(h.Sequence - s.SourceSequence)
	again := !t.fresh(ahead)
	if again {
		t.stats.Late++
		if ahead < -64 {
			return ErrLate
		}
	}
	mapped := rtpwire.Header{Marker: h.Marker || t.mark, Sequence: s.Sequence + uint16(ahead), SSRC: s.SSRC,
		Timestamp: s.Timestamp + h.Timestamp - s.SourceTimestamp, PayloadType: t.cfg.Output.PayloadType}
	length := uint32(0)
	switch in.Codec.Kind {
	case codec.Event:
		mapped.PayloadType = t.cfg.Output.Event
		t.events.note(out, h, payload)
	case codec.Noise:
		mapped.PayloadType = t.cfg.Output.Noise
	default:
		length = in.duration(payload)
	}
	t.mark = false
	b := out.begin(mapped)
	if in.direct != nil {
		b = in.direct(b, payload)
	} else {
		b = append(b, payload...)
	}
	out.end(b)
	t.stats.Sent++
	if ahead >= 0 {
		t.stats.Lost += uint64(ahead)
		s.SourceSequence, s.Sequence = h.Sequence+1, mapped.Sequence+1
		if in.Codec.Kind == codec.Audio {
			s.SourceTimestamp, s.Timestamp = h.Timestamp+length, mapped.Timestamp+length
		}
	} else if t.stats.Lost > 0 && !again {
		t.stats.Lost--
	}
	return nil
}
