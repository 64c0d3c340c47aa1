package call

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/class5-go/class5/media/bridge"
	"github.com/class5-go/class5/media/relay"
	"github.com/class5-go/class5/sip/wire"
)

const (
	plainSDP  = "v=0\r\nm=audio 4000 RTP/AVP 0\r\n"
	opportune = plainSDP + "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:x\r\n"
	keyedSDP  = "v=0\r\nm=audio 4000 RTP/SAVP 0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:x\r\n"
	dtlsSDP   = "v=0\r\nm=audio 4000 UDP/TLS/RTP/SAVP 0\r\na=fingerprint:sha-256 00\r\n"
	webSDP    = "v=0\r\na=group:BUNDLE 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=ice-ufrag:abcd\r\n"
)

var usual = Policy{
	Transports:  map[string]Profile{"udp": AVP, "tcp": AVP, "tls": OSRTP, "ws": WebRTC, "wss": WebRTC},
	Subscribers: map[string]Profile{"carol@example.com": SAVP},
}

func TestSpoken(t *testing.T) {
	for sdp, want := range map[string]Profile{
		plainSDP: AVP, opportune: OSRTP, keyedSDP: SAVP, dtlsSDP: DTLS, webSDP: WebRTC,
		strings.Replace(plainSDP, "AVP", "AVPF", 1): AVP, strings.Replace(keyedSDP, "SAVP", "SAVPF", 1): SAVP,
		"": Same, "v=0\r\n": Same, "v=0\r\nm=image 4000 udptl t38\r\n": Same, "m=\r\n": Same, "m=a b c": Same,
	} {
		if got := spoken([]byte(sdp)); got != want {
			t.Errorf("%q is %v, want %v", sdp, got, want)
		}
	}
	for p := range Profile(len(profiles)) {
		if q, err := ParseProfile(p.String()); err != nil || q != p {
			t.Errorf("%v is read as %v, %v", p, q, err)
		}
	}
	if _, err := ParseProfile("AVP"); err == nil {
		t.Error("an unknown profile is read")
	}
}

// brief says what matters of the options of an offer.
func brief(o bridge.Options) string {
	list := []string{o.Transport}
	if o.WebRTC {
		list = []string{"webrtc"}
	}
	for word, on := range map[string]bool{
		"opportune": o.OSRTP.Offer, "lite": o.ICELite == bridge.LiteForward, "lite back": o.ICELite == bridge.LiteBackward,
		"lite both": o.ICELite == bridge.LiteBoth, "no ICE": o.ICE == bridge.ICERemove, "demux": o.RTCPMux.Demux,
		"no SDES": o.SDES.Off, "no DTLS": o.DTLS == bridge.DTLSOff, "bundle": o.Bundle.Offer,
	} {
		if on {
			list = append(list, word)
		}
	}
	slices.Sort(list[1:])
	return strings.Join(list, ", ")
}

// TestOffered: a callee is spoken to as its subscriber or its registration says,
// and the caller, when the callee offers later, as it offered itself.
func TestOffered(t *testing.T) {
	for _, c := range []struct{ callee, over, offer, want, back string }{
		{"bob", "UDP", plainSDP, "RTP/AVP", "RTP/AVP"},
		{"bob", "UDP", keyedSDP, "RTP/AVP", "RTP/SAVP, no DTLS"},
		{"bob", "TCP", webSDP, "RTP/AVP, demux, lite back, no ICE", "webrtc, bundle, lite"},
		{"bob", "TLS", dtlsSDP, "RTP/AVP, no DTLS, opportune", "UDP/TLS/RTP/SAVPF, no SDES"},
		{"bob", "TLS", opportune, "RTP/AVP, no DTLS, opportune", "RTP/AVP, no DTLS, opportune"},
		{"bob", "WSS", plainSDP, "webrtc, bundle, lite", "RTP/AVP"},
		{"bob", "WSS", webSDP, "webrtc, bundle, lite both", "webrtc, bundle, lite"},
		{"carol", "WSS", plainSDP, "RTP/SAVP, no DTLS", "RTP/AVP"},
	} {
		for _, prepaid := range []bool{false, true} {
			t.Run(fmt.Sprint(c, prepaid), func(t *testing.T) {
				w := newWorld(t)
				w.core.Profiles = usual
				w.users["alice"].Prepaid, w.core.Credit = prepaid, &purse{last: time.Hour}
				w.over = c.over
				w.register(c.callee, "sip:"+c.callee+"@192.0.2.20:5070")
				w.over = ""
				inv := find(t, w.dial("1", c.callee, c.offer), wire.INVITE, 0)
				if got := brief(w.asOffered[0].Options); got != c.want {
					t.Errorf("offered %q, want %q", got, c.want)
				}
				w.answer(inv, 200, "b", "v=0\r\n")
				ok := find(t, w.take(), 0, 200)
				if !prepaid {
					x := &talk{w: w, callID: "1", cseq: 100, route: route(t, ok)}
					x.ack("b", 2, "")
					x.callee("INVITE", plainSDP)
				} else {
					x := w.limitedTalk("1", inv, ok)
					w.receive(w.compose(request{
						method: "INVITE", uri: "sip:x@" + selfAddr.String(), from: "<sip:bob@example.com>;tag=b", to: header(inv, wire.HdrFrom), callID: "1", cseq: 1,
						body: plainSDP, fields: []string{x.route, "Contact: <sip:b@192.0.2.20:5070>"},
					}))
				}
				if got := brief(w.asOffered[len(w.asOffered)-1].Options); len(w.asOffered) != 2 || got != c.back {
					t.Errorf("%d offers, the caller is offered %q, want %q", len(w.asOffered), got, c.back)
				}
			})
		}
	}
}

// TestForkOfProfiles: a subscriber with a telephone and a browser gets two offers
// on branches of their own, and the answer goes to the branch that it answers.
func TestForkOfProfiles(t *testing.T) {
	for _, prepaid := range []bool{false, true} {
		w := newWorld(t)
		w.core.Profiles = usual
		w.users["alice"].Prepaid, w.core.Credit = prepaid, &purse{last: time.Hour}
		w.register("bob", "sip:bob@192.0.2.20:5070")
		w.over = "WSS"
		w.register("bob", "sip:web@192.0.2.21:5070")
		w.over = ""
		var web *sent
		bodies := map[string]string{}
		for _, m := range w.dial("1", "bob", plainSDP) {
			if m.Method() == wire.INVITE {
				bodies[string(m.RequestURI())] = string(m.Body())
				if strings.HasPrefix(string(m.RequestURI()), "sip:web@") {
					web = m
				}
			}
		}
		if bodies["sip:bob@192.0.2.20:5070"] == bodies["sip:web@192.0.2.21:5070"] || len(bodies) != 2 || len(w.asOffered) != 2 {
			t.Fatalf("offered %v", bodies)
		}
		w.answer(web, 200, "w", "v=0\r\n")
		i := slices.IndexFunc(w.asOffered, func(r relay.OfferRequest) bool { return r.Options.WebRTC })
		if got, want := w.asAnswered[0].ViaBranch, w.asOffered[i].ViaBranch; got != want || w.asOffered[1-i].ViaBranch == want {
			t.Errorf("the answer is to branch %q, the offer was on %q, the other on %q", got, want, w.asOffered[1-i].ViaBranch)
		}
	}
}

// TestForwardToBrowser: a telephone sends the call on to a browser, which is
// offered what browsers take.
func TestForwardToBrowser(t *testing.T) {
	for _, prepaid := range []bool{false, true} {
		w := newWorld(t)
		w.core.Profiles = Policy{Transports: usual.Transports}
		w.users["alice"].Prepaid, w.core.Credit = prepaid, &purse{last: time.Hour}
		w.register("bob", "sip:bob@192.0.2.20:5070")
		w.over = "WSS"
		w.register("carol", "sip:web@192.0.2.21:5070")
		w.over = ""
		inv := find(t, w.dial("1", "bob", plainSDP), wire.INVITE, 0)
		w.moved(inv, "sip:carol@example.com")
		next := find(t, w.take(), wire.INVITE, 0)
		if string(next.RequestURI()) != "sip:web@192.0.2.21:5070" || !strings.HasPrefix(string(next.Body()), "relayed webrtc") {
			t.Errorf("forwarded\n%s", next.Bytes())
		}
		if got := brief(w.asOffered[1].Options); got != "webrtc, bundle, lite" {
			t.Errorf("offered %q", got)
		}
		w.core.Close(w.now)
		w.ended()
	}
}

// TestLateOfferOfProfiles: who is invited without an offer makes one, and the
// caller gets it in the way in which it registered.
func TestLateOfferOfProfiles(t *testing.T) {
	w := newWorld(t)
	w.core.Profiles = usual
	w.register("bob", "sip:bob@192.0.2.20:5070")
	w.over = "WSS" // alice's
	inv := find(t, w.dial("1", "bob", ""), wire.INVITE, 0)
	w.answer(inv, 200, "b", keyedSDP)
	ok := find(t, w.take(), 0, 200)
	if got := brief(w.asOffered[0].Options); got != "webrtc, bundle, lite" {
		t.Errorf("the caller is offered %q", got)
	}
	x := &talk{w: w, callID: "1", cseq: 10, route: route(t, ok)}
	x.ack("b", 2, webSDP)
	x.caller("INVITE", webSDP)
	if got := brief(w.asOffered[1].Options); got != "RTP/SAVP, demux, lite back, no DTLS, no ICE" {
		t.Errorf("the callee is offered %q", got)
	}
}
