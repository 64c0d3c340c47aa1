package bridge_test

import (
	"testing"

	"github.com/class5-go/class5/media/bridge"
)

func TestPlain(t *testing.T) {
	run(t, map[string][]step{
		"offer and answer": {
			{"a offers", bridge.Options{}, "m=audio 4000 RTP/AVP 8 0|a=foo:x", "m=audio 12000 RTP/AVP 8 0|a=foo:x|a=rtpmap:8 PCMA/8000|a=rtpmap:0 PCMU/8000|a=sendrecv|a=rtcp:12001"},
			{"b answers", bridge.Options{}, "m=audio 5000 RTP/AVP 0", "m=audio 11000 RTP/AVP 0|a=rtpmap:0 PCMU/8000|a=sendrecv|a=rtcp:11001"},
			{"a offers again", bridge.Options{}, "m=audio 4000 RTP/AVP 8 0", "m=audio 12000 RTP/AVP 8 0|a=rtpmap:8 PCMA/8000|a=rtpmap:0 PCMU/8000|a=sendrecv|a=rtcp:12001"},
			{"b answers", bridge.Options{}, "m=audio 5000 RTP/AVP 0", "m=audio 11000 RTP/AVP 0|a=rtpmap:0 PCMU/8000|a=sendrecv|a=rtcp:11001"},
			{"b offers", bridge.Options{}, "m=audio 5000 RTP/AVP 0", "m=audio 11000 RTP/AVP 0|a=rtpmap:0 PCMU/8000|a=sendrecv|a=rtcp:11001"},
		},
		"another port of the party gets another port of ours, the old one its old": {
			{"a offers", bridge.Options{}, "m=audio 4000 RTP/AVP 8", "m=audio 12000 RTP/AVP 8|a=rtpmap:8 PCMA/8000|a=sendrecv|a=rtcp:12001"},
			{"b answers", bridge.Options{}, "m=audio 5000 RTP/AVP 8", ""},
			{"a offers", bridge.Options{}, "m=audio 4002 RTP/AVP 8", "m=audio 12100 RTP/AVP 8|a=rtpmap:8 PCMA/8000|a=sendrecv|a=rtcp:12101"},
			{"a offers", bridge.Options{}, "m=audio 4000 RTP/AVP 8", "m=audio 12000 RTP/AVP 8|a=rtpmap:8 PCMA/8000|a=sendrecv|a=rtcp:12001"},
			{"a offers", bridge.Options{PortLatching: true}, "m=audio 4004 RTP/AVP 8", "m=audio 12000 RTP/AVP 8|a=rtpmap:8 PCMA/8000|a=sendrecv|a=rtcp:12001"},
		},
		"hold": {
			{"a offers", bridge.Options{}, "m=audio 4000 RTP/AVP 8|a=sendonly", "m=audio 12000 RTP/AVP 8|a=rtpmap:8 PCMA/8000|a=sendonly|a=rtcp:12001"},
			{"b answers", bridge.Options{}, "m=audio 5000 RTP/AVP 8|a=recvonly", "m=audio 11000 RTP/AVP 8|a=rtpmap:8 PCMA/8000|a=recvonly|a=rtcp:11001"},
			{"a offers", bridge.Options{}, "c=IN IP4 0.0.0.0|m=audio 4000 RTP/AVP 8", "c=IN IP4 0.0.0.0|m=audio 12000 RTP/AVP 8|a=rtpmap:8 PCMA/8000|a=sendonly|a=rtcp:12001"},
			{"a offers", bridge.Options{}, "c=IN IP4 0.0.0.0|m=audio 4000 RTP/AVP 8|a=recvonly", "c=IN IP4 0.0.0.0|m=audio 12000 RTP/AVP 8|a=rtpmap:8 PCMA/8000|a=inactive|a=rtcp:12001"},
			{"a offers", bridge.Options{Replace: bridge.Replace{ZeroAddress: true}}, "c=IN IP4 0.0.0.0|m=audio 4000 RTP/AVP 8", "m=audio 12000 RTP/AVP 8|a=rtpmap:8 PCMA/8000|a=sendonly|a=rtcp:12001"},
		},
		"direction passed on request": {
			{"a offers", bridge.Options{OriginalDirection: true}, "a=inactive|m=audio 4000 RTP/AVP 8|a=x|a=sendonly|a=y", "a=inactive|m=audio 12000 RTP/AVP 8|a=x|a=sendonly|a=y|a=rtpmap:8 PCMA/8000|a=rtcp:12001"},
		},
		"rejected and used again": {
			{"a offers", bridge.Options{}, "m=audio 4000 RTP/AVP 8|m=video 4002 RTP/AVP 31|a=z", "m=audio 12000 RTP/AVP 8|a=rtpmap:8 PCMA/8000|a=sendrecv|a=rtcp:12001|m=video 12010 RTP/AVP 31|a=z|a=rtpmap:31 H261/90000|a=sendrecv|a=rtcp:12011"},
			{"b answers", bridge.Options{}, "m=audio 5000 RTP/AVP 8|m=video 0 RTP/AVP 31", "m=audio 11000 RTP/AVP 8|a=rtpmap:8 PCMA/8000|a=sendrecv|a=rtcp:11001|m=video 0 RTP/AVP 31"},
			{"a offers", bridge.Options{}, "m=audio 4000 RTP/AVP 8|m=video 0 RTP/AVP 31|a=z", "m=audio 12000 RTP/AVP 8|a=rtpmap:8 PCMA/8000|a=sendrecv|a=rtcp:12001|m=video 0 RTP/AVP 31|a=z"},
			{"b answers", bridge.Options{}, "m=audio 5000 RTP/AVP 8|m=video 0 RTP/AVP 31", "m=audio 11000 RTP/AVP 8|a=rtpmap:8 PCMA/8000|a=sendrecv|a=rtcp:11001|m=video 0 RTP/AVP 31"},
			{"a offers", bridge.Options{}, "m=audio 4000 RTP/AVP 8|m=image 4006 udptl t38", "m=audio 12000 RTP/AVP 8|a=rtpmap:8 PCMA/8000|a=sendrecv|a=rtcp:12001|m=image 12110 udptl t38|a=sendrecv"},
		},
		"families": {
			{"a offers", bridge.Options{Family: bridge.IPv6}, "m=audio 4000 RTP/AVP 8", "c=IN IP6 2001:db8:99::1|m=audio 12002 RTP/AVP 8|a=rtpmap:8 PCMA/8000|a=sendrecv|a=rtcp:12003"},
			{"b answers", bridge.Options{}, "c=IN IP6 2001:db8::b|m=audio 5000 RTP/AVP 8", "m=audio 11000 RTP/AVP 8|a=rtpmap:8 PCMA/8000|a=sendrecv|a=rtcp:11001"},
			{"b offers", bridge.Options{}, "c=IN IP6 ::|m=audio 5000 RTP/AVP 8", "c=IN IP4 0.0.0.0|m=audio 11000 RTP/AVP 8|a=rtpmap:8 PCMA/8000|a=sendonly|a=rtcp:11001"},
		},
		"c= of the session stays when every stream has its own": {
			{"a offers", bridge.Options{}, "c=IN IP4 198.51.100.1|m=audio 4000 RTP/AVP 8|c=IN IP4 198.51.100.2", "c=IN IP4 198.51.100.1|m=audio 12000 RTP/AVP 8|c=IN IP4 192.0.2.99|a=rtpmap:8 PCMA/8000|a=sendrecv|a=rtcp:12001"},
			{"a offers", bridge.Options{Replace: bridge.Replace{SessionConnection: true}}, "c=IN IP4 198.51.100.1|m=audio 4000 RTP/AVP 8|c=IN IP4 198.51.100.2", "m=audio 12000 RTP/AVP 8|c=IN IP4 192.0.2.99|a=rtpmap:8 PCMA/8000|a=sendrecv|a=rtcp:12001"},
		},
		"TCP is left alone, with its address": {
			{"a offers", bridge.Options{}, "m=audio 4000 RTP/AVP 8|m=message 4002 TCP/MSRP *|i=x|a=setup:active", "m=audio 12000 RTP/AVP 8|a=rtpmap:8 PCMA/8000|a=sendrecv|a=rtcp:12001|m=message 4002 TCP/MSRP *|i=x|c=IN IP4 198.51.100.1|a=setup:active"},
		},
		"a data channel is relayed with its own DTLS": {
			{"a offers", bridge.Options{}, "a=fingerprint:sha-256 CC:CC|a=setup:actpass|m=application 4000 UDP/DTLS/SCTP webrtc-datachannel|a=sctp-port:5000", "m=application 12000 UDP/DTLS/SCTP webrtc-datachannel|a=sctp-port:5000|a=setup:actpass|a=fingerprint:sha-256 CC:CC|a=sendrecv"},
		},
		"answer repeated": {
			{"a offers", bridge.Options{}, "m=audio 4000 RTP/AVP 8", ""},
			{"b answers", bridge.Options{ProvisionalAnswer: true}, "m=audio 5000 RTP/AVP 8", "m=audio 11000 RTP/AVP 8|a=rtpmap:8 PCMA/8000|a=sendrecv|a=rtcp:11001"},
			{"b answers", bridge.Options{}, "m=audio 5000 RTP/AVP 8", "m=audio 11000 RTP/AVP 8|a=rtpmap:8 PCMA/8000|a=sendrecv|a=rtcp:11001"},
			{"b answers elsewhere", bridge.Options{}, "m=audio 5002 RTP/AVP 8", "m=audio 11100 RTP/AVP 8|a=rtpmap:8 PCMA/8000|a=sendrecv|a=rtcp:11101"},
		},
	})
}

func TestMux(t *testing.T) {
	const audio = "m=audio 12000 RTP/AVP 8|a=rtpmap:8 PCMA/8000|a=sendrecv"
	const back = "m=audio 11000 RTP/AVP 8|a=rtpmap:8 PCMA/8000|a=sendrecv"
	mux := func(m bridge.RTCPMux) bridge.Options { return bridge.Options{RTCPMux: m} }
	run(t, map[string][]step{
		"both": {
			{"a offers", bridge.Options{}, "m=audio 4000 RTP/AVP 8|a=rtcp-mux", audio + "|a=rtcp:12001|a=rtcp-mux"},
			{"b answers", bridge.Options{}, "m=audio 5000 RTP/AVP 8|a=rtcp-mux", back + "|a=rtcp:11000|a=rtcp-mux"},
			{"a offers", bridge.Options{}, "m=audio 4000 RTP/AVP 8|a=rtcp-mux", audio + "|a=rtcp:12000|a=rtcp-mux"},
			{"b answers without", bridge.Options{}, "m=audio 5000 RTP/AVP 8", back + "|a=rtcp:11001"},
		},
		"one port for both means the same": {
			{"a offers", mux(bridge.RTCPMux{Demux: true}), "m=audio 4000 RTP/AVP 8|a=rtcp:4000", audio + "|a=rtcp:12001"},
			{"b answers", bridge.Options{}, "m=audio 5000 RTP/AVP 8", back + "|a=rtcp:11000|a=rtcp-mux"},
		},
		"not wanted by b": {
			{"a offers", bridge.Options{}, "m=audio 4000 RTP/AVP 8|a=rtcp-mux", audio + "|a=rtcp:12001|a=rtcp-mux"},
			{"b answers", bridge.Options{}, "m=audio 5000 RTP/AVP 8", back + "|a=rtcp:11001"},
		},
		"accepted whatever b says": {
			{"a offers", mux(bridge.RTCPMux{Accept: true}), "m=audio 4000 RTP/AVP 8|a=rtcp-mux", audio + "|a=rtcp:12001|a=rtcp-mux"},
			{"b answers", bridge.Options{}, "m=audio 5000 RTP/AVP 8", back + "|a=rtcp:11000|a=rtcp-mux"},
		},
		"refused whatever b says": {
			{"a offers", mux(bridge.RTCPMux{Reject: true}), "m=audio 4000 RTP/AVP 8|a=rtcp-mux", audio + "|a=rtcp:12001|a=rtcp-mux"},
			{"b answers", bridge.Options{}, "m=audio 5000 RTP/AVP 8|a=rtcp-mux", back + "|a=rtcp:11001"},
		},
		"required": {
			{"a offers", mux(bridge.RTCPMux{Require: true}), "m=audio 4000 RTP/AVP 8", audio + "|a=rtcp:12000|a=rtcp-mux"},
			{"b answers", bridge.Options{}, "m=audio 5000 RTP/AVP 8|a=rtcp-mux", back + "|a=rtcp:11001"},
		},
		"rtcp attribute": {
			{"a offers", bridge.Options{NoRTCPAttribute: true}, "m=audio 4000 RTP/AVP 8", audio},
			{"b answers", bridge.Options{FullRTCPAttribute: true}, "m=audio 5000 RTP/AVP 8", back + "|a=rtcp:11001 IN IP4 192.0.2.99"},
		},
	})
}
