package bridge_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/class5-go/class5/media/bridge"
	"github.com/class5-go/class5/media/sdp"
)

// choose makes options of arbitrary bits, so that the fuzzer finds its way
// through all of them.
func choose(bits uint64) bridge.Options {
	next := func(n uint64) uint64 {
		v := bits % n
		bits /= n
		return v
	}
	var o bridge.Options
	o.ICE = bridge.ICEMode(next(5))
	o.Transport = []string{"", "RTP/AVP", "RTP/SAVPF", "UDP/TLS/RTP/SAVPF"}[next(4)]
	o.DTLS = bridge.DTLSMode(next(4))
	o.RTCPMux = bridge.RTCPMux{Offer: next(2) == 1, Require: next(2) == 1, Demux: next(2) == 1, Accept: next(2) == 1}
	o.Bundle = bridge.Bundle{Accept: next(2) == 1, Offer: next(2) == 1, Require: next(2) == 1, Strict: next(2) == 1}
	o.Replace = bridge.Replace{Origin: next(2) == 1, Version: next(2) == 1, ZeroAddress: next(2) == 1, SessionConnection: true}
	o.Family = bridge.Family(next(3))
	o.Codec.Transcode = [][]string{nil, {"PCMU", "opus"}, {"telephone-event", "CN"}}[next(3)]
	o.Codec.Mask = [][]string{nil, {"all"}, {"PCMA"}}[next(3)]
	o.Codec.Strip = [][]string{nil, {"full"}, {"opus/48000/2"}}[next(3)]
	o.AlwaysTranscode, o.SingleCodec, o.OriginalDirection = next(2) == 1, next(2) == 1, next(2) == 1
	o.OSRTP.Offer, o.Reset, o.LoopProtect, o.GenerateMID = next(2) == 1, next(2) == 1, next(2) == 1, next(2) == 1
	o.T38.Force, o.T38.Decode = next(3) == 1, next(3) == 1
	if next(3) == 1 {
		o.RemoveMedia = []string{"video", "other"}
	}
	if next(3) == 1 {
		o.Ptime, o.PtimeReverse = 40*time.Millisecond, 30*time.Millisecond
	}
	if next(4) == 1 {
		o.StripExtensions = []string{"all"}
	}
	if next(3) == 1 {
		o.MaskExtensions = []string{"urn:x", "urn:ietf:params:rtp-hdrext:sdes:mid"}
	}
	return o
}

// secret is the address of the parties in the seeds. Where everything of a
// description is relayed, it must not get through.
const secret = "198.51.100.1"

var seeds = []string{
	"m=audio 4000 RTP/AVP 8 0 101\na=rtpmap:101 telephone-event/8000\na=ptime:20\na=rtcp:4001 IN IP4 198.51.100.1\n",
	"a=group:BUNDLE 0 1\na=ice-ufrag:abcd\na=ice-pwd:abcdefghijklmnopqrstuv\na=fingerprint:sha-256 AA:BB\na=setup:actpass\n" +
		"m=audio 9 UDP/TLS/RTP/SAVPF 111 13\na=mid:0\na=rtcp-mux\na=rtpmap:111 opus/48000/2\na=candidate:1 1 UDP 1 198.51.100.1 4000 typ host\na=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid\n" +
		"m=video 0 UDP/TLS/RTP/SAVPF 96\na=bundle-only\na=mid:1\na=rtpmap:96 VP8/90000\na=rtcp-fb:96 nack\n",
	"m=audio 4000 RTP/SAVP 8\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + key1 + "|2^20|1:4\n",
	"m=image 4000 udptl t38\na=T38FaxVersion:0\nm=application 4002 UDP/DTLS/SCTP webrtc-datachannel\nm=message 1 TCP/MSRP *\n",
	"a=group:BUNDLE 0 1\na=extmap:9 urn:s\nm=audio 4000 RTP/AVP 8\na=mid:0\na=extmap:1 urn:x\na=extmap:4096/recvonly urn:y z\nm=video 4002 RTP/AVP 31\na=mid:1\n",
	"c=IN IP4 0.0.0.0\nm=audio 0 RTP/AVP 8\nm=audio 4000/2 RTP/AVPF 96 97 98\na=sendonly\na=fmtp:96 x\n",
}

func FuzzExchange(f *testing.F) {
	for i, s := range seeds {
		text := "v=0\no=- 1 1 IN IP4 198.51.100.1\ns=-\nc=IN IP4 198.51.100.1\nt=0 0\n" + s
		f.Add([]byte(text), []byte(text), uint64(i)*0x9e3779b97f4a7c15, uint64(i))
		f.Add([]byte(text), []byte(strings.ReplaceAll(text, "4000", "5000")), uint64(0), uint64(0))
	}
	f.Fuzz(func(t *testing.T, offer, answer []byte, ob, ab uint64) {
		c := newCall(t)
		for range 2 {
			o := choose(ob)
			r, err := c.s.Offer(bridge.Offer{FromTag: "a", ToTag: "b", SDP: offer, Options: o}, c.ports)
			if err == nil && !r.Untouched {
				wellFormed(t, offer, r.SDP, &o)
			}
			c.s.Plan()
			o = choose(ab)
			r, err = c.s.Answer(bridge.Answer{FromTag: "a", ToTag: "b", SDP: answer, Options: o}, c.ports)
			if err == nil && !r.Untouched {
				wellFormed(t, answer, r.SDP, &o)
			}
			consistent(t, c.s.Plan())
			b, err := c.s.Export()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := engine(t).Restore(b); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// wellFormed: what is told can be read, and names no port of the other party.
func wellFormed(t *testing.T, in, out []byte, o *bridge.Options) {
	t.Helper()
	said, err := sdp.ParseAll(in, nil)
	if err != nil {
		t.Fatalf("accepted what cannot be read: %v", err)
	}
	told, err := sdp.ParseAll(out, &sdp.Limits{Bytes: 1 << 20, Lines: 1 << 16})
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if len(said) != len(told) {
		t.Fatalf("%d descriptions became %d", len(said), len(told))
	}
	if o.ICE == bridge.ICEForceRelay {
		return // the parties' own addresses stay on purpose
	}
	for _, d := range told {
		for _, m := range d.All() {
			if strings.HasPrefix(strings.ToUpper(m.Proto()), "TCP") {
				continue
			}
			if p := m.Port(); p != 0 && (p < 11000 || p > 14999) {
				t.Fatalf("port %d is not ours\n%s", p, out)
			}
			if v, ok := m.Attr("rtcp"); ok && bytes.Contains([]byte(v), []byte(secret)) && m.RTP() {
				t.Fatalf("a=rtcp:%s\n%s", v, out)
			}
		}
	}
}

// consistent: everything in a plan refers to something that is there.
func consistent(t *testing.T, p bridge.Plan) {
	t.Helper()
	legs := make(map[bridge.LegID]bridge.Leg)
	for _, l := range p.Legs {
		legs[l.ID] = l
		for i, m := range l.Media {
			if m.Index != i || m.Bundle < 0 || m.Bundle >= len(l.Media) {
				t.Fatalf("leg %d media %d: index %d, bundle %d", l.ID, i, m.Index, m.Bundle)
			}
			if m.ICE != nil && (len(m.ICE.LocalUfrag) != 8 || len(m.ICE.LocalPwd) != 26) {
				t.Fatalf("credentials %q %q", m.ICE.LocalUfrag, m.ICE.LocalPwd)
			}
			if m.SendMID && (m.MIDID == 0 || m.MID == "") {
				t.Fatalf("MID %q in extension %d", m.MID, m.MIDID)
			}
			if m.SDESOut != nil && len(m.SDESOut.Key) == 0 {
				t.Fatal("no key")
			}
		}
	}
	for _, f := range p.Flows {
		if f.FromMedia >= len(legs[f.From].Media) || f.ToMedia >= len(legs[f.To].Media) {
			t.Fatalf("flow %+v", f)
		}
		var seen [128]bool
		for _, pl := range f.Payloads {
			if pl.From.PayloadType > 127 || seen[pl.From.PayloadType] {
				t.Fatalf("payload type %d twice", pl.From.PayloadType)
			}
			seen[pl.From.PayloadType] = true
		}
	}
}
