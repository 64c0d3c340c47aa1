package bridge

import (
	"errors"
	"io"
	"net/netip"

	"github.com/class5-go/class5/media/sdp"
)

// Errors of the signalling methods, to be tested with errors.Is; besides them
// those of [sdp.Parse] and of [Ports].
var (
	ErrUnknown  = errors.New("bridge: no such offer, tag or branch")
	ErrMismatch = errors.New("bridge: description does not fit the session")
	ErrLimit    = errors.New("bridge: too many legs or media in one session")
	ErrNoCodec  = errors.New("bridge: no common codec")
	ErrFax      = errors.New("bridge: no fax modem")
	ErrNoSuite  = errors.New("bridge: no common crypto suite")
)

// Config is what all sessions of an engine share. Zero fields have the
// default stated.
type Config struct {
	// Rand gives keys, ICE credentials and identifiers; default crypto/rand.
	Rand io.Reader
	// Can tells whether the transcoder decodes and encodes a codec; default:
	// neither, so that codecs are only passed.
	Can func(Codec) (decode, encode bool)
	// Fingerprint gives the own certificate's fingerprint "AB:CD:…" for a hash
	// name such as "sha-256". Nil: DTLS-SRTP is neither offered nor accepted.
	Fingerprint func(hash string) (string, bool)
	// Instance is what LoopProtect writes, 12 hexadecimal digits; default
	// random. Relays that may take over each other's calls share it.
	Instance string
	// Software begins generated session names; default "rtpengine".
	Software string
	Limits   sdp.Limits
	MaxLegs  int // per session, default 16
}

// Offer is an offer on its way from one party to another.
type Offer struct {
	FromTag   string // required: who wrote it
	ToTag     string // the other party; empty when not known yet
	ViaBranch string // one value per fork, for a leg of its own; may be empty
	SDP       []byte // required
	// Source is where the signalling of the offerer came from; used with
	// Options.SIPSourceAddress.
	Source  netip.Addr
	Label   string // of the offerer
	ToLabel string
	// Interfaces by name, towards the offerer and towards the other party.
	// Empty keeps what was said before.
	FromInterface, ToInterface string
	Options                    Options
}

// Answer is an answer on its way back. FromTag is that of the offer.
type Answer struct {
	FromTag   string // required
	ToTag     string // required
	ViaBranch string // as in the offer
	SDP       []byte // required
	Source    netip.Addr
	Label     string // of the answerer
	Options   Options
}

// Result is the outcome of an offer or answer.
type Result struct {
	SDP      []byte
	From, To LegID // who wrote it, whom it is for
	// Untouched: the description came through this relay before and is
	// returned as it came (LoopProtect, or a port of this session in it).
	Untouched bool
	Warnings  []string // options that had no effect
}
