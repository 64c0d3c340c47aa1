package bridge_test

import (
	"testing"

	"github.com/class5-go/class5/media/bridge"
	"github.com/class5-go/class5/media/srtp/sdes"
)

const (
	key1 = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwd"
	key2 = "HRwbGhkYFxYVFBMSERAPDg0MCwoJCAcGBQQDAgEA"
)

func TestKeys(t *testing.T) {
	const tail = "|a=rtpmap:8 PCMA/8000|a=sendrecv|a=rtcp:"
	only := sdes.Options{}
	only.Set("only-AES_CM_128_HMAC_SHA1_80;AES_CM_128_HMAC_SHA1_32")
	run(t, map[string][]step{
		"RTP to SDES": {
			{"a offers", bridge.Options{Transport: "RTP/SAVP", DTLS: bridge.DTLSOff, SDES: only}, "m=audio 4000 RTP/AVP 8",
				"m=audio 12000 RTP/SAVP 8" + tail + "12001|a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:K|a=crypto:2 AES_CM_128_HMAC_SHA1_32 inline:K"},
			{"b answers", bridge.Options{}, "m=audio 5000 RTP/SAVP 8|a=crypto:2 AES_CM_128_HMAC_SHA1_32 inline:" + key1, "m=audio 11000 RTP/AVP 8" + tail + "11001"},
		},
		"SDES to RTP": {
			{"a offers", bridge.Options{Transport: "RTP/AVP"}, "m=audio 4000 RTP/SAVP 8|a=crypto:4 AES_CM_128_HMAC_SHA1_80 inline:" + key1, "m=audio 12000 RTP/AVP 8" + tail + "12001"},
			{"b answers", bridge.Options{}, "m=audio 5000 RTP/AVP 8", "m=audio 11000 RTP/SAVP 8" + tail + "11001|a=crypto:4 AES_CM_128_HMAC_SHA1_80 inline:K"},
		},
		"DTLS to RTP": {
			{"a offers", bridge.Options{Transport: "RTP/AVP"}, "a=fingerprint:SHA-1 CC:CC|a=setup:actpass|m=audio 4000 UDP/TLS/RTP/SAVPF 8", "m=audio 12000 RTP/AVP 8" + tail + "12001"},
			{"b answers", bridge.Options{}, "m=audio 5000 RTP/AVP 8", "m=audio 11000 UDP/TLS/RTP/SAVPF 8" + tail + "11001|a=setup:active|a=fingerprint:sha-1 BB:BB"},
		},
		"DTLS to RTP, passive": {
			{"a offers", bridge.Options{Transport: "RTP/AVP", DTLSReverse: bridge.DTLSPassive}, "m=audio 4000 UDP/TLS/RTP/SAVPF 8|a=fingerprint:sha-256 CC:CC|a=setup:actpass|a=tls-id:abcdefghijklmnopqrst", "m=audio 12000 RTP/AVP 8" + tail + "12001"},
			{"b answers", bridge.Options{}, "m=audio 5000 RTP/AVP 8", "m=audio 11000 UDP/TLS/RTP/SAVPF 8" + tail + "11001|a=setup:passive|a=fingerprint:sha-256 AA:AA|a=tls-id:T"},
		},
		"RTP to DTLS": {
			{"a offers", bridge.Options{Transport: "UDP/TLS/RTP/SAVPF", SDES: sdes.Options{Off: true}}, "m=audio 4000 RTP/AVP 8", "m=audio 12000 UDP/TLS/RTP/SAVPF 8" + tail + "12001|a=setup:actpass|a=fingerprint:sha-256 AA:AA"},
			{"b answers", bridge.Options{}, "m=audio 5000 UDP/TLS/RTP/SAVPF 8|a=setup:active|a=fingerprint:sha-256 CC:CC", "m=audio 11000 RTP/AVP 8" + tail + "11001"},
			{"b offers", bridge.Options{}, "m=audio 5000 UDP/TLS/RTP/SAVPF 8|a=setup:actpass|a=fingerprint:sha-256 CC:CC", "m=audio 11000 RTP/AVP 8" + tail + "11001"},
			{"a answers", bridge.Options{}, "m=audio 4000 RTP/AVP 8", "m=audio 12000 UDP/TLS/RTP/SAVPF 8" + tail + "12001|a=setup:active|a=fingerprint:sha-256 AA:AA"},
		},
		"OSRTP refused, but kept towards a": {
			{"a offers", bridge.Options{DTLS: bridge.DTLSOff, SDES: only}, "m=audio 4000 RTP/AVP 8|a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + key1,
				"m=audio 12000 RTP/AVP 8" + tail + "12001|a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:K|a=crypto:2 AES_CM_128_HMAC_SHA1_32 inline:K"},
			{"b answers", bridge.Options{OSRTP: sdes.OSRTP{Accept: true}}, "m=audio 5000 RTP/AVP 8", "m=audio 11000 RTP/AVP 8" + tail + "11001|a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:K"},
		},
		"every m= line twice towards b": {
			{"a offers", bridge.Options{Transport: "RTP/SAVP", DTLS: bridge.DTLSOff, SDES: only, OSRTP: sdes.OSRTP{OfferLegacy: true}}, "m=audio 4000 RTP/AVP 8",
				"m=audio 12000 RTP/AVP 8" + tail + "12001|m=audio 12000 RTP/SAVP 8" + tail + "12001|a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:K|a=crypto:2 AES_CM_128_HMAC_SHA1_32 inline:K"},
			{"b answers secure", bridge.Options{}, "m=audio 0 RTP/AVP 8|m=audio 5000 RTP/SAVP 8|a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + key1, "m=audio 11000 RTP/AVP 8" + tail + "11001"},
			{"b answers plain", bridge.Options{}, "m=audio 5000 RTP/AVP 8|m=audio 0 RTP/SAVP 8", "m=audio 11000 RTP/AVP 8" + tail + "11001"},
		},
		"every m= line twice from a": {
			{"a offers", bridge.Options{Transport: "RTP/AVP", DTLS: bridge.DTLSOff, OSRTP: sdes.OSRTP{AcceptLegacy: true}},
				"m=audio 4000 RTP/SAVP 8|a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + key1 + "|m=audio 4000 RTP/AVP 8|m=video 4002 RTP/AVP 31", "m=audio 12000 RTP/AVP 8" + tail + "12001|m=video 12010 RTP/AVP 31|a=rtpmap:31 H261/90000|a=sendrecv|a=rtcp:12011"},
			{"b answers", bridge.Options{}, "m=audio 5000 RTP/AVP 8|m=video 0 RTP/AVP 31",
				"m=audio 11000 RTP/SAVP 8" + tail + "11001|a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:K|m=audio 0 RTP/AVP 8|m=video 0 RTP/AVP 31"},
		},
		"the answer's own profile is not believed": {
			{"a offers", bridge.Options{}, "m=audio 4000 RTP/AVP 8", ""},
			{"b answers", bridge.Options{}, "m=audio 5000 RTP/AVPF 8", "m=audio 11000 RTP/AVP 8" + tail + "11001"},
		},
		"unless asked": {
			{"a offers", bridge.Options{}, "m=audio 4000 RTP/AVP 8", ""},
			{"b answers", bridge.Options{TransportAccept: true}, "m=audio 5000 RTP/AVPF 8", "m=audio 11000 RTP/AVPF 8" + tail + "11001"},
		},
	})
}
