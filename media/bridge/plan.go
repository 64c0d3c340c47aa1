package bridge

import (
	"net/netip"
	"time"

	"github.com/class5-go/class5/media/sdp"
)

// LegID names a leg for the life of a session. The first is 1; numbers are
// not used twice.
type LegID int

// Plan is the whole state of a session as the packet plane needs it: legs
// with their streams, the flows between them, and what is mixed into what
// parties hear. It shares no memory with the session.
type Plan struct {
	Legs  []Leg
	Flows []Flow
	Mixes []Mix
}

// Leg faces one party, or a branch that may become one.
type Leg struct {
	ID        LegID
	Tags      []string // dialog tags of the party; the last one answered last
	Branch    string   // via-branch of the offer that made the leg
	Label     string
	Interface string // asked for by name; empty: left to the caller
	Peer      LegID  // whom the party talks to; 0: nobody yet
	// Subscriber: it only gets copies of what others send. Publisher: it only
	// sends, to subscribers.
	Subscriber, Publisher bool
	Media                 []Media
}

// Media is one m= line between the relay and a party: what the party said and
// what it was told.
type Media struct {
	// Index is the position in the descriptions exchanged with this party. It
	// may differ from the other party's when media were removed on the way.
	Index int
	Kind  string // audio, video, image, application, …
	Proto string // spoken on this leg, such as RTP/SAVP or udptl
	// Rejected: port zero, by either side. Sockets stay for a later offer.
	Rejected bool

	Local Local   // ports facing the party; of the bundle's head when bundled
	Old   []Local // ports of earlier generations: still drained, never sent from

	RTP, RTCP netip.AddrPort // of the party, as signalled; invalid when not known
	// Muted: the party gave the unspecified address, so that nothing is sent.
	Muted     bool
	Direction sdp.Direction // as the party said it: what the party does
	Mux       bool          // RTCP shares the port of RTP, both ways

	// Bundle is the Index of the m= line whose ports carry this one (RFC
	// 9143); equal to Index when it has its own.
	Bundle int
	MID    string
	MIDID  uint8 // header extension that carries the MID; 0: none
	// SendMID: the party cannot tell the streams of the bundle apart unless
	// packets for it carry the MID.
	SendMID    bool
	Extensions []Extension // agreed header extensions (RFC 8285)

	Security Security
	// SDESIn opens what the party sends, SDESOut seals what is sent to it.
	// Before the answer In may be nil: see Security.
	SDESIn, SDESOut *Crypto
	DTLS            *DTLS // nil: no DTLS on this leg
	ICE             *ICE  // nil: no ICE on this leg

	Codecs []Codec // what may arrive from the party, best first
	Ptime  time.Duration
	// MaxPtime is the party's limit for what is sent to it; 0: none.
	MaxPtime time.Duration
	T38      bool // UDPTL
}

// RTPBased tells that the stream is RTP in one of its profiles.
func (m *Media) RTPBased() bool { return m.Kind != "" && isRTP(m.Proto) }

// Extension is a header extension mapping of a=extmap.
type Extension struct {
	ID  uint8
	URI string
}

// Security says how a leg's stream is protected.
type Security uint8

// The ways. Both of SDESOrDTLS were offered and no answer has come: packets of
// the party open whichever it chose.
const (
	Plain Security = iota
	SDES
	DTLSSRTP
	SDESOrDTLS
)

// Crypto is one a=crypto choice (RFC 4568) with its key.
type Crypto struct {
	Tag   int
	Suite string // as registered: AES_CM_128_HMAC_SHA1_80
	Key   []byte // master key
	Salt  []byte
	// MKI is sent behind each packet when MKILength is not 0.
	MKI       []byte
	MKILength int
	Lifetime  uint64 // packets; 0: not limited by signalling
	// Session parameters (RFC 4568 section 6.3).
	UnencryptedSRTP, UnencryptedSRTCP, UnauthenticatedSRTP bool
}

// DTLS is what a DTLS-SRTP association needs (RFC 5763).
type DTLS struct {
	// Active: the relay sends the ClientHello. While Undecided the relay is
	// ready to take one and sends none.
	Active, Undecided bool
	// Hash ("sha-256") and Fingerprint ("AB:CD:…") of the party's certificate.
	// Empty until the party's description has come: take no handshake then.
	Hash, Fingerprint string
	LocalHash         string
	TLSID, LocalTLSID string
	// Generation changes when a new association must be made (RFC 8842).
	Generation int
}

// ICE is what the ICE agent of a stream needs (RFC 8445).
type ICE struct {
	LocalUfrag, LocalPwd string
	// Empty until the party's description has come.
	RemoteUfrag, RemotePwd string
	RemoteCandidates       []sdp.Candidate
	// Lite: this side is lite and makes no checks. RemoteLite: the party is.
	Lite, RemoteLite bool
	Controlling      bool
	Trickle          bool // more candidates may follow
	EndOfCandidates  bool
	// Components: 1 with rtcp-mux, else 2.
	Components int
	// Generation changes with every restart: checks begin anew.
	Generation int
	// Relay: the relay is one candidate among the parties' own (force-relay,
	// optional), so silence of the stream is not a fault.
	Relay bool
}

// Codec is a payload format with what the transcoder needs beyond SDP.
type Codec struct {
	sdp.Codec
	Bitrate int           // bit/s wanted of an encoder; 0: its default
	Ptime   time.Duration // asked for in a codec option; 0: none
	Options string        // codec-specific, as given
}

// Flow is a one-way connection: what arrives on one stream leaves on another.
// RTCP takes the same way.
type Flow struct {
	From, To           LegID
	FromMedia, ToMedia int // index into Leg.Media

	// Open: by the directions both parties stated, packets may flow. Closed
	// flows drop packets (RTCP still flows).
	Open bool
	// Verbatim: no payload needs work, payload types included, so that packets
	// can be forwarded without looking behind the RTP header.
	Verbatim bool
	// SameKeys: protected packets can be forwarded as they are.
	SameKeys bool
	// Inject: signalled DTMF or audio may be inserted later; keep the state
	// that this needs.
	Inject bool
	// Payloads says what becomes of each payload type that may arrive.
	// Anything else is passed when Unknown, else dropped.
	Payloads []Payload
	Unknown  bool
	// Extensions says what becomes of header extensions. nil: packets keep them
	// as they are; else what it does not name is taken out.
	Extensions []ExtensionRoute
}

// ExtensionRoute gives a header extension of a flow the identifier that the
// receiver knows it by.
type ExtensionRoute struct {
	From, To uint8 // To 0: it is taken out
}

// Action is what becomes of a payload.
type Action uint8

const (
	// Pass forwards the payload under To.PayloadType.
	Pass Action = iota
	// Transcode decodes From, encodes To.
	Transcode
	// Event passes a telephone-event payload beside transcoded or passed
	// audio, rescaling its timestamps when the clocks differ.
	Event
	// EventToAudio plays the tone of a telephone-event into the audio of To.
	EventToAudio
	// Noise passes comfort noise (RFC 3389) under To.PayloadType.
	Noise
	// NoiseToAudio renders comfort noise into the audio of To.
	NoiseToAudio
	// Drop discards the payload.
	Drop
)

// Payload is the route of one payload type of a flow.
type Payload struct {
	Action   Action
	From, To Codec
	// Ptime is the packet length on the way out; 0: as it came.
	Ptime time.Duration
	// Event is the telephone-event format of the receiver that belongs to To
	// (same clock); nil when it has none.
	Event *Codec
	// Detect: the receiver has telephone-event and the sender has none, so
	// tones in the audio are to become events.
	Detect bool
	// Noise is the receiver's comfort noise format for To's clock, to be sent
	// in silence; nil when it has none.
	Noise *Codec
}
