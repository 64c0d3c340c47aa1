package relay

import (
	"strings"
	"time"

	"github.com/class5-go/class5/media/bridge"
	"github.com/class5-go/class5/media/dtmf"
	"github.com/class5-go/class5/media/rtpwire"
)

// digits finds the telephone events of a party.
type digits struct {
	receiver *dtmf.Receiver
	found    []dtmf.Digit
}

// watchDigits prepares for the events that the party may send, if anybody
// wants to know of them.
func (s *stream) watchDigits(list []bridge.Codec) {
	s.digits = nil
	if !s.leg.session.r.wants(Digit) && !s.leg.session.logsDigits() && !s.extra.setsAside() {
		return
	}
	for _, c := range list {
		if strings.EqualFold(c.Name, "telephone-event") {
			s.digits = &digits{receiver: dtmf.NewReceiver(int(c.ClockRate))}
			return
		}
	}
}

// sawEvent looks at a packet in the clear.
func (s *stream) sawEvent(h rtpwire.Header, b []byte, now time.Time) {
	if c := s.clock(h.PayloadType); c == nil || c.rate != 0 {
		return
	}
	_, payload, ok := rtpwire.Parse(b)
	if !ok {
		return
	}
	p, err := dtmf.ParsePayload(payload)
	if err != nil {
		return
	}
	d := s.digits
	d.found = d.receiver.Packet(d.found[:0], h.Timestamp, p)
	for _, x := range d.found {
		s.heardDigit(x, now)
	}
}

// heardDigit tells that the party pressed a key.
func (s *stream) heardDigit(d dtmf.Digit, now time.Time) {
	s.logDigit(d, now)
	e := Event{Kind: Digit, Tags: s.leg.tags, Stream: s.index, Digit: d, At: now, Secret: s.extra.secret()}
	if s.extra.setsAside() {
		s.leg.session.emit(e)
		return
	}
	s.leg.session.notify(e)
}
