package relay

import (
	"net/netip"
	"time"
)

// Report describes a session, running or ended: the media figures of a call
// record. It is plain data and marshals to JSON.
type Report struct {
	CallID   string      `json:"call_id"`
	Created  time.Time   `json:"created"`
	Answered time.Time   `json:"answered,omitzero"` // first answer
	Ended    time.Time   `json:"ended,omitzero"`    // zero while running
	Held     bool        `json:"held,omitempty"`    // every stream is on hold
	Legs     []LegReport `json:"legs"`              // the offerer of the session first
}

// LegReport is one party, or one branch that may become one.
type LegReport struct {
	Tags      []string `json:"tags"` // last answered last; several when branches share a leg
	ViaBranch string   `json:"via_branch,omitempty"`
	Label     string   `json:"label,omitempty"`
	Connected bool     `json:"connected"` // media is passed on at the moment
	// HeardBy are the parties that get its media, by their last tags. A Subscriber
	// gets copies, and is nobody that others talk to.
	HeardBy    []string `json:"heard_by,omitempty"`
	Subscriber bool     `json:"subscriber,omitempty"`
	// Mixed are those whose audio is mixed into what the party hears.
	Mixed   []string       `json:"mixed,omitempty"`
	Streams []StreamReport `json:"streams"`
}

// StreamReport is one m= line as seen at the ports facing one party.
type StreamReport struct {
	Index     int            `json:"index"` // of the m= line
	Kind      string         `json:"kind"`  // audio, video, image
	Protocol  string         `json:"protocol"`
	Local     netip.AddrPort `json:"local"`                // advertised to the party
	Signalled netip.AddrPort `json:"signalled,omitzero"`   // where the party said it is
	Remote    netip.AddrPort `json:"remote,omitzero"`      // where packets for it go
	Locked    bool           `json:"locked"`               // Remote is confirmed by received packets
	Direction string         `json:"direction,omitempty"`  // as the party said
	Rejected  bool           `json:"rejected,omitempty"`   // port 0 at the moment
	Codec     string         `json:"codec,omitempty"`      // of the last packet received
	ClockRate uint32         `json:"clock_rate,omitempty"` // of Codec
	Mux       bool           `json:"mux,omitempty"`        // RTCP shares the port of RTP
	// Suite protects what is received from the party, by its registered name;
	// empty: nothing does.
	Suite string `json:"suite,omitempty"`
	// Transcoded: the party's audio is worked on for somebody.
	Transcoded bool `json:"transcoded,omitempty"`

	Received Flow `json:"received"` // from the party
	Sent     Flow `json:"sent"`     // to the party; packets and bytes only
	// RTCP, as packets and bytes on either port.
	ReceivedRTCP Flow `json:"received_rtcp"`
	SentRTCP     Flow `json:"sent_rtcp"`
	// Dropped counts the packets that arrived and were not passed on, by
	// cause: see [Drop].
	Dropped map[string]uint64 `json:"dropped,omitempty"`
	// Path is where packets of the party are forwarded.
	Path Path `json:"path"`
	// Quality is what it sounded like, second by second; nil without samples.
	Quality *Quality `json:"quality,omitempty"`
	// RoundTrip is the last measured time from here to the party and back.
	RoundTrip time.Duration `json:"round_trip,omitempty"`
}

// Flow is what went one way.
type Flow struct {
	Packets uint64 `json:"packets"`
	Bytes   uint64 `json:"bytes"` // UDP payload

	// The rest is known for received RTP only. Loss is the loss between the
	// party and the relay.
	Expected    uint64        `json:"expected,omitempty"` // by sequence numbers
	Lost        uint64        `json:"lost,omitempty"`     // expected but not received
	Duplicates  uint64        `json:"duplicates,omitempty"`
	Reordered   uint64        `json:"reordered,omitempty"`
	Jitter      time.Duration `json:"jitter,omitempty"` // RFC 3550 section 6.4.1, last value, ns
	JitterMean  time.Duration `json:"jitter_mean,omitempty"`
	JitterMax   time.Duration `json:"jitter_max,omitempty"`
	MOS         float64       `json:"mos,omitempty"`     // audio: estimate of package rtpstat, 1 to 4.5
	SSRC        uint32        `json:"ssrc,omitempty"`    // last one seen
	Sources     int           `json:"sources,omitempty"` // number of SSRC changes + 1
	PayloadType uint8         `json:"payload_type,omitempty"`
	Last        time.Time     `json:"last,omitzero"` // arrival of the last packet
}
