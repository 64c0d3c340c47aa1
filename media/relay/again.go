package relay

import (
	"math/rand/v2"
	"time"

	"github.com/class5-go/class5/media/dtmf"
)

const (
	// shortestPress and longestPress bound a digit that is pressed again; it ends
	// where it is not known yet to have ended.
	shortestPress, longestPress = 40 * time.Millisecond, 5 * time.Second
	pressPause                  = 40 * time.Millisecond
	// cutPress is how long a digit is of a party that fell silent with it.
	cutPress = 100 * time.Millisecond
)

// pressed is a digit that is pressed again later.
type pressed struct {
	event  dtmf.Event
	volume uint8
	length *pressing
	from   uint32    // timestamp of the stream from which on it is
	due    time.Time // and when, if the stream does not get there
}

// pressing is how long a digit is pressed. What presses it again reads it while
// it does: the party may still hold the key.
type pressing struct{ duration time.Duration }

// press notes a digit, or its end. at is the timestamp of what said so, clock
// its rate.
func (x *secrets) press(d dtmf.Digit, at uint32, clock int, now time.Time) {
	if d.Ended && x.holds != nil {
		x.holds.duration = max(d.Duration, shortestPress)
		x.holds = nil
		return
	}
	p := pressed{event: d.Event, volume: d.Volume, length: &pressing{longestPress}}
	x.holds = p.length
	if d.Ended { // nothing told of its beginning
		p.length.duration, x.holds = max(d.Duration, shortestPress), nil
	}
	left := max(x.how.Delay-d.Duration, 0)
	p.from, p.due = at+uint32(int64(left)*int64(clock)/int64(time.Second)), now.Add(left+maxGap)
	if len(x.pressed) < maxDigits {
		x.pressed = append(x.pressed, p)
	}
}

// stand is the digit that is pressed in place of another, or the frequency of
// the tone that is; false: there is silence.
func (x *secrets) stand(e dtmf.Event) (dtmf.Event, float64, bool) {
	switch x.again {
	case dtmf.Off:
		return e, 0, true
	case dtmf.Zero:
		return 0, 0, true
	case dtmf.Replace:
		return x.how.Digit, 0, true
	case dtmf.Random:
		return dtmf.Event(rand.IntN(12)), 0, true
	case dtmf.Sine:
		if x.how.Frequency > 0 {
			return e, x.how.Frequency, true
		}
		return e, dtmf.DefaultTone, true
	}
	return 0, 0, false
}

// pressAgain presses what is due, by the clock or because the stream has come
// to a timestamp.
func (s *stream) pressAgain(due func(*pressed) bool, now time.Time) {
	if s.extra == nil || s.extra.secrets == nil {
		return
	}
	x := s.extra.secrets
	played := false
	for len(x.pressed) > 0 && due(&x.pressed[0]) {
		p := x.pressed[0]
		x.pressed = x.pressed[1:]
		if e, hz, ok := x.stand(p.event); ok {
			req := PlayDTMFRequest{Duration: longestPress, Pause: pressPause, Volume: p.volume, length: p.length, tone: hz}
			if hz > 0 {
				req.Volume = x.how.Volume
				if req.Volume == 0 {
					req.Volume = dtmf.DefaultToneVolume
				}
			}
			played = s.playKeys(&req, []dtmf.Event{e}, now) > 0 || played
		}
	}
	if played {
		s.leg.session.resettle()
	}
}

// pressLate presses what the stream did not get to.
func (s *stream) pressLate(now time.Time) {
	s.pressAgain(func(p *pressed) bool { return !p.due.After(now) }, now)
}

// pressAt presses what is to be heard from a timestamp of the stream on.
func (s *stream) pressAt(timestamp uint32, now time.Time) {
	s.pressAgain(func(p *pressed) bool { return int32(timestamp-p.from) >= 0 }, now)
}

// nextPressed is when a digit is due; zero: there is none.
func (s *stream) nextPressed() time.Time {
	if s.extra == nil || s.extra.secrets == nil || len(s.extra.secrets.pressed) == 0 {
		return time.Time{}
	}
	return s.extra.secrets.pressed[0].due
}

// settled is the request with lengths that nobody waits for.
func (q PlayDTMFRequest) settled() *PlayDTMFRequest {
	if q.length != nil {
		if q.Duration = q.length.duration; q.Duration == longestPress {
			q.Duration = cutPress
		}
	}
	return &q
}
