package bridge

import "strings"

// isRTP tells whether a transport protocol is RTP over UDP in one of its
// profiles.
func isRTP(proto string) bool {
	switch strings.ToUpper(proto) {
	case "RTP/AVP", "RTP/AVPF", "RTP/SAVP", "RTP/SAVPF", "UDP/TLS/RTP/SAVP", "UDP/TLS/RTP/SAVPF":
		return true
	}
	return false
}

// isSecure tells whether the profile demands SRTP.
func isSecure(proto string) bool {
	return isRTP(proto) && strings.Contains(strings.ToUpper(proto), "SAVP")
}

func isUDPTL(proto string) bool { return strings.EqualFold(proto, "udptl") }

// protoName is the usual spelling of a protocol: upper case for RTP, lower for
// UDPTL; anything else as written.
func protoName(proto string) string {
	switch {
	case isRTP(proto):
		return strings.ToUpper(proto)
	case isUDPTL(proto):
		return "udptl"
	}
	return proto
}

// wanted reads a transport protocol option; a name that is no profile, such
// as "transparent", wants nothing.
func wanted(transport string) string {
	if isRTP(transport) || isUDPTL(transport) {
		return protoName(transport)
	}
	return ""
}
