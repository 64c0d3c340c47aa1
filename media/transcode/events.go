package transcode

import (
	"fmt"
	"time"

	"github.com/class5-go/class5/media/codec"
	"github.com/class5-go/class5/media/dtmf"
	"github.com/class5-go/class5/media/rtpwire"
)

// maxPlay is the number of digits that wait to be sent.
const maxPlay = 64

// events is what a transcoder knows of digits.
type events struct {
	receiver *dtmf.Receiver // of event packets that come in
	known    bool
	from, to uint32 // timestamps of the present event, as it came and as it leaves
	covered  uint16 // of its duration, as audio
	tones    *dtmf.Generator

	detector *dtmf.Detector
	blocker  *dtmf.Blocker // what was asked for by Block
	cleaner  *dtmf.Blocker // takes tones out that become events
	sender   dtmf.Sender
	playing  []played
	mono     []int16
	found    []dtmf.Digit
}

// played is a digit to be sent by our own will; lengths are samples.
type played struct {
	digit       dtmf.Digit
	left, pause int
	begun       bool
}

func (e *events) init(cfg Config, rate int) (err error) {
	e.receiver = dtmf.NewReceiver(cfg.Output.Codec.ClockRate)
	e.tones = dtmf.NewGenerator(rate)
	switch {
	case cfg.Detect && cfg.Clean && cfg.Output.Event != 0:
		e.cleaner, err = dtmf.NewBlocker(rate, dtmf.Blocking{Mode: dtmf.Silence})
	case cfg.Detect:
		e.detector, err = dtmf.NewDetector(rate)
	}
	return err
}

func (e *events) reset() { e.known = false }

// busy tells whether digits stand in for audio.
func (e *events) busy() bool { return e.blocker != nil || len(e.playing) > 0 || e.sender.Active() }

// note reports the digits of packets.
func (e *events) note(out *Packets, h rtpwire.Header, payload []byte) {
	if p, err := dtmf.ParsePayload(payload); err == nil {
		out.Digits = e.receiver.Packet(out.Digits, h.Timestamp, p)
	}
}

// Block replaces digits from now on, in event packets and in audio, which is
// late by 60 ms meanwhile. Mode Off ends it. Out of what leaves, the digits
// are in Packets.Digits as they came in.
func (t *Transcoder) Block(how dtmf.Blocking) error {
	t.events.blocker = nil
	if how.Mode == dtmf.Off {
		return nil
	}
	b, err := dtmf.NewBlocker(t.pcm.rate, how)
	if err == nil {
		t.events.blocker = b
	}
	return err
}

// Play sends a digit in place of audio, as an event or as tones, followed by a
// pause at least so long. It takes its time from the packets of the source.
// Errors wrap ErrConfig: too many digits wait, or it is no digit.
func (t *Transcoder) Play(d dtmf.Digit, pause time.Duration) error {
	if _, ok := d.Event.Digit(); !ok || len(t.events.playing) >= maxPlay || d.Duration <= 0 || d.Duration > time.Minute || pause < 0 {
		return fmt.Errorf("%w: %v of %v cannot be played", ErrConfig, d.Event, d.Duration)
	}
	samples := func(d time.Duration) int { return int(int64(d) * int64(t.pcm.rate) / int64(time.Second)) }
	t.events.playing = append(t.events.playing, played{digit: d, left: samples(d.Duration), pause: samples(pause)})
	return nil
}

// event takes an event packet in its turn: it leaves as one, with our numbers,
// or as audio.
func (t *Transcoder) event(out *Packets, in *input, h rtpwire.Header, payload []byte, gap int32) error {
	p, err := dtmf.ParsePayload(payload)
	if err != nil {
		t.stats.Refused++
		return fmt.Errorf("%w: %w", ErrPayload, err)
	}
	e := &t.events
	clock := in.Codec.ClockRate
	scaled := p.Scale(clock, t.cfg.Output.Codec.ClockRate)
	out.Digits = e.receiver.Packet(out.Digits, h.Timestamp, scaled)
	fill := (*dtmf.Blocker)(nil)
	if e.blocker != nil {
		stand, verdict := e.blocker.Event(h.Timestamp, scaled)
		switch verdict {
		case dtmf.Gone:
			return nil
		case dtmf.Audio:
			fill = e.blocker
		}
		scaled, p.Event = stand, stand.Event
	}
	first := !e.known || h.Timestamp != e.from
	if t.cfg.Output.Event == 0 || fill != nil {
		return t.sound(out, h, p, gap, first, clock, fill)
	}
	if first {
		samples := int64(max(0, gap)) * int64(t.pcm.rate) / int64(clock)
		e.known, e.from, e.to = true, h.Timestamp, t.state.Timestamp+t.pcm.ticks(t.pcm.waiting()+int(samples))
	}
	t.sendEvent(out, dtmf.Packet{Payload: scaled, Timestamp: e.to, Marker: h.Marker})
	return nil
}

func (t *Transcoder) sendEvent(out *Packets, p dtmf.Packet) {
	mark := t.mark // is for the audio behind
	h := t.header(t.cfg.Output.Event)
	h.Timestamp, h.Marker = p.Timestamp, p.Marker
	t.sent(out, p.Append(out.begin(h)))
	t.mark = mark
}

// sound makes audio of the part of an event that is new: its tones, or what
// fill has instead.
func (t *Transcoder) sound(out *Packets, h rtpwire.Header, p dtmf.Payload, gap int32, first bool, clock int, fill *dtmf.Blocker) error {
	e, q := &t.events, &t.pcm
	if !q.out.Codec.CanTranscode() {
		return nil
	}
	if q.frame == 0 {
		q.setFrame(q.out.Codec.Ptime)
	}
	if first {
		if gap < 0 {
			return nil // of the past
		}
		t.jump(out, int(int64(gap)*int64(q.rate)/int64(clock)))
		e.known, e.from, e.covered = true, h.Timestamp, 0
		e.tones.Start(p.Event, p.Volume)
	}
	if p.Duration <= e.covered {
		return nil
	}
	at := func(units uint16) int { return int(int64(units) * int64(q.rate) / int64(clock)) }
	n := at(p.Duration) - at(e.covered)
	e.covered = p.Duration
	t.state.SourceTimestamp = h.Timestamp + uint32(p.Duration)
	if fill != nil {
		q.scratch = fill.Fill(q.scratch[:0], n)
	} else {
		q.scratch = e.tones.Append(q.scratch[:0], n)
	}
	q.addMono(q.scratch)
	t.drain(out)
	return nil
}

// digits sends digits in place of a frame of audio, which may be changed;
// true: nothing else is to be sent.
func (t *Transcoder) digits(out *Packets, pcm []int16, ticks uint32) bool {
	e := &t.events
	if e.blocker != nil {
		found := t.block(e.blocker, pcm)
		if !t.cfg.Detect {
			out.Digits = append(out.Digits, found...)
		}
	}
	if len(e.playing) > 0 {
		return t.playing(out, pcm, ticks)
	}
	switch {
	case e.cleaner != nil:
		e.found = t.block(e.cleaner, pcm)
	case e.detector != nil:
		e.found = e.detector.Audio(e.found[:0], t.mono(pcm))
	default:
		return false
	}
	out.Digits = append(out.Digits, e.found...)
	return t.cfg.Output.Event != 0 && t.convert(out, ticks)
}

// mono is a frame as one channel.
func (t *Transcoder) mono(pcm []int16) []int16 {
	if t.pcm.chans == 1 {
		return pcm
	}
	t.events.mono = codec.Downmix(t.events.mono[:0], pcm)
	return t.events.mono
}

// block sends a frame through a blocker, in place.
func (t *Transcoder) block(b *dtmf.Blocker, pcm []int16) []dtmf.Digit {
	e := &t.events
	t.pcm.scratch, e.found = b.Audio(t.pcm.scratch[:0], t.mono(pcm), e.found[:0])
	for i, v := range t.pcm.scratch {
		for ch := range t.pcm.chans {
			pcm[i*t.pcm.chans+ch] = v
		}
	}
	return e.found
}

// convert sends the events of tones that were found; false: there are none.
func (t *Transcoder) convert(out *Packets, ticks uint32) bool {
	s := &t.events.sender
	ended := false
	for _, d := range t.events.found {
		if d.Ended {
			ended = true
			continue
		}
		if s.Active() { // one digit straight after another
			t.endEvent(out, 0)
		}
		s.Begin(d.Event, d.Volume, t.state.Timestamp)
		ended = false
	}
	switch {
	case !s.Active():
		return false
	case ended:
		t.endEvent(out, ticks)
	default:
		t.sendEvent(out, s.Grow(ticks))
	}
	return true
}

func (t *Transcoder) endEvent(out *Packets, ticks uint32) {
	s := &t.events.sender
	t.sendEvent(out, s.End(ticks))
	for p, ok := s.Repeat(); ok; p, ok = s.Repeat() {
		t.sendEvent(out, p)
	}
}

// playing sends a frame of the digit that is to be played; false: audio passes.
func (t *Transcoder) playing(out *Packets, pcm []int16, ticks uint32) bool {
	e := &t.events
	p := &e.playing[0]
	n := t.pcm.frame
	if p.left <= 0 {
		if p.pause -= n; p.pause <= 0 {
			e.playing = e.playing[:copy(e.playing, e.playing[1:])]
		}
		return false
	}
	first := !p.begun
	p.begun = true
	p.left -= n
	if t.cfg.Output.Event == 0 {
		if first {
			e.tones.Start(p.digit.Event, p.digit.Volume)
		}
		t.pcm.scratch = e.tones.Append(t.pcm.scratch[:0], min(n, n+p.left))
		clear(pcm)
		for i, v := range t.pcm.scratch {
			for ch := range t.pcm.chans {
				pcm[i*t.pcm.chans+ch] = v
			}
		}
		return false
	}
	if first {
		e.sender.Begin(p.digit.Event, p.digit.Volume, t.state.Timestamp)
	}
	if p.left > 0 {
		t.sendEvent(out, e.sender.Grow(ticks))
		return true
	}
	t.endEvent(out, t.pcm.ticks(n+p.left))
	return true
}
