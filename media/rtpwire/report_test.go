package rtpwire_test

import (
	"bytes"
	"reflect"
	"testing"
	"time"

	"github.com/class5-go/class5/media/rtpwire"
	"github.com/pion/rtcp"
)

// TestReport compares with another implementation.
func TestReport(t *testing.T) {
	block := rtpwire.Reception{SSRC: 9, Fraction: 12, Lost: -3, Highest: 70000, Jitter: 44, LastReport: 5, SinceThat: 6}
	for name, r := range map[string]rtpwire.Report{
		"sender":   {SSRC: 7, Sender: &rtpwire.SenderInfo{NTP: 1 << 40, Timestamp: 160, Packets: 2, Octets: 3}, Receptions: []rtpwire.Reception{block}, CNAME: "abc"},
		"receiver": {SSRC: 7, Receptions: []rtpwire.Reception{block, block}, CNAME: "abcdef"},
		"empty":    {SSRC: 7},
	} {
		b := r.Append(nil)
		if !rtpwire.ValidRTCP(b) {
			t.Fatalf("%s: not valid: %x", name, b)
		}
		list, err := rtcp.Unmarshal(b)
		if err != nil || len(list) != 2 {
			t.Fatalf("%s: %v, %v", name, list, err)
		}
		if c := list[1].(*rtcp.SourceDescription).Chunks[0]; c.Source != 7 || c.Items[0].Text != r.CNAME {
			t.Errorf("%s: %+v", name, c)
		}
		for p := range rtpwire.RTCP(b) {
			info, ok := p.SenderInfo()
			if (r.Sender != nil && p.Type == rtpwire.SenderReport) != ok || ok && info != *r.Sender {
				t.Errorf("%s: %+v", name, info)
			}
			for i, want := range r.Receptions {
				got, ok := p.Reception(i)
				if p.Type <= rtpwire.ReceiverReport && (!ok || got != want) {
					t.Errorf("%s: %+v", name, got)
				}
			}
			if _, ok := p.Reception(len(r.Receptions)); ok {
				t.Errorf("%s: a block too many", name)
			}
		}
	}
	if sr, ok := mustUnmarshal(t, (&rtpwire.Report{Sender: &rtpwire.SenderInfo{}, Receptions: []rtpwire.Reception{block}}).Append(nil)).(*rtcp.SenderReport); !ok ||
		sr.Reports[0].SSRC != 9 || sr.Reports[0].LastSequenceNumber != 70000 || sr.Reports[0].FractionLost != 12 || sr.Reports[0].Delay != 6 {
		t.Errorf("%+v", sr)
	}
}

func mustUnmarshal(t *testing.T, b []byte) rtcp.Packet {
	t.Helper()
	list, err := rtcp.Unmarshal(b)
	if err != nil {
		t.Fatal(err)
	}
	return list[0]
}

func TestNTP(t *testing.T) {
	ntp := rtpwire.NTPTime(time.Date(2026, 1, 1, 0, 0, 0, 500_000_000, time.UTC))
	if ntp>>32 != 3976214400 || uint32(ntp) != 1<<31 || rtpwire.NTPMiddle(ntp) != uint32(3976214400&0xffff)<<16|0x8000 {
		t.Errorf("%x", ntp)
	}
}

// TestMapSSRC: every SSRC of every packet that has some, and nothing else.
func TestMapSSRC(t *testing.T) {
	build := func(s func(uint32) uint32) []byte {
		b, err := rtcp.Marshal([]rtcp.Packet{
			&rtcp.SenderReport{SSRC: s(1), NTPTime: 1 << 33, RTPTime: 1, PacketCount: 2, Reports: []rtcp.ReceptionReport{{SSRC: s(2), Jitter: 1}, {SSRC: s(3)}}},
			&rtcp.ReceiverReport{SSRC: s(1), Reports: []rtcp.ReceptionReport{{SSRC: s(2), LastSequenceNumber: 2}}},
			&rtcp.SourceDescription{Chunks: []rtcp.SourceDescriptionChunk{
				{Source: s(1), Items: []rtcp.SourceDescriptionItem{{Type: rtcp.SDESCNAME, Text: "\x00\x00\x00\x01"}}},
				{Source: s(2), Items: []rtcp.SourceDescriptionItem{{Type: rtcp.SDESCNAME, Text: "ab"}}}}},
			&rtcp.Goodbye{Sources: []uint32{s(1), s(3)}},
			&rtcp.TransportLayerNack{SenderSSRC: s(1), MediaSSRC: s(2), Nacks: []rtcp.NackPair{{PacketID: 1, LostPackets: 2}}},
			&rtcp.PictureLossIndication{SenderSSRC: s(1), MediaSSRC: s(2)},
			&rtcp.FullIntraRequest{SenderSSRC: s(1), MediaSSRC: s(2), FIR: []rtcp.FIREntry{{SSRC: s(3), SequenceNumber: 1}}},
			&rtcp.ReceiverEstimatedMaximumBitrate{SenderSSRC: s(1), Bitrate: 9e5, SSRCs: []uint32{s(2), s(3)}},
			&rtcp.ExtendedReport{SenderSSRC: s(1), Reports: []rtcp.ReportBlock{
				&rtcp.StatisticsSummaryReportBlock{XRHeader: rtcp.XRHeader{BlockType: 6}, SSRC: s(2), BeginSeq: 1},
				&rtcp.DLRRReportBlock{XRHeader: rtcp.XRHeader{BlockType: 5}, Reports: []rtcp.DLRRReport{{SSRC: s(3), LastRR: 1}, {SSRC: s(2), DLRR: 2}}},
			}},
		})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	other := func(v uint32) uint32 { return v + 0x10000000 }
	got := build(func(v uint32) uint32 { return v })
	seen := map[uint32]bool{}
	rtpwire.MapSSRC(got, func(v uint32) uint32 { seen[v] = true; return other(v) })
	if want := build(other); !bytes.Equal(got, want) {
		t.Errorf("\n%x, want\n%x", got, want)
	}
	if delete(seen, 0); !reflect.DeepEqual(seen, map[uint32]bool{1: true, 2: true, 3: true}) {
		t.Errorf("asked for %v", seen)
	}
}

func TestAllocMapSSRC(t *testing.T) {
	b := (&rtpwire.Report{SSRC: 1, Sender: &rtpwire.SenderInfo{}, Receptions: []rtpwire.Reception{{SSRC: 2}}}).Append(nil)
	from, to := uint32(2), uint32(3)
	if n := testing.AllocsPerRun(100, func() {
		rtpwire.MapSSRC(b, func(v uint32) uint32 {
			if v == from {
				return to
			}
			return v
		})
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzMapSSRC(f *testing.F) {
	f.Add((&rtpwire.Report{SSRC: 1, Sender: &rtpwire.SenderInfo{}, Receptions: []rtpwire.Reception{{SSRC: 2}}, CNAME: "x"}).Append(nil))
	f.Add([]byte{0x81, 202, 0, 2, 1, 2, 3, 4, 1, 200, 0, 0})
	f.Add([]byte{0x8f, 206, 0, 5, 0, 0, 0, 1, 0, 0, 0, 0, 'R', 'E', 'M', 'B', 200, 0, 0, 0, 0, 0, 0, 9})
	f.Fuzz(func(t *testing.T, b []byte) {
		n := len(b)
		valid := rtpwire.ValidRTCP(b)
		rtpwire.MapSSRC(b, func(v uint32) uint32 { return ^v })
		if len(b) != n || valid != rtpwire.ValidRTCP(b) {
			t.Fatal("a header was changed")
		}
	})
}
