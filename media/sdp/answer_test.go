package sdp_test

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/class5-go/class5/media/sdp"
)

var local = sdp.LocalMedia{Addr: netip.MustParseAddrPort("203.0.113.7:4000"), User: "announce", SessionID: 5, Version: 6}

func TestAnswerChoice(t *testing.T) {
	head := "v=0\nc=IN IP4 192.0.2.1\n"
	for name, c := range map[string]struct {
		offer, codec string
		dtmf         uint8
		index        int
		direction    sdp.Direction
	}{
		"offerer's order":       {"m=audio 4 RTP/AVP 3 0 8\n", "PCMU", 0, 0, sdp.SendRecv},
		"dynamic PCMA":          {"m=audio 4 RTP/AVP 96 97\na=rtpmap:96 pcma/8000\na=rtpmap:97 telephone-event/8000\n", "pcma", 97, 0, sdp.SendRecv},
		"wideband PCMA is not":  {"m=audio 4 RTP/AVP 96 0\na=rtpmap:96 PCMA/16000\n", "PCMU", 0, 0, sdp.SendRecv},
		"second stream":         {"m=video 4 RTP/AVP 31\nm=audio 0 RTP/AVP 0\nm=audio 6 RTP/AVPF 8\n", "PCMA", 0, 2, sdp.SendRecv},
		"offerer sends only":    {"m=audio 4 RTP/AVP 8\na=sendonly\n", "PCMA", 0, 0, sdp.RecvOnly},
		"offerer receives only": {"m=audio 4 RTP/AVP 8\na=recvonly\n", "PCMA", 0, 0, sdp.SendOnly},
		"inactive":              {"m=audio 4 RTP/AVP 8\na=inactive\n", "PCMA", 0, 0, sdp.Inactive},
	} {
		offer := parse(t, head+c.offer)
		b, got, err := sdp.Answer(offer, local)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got.Codec.Name != c.codec || got.DTMF != c.dtmf || got.Index != c.index || got.Direction != c.direction {
			t.Errorf("%s: %+v", name, got)
		}
		a, err := sdp.Parse(b, nil)
		if err != nil || a.Len() != offer.Len() {
			t.Fatalf("%s: %v\n%s", name, err, b)
		}
		for i, m := range a.All() {
			if m.Rejected() == (i == c.index) || m.Kind() != offer.Media(i).Kind() || m.Proto() != offer.Media(i).Proto() || len(m.Formats()) == 0 {
				t.Errorf("%s: media %d\n%s", name, i, b)
			}
		}
		if a.Media(c.index).Addr() != local.Addr || a.Media(c.index).Direction() != c.direction {
			t.Errorf("%s:\n%s", name, b)
		}
	}
}

func TestNoCommonMedia(t *testing.T) {
	for _, m := range []string{"m=audio 4 RTP/AVP 3\n", "m=audio 0 RTP/AVP 8\n", "m=audio 4 RTP/SAVP 8\n", "m=video 4 RTP/AVP 31\n", ""} {
		if _, _, err := sdp.Answer(parse(t, "v=0\n"+m), local); !errors.Is(err, sdp.ErrNoCommonMedia) {
			t.Errorf("%q: %v", m, err)
		}
	}
}

func TestOfferAndNegotiated(t *testing.T) {
	caller, callee := local, local
	callee.Addr = netip.MustParseAddrPort("[2001:db8::7]:6000")
	callee.Codecs = []string{"PCMU"}
	caller.Attributes = []string{"label:1", "bad\r\nm=x"}
	b := sdp.Offer(caller)
	offer, err := sdp.Parse(b, nil)
	if err != nil || !strings.Contains(string(b), "m=audio 4000 RTP/AVP 8 0 101\r\n") || !strings.Contains(string(b), "a=label:1\r\n") {
		t.Fatalf("%v\n%s", err, b)
	}
	b, theirs, err := sdp.Answer(offer, callee)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := sdp.Parse(b, nil)
	if err != nil {
		t.Fatal(err)
	}
	ours, err := sdp.Negotiated(answer, caller)
	if err != nil || ours.Codec.Name != "PCMU" || ours.DTMF != 101 || ours.Remote != callee.Addr || theirs.Remote != caller.Addr {
		t.Errorf("%v: %+v, %+v", err, ours, theirs)
	}
	if _, err := sdp.Negotiated(parse(t, "v=0\nm=audio 0 RTP/AVP 0\n"), caller); !errors.Is(err, sdp.ErrNoCommonMedia) {
		t.Error(err)
	}
}
