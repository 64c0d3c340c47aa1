package rtpwire_test

import (
	"bytes"
	"testing"

	"github.com/class5-go/class5/media/rtpwire"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
)

func TestClassify(t *testing.T) {
	for _, c := range []struct {
		b    []byte
		want rtpwire.Kind
	}{
		{nil, rtpwire.KindUnknown},
		{[]byte{0x80}, rtpwire.KindUnknown},
		{[]byte{0x80, 0}, rtpwire.KindRTP},
		{[]byte{0x80, 0x80 | 8}, rtpwire.KindRTP},
		{[]byte{0x80, 191}, rtpwire.KindRTP},
		{[]byte{0x80, 192}, rtpwire.KindRTCP},
		{[]byte{0x81, 200}, rtpwire.KindRTCP},
		{[]byte{0xbf, 223}, rtpwire.KindRTCP},
		{[]byte{0xbf, 224}, rtpwire.KindRTP},
		{[]byte{0, 1}, rtpwire.KindSTUN},
		{[]byte{22, 254}, rtpwire.KindDTLS},
		{[]byte{64, 0}, rtpwire.KindUnknown},
		{[]byte{16, 0}, rtpwire.KindUnknown},
		{[]byte{192, 0}, rtpwire.KindUnknown},
	} {
		if got := rtpwire.Classify(c.b); got != c.want {
			t.Errorf("%x: %v, want %v", c.b, got, c.want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	ok := rtpwire.Header{PayloadType: 8}.Append(nil)
	change := func(first byte, more ...byte) []byte {
		b := append(bytes.Clone(ok), more...)
		b[0] = first
		return b
	}
	for name, b := range map[string][]byte{
		"short":                  ok[:11],
		"version 1":              change(0x40),
		"csrc missing":           change(0x81),
		"extension missing":      change(0x90),
		"extension too long":     change(0x90, 0, 0, 0, 2, 1, 2, 3, 4),
		"padding without octet":  change(0xa0),
		"padding zero":           change(0xa0, 0),
		"padding over header":    change(0xa0, 1, 3),
		"csrc, padding, no room": change(0xa1, 1, 2, 3, 4),
	} {
		if _, _, valid := rtpwire.Parse(b); valid {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestRTCPWalk(t *testing.T) {
	compound := []rtcp.Packet{
		&rtcp.SenderReport{SSRC: 7, Reports: []rtcp.ReceptionReport{{SSRC: 9}}},
		rtcp.NewCNAMESourceDescription(7, "x@example.com"),
		&rtcp.Goodbye{Sources: []uint32{7}},
	}
	b, err := rtcp.Marshal(compound)
	if err != nil {
		t.Fatal(err)
	}
	if !rtpwire.ValidRTCP(b) || !rtpwire.ValidSRTCP(b) {
		t.Fatal("valid compound refused")
	}
	var types []uint8
	for p := range rtpwire.RTCP(b) {
		types = append(types, p.Type)
		if p.SSRC != 7 {
			t.Errorf("type %d: ssrc %d", p.Type, p.SSRC)
		}
	}
	if !bytes.Equal(types, []byte{rtpwire.SenderReport, rtpwire.SourceDescription, rtpwire.Goodbye}) {
		t.Errorf("types %v", types)
	}
	if rtpwire.ValidRTCP(b[:len(b)-1]) || rtpwire.ValidRTCP(nil) || rtpwire.ValidRTCP(append(b, 0)) {
		t.Error("wrong length accepted")
	}
}

// FuzzRTP compares with another implementation.
func FuzzRTP(f *testing.F) {
	f.Add([]byte{0x80, 8, 0, 1, 0, 0, 0, 160, 1, 2, 3, 4, 0xd5})
	f.Add([]byte{0xb1, 0xe0, 0, 1, 0, 0, 0, 160, 1, 2, 3, 4, 9, 9, 9, 9, 0xbe, 0xde, 0, 1, 0x10, 1, 0, 0, 5, 5, 2})
	f.Fuzz(func(t *testing.T, b []byte) {
		h, payload, ok := rtpwire.Parse(b)
		if _, n, hok := rtpwire.ParseHeader(b); hok && n > len(b) || ok && !hok {
			t.Fatal("header length")
		}
		var p rtp.Packet
		if err := p.Unmarshal(b); !ok || err != nil {
			// The other is stricter about the content of header extensions and laxer about versions.
			return
		}
		if p.Version != 2 || p.Marker != h.Marker || p.PayloadType != h.PayloadType || p.SequenceNumber != h.Sequence ||
			p.Timestamp != h.Timestamp || p.SSRC != h.SSRC || !bytes.Equal(p.Payload, payload) {
			t.Fatalf("%x: %+v, other implementation: %v", b, h, p)
		}
		if out := h.Append(nil); len(out) != rtpwire.HeaderSize {
			t.Fatal("header size")
		} else if again, _, _ := rtpwire.Parse(out); again != h {
			t.Fatalf("%+v written and read: %+v", h, again)
		}
	})
}

func FuzzRTCP(f *testing.F) {
	f.Add([]byte{0x80, 201, 0, 1, 1, 2, 3, 4})
	f.Add([]byte{0x81, 202, 0, 2, 1, 2, 3, 4, 1, 0, 0, 0, 0x81, 203, 0, 1, 1, 2, 3, 4})
	f.Fuzz(func(t *testing.T, b []byte) {
		total := 0
		for p := range rtpwire.RTCP(b) {
			total += 4 + len(p.Body)
		}
		if rtpwire.ValidRTCP(b) != (len(b) > 0 && total == len(b)) {
			t.Fatalf("%x: walked %d of %d octets", b, total, len(b))
		}
	})
}

func BenchmarkParse(b *testing.B) {
	p := append(rtpwire.Header{PayloadType: 8, Sequence: 1, SSRC: 5}.Append(nil), make([]byte, 160)...)
	b.ReportAllocs()
	for b.Loop() {
		if rtpwire.Classify(p) != rtpwire.KindRTP {
			b.Fatal("kind")
		}
		if _, _, ok := rtpwire.Parse(p); !ok {
			b.Fatal("refused")
		}
	}
}
