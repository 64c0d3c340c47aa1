package relay

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/class5-go/class5/media/codec"
	"github.com/class5-go/class5/media/dtmf"
	"github.com/class5-go/class5/media/rtpwire"
)

// DTMFSecurity keeps the digits of parties from everybody, recordings
// included: as events and as tones in audio that can be decoded.
type DTMFSecurity struct {
	dtmf.Blocking // from now on; Mode Off: not yet, or not any more
	// Trigger begins and ends a blocking by what is dialled; nil: none.
	Trigger *dtmf.Trigger
	// Triggered holds while Trigger is on, Ended after it.
	Triggered, Ended dtmf.Mode
	// Delay: digits are silence first, and are pressed again so much later, as
	// the mode says then: Off plays what was pressed. At most MaxDelay.
	Delay time.Duration
}

// SecureDTMF sets how digits of the parties are kept secret. Audio is late by
// 60 ms meanwhile. They still are events of [Relay.Events].
func (r *Relay) SecureDTMF(ctx context.Context, by Selector, how DTMFSecurity) error {
	return r.change(ctx, by, func(s *stream) {
		e := s.ask()
		aside := e.secrets != nil && e.secrets.aside
		e.secrets = nil
		how.Delay = min(max(how.Delay, 0), MaxDelay)
		if how.secret() || aside {
			e.secrets = newSecrets(how)
			e.secrets.aside = aside
			r.pacer.add(s.leg.session)
		}
	})
}

// secret tells whether anything is asked for.
func (how *DTMFSecurity) secret() bool {
	return how.Mode != dtmf.Off || how.Trigger != nil || how.Delay > 0
}

// secrets replaces the digits of one stream.
type secrets struct {
	how      DTMFSecurity
	trigger  *dtmf.Trigger
	began    bool      // the trigger was on once
	mode     dtmf.Mode // of what passes now
	aside    bool      // digits that are no secret are events only
	secret   bool      // those of now are
	again    dtmf.Mode // of what is pressed again
	receiver *dtmf.Receiver
	clock    int           // of the receiver
	events   *dtmf.Blocker // for event packets
	audio    map[uint8]*secretAudio
	from     uint32 // timestamp of the event that becomes audio
	covered  uint16
	spoken   uint8 // payload type of the audio that came last
	known    bool
	found    []dtmf.Digit
	pcm, out []int16
	pressed  []pressed // digits that are to be pressed again
	holds    *pressing // the digit whose key the party holds now
}

// eventClock is the rate of the timestamps of events.
func (s *stream) eventClock(pt uint8) int {
	for i := range s.codecs {
		if c := &s.codecs[i]; c.PayloadType == pt && c.ClockRate > 0 {
			return int(c.ClockRate)
		}
	}
	return 8000
}

// secretAudio works on the audio of one payload type.
type secretAudio struct {
	decoder codec.Decoder
	encoder codec.Encoder
	blocker *dtmf.Blocker
	watch   *dtmf.Detector // in place of blocker while nothing is replaced
	rate    int            // of samples
	clock   int            // of timestamps
	// width is the number of octets of a sample, 0 where a sample has none of its
	// own. held are then the octets of what the blocker holds: what has no digit
	// leaves as it came.
	width int
	held  []byte
}

// widths are of the codecs whose packets do not depend on the ones before.
var widths = map[string]int{"PCMA": 1, "PCMU": 1, "L16": 2}

// hold prepares for octets to be held.
func (a *secretAudio) hold(name string) {
	if a.width = widths[strings.ToUpper(name)]; a.width == 0 {
		return
	}
	var err error
	silence := make([]int16, int(a.blocker.Delay())*a.rate/int(time.Second))
	if a.held, err = a.encoder.Encode(nil, silence); err != nil || len(a.held) != len(silence)*a.width {
		a.width = 0
	}
}

// pass writes the octets that are due behind a header, and holds those that
// came; false: they are to be made of samples.
func (a *secretAudio) pass(h rtpwire.Header, payload, buf []byte, samples int) ([]byte, bool) {
	if a.width == 0 {
		return nil, false
	}
	if samples*a.width != len(payload) {
		a.width = 0 // what is held is not of a piece any more
		return nil, false
	}
	a.held = append(a.held, payload...)
	b := append(h.Append(buf[:0]), a.held[:len(payload)]...)
	a.held = a.held[:copy(a.held, a.held[len(payload):])]
	return b, !a.blocker.Altered()
}

func newSecrets(how DTMFSecurity) *secrets {
	x := &secrets{how: how, mode: how.Mode, audio: map[uint8]*secretAudio{}}
	if how.Trigger != nil {
		t := *how.Trigger
		x.trigger = &t
	}
	return x
}

// choose makes the mode that holds now the present one.
func (x *secrets) choose(now time.Time) {
	mode := x.how.Mode
	if x.trigger != nil {
		switch {
		case x.trigger.Expire(now):
			mode, x.began = x.how.Triggered, true
		case x.began:
			mode = x.how.Ended
		}
	}
	x.again, x.secret = mode, mode != dtmf.Off
	switch {
	case x.how.Delay > 0:
		mode = dtmf.Silence
	case x.aside && !x.secret:
		mode = dtmf.Drop
	}
	if mode != x.mode {
		x.mode, x.events = mode, nil
		clear(x.audio)
	}
}

func (x *secrets) blocking() dtmf.Blocking {
	b := x.how.Blocking
	b.Mode = x.mode
	return b
}

// dialled tells the trigger of digits that have ended. at is the timestamp of
// what said so, clock its rate.
func (x *secrets) dialled(at uint32, clock int, now time.Time) {
	for _, d := range x.found {
		if d.Ended && x.trigger != nil {
			x.began = x.trigger.Digit(d.Event, now) || x.began
		}
		if x.how.Delay > 0 {
			x.press(d, at, clock, now)
		}
	}
}

// event takes an event packet; what stands for it is written to buf.
func (x *secrets) event(s *stream, h rtpwire.Header, b, payload, buf []byte, now time.Time) ([]byte, bool) {
	p, err := dtmf.ParsePayload(payload)
	if err != nil {
		return nil, false
	}
	clock := s.eventClock(h.PayloadType)
	if x.receiver == nil || clock != x.clock {
		x.receiver, x.clock = dtmf.NewReceiver(clock), clock
	}
	x.found = x.receiver.Packet(x.found[:0], h.Timestamp, p)
	x.choose(now)
	defer x.dialled(h.Timestamp+uint32(p.Duration), clock, now)
	if x.mode == dtmf.Off {
		return b, true
	}
	if x.events == nil {
		a := x.sound(s, x.spoken)
		if x.events = x.eventBlocker(a); x.events == nil {
			return nil, false
		}
	}
	stand, verdict := x.events.Event(h.Timestamp, p)
	switch verdict {
	case dtmf.Pass:
		return stand.Append(h.Append(buf[:0])), true
	case dtmf.Audio:
		return x.fill(s, h, p, buf)
	}
	return nil, false
}

// eventBlocker works at the rate of the audio that may stand for events.
func (x *secrets) eventBlocker(a *secretAudio) *dtmf.Blocker {
	rate := 8000
	if a != nil {
		rate = a.rate
	}
	b, err := dtmf.NewBlocker(rate, x.blocking())
	if err != nil {
		return nil
	}
	return b
}

// fill is audio as long as what is new of an event.
func (x *secrets) fill(s *stream, h rtpwire.Header, p dtmf.Payload, buf []byte) ([]byte, bool) {
	a := x.sound(s, x.spoken)
	if a == nil || !x.known {
		return nil, false
	}
	if h.Timestamp != x.from {
		x.from, x.covered = h.Timestamp, 0
	}
	if p.Duration <= x.covered {
		return nil, false
	}
	units := min(int(p.Duration-x.covered), a.clock/10)
	x.out = x.events.Fill(x.out[:0], units*a.rate/a.clock)
	h.Timestamp += uint32(x.covered)
	h.PayloadType, h.Marker = x.spoken, false
	x.covered = p.Duration
	b, err := a.encoder.Encode(h.Append(buf[:0]), x.out)
	return b, err == nil
}

// sound is what works on a payload type; nil: it is no audio that can be
// decoded.
func (x *secrets) sound(s *stream, pt uint8) *secretAudio {
	if a, ok := x.audio[pt]; ok {
		return a
	}
	var a *secretAudio
	for _, c := range s.codecs {
		found, ok := s.leg.session.r.find(c)
		if c.PayloadType != pt || !ok || found.Kind != codec.Audio || !found.CanTranscode() {
			continue
		}
		p := codec.Params{Fmtp: c.Fmtp, Channels: 1, Ptime: found.FitPtime(s.ptime)}
		d, err := found.Decoder(p)
		e, err2 := found.Encoder(p)
		b, err3 := dtmf.NewBlocker(found.SampleRate, x.blocking())
		w, err4 := dtmf.NewDetector(found.SampleRate)
		if errors.Join(err, err2, err3, err4) == nil {
			a = &secretAudio{decoder: d, encoder: e, blocker: b, watch: w, rate: found.SampleRate, clock: found.ClockRate}
			a.hold(found.Name)
		}
	}
	x.audio[pt] = a
	return a
}

// tones takes the digits out of a packet of audio. What cannot be decoded
// passes as it is.
func (x *secrets) tones(s *stream, h rtpwire.Header, b, payload, buf []byte, now time.Time) ([]byte, bool) {
	x.choose(now)
	x.spoken, x.known = h.PayloadType, true
	if x.mode == dtmf.Off && x.trigger == nil {
		return b, true
	}
	a := x.sound(s, h.PayloadType)
	if a == nil {
		return b, true
	}
	var err error
	if x.pcm, err = a.decoder.Decode(x.pcm[:0], payload); err != nil {
		return nil, false
	}
	if x.mode == dtmf.Off {
		x.found = a.watch.Audio(x.found[:0], x.pcm)
	} else {
		x.out, x.found = a.blocker.Audio(x.out[:0], x.pcm, x.found[:0])
	}
	x.dialled(h.Timestamp+uint32(len(x.pcm)*a.clock/a.rate), a.clock, now)
	for _, d := range x.found {
		s.heardDigit(d, now)
	}
	if x.mode == dtmf.Off {
		return b, true
	}
	if made, ok := a.pass(h, payload, buf, len(x.pcm)); ok {
		return made, true
	}
	made, err := a.encoder.Encode(h.Append(buf[:0]), x.out)
	return made, err == nil
}

// work replaces what is secret in a packet.
func (x *secrets) work(s *stream, h rtpwire.Header, b []byte, events bool, now time.Time, q sender) (rtpwire.Header, []byte, bool) {
	_, payload, ok := rtpwire.Parse(b)
	if !ok {
		return h, nil, false
	}
	if events {
		b, ok = x.event(s, h, b, payload, q.buffer(), now)
	} else {
		b, ok = x.tones(s, h, b, payload, q.buffer(), now)
	}
	s.leg.session.wake(s.nextPressed())
	if !ok {
		return h, nil, false
	}
	if h, _, ok = rtpwire.ParseHeader(b); ok {
		s.pressAt(h.Timestamp, now)
	}
	return h, b, ok
}
