package dtmf

// EndPackets is how often the end of an event is sent (RFC 4733 section
// 2.5.1.4).
const EndPackets = 3

// maxSegment is the longest duration a packet states; what is longer goes on
// as a new segment (RFC 4733 section 2.5.1.3).
const maxSegment = 0xffff

// Packet is what one RTP packet of an event carries.
type Packet struct {
	Payload
	Timestamp uint32 // of the beginning of the event, or of the segment
	Marker    bool   // first packet of the event
}

// Sender makes the packets of one event after the other. The zero value is
// ready.
type Sender struct {
	event     Event
	volume    uint8
	timestamp uint32 // of the segment
	duration  uint32 // within the segment
	active    bool
	marker    bool
	repeats   int // end packets still to be sent
}

// Begin starts an event at an RTP timestamp; one that is under way is cut off.
func (s *Sender) Begin(e Event, volume uint8, timestamp uint32) {
	*s = Sender{event: e, volume: min(volume, 63), timestamp: timestamp, active: true, marker: true}
}

// Active tells whether there is an event that has not ended.
func (s *Sender) Active() bool { return s.active }

// Pending tells whether end packets are still to be sent.
func (s *Sender) Pending() bool { return s.repeats > 0 }

// Grow is the packet after another so many timestamp units of the event.
func (s *Sender) Grow(units uint32) Packet {
	s.duration += units
	if s.duration > maxSegment {
		// The segment that is full was last stated as it was; the rest begins
		// where that ended.
		s.timestamp += s.duration - units
		s.duration = units
	}
	return s.packet(false)
}

// End ends the event after another so many timestamp units. The packet is the
// first of EndPackets; Repeat gives the others.
func (s *Sender) End(units uint32) Packet {
	p := s.Grow(units)
	p.End = true
	s.active, s.repeats = false, EndPackets-1
	return p
}

// Repeat is the end packet again; ok is false when it was sent often enough.
func (s *Sender) Repeat() (p Packet, ok bool) {
	if s.repeats == 0 {
		return Packet{}, false
	}
	s.repeats--
	return s.packet(true), true
}

func (s *Sender) packet(end bool) Packet {
	p := Packet{Payload: Payload{Event: s.event, End: end, Volume: s.volume, Duration: uint16(s.duration)}, Timestamp: s.timestamp, Marker: s.marker}
	s.marker = false
	return p
}
