package dtmf

// Receiver finds the events of one stream in its packets: each begins and ends
// once, however often that is said or however much of it is lost.
type Receiver struct {
	clock     int
	known     bool // there has been an event
	open      bool // and it has not ended
	event     Event
	volume    uint8
	timestamp uint32 // of the segment
	before    uint32 // duration of the segments before
	duration  uint16
}

// NewReceiver makes one for an RTP clock in Hz.
func NewReceiver(clock int) *Receiver { return &Receiver{clock: clock} }

// Packet takes one event packet and appends what it tells: that an event has
// begun, or that it has ended. The end of an event that nothing told of is told
// when the next begins.
func (r *Receiver) Packet(dst []Digit, timestamp uint32, p Payload) []Digit {
	switch {
	case r.known && timestamp == r.timestamp && p.Event == r.event:
		// The same event again. Reordered packets do not shorten it.
		r.duration = max(r.duration, p.Duration)
	case r.known && r.open && p.Event == r.event && int32(timestamp-r.timestamp) > 0 && timestamp-r.timestamp <= uint32(r.duration)+uint32(r.clock)/10 && r.duration > 0x8000:
		r.before += timestamp - r.timestamp // next segment of a long event
		r.timestamp, r.duration = timestamp, p.Duration
	case r.known && int32(timestamp-r.timestamp) < 0:
		return dst // late packet of an event before
	default:
		dst = r.Lost(dst)
		*r = Receiver{clock: r.clock, known: true, open: true, event: p.Event, volume: p.Volume, timestamp: timestamp, duration: p.Duration}
		if !p.End {
			return append(dst, r.digit(false))
		}
	}
	if p.End && r.open {
		r.open = false
		dst = append(dst, r.digit(true))
	}
	return dst
}

// Lost appends the end of an event whose end was not received: the stream has
// gone on without it.
func (r *Receiver) Lost(dst []Digit) []Digit {
	if !r.open {
		return dst
	}
	r.open = false
	return append(dst, r.digit(true))
}

// Open tells whether an event is under way.
func (r *Receiver) Open() bool { return r.open }

func (r *Receiver) digit(ended bool) Digit {
	return Digit{Event: r.event, Ended: ended, Volume: r.volume, Duration: length(r.before+uint32(r.duration), r.clock)}
}
