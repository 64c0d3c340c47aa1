package sdes

import (
	"errors"
	"strings"
)

// OSRTP is the policy for opportunistic SRTP: keys on a plain profile, which
// the other side may ignore (RFC 8643). Best-effort SRTP of before the RFC offers
// each media section twice instead, plain and secure.
type OSRTP struct {
	Offer        bool // make plain offers opportunistic
	OfferLegacy  bool // offer each section twice
	Accept       bool // take keys that were offered though the other leg is plain
	AcceptLegacy bool // take the secure one of two sections
}

// Set applies one of rtpengine's OSRTP flags. It returns false for a flag that
// is not known.
func (o *OSRTP) Set(flag string) bool {
	switch strings.ToLower(flag) {
	case "offer", "offer-rfc":
		o.Offer = true
	case "offer-legacy":
		o.OfferLegacy = true
	case "accept-rfc":
		o.Accept = true
	case "accept-legacy":
		o.AcceptLegacy = true
	case "accept":
		o.Accept, o.AcceptLegacy = true, true
	default:
		return false
	}
	return true
}

// SecureProfile is the SRTP form of an RTP profile of an m-line: RTP/SAVP for
// RTP/AVP. A profile that is secure already, or not RTP, comes back as it is.
func SecureProfile(profile string) string {
	switch strings.ToUpper(profile) {
	case "RTP/AVP":
		return "RTP/SAVP"
	case "RTP/AVPF":
		return "RTP/SAVPF"
	}
	return profile
}

// PlainProfile is the reverse of [SecureProfile], for DTLS profiles too.
func PlainProfile(profile string) string {
	switch strings.ToUpper(profile) {
	case "RTP/SAVP", "UDP/TLS/RTP/SAVP":
		return "RTP/AVP"
	case "RTP/SAVPF", "UDP/TLS/RTP/SAVPF":
		return "RTP/AVPF"
	}
	return profile
}

// Opportunistic tells whether a media section offers or takes OSRTP: a plain
// RTP profile with keys, be they crypto attributes or a DTLS fingerprint.
func Opportunistic(profile string, keyed bool) bool {
	return keyed && SecureProfile(profile) != profile
}

// ErrInsecure says that a secure profile was not answered with a key.
var ErrInsecure = errors.New("sdes: secure profile without a key")

// Secured tells what an offer and its answer come to for one media section. A
// secure profile needs keys both ways and is never answered by a plain one; an
// opportunistic offer that is answered without keys is plain RTP.
func Secured(offered string, offerKeyed bool, answered string, answerKeyed bool) (bool, error) {
	if PlainProfile(offered) != offered || PlainProfile(answered) != answered {
		if PlainProfile(offered) == offered || PlainProfile(answered) == answered || !offerKeyed || !answerKeyed {
			return false, ErrInsecure
		}
		return true, nil
	}
	return Opportunistic(offered, offerKeyed) && Opportunistic(answered, answerKeyed), nil
}
