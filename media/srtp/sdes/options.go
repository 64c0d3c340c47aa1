package sdes

import (
	"slices"
	"strings"

	"github.com/class5-go/class5/media/srtp"
)

// Change says what becomes of a session parameter in an offer.
type Change uint8

// A session parameter is kept as it was offered, set, or removed.
const (
	Keep Change = iota
	Set
	Remove
)

func (c Change) apply(v, offer bool) bool {
	switch {
	case c == Set && offer:
		return true
	case c == Remove:
		return false
	}
	return v
}

// Options is the policy for a negotiation. The zero value offers all suites:
// first those that the other party offered, with its keys, then the rest.
type Options struct {
	// Off keeps SDES out of offers, which leaves DTLS-SRTP.
	Off bool
	// Prefer takes SDES where an offer has DTLS too.
	Prefer bool
	// NoNew adds no suites to an offer, and passes all that were offered. It
	// goes before Only and No.
	NoNew bool
	// Static keeps the suite and key of an earlier answer in a later one.
	Static bool
	// Recrypt announces keys of our own for suites that the other party named,
	// instead of passing its keys on. A relay that changes packets without giving
	// them another SSRC must set it: two contents under one key and index give
	// each other away.
	Recrypt bool
	// Pad keeps the base64 padding; Lifetime announces 2^31 packets for each key.
	Pad, Lifetime bool

	// OnlyThese restricts to the suites in Only, which goes before No.
	OnlyThese bool
	Only, No  []srtp.Suite
	// Order brings these suites to the top of an offer. Tags do not change.
	Order []srtp.Suite
	// OffererPref brings these suites to the top of what the offerer is answered
	// from, whatever the other side takes.
	OffererPref []srtp.Suite

	UnencryptedRTP, UnencryptedRTCP, UnauthenticatedRTP Change
}

// Set applies one of rtpengine's SDES flags, such as "no-NULL_HMAC_SHA1_32" or
// "order:AEAD_AES_256_GCM;AES_CM_128_HMAC_SHA1_80". It returns false for a flag
// that is not known. Names of unknown suites are ignored, but "only-" with one
// excludes all others still.
func (o *Options) Set(flag string) bool {
	if name, ok := strings.CutPrefix(flag, "only-"); ok {
		o.OnlyThese = true
		o.Only = appendSuites(o.Only, name)
		return true
	}
	if name, ok := strings.CutPrefix(flag, "no-"); ok {
		o.No = appendSuites(o.No, name)
		return true
	}
	if list, ok := strings.CutPrefix(flag, "order:"); ok {
		o.Order = appendSuites(o.Order, list)
		return true
	}
	if list, ok := strings.CutPrefix(flag, "offerer_pref:"); ok {
		o.OffererPref = appendSuites(o.OffererPref, list)
		return true
	}
	return o.setWord(strings.ToLower(flag))
}

func (o *Options) setWord(word string) bool {
	switch word {
	case "off", "no", "disable", "disabled":
		o.Off = true
	case "prefer", "priority":
		o.Prefer = true
	case "nonew":
		o.NoNew = true
	case "static":
		o.Static = true
	case "pad":
		o.Pad = true
	case "lifetime":
		o.Lifetime = true
	case "unencrypted_srtp":
		o.UnencryptedRTP = Set
	case "unencrypted_srtcp":
		o.UnencryptedRTCP = Set
	case "unauthenticated_srtp":
		o.UnauthenticatedRTP = Set
	case "encrypted_srtp":
		o.UnencryptedRTP = Remove
	case "encrypted_srtcp":
		o.UnencryptedRTCP = Remove
	case "authenticated_srtp":
		o.UnauthenticatedRTP = Remove
	default:
		return false
	}
	return true
}

func appendSuites(to []srtp.Suite, list string) []srtp.Suite {
	for name := range strings.SplitSeq(list, ";") {
		if s, ok := srtp.SuiteByName(strings.TrimSpace(name)); ok && !slices.Contains(to, s) {
			to = append(to, s)
		}
	}
	return to
}

// allows tells whether a suite may be used.
func (o *Options) allows(s srtp.Suite) bool {
	if o.OnlyThese || len(o.Only) > 0 {
		return slices.Contains(o.Only, s)
	}
	return !slices.Contains(o.No, s)
}

// shape applies the options that change an attribute of ours.
func (o *Options) shape(a *Attribute, offer bool) {
	o.shapeSession(a, offer)
	if o.Lifetime {
		for i := range a.Keys {
			a.Keys[i].Lifetime = 1 << 31
		}
	}
}

func (o *Options) shapeSession(a *Attribute, offer bool) {
	s := &a.Session
	s.UnencryptedRTCP = o.UnencryptedRTCP.apply(s.UnencryptedRTCP, offer)
	if a.Suite.AEAD() {
		return // RTP is always encrypted and authenticated
	}
	s.UnencryptedRTP = o.UnencryptedRTP.apply(s.UnencryptedRTP, offer)
	s.UnauthenticatedRTP = o.UnauthenticatedRTP.apply(s.UnauthenticatedRTP, offer)
}
