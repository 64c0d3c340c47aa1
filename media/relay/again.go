package relay

import (
	"math/rand/v2"
	"time"

	"github.com/class5-go/class5/media/dtmf"
)

// pressed is a digit that is pressed again later.
type pressed struct {
	digit dtmf.Digit
	due   time.Time
}

// press notes a digit that has ended.
func (x *secrets) press(d dtmf.Digit, now time.Time) {
	if len(x.pressed) < maxDigits {
		x.pressed = append(x.pressed, pressed{d, now.Add(max(x.how.Delay-d.Duration, 0))})
	}
}

// stand is the digit that is pressed in place of another; false: none is.
func (x *secrets) stand(e dtmf.Event) (dtmf.Event, bool) {
	switch x.again {
	case dtmf.Off:
		return e, true
	case dtmf.Zero:
		return 0, true
	case dtmf.Replace:
		return x.how.Digit, true
	case dtmf.Random:
		return dtmf.Event(rand.IntN(12)), true
	}
	return 0, false
}

// pressAgain presses what is due.
func (s *stream) pressAgain(now time.Time) {
	if s.extra == nil || s.extra.secrets == nil {
		return
	}
	x := s.extra.secrets
	played := false
	for len(x.pressed) > 0 && !x.pressed[0].due.After(now) {
		d := x.pressed[0].digit
		x.pressed = x.pressed[1:]
		if e, ok := x.stand(d.Event); ok {
			req := PlayDTMFRequest{Duration: max(d.Duration, 40*time.Millisecond), Pause: 40 * time.Millisecond, Volume: d.Volume}
			played = s.playKeys(&req, []dtmf.Event{e}, now) > 0 || played
		}
	}
	if played {
		s.leg.session.resettle()
	}
}

// nextPressed is when a digit is due; zero: there is none.
func (s *stream) nextPressed() time.Time {
	if s.extra == nil || s.extra.secrets == nil || len(s.extra.secrets.pressed) == 0 {
		return time.Time{}
	}
	return s.extra.secrets.pressed[0].due
}
