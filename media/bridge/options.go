package bridge

import (
	"net/netip"
	"time"

	"github.com/class5-go/class5/media/sdp"
	"github.com/class5-go/class5/media/srtp/sdes"
)

// Options are the wishes of the signalling for one offer or answer, as far as
// they can be seen in a description. The zero value changes nothing beyond
// putting the relay into the path. Names and meanings are those of the
// rtpengine control protocol.
type Options struct {
	Replace Replace
	// Attributes edit the outgoing description after everything else; the
	// engine itself takes no note of them.
	Attributes AttributeEdits
	// RemoveMedia are media types left out of an outgoing offer ("video";
	// "other": types not registered). The offerer's answer rejects them.
	RemoveMedia []string

	OriginalDirection bool // original-sendrecv: pass direction attributes
	LoopProtect       bool // mark the description, return marked ones untouched
	GenerateMID       bool
	NoRTCPAttribute   bool
	FullRTCPAttribute bool // a=rtcp with its address
	Bundle            Bundle
	// StripExtensions are header extensions (URIs; "all") that neither party may
	// use, MaskExtensions those of the party that wrote the description which the
	// other is not told of: the relay takes them out of its packets.
	StripExtensions, MaskExtensions []string

	// Transport is the profile towards the other party: RTP/AVP, …,
	// UDP/TLS/RTP/SAVPF; empty: as it came.
	Transport string
	// TransportAccept goes along with a profile that an answer changed.
	TransportAccept bool
	RTCPMux         RTCPMux
	WebRTC          bool // shortcut for what a browser needs

	DTLS        DTLSMode // towards the other party
	DTLSReverse DTLSMode // towards the party that wrote the description
	Fingerprint string   // hash for the own fingerprint: SHA-1, …, SHA-512; empty: SHA-256 or the peer's
	NoTLSID     bool
	SDES        sdes.Options
	OSRTP       sdes.OSRTP

	ICE       ICEMode
	ICELite   LiteMode
	Trickle   bool
	RejectICE bool // treat ICE of this description as if it were not there
	// Reset forgets what is known of the other party's abilities (ICE, SRTP):
	// the call was transferred.
	Reset bool

	Codec        CodecOptions
	Ptime        time.Duration // towards the other party
	PtimeReverse time.Duration // towards the offerer
	SingleCodec  bool
	ReuseCodecs  bool
	StaticCodecs bool
	// AsymmetricCodecs accepts a codec of an answer under another payload type
	// than it was offered with, and passes that number on.
	AsymmetricCodecs bool
	// SymmetricCodecs puts the codecs of an answer that need no transcoding
	// first, ReorderCodecs puts them in the order of the offer.
	SymmetricCodecs   bool
	ReorderCodecs     bool
	AlwaysTranscode   bool // accept every codec of the offerer
	ForceTranscoding  bool
	AllowTranscoding  bool // for Subscribe answers
	AllowNoCodecMedia bool // an m= line of an offer that the codec options leave empty is rejected
	InjectDTMF        bool
	DetectDTMF        bool
	T38               T38Options
	ProvisionalAnswer bool       // the answer came in a 1xx response
	PortLatching      bool       // keep ports when the party's port changes
	NoPortLatching    bool       // change ports even with ICE
	SIPSourceAddress  bool       // believe Source, not the description
	MediaAddress      netip.Addr // stands in c= instead of the local address
	Family            Family     // of the other party
	// FragmentOfTrickle: the body is an SDP fragment (RFC 8840), for
	// [Session.Trickle]. An engine's offers and answers do not look at it.
	FragmentOfTrickle bool
}

// Replace says which session-level lines the engine takes control of.
type Replace struct {
	Origin      bool // address of o=
	OriginFull  bool // all of o=
	Username    bool
	SessionName bool
	// SessionConnection replaces the session-level c= even where no media
	// needs it.
	SessionConnection bool
	// Version makes the version of o= grow exactly when the description
	// changes; ForceVersion with every description.
	Version, ForceVersion bool
	// ZeroAddress puts the own address where the party wrote 0.0.0.0.
	ZeroAddress bool
}

// AttributeEdits are changes of a= lines, without "a=", by place.
type AttributeEdits struct {
	Session AttributeEdit
	// The others are for all m= lines of a type.
	Audio, Video, Text, Application, Message, Image AttributeEdit
}

// Of finds the changes for the m= lines of a type; nil: it is not registered.
func (e *AttributeEdits) Of(kind string) *AttributeEdit {
	switch kind {
	case "audio":
		return &e.Audio
	case "video":
		return &e.Video
	case "text":
		return &e.Text
	case "application":
		return &e.Application
	case "message":
		return &e.Message
	case "image":
		return &e.Image
	}
	return nil
}

// AttributeEdit is a set of changes for one place.
type AttributeEdit = sdp.AttributeEdit

// Bundle controls RFC 9143 groups. The zero value takes every m= line for
// itself.
type Bundle struct {
	Accept, Offer, Require, Strict, Reject bool
}

// RTCPMux controls RFC 5761. The zero value goes along with the parties.
type RTCPMux struct {
	Offer, Require, Demux, Accept, Reject bool
}

// DTLSMode controls DTLS-SRTP on one side.
type DTLSMode uint8

// The zero value keeps what was set before, active at first.
const (
	DTLSDefault DTLSMode = iota
	DTLSOff
	DTLSPassive
	DTLSActive
)

// ICEMode controls RFC 8839 attributes.
type ICEMode uint8

// The zero value speaks ICE towards the other party when the description has
// it.
const (
	ICEDefault ICEMode = iota
	ICERemove
	ICEForce
	ICEForceRelay
	ICEOptional
)

// LiteMode says where the relay is ICE lite.
type LiteMode uint8

// The zero value keeps what was set before, full at first.
const (
	LiteDefault LiteMode = iota
	LiteOff
	LiteForward  // towards the other party
	LiteBackward // towards the party that wrote the description
	LiteBoth
)

// CodecOptions are lists of codec descriptions: NAME, NAME/RATE,
// NAME/RATE/CHANNELS, …/BITRATE/PTIME/FMTP/OPTIONS; "all" and "full" where the
// control protocol has them.
type CodecOptions struct {
	Strip, Offer, Except, Mask, Consume, Accept, Transcode, Ignore, Set []string
}

// T38Options control fax between UDPTL and audio. Decode of an offered image is
// refused with ErrFax: nothing here could make audio of it.
type T38Options struct {
	Decode, Force, Stop                         bool
	NoECM, NoV17, NoV27ter, NoV29, NoV34, NoIAF bool
	FEC                                         bool
	Version                                     int
}

// expand replaces the shortcut by what it stands for.
func (o Options) expand() Options {
	if o.WebRTC {
		o.Transport = "UDP/TLS/RTP/SAVPF"
		o.ICE, o.Trickle = ICEForce, true
		o.RTCPMux.Offer, o.RTCPMux.Require = true, true
		o.NoRTCPAttribute, o.SDES.Off, o.GenerateMID = true, true, true
	}
	return o
}
