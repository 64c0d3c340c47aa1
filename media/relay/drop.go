package relay

// Drop is a cause for not passing a packet on. Its String is the metrics label
// and the key in [StreamReport.Dropped].
type Drop uint8

const (
	// DropMalformed means: not RTP, RTCP or what else the stream may carry.
	DropMalformed Drop = iota
	// DropOversize means: larger than 2,048 octets, or so after protection.
	DropOversize
	// DropICE means: a STUN packet where no ICE is spoken, or one that failed its
	// checks.
	DropICE
	// DropWaiting means: the party is not known yet and this source is not a likely one.
	DropWaiting
	// DropForeign means: not from the party (an injection attempt, or a stream of
	// an earlier call).
	DropForeign
	// DropDenied means: from an address in the deny list.
	DropDenied
	// DropUnconnected means: from a party whose branch is not the connected one, or
	// before the answer.
	DropUnconnected
	// DropRejected means: the stream is rejected (port 0) at the moment.
	DropRejected
	// DropNowhere means: the other party's address is not known or must not be used,
	// or it wants to receive nothing.
	DropNowhere
	// DropAuth means: SRTP or SRTCP whose authentication failed.
	DropAuth
	// DropReplay means: SRTP or SRTCP that came before, or too late to tell.
	DropReplay
	// DropKeys means: protected media before its keys are known, or that the keys
	// in use do not allow to be passed on.
	DropKeys
	// DropDTLS means: a handshake where none is expected.
	DropDTLS
	// DropClosed means: media in a direction that the descriptions exclude.
	DropClosed
	// DropPayload means: a payload type that nobody agreed on, or that the codec
	// could not read.
	DropPayload
	// DropBlocked means: media or digits blocked on request.
	DropBlocked
	// DropConsent means: the receiver's ICE consent is not there.
	DropConsent

	drops = iota
)

var dropNames = [drops]string{"malformed", "oversize", "ice", "waiting", "foreign", "denied", "unconnected", "rejected",
	"nowhere", "auth", "replay", "keys", "dtls", "closed", "payload", "blocked", "consent"}

// String is the name as used in metrics and reports.
func (d Drop) String() string {
	if d >= drops {
		return "unknown"
	}
	return dropNames[d]
}

func dropMap(counts *[drops]uint64) map[string]uint64 {
	var m map[string]uint64
	for i, n := range counts {
		if n > 0 {
			if m == nil {
				m = make(map[string]uint64)
			}
			m[Drop(i).String()] += n
		}
	}
	return m
}
