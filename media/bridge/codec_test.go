package bridge_test

import (
	"testing"
	"time"

	"github.com/class5-go/class5/media/bridge"
)

// TestCodecs: lists of codecs in offers and answers. In told, only the m= line
// and what belongs to the codecs matter, so the rest is a constant.
func TestCodecs(t *testing.T) {
	const (
		offer  = "m=audio 12000 RTP/AVP "
		answer = "m=audio 11000 RTP/AVP "
		o      = "|a=sendrecv|a=rtcp:12001"
		a      = "|a=sendrecv|a=rtcp:11001"
		pcmu   = "|a=rtpmap:0 PCMU/8000"
		pcma   = "|a=rtpmap:8 PCMA/8000"
		g722   = "|a=rtpmap:9 G722/8000"
		ev     = "|a=rtpmap:101 telephone-event/8000"
	)
	codec := func(c bridge.CodecOptions) bridge.Options { return bridge.Options{Codec: c} }
	none := bridge.Options{}
	run(t, map[string][]step{
		"what was not offered is not passed on": {
			{"a offers", none, "m=audio 4000 RTP/AVP 0 8", offer + "0 8" + pcmu + pcma + o},
			{"b answers", none, "m=audio 5000 RTP/AVP 8 9", answer + "8" + pcma + a},
		},
		"nothing in common: transcoded": {
			{"a offers", none, "m=audio 4000 RTP/AVP 8", offer + "8" + pcma + o},
			{"b answers", none, "m=audio 5000 RTP/AVP 0", answer + "8" + pcma + a},
		},
		"a type without encoding has no rtpmap": {
			{"a offers", none, "m=audio 4000 RTP/AVP 96 8", offer + "96 8" + pcma + o},
		},
		"transcode adds behind the codecs, before the events, which get the new clock": {
			{"a offers", codec(bridge.CodecOptions{Transcode: []string{"opus", "PCMA"}}), "m=audio 4000 RTP/AVP 0 101|a=rtpmap:101 telephone-event/8000",
				offer + "0 96 8 97 101" + pcmu + "|a=rtpmap:96 opus/48000/2" + pcma + "|a=rtpmap:97 telephone-event/48000|a=fmtp:97 0-15" + ev + o},
			{"b answers", none, "m=audio 5000 RTP/AVP 96 97|a=rtpmap:96 opus/48000/2|a=rtpmap:97 telephone-event/48000", answer + "0 101" + pcmu + ev + a},
		},
		"once the transcoder is engaged, what it cannot do goes": {
			{"a offers", codec(bridge.CodecOptions{Transcode: []string{"PCMA"}}), "m=audio 4000 RTP/AVP 18 0", offer + "0 8" + pcmu + pcma + o},
		},
		"but not what is asked for by name, with its events": {
			{"a offers", codec(bridge.CodecOptions{Mask: []string{"all"}, Transcode: []string{"G722", "AMR-WB", "G729", "PCMA", "telephone-event"}}),
				"m=audio 4000 RTP/AVP 108 18 8 96|a=rtpmap:108 AMR-WB/16000|a=rtpmap:96 telephone-event/8000",
				offer + "9 108 18 8 97 96" + g722 + "|a=rtpmap:108 AMR-WB/16000|a=rtpmap:18 G729/8000" + pcma +
					"|a=rtpmap:97 telephone-event/16000|a=fmtp:97 0-15|a=rtpmap:96 telephone-event/8000" + o},
			{"b answers", none, "m=audio 5000 RTP/AVP 108 9|a=rtpmap:108 AMR-WB/16000", answer + "108 8|a=rtpmap:108 AMR-WB/16000" + pcma + a},
			{"a offers", codec(bridge.CodecOptions{Transcode: []string{"G729", "PCMA"}}), "m=audio 4000 RTP/AVP 18 4 0", offer + "18 0 8|a=rtpmap:18 G729/8000" + pcmu + pcma + o},
			{"b answers", none, "m=audio 5000 RTP/AVP 8", answer + "0" + pcmu + a},
			{"a offers", codec(bridge.CodecOptions{Mask: []string{"full"}, Transcode: []string{"G729", "PCMA"}}), "m=audio 4000 RTP/AVP 18 0", offer + "8" + pcma + o},
		},
		"nothing is added where there is no way back": {
			{"a offers", codec(bridge.CodecOptions{Transcode: []string{"PCMA", "telephone-event"}}), "m=audio 4000 RTP/AVP 4", offer + "4 96|a=rtpmap:4 G723/8000|a=rtpmap:96 telephone-event/8000|a=fmtp:96 0-15" + o},
			{"b answers", none, "m=audio 5000 RTP/AVP 4", answer + "4|a=rtpmap:4 G723/8000" + a},
			{"a offers", codec(bridge.CodecOptions{Mask: []string{"all"}, Transcode: []string{"PCMA"}}), "m=audio 4000 RTP/AVP 4 97|a=rtpmap:97 AMR/8000", offer + "4 97|a=rtpmap:4 G723/8000|a=rtpmap:97 AMR/8000" + o},
			{"a offers", codec(bridge.CodecOptions{Strip: []string{"PCMU"}, Transcode: []string{"PCMA"}}), "m=audio 4000 RTP/AVP 4 0", offer + "4|a=rtpmap:4 G723/8000" + o},
			{"a offers", codec(bridge.CodecOptions{Mask: []string{"PCMU"}, Transcode: []string{"PCMA"}}), "m=audio 4000 RTP/AVP 4 0", offer + "8" + pcma + o},
		},
		"mask all brings back what is named": {
			{"a offers", codec(bridge.CodecOptions{Mask: []string{"all"}, Transcode: []string{"PCMA", "G722"}}), "m=audio 4000 RTP/AVP 0 8 101|a=rtpmap:101 telephone-event/8000", offer + "8 9" + pcma + g722 + o},
			{"b answers", none, "m=audio 5000 RTP/AVP 9", answer + "0" + pcmu + a},
		},
		"stripped codecs are forgotten, masked ones are not": {
			{"a offers", codec(bridge.CodecOptions{Strip: []string{"PCMU"}, Mask: []string{"PCMA"}, Transcode: []string{"opus"}}), "m=audio 4000 RTP/AVP 0 8 9", offer + "9 96" + g722 + "|a=rtpmap:96 opus/48000/2" + o},
			{"b answers", none, "m=audio 5000 RTP/AVP 96|a=rtpmap:96 opus/48000/2", answer + "8" + pcma + a},
		},
		"stripping everything changes nothing": {
			{"a offers", codec(bridge.CodecOptions{Strip: []string{"all"}}), "m=audio 4000 RTP/AVP 0", offer + "0" + pcmu + o},
		},
		"strip all, offer some in order": {
			{"a offers", codec(bridge.CodecOptions{Strip: []string{"all"}, Offer: []string{"PCMA", "PCMU"}}), "m=audio 4000 RTP/AVP 0 9 8", offer + "8 0" + pcma + pcmu + o},
		},
		"accept and consume": {
			{"a offers", codec(bridge.CodecOptions{Consume: []string{"PCMU"}}), "m=audio 4000 RTP/AVP 0 8", offer + "8" + pcma + o},
			{"b answers", none, "m=audio 5000 RTP/AVP 8", answer + "0" + pcmu + a},
			{"a offers", codec(bridge.CodecOptions{Accept: []string{"PCMU"}}), "m=audio 4000 RTP/AVP 0 8", offer + "0 8" + pcmu + pcma + o},
			{"b answers", none, "m=audio 5000 RTP/AVP 8", answer + "0" + pcmu + a},
		},
		"events kept for the offerer": {
			{"a offers", bridge.Options{AlwaysTranscode: true}, "m=audio 4000 RTP/AVP 0 101|a=rtpmap:101 telephone-event/8000", offer + "0 101" + pcmu + ev + o},
			{"b answers", none, "m=audio 5000 RTP/AVP 0", answer + "0 101" + pcmu + ev + a},
		},
		"single codec": {
			{"a offers", none, "m=audio 4000 RTP/AVP 0 8 101|a=rtpmap:101 telephone-event/8000", ""},
			{"b answers", bridge.Options{SingleCodec: true}, "m=audio 5000 RTP/AVP 8 0 101|a=rtpmap:101 telephone-event/8000", answer + "8 101" + pcma + ev + a},
		},
		"ignored, not stripped": {
			{"a offers", codec(bridge.CodecOptions{Ignore: []string{"PCMU"}}), "m=audio 4000 RTP/AVP 0 8", offer + "8 0" + pcma + pcmu + o},
			{"b answers", none, "m=audio 5000 RTP/AVP 0", answer + "8" + pcma + a},
		},
		"all ignored": {
			{"a offers", codec(bridge.CodecOptions{Ignore: []string{"all"}}), "m=audio 4000 RTP/AVP 0 8", offer + "0 8" + pcmu + pcma + o},
			{"b answers", none, "m=audio 5000 RTP/AVP 0", answer + "0" + pcmu + a},
		},
		"another payload type": {
			{"a offers", none, "m=audio 4000 RTP/AVP 96 0|a=rtpmap:96 G726-32/8000", ""},
			{"b answers", bridge.Options{AsymmetricCodecs: true}, "m=audio 5000 RTP/AVP 97 0|a=rtpmap:97 G726-32/8000", answer + "97 0|a=rtpmap:97 G726-32/8000" + pcmu + a},
			{"a offers", none, "m=audio 4000 RTP/AVP 96 0|a=rtpmap:96 G726-32/8000", ""},
			{"b answers", none, "m=audio 5000 RTP/AVP 97 0|a=rtpmap:97 G726-32/8000", answer + "0" + pcmu + a},
		},
		"without transcoding first": {
			{"a offers", codec(bridge.CodecOptions{Transcode: []string{"G722"}}), "m=audio 4000 RTP/AVP 8 0", ""},
			{"b answers", bridge.Options{SymmetricCodecs: true}, "m=audio 5000 RTP/AVP 9 0", answer + "0 8" + pcmu + pcma + a},
		},
		"in the order of the offer": {
			{"a offers", none, "m=audio 4000 RTP/AVP 8 0", ""},
			{"b answers", bridge.Options{ReorderCodecs: true}, "m=audio 5000 RTP/AVP 0 8", answer + "8 0" + pcma + pcmu + a},
		},
		"nothing left": {
			{"a offers", bridge.Options{AllowNoCodecMedia: true, Codec: bridge.CodecOptions{Strip: []string{"VP8"}}},
				"m=audio 4000 RTP/AVP 8|m=video 4002 RTP/AVP 97|a=rtpmap:97 VP8/90000", offer + "8" + pcma + o + "|m=video 0 RTP/AVP 97"},
			{"b answers", none, "m=audio 5000 RTP/AVP 8|m=video 0 RTP/AVP 97", answer + "8" + pcma + a + "|m=video 0 RTP/AVP 97"},
		},
		"packet length": {
			{"a offers", bridge.Options{Ptime: 30 * time.Millisecond}, "m=audio 4000 RTP/AVP 0|a=ptime:50", offer + "0" + pcmu + o + "|a=ptime:30"},
			{"b answers", none, "m=audio 5000 RTP/AVP 0|a=ptime:30", answer + "0" + pcmu + a + "|a=ptime:50"},
			{"a offers", bridge.Options{PtimeReverse: 20 * time.Millisecond}, "m=audio 4000 RTP/AVP 0|a=ptime:50", ""},
			{"b answers", none, "m=audio 5000 RTP/AVP 0", answer + "0" + pcmu + a + "|a=ptime:20"},
		},
		"video is not transcoded": {
			{"a offers", codec(bridge.CodecOptions{Mask: []string{"all"}, Transcode: []string{"PCMA"}}), "m=video 4000 RTP/AVP 97|a=rtpmap:97 VP8/90000", "m=video 12000 RTP/AVP 97|a=rtpmap:97 VP8/90000" + o},
		},
		"a codec spec in full is always new": {
			{"a offers", codec(bridge.CodecOptions{Transcode: []string{"opus/48000/1/16000/20/x--1", "nonsense"}}), "m=audio 4000 RTP/AVP 0", offer + "0 96" + pcmu + "|a=rtpmap:96 opus/48000|a=fmtp:96 x=1" + o},
		},
	})
}

// route is a payload of a flow, short.
func route(t *testing.T, p bridge.Plan, from bridge.LegID, pt uint8) bridge.Payload {
	t.Helper()
	for _, f := range p.Flows {
		if f.From != from {
			continue
		}
		for _, pl := range f.Payloads {
			if pl.From.PayloadType == pt {
				return pl
			}
		}
	}
	t.Fatalf("no route for %d from %d", pt, from)
	return bridge.Payload{}
}

func TestRoutes(t *testing.T) {
	c := newCall(t)
	c.do(step{"a offers", bridge.Options{Codec: bridge.CodecOptions{Transcode: []string{"opus"}, Set: []string{"PCMU/8000/1/64000"}}},
		"m=audio 4000 RTP/AVP 0 8 101|a=rtpmap:101 telephone-event/8000", ""})
	c.do(step{"b answers", bridge.Options{}, "m=audio 5000 RTP/AVP 96 97|a=rtpmap:96 opus/48000/2|a=rtpmap:97 telephone-event/48000", ""})
	p := c.s.Plan()
	if r := route(t, p, 1, 0); r.Action != bridge.Transcode || r.To.PayloadType != 96 || r.Event == nil || r.Event.PayloadType != 97 || r.Detect {
		t.Errorf("a to b: %+v", r)
	}
	if r := route(t, p, 2, 96); r.Action != bridge.Transcode || r.To.Name != "PCMU" || r.To.Bitrate != 64000 {
		t.Errorf("b to a: %+v", r)
	}
	if r := route(t, p, 1, 101); r.Action != bridge.Event || r.To.PayloadType != 97 {
		t.Errorf("events of a: %+v", r)
	}
	if r := route(t, p, 2, 97); r.Action != bridge.Event || r.To.PayloadType != 101 {
		t.Errorf("events of b: %+v", r)
	}

	c = newCall(t)
	c.do(step{"a offers", bridge.Options{Codec: bridge.CodecOptions{Transcode: []string{"telephone-event"}}}, "m=audio 4000 RTP/AVP 0", ""})
	c.do(step{"b answers", bridge.Options{}, "m=audio 5000 RTP/AVP 0 96|a=rtpmap:96 telephone-event/8000", ""})
	p = c.s.Plan()
	if r := route(t, p, 1, 0); r.Action != bridge.Pass || !r.Detect || r.Event == nil {
		t.Errorf("tones of a become events: %+v", r)
	}
	if r := route(t, p, 2, 96); r.Action != bridge.EventToAudio || r.To.Name != "PCMU" {
		t.Errorf("events of b become tones: %+v", r)
	}

	c = newCall(t)
	c.do(step{"a offers", bridge.Options{Codec: bridge.CodecOptions{Transcode: []string{"CN"}}}, "m=audio 4000 RTP/AVP 0", ""})
	c.do(step{"b answers", bridge.Options{}, "m=audio 5000 RTP/AVP 0 13", ""})
	if r := route(t, c.s.Plan(), 2, 13); r.Action != bridge.NoiseToAudio || r.To.Name != "PCMU" {
		t.Errorf("comfort noise of b for who has none: %+v", r)
	}

	c = newCall(t)
	c.do(step{"a offers", bridge.Options{Ptime: 30 * time.Millisecond, Codec: bridge.CodecOptions{Transcode: []string{"G729", "PCMA"}}}, "m=audio 4000 RTP/AVP 18 0", ""})
	c.do(step{"b answers", bridge.Options{}, "m=audio 5000 RTP/AVP 18 8", ""})
	p = c.s.Plan()
	for leg := range bridge.LegID(2) {
		if r := route(t, p, leg+1, 18); r.Action != bridge.Pass || r.Ptime != 0 || r.To.PayloadType != 18 {
			t.Errorf("what nothing can code: %+v", r)
		}
	}
	if r := route(t, p, 1, 0); r.Action != bridge.Transcode || r.To.PayloadType != 8 || r.Ptime != 30*time.Millisecond {
		t.Errorf("beside it: %+v", r)
	}

	c = newCall(t)
	c.do(step{"a offers", bridge.Options{}, "m=audio 4000 RTP/AVP 0 8", ""})
	c.do(step{"b answers", bridge.Options{}, "m=audio 5000 RTP/AVP 8", ""})
	for _, f := range c.s.Plan().Flows {
		if !f.Verbatim || !f.Open || !f.Unknown {
			t.Errorf("plain flow: %+v", f)
		}
	}
}

// TestPacketLength: what is made for a party has the length that it asked for,
// else that of the other party, else the usual one.
func TestPacketLength(t *testing.T) {
	for _, x := range []struct {
		offer, answer string
		toA, toB      time.Duration
	}{
		{"", "", 20 * time.Millisecond, 20 * time.Millisecond},
		{"|a=ptime:30", "", 30 * time.Millisecond, 30 * time.Millisecond},
		{"", "|a=ptime:40", 40 * time.Millisecond, 40 * time.Millisecond},
		{"|a=ptime:30", "|a=ptime:10", 30 * time.Millisecond, 10 * time.Millisecond},
		{"|a=ptime:60|a=maxptime:40", "|a=maxptime:10", 40 * time.Millisecond, 10 * time.Millisecond},
	} {
		c := newCall(t)
		c.do(step{"a offers", bridge.Options{}, "m=audio 4000 RTP/AVP 8" + x.offer, ""})
		c.do(step{"b answers", bridge.Options{}, "m=audio 5000 RTP/AVP 0" + x.answer, ""})
		p := c.s.Plan()
		if got := route(t, p, 1, 8); got.Action != bridge.Transcode || got.Ptime != x.toB {
			t.Errorf("%q, %q: to b %v %v, want %v", x.offer, x.answer, got.Action, got.Ptime, x.toB)
		}
		if got := route(t, p, 2, 0); got.Action != bridge.Transcode || got.Ptime != x.toA {
			t.Errorf("%q, %q: to a %v %v, want %v", x.offer, x.answer, got.Action, got.Ptime, x.toA)
		}
	}
}
