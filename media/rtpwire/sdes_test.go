package rtpwire_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/pion/rtcp"

	"github.com/class5-go/class5/media/rtpwire"
)

// described are the items of a compound as another implementation reads them.
func described(t *testing.T, b []byte) map[uint32]map[rtcp.SDESType]string {
	t.Helper()
	list, err := rtcp.Unmarshal(b)
	if err != nil {
		t.Fatalf("%x: %v", b, err)
	}
	got := map[uint32]map[rtcp.SDESType]string{}
	for _, p := range list {
		if d, ok := p.(*rtcp.SourceDescription); ok {
			for _, c := range d.Chunks {
				got[c.Source] = map[rtcp.SDESType]string{}
				for _, i := range c.Items {
					got[c.Source][i.Type] = i.Text
				}
			}
		}
	}
	return got
}

// TestSetMID: MIDs are put in, replaced and taken out, source by source, and
// nothing else changes.
func TestSetMID(t *testing.T) {
	compound := func(items ...[]rtcp.SourceDescriptionItem) []byte {
		d := &rtcp.SourceDescription{}
		for i, list := range items {
			d.Chunks = append(d.Chunks, rtcp.SourceDescriptionChunk{Source: uint32(i + 1), Items: list})
		}
		b, err := rtcp.Marshal([]rtcp.Packet{&rtcp.ReceiverReport{SSRC: 1}, d, &rtcp.Goodbye{Sources: []uint32{1}}})
		if err != nil {
			t.Fatal(err)
		}
		return append(make([]byte, 0, 1500), b...)
	}
	name := rtcp.SourceDescriptionItem{Type: rtcp.SDESCNAME, Text: "host"}
	before := compound([]rtcp.SourceDescriptionItem{name}, []rtcp.SourceDescriptionItem{{Type: 15, Text: "old"}, name}, []rtcp.SourceDescriptionItem{name, {Type: 15, Text: "gone"}})
	for _, long := range []string{"audio", "a", "video-of-a-longer-name", strings.Repeat("x", 255)} {
		b := rtpwire.SetMID(append(make([]byte, 0, 1500), before...), func(ssrc uint32) []byte {
			return map[uint32][]byte{1: []byte(long), 2: []byte("new")}[ssrc]
		})
		got := described(t, b)
		if got[1][15] != long || got[2][15] != "new" || len(got[3]) != 1 || got[1][rtcp.SDESCNAME] != "host" || got[2][rtcp.SDESCNAME] != "host" || got[3][rtcp.SDESCNAME] != "host" {
			t.Errorf("%v", got)
		}
		if !bytes.Equal(b[:8], before[:8]) || !bytes.Equal(b[len(b)-8:], before[len(before)-8:]) || !rtpwire.ValidRTCP(b) {
			t.Errorf("%x", b)
		}
	}
	tight := bytes.Clone(before)[:len(before):len(before)]
	if b := rtpwire.SetMID(tight, func(uint32) []byte { return []byte("longer than there is room for") }); !bytes.Equal(b, before) {
		t.Error("changed without room")
	}
	for _, bad := range [][]byte{{0x81, 202, 0, 1, 0, 0, 0, 1}, {0x81, 202, 0, 2, 0, 0, 0, 1, 1, 9, 'x', 0}, {0x82, 202, 0, 2, 0, 0, 0, 1, 1, 1, 'x', 0}, {0x81, 202, 0, 9}} {
		b := append(make([]byte, 0, 100), bad...)
		if got := rtpwire.SetMID(b, func(uint32) []byte { return []byte("m") }); !bytes.Equal(got, bad) {
			t.Errorf("%x became %x", bad, got)
		}
	}
	r := rtpwire.Report{SSRC: 7, CNAME: "relay", MID: "audio"}
	if got := described(t, r.Append(nil)); got[7][15] != "audio" || got[7][rtcp.SDESCNAME] != "relay" {
		t.Errorf("%v", got)
	}
}

func FuzzSetMID(f *testing.F) {
	f.Add((&rtpwire.Report{SSRC: 1, CNAME: "x", MID: "y"}).Append(nil), []byte("audio"))
	f.Add([]byte{0x81, 202, 0, 2, 1, 2, 3, 4, 1, 0, 0, 0, 0x81, 203, 0, 1, 1, 2, 3, 4}, []byte(""))
	f.Add([]byte{0x82, 202, 0, 5, 0, 0, 0, 1, 15, 1, 'x', 0, 0, 0, 0, 2, 1, 1, 'y', 15, 0, 0, 0, 0}, []byte("m"))
	f.Fuzz(func(t *testing.T, in, mid []byte) {
		b := append(make([]byte, 0, len(in)+600), in...)
		out := rtpwire.SetMID(b, func(uint32) []byte { return mid })
		if rtpwire.ValidRTCP(in) != rtpwire.ValidRTCP(out) {
			t.Fatalf("%x became %x", in, out)
		}
		again := rtpwire.SetMID(append(make([]byte, 0, len(out)+600), out...), func(uint32) []byte { return mid })
		if !bytes.Equal(again, out) {
			t.Fatalf("%x, then %x", out, again)
		}
	})
}
