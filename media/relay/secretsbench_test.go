package relay

import (
	"net/netip"
	"testing"
	"time"

	"github.com/class5-go/class5/media/bridge"
	"github.com/class5-go/class5/media/codec"
	"github.com/class5-go/class5/media/dtmf"
	"github.com/class5-go/class5/media/rtpwire"
	"github.com/class5-go/class5/media/sdp"
)

// talkOf are packets of 20 ms of a codec: a chord that is no digit.
func talkOf(tb testing.TB, c codec.Codec, n int) (*stream, [][]byte) {
	tb.Helper()
	r, err := New(Config{Interfaces: []Interface{{Addr: netip.MustParseAddr("127.0.0.1")}}})
	if err != nil {
		tb.Fatal(err)
	}
	enc, err := c.Encoder(codec.Params{Channels: 1})
	if err != nil {
		tb.Fatal(err)
	}
	s := &stream{leg: &leg{session: &session{r: r}}, ptime: 20 * time.Millisecond,
		codecs: []bridge.Codec{{Codec: sdp.Codec{PayloadType: c.PayloadType, Name: c.Name, ClockRate: uint32(c.ClockRate), Channels: c.Channels}}}}
	var packets [][]byte
	g, h := dtmf.NewGenerator(c.SampleRate), dtmf.NewGenerator(c.SampleRate)
	g.StartTone(440, 15)
	h.StartTone(1750, 25)
	for i := range n {
		x, y := g.Append(nil, c.SampleRate/50), h.Append(nil, c.SampleRate/50)
		for k := range x {
			x[k] += y[k]
		}
		b, err := enc.Encode(rtpwire.Header{PayloadType: c.PayloadType, Sequence: uint16(i), Timestamp: uint32(i * c.ClockRate / 50), SSRC: 7}.Append(nil), x)
		if err != nil {
			tb.Fatal(err)
		}
		packets = append(packets, b)
	}
	return s, packets
}

// BenchmarkSecretAudio is what a packet of 20 ms costs while its digits are kept
// secret and there are none.
func BenchmarkSecretAudio(b *testing.B) {
	opus := codec.Opus(0)
	opus.PayloadType = 96
	wide := codec.L16(16000, 1)
	wide.PayloadType = 97
	for name, c := range map[string]codec.Codec{"PCMA": codec.PCMA(), "PCMU": codec.PCMU(), "L16": wide, "G722": codec.G722(), "opus": opus} {
		b.Run(name, func(b *testing.B) {
			s, packets := talkOf(b, c, 50)
			x, buf, now := newSecrets(DTMFSecurity{Blocking: dtmf.Blocking{Mode: dtmf.Drop}}), make([]byte, 0, 2000), time.Now()
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				p := packets[i%len(packets)]
				h, payload, _ := rtpwire.Parse(p)
				if _, ok := x.tones(s, h, p, payload, buf, now); !ok || len(x.found) > 0 {
					b.Fatal("a digit is in it")
				}
			}
		})
	}
}
