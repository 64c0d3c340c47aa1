package dtmf

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// Mode is what becomes of digits that must not be heard.
type Mode uint8

// The modes, by the names of rtpengine's DTMF-security.
const (
	Off     Mode = iota
	Drop         // events vanish, tones become silence
	Silence      // events become silent audio, tones silence
	Sine         // "tone": both become a single tone
	Random       // both become other digits at random
	Zero         // both become 0
	Replace      // "DTMF": both become a digit that is given
)

// ParseMode reads a mode by name, in any case.
func ParseMode(s string) (Mode, error) {
	for m := Off; m <= Replace; m++ {
		if strings.EqualFold(s, m.String()) {
			return m, nil
		}
	}
	return Off, fmt.Errorf("dtmf: unknown mode %q", s)
}

// String is the name.
func (m Mode) String() string {
	names := [...]string{"off", "drop", "silence", "tone", "random", "zero", "DTMF"}
	if int(m) < len(names) {
		return names[m]
	}
	return "unknown"
}

// Verdict is what to do with an event packet.
type Verdict uint8

// The verdicts of Blocker.Event.
const (
	Pass  Verdict = iota // send the packet that was returned
	Gone                 // send nothing
	Audio                // send audio for as long, of Blocker.Fill
)

// What Sine sounds like when nothing else is said.
const (
	DefaultTone       = 400.0 // Hz
	DefaultToneVolume = 10    // -dBm0
)

// Blocking says how.
type Blocking struct {
	Mode      Mode
	Digit     Event   // for Replace
	Frequency float64 // for Sine, Hz; 0: 400
	Volume    uint8   // for Sine, -dBm0; 0: 10
}

// lookback is how long audio is held, so that a digit can still be taken out
// once it is known to be one: two blocks to see it, one it began in, and the
// filters' delay.
const lookback = 60 * time.Millisecond

// Blocker replaces the digits of one stream, in event packets and in audio. It
// is not safe for concurrent use.
type Blocker struct {
	how      Blocking
	rate     int
	detector *Detector
	tones    *Generator
	digits   []Digit

	held   []int16 // audio not given out yet; its length is constant
	given  int64   // samples given out in all
	covers []span  // what is replaced of those held, in order
	marred bool    // something of what was given out last was replaced
	stand  Event   // what stands for the present digit
	event  uint32  // timestamp of the event being replaced
	source Event
	known  bool
}

// span are samples by their number since the beginning.
type span struct{ from, to int64 }

// NewBlocker makes one for audio at a rate in Hz.
func NewBlocker(rate int, how Blocking) (*Blocker, error) {
	d, err := NewDetector(rate)
	if err != nil {
		return nil, err
	}
	if how.Frequency == 0 {
		how.Frequency = DefaultTone
	}
	if how.Volume == 0 {
		how.Volume = DefaultToneVolume
	}
	return &Blocker{how: how, rate: rate, detector: d, tones: NewGenerator(rate),
		held: make([]int16, int(lookback)*rate/int(time.Second))}, nil
}

// Delay is what Audio delays by.
func (b *Blocker) Delay() time.Duration {
	if b.how.Mode == Off {
		return 0
	}
	return lookback
}

// Event takes an event packet and says what to send instead.
func (b *Blocker) Event(timestamp uint32, p Payload) (Payload, Verdict) {
	if b.how.Mode == Off {
		return p, Pass
	}
	if !b.known || timestamp != b.event || p.Event != b.source {
		b.known, b.event, b.source = true, timestamp, p.Event
		b.begin(p.Event)
	}
	switch b.how.Mode {
	case Drop:
		return p, Gone
	case Silence, Sine:
		return p, Audio
	}
	p.Event = b.stand
	return p, Pass
}

// begin chooses what stands for a digit.
func (b *Blocker) begin(e Event) {
	switch b.how.Mode {
	case Sine:
		b.tones.StartTone(b.how.Frequency, b.how.Volume)
		return
	case Random:
		b.stand = Event(rand.IntN(15))
		if b.stand >= e && e < 16 {
			b.stand++ // any but itself
		}
	case Zero:
		b.stand = 0
	case Replace:
		b.stand = b.how.Digit
	}
	b.tones.Start(b.stand, b.how.Volume)
}

// Fill appends n samples of what stands for a digit in audio.
func (b *Blocker) Fill(dst []int16, n int) []int16 {
	if b.how.Mode == Drop || b.how.Mode == Silence {
		for range n {
			dst = append(dst, 0)
		}
		return dst
	}
	return b.tones.Append(dst, n)
}

// Audio appends as many samples as it takes, later by Delay, with the digits
// in them replaced. It also reports what it heard.
func (b *Blocker) Audio(dst, pcm []int16, digits []Digit) ([]int16, []Digit) {
	b.marred = false
	if b.how.Mode == Off {
		return append(dst, pcm...), digits
	}
	for step := b.rate / 400; len(pcm) > 0; { // 2.5 ms: finer than a block
		n := min(step, len(pcm))
		dst, digits = b.step(dst, pcm[:n], digits)
		pcm = pcm[n:]
	}
	return dst, digits
}

func (b *Blocker) step(dst, pcm []int16, digits []Digit) ([]int16, []Digit) {
	b.digits = b.detector.Audio(b.digits[:0], pcm)
	n := len(pcm)
	dst = append(dst, b.held[:n]...)
	b.give(n)
	copy(b.held, b.held[n:])
	fresh := b.held[len(b.held)-n:]
	copy(fresh, pcm)
	if b.detector.Active() { // it is until a block after the end
		b.cover(fresh)
	}
	for _, d := range b.digits {
		if !d.Ended {
			b.begin(d.Event)
			b.cover(b.held)
		}
	}
	return dst, append(digits, b.digits...)
}

// cover replaces the last of the samples held, in place.
func (b *Blocker) cover(pcm []int16) {
	b.Fill(pcm[:0], len(pcm))
	end := b.given + int64(len(b.held))
	from := end - int64(len(pcm))
	for n := len(b.covers); n > 0 && b.covers[n-1].to >= from; n = len(b.covers) {
		from = min(from, b.covers[n-1].from)
		b.covers = b.covers[:n-1]
	}
	b.covers = append(b.covers, span{from, end})
}

// give counts samples that are given out, and sees whether they are as they came.
func (b *Blocker) give(n int) {
	b.given += int64(n)
	for len(b.covers) > 0 && b.covers[0].from < b.given {
		b.marred = true
		if b.covers[0].to > b.given {
			return
		}
		b.covers = append(b.covers[:0], b.covers[1:]...)
	}
}

// Altered tells whether anything of what the last call of Audio gave out is not
// as it came in.
func (b *Blocker) Altered() bool { return b.marred }
