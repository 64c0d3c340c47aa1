package t38_test

import (
	"bytes"
	"cmp"
	"errors"
	"iter"
	"maps"
	"slices"
	"testing"

	"github.com/class5-go/class5/media/t38"
	"pgregory.net/rapid"
)

func TestParse(t *testing.T) {
	long := bytes.Repeat([]byte{7}, 300)
	for name, c := range map[string]struct {
		b    []byte
		want t38.Packet
		rec  [][]byte
	}{
		"CED":         {[]byte{0, 1, 1, 4, 0, 0}, t38.Packet{Sequence: 1, Primary: []byte{4}}, nil},
		"copies":      {[]byte{1, 0, 1, 6, 0, 2, 1, 4, 1, 2}, t38.Packet{Sequence: 256, Primary: []byte{6}, Count: 2}, [][]byte{{4}, {2}}},
		"parity":      {[]byte{0, 9, 1, 6, 0x80, 1, 3, 2, 1, 4, 0}, t38.Packet{Sequence: 9, Primary: []byte{6}, FEC: true, Span: 3, Count: 2}, [][]byte{{4}, {}}},
		"long":        {t38.Append(nil, 5, long, long, nil), t38.Packet{Sequence: 5, Primary: long, Count: 2}, [][]byte{long, {}}},
		"long parity": {t38.AppendFEC(nil, 5, long, 4, long), t38.Packet{Sequence: 5, Primary: long, FEC: true, Span: 4, Count: 1}, [][]byte{long}},
		"empty":       {[]byte{0, 1, 0, 0, 0}, t38.Packet{Sequence: 1, Primary: []byte{}}, nil},
	} {
		p, ok := t38.Parse(c.b)
		if !ok || p.Sequence != c.want.Sequence || !bytes.Equal(p.Primary, c.want.Primary) || p.FEC != c.want.FEC || p.Count != c.want.Count || p.Span != c.want.Span ||
			!slices.EqualFunc(slices.Collect(p.Recovery()), c.rec, bytes.Equal) {
			t.Errorf("%s: %+v %v", name, p, ok)
		}
	}
	for name, b := range map[string][]byte{
		"nothing": nil, "short": {0, 1, 0}, "no error recovery": {0, 1, 1, 4}, "primary too long": {0, 1, 9, 4, 0, 0}, "no count": {0, 1, 1, 4, 0},
		"copy missing": {0, 1, 1, 4, 0, 1}, "copy too long": {0, 1, 1, 4, 0, 1, 2, 3}, "left over": {0, 1, 1, 4, 0, 0, 0}, "fragment": {0, 1, 0xc1, 4, 0, 0},
		"half a length": {0, 1, 1, 4, 0, 0x80}, "parity: no span": {0, 1, 1, 4, 0x80, 1}, "parity: span of two octets": {0, 1, 1, 4, 0x80, 2, 0, 3, 0},
		"parity: span 0": {0, 1, 1, 4, 0x80, 1, 0, 0}, "parity: negative span": {0, 1, 1, 4, 0x80, 1, 0xff, 0},
		"many copies": append([]byte{0, 1, 1, 4, 0, 65}, make([]byte, 65)...), "RTP": {0x80, 0, 0, 1, 0, 0, 0, 0, 1, 2, 3, 4, 0xd5},
	} {
		if p, ok := t38.Parse(b); ok {
			t.Errorf("%s: %+v", name, p)
		}
	}
}

func TestClassify(t *testing.T) {
	for name, c := range map[string]struct {
		b    []byte
		kind t38.Kind
	}{
		"no-signal": {[]byte{0}, t38.Indicator}, "cng": {[]byte{2}, t38.Indicator}, "ced": {[]byte{4}, t38.Indicator}, "v21-preamble": {[]byte{6}, t38.Indicator},
		"v17-14400-long-training": {[]byte{0x1e}, t38.Indicator}, "v8-ansam": {[]byte{0x20, 0}, t38.Indicator}, "v33-14400-training": {[]byte{0x21, 0x80}, t38.Indicator},
		"v21": {[]byte{0xc0, 1, 0x80, 0}, t38.Data}, "v17-14400": {[]byte{0xd0}, t38.Data}, "v8": {[]byte{0xe0, 0}, t38.Data}, "v33-14400": {[]byte{0xe1, 0x40}, t38.Data},
	} {
		if k, n := t38.Classify(c.b); k != c.kind || n != name {
			t.Errorf("%s: %v %s", name, k, n)
		}
	}
	for _, b := range [][]byte{nil, {0xd2}, {0x20}, {0x30, 0}, {0x2f, 0}} {
		if k, n := t38.Classify(b); k != t38.Unknown || n != "" {
			t.Errorf("%x: %v %s", b, k, n)
		}
	}
}

func TestReceiver(t *testing.T) {
	r := t38.Receiver{MaxDatagram: 50}
	send := func(seq uint16, copies int) {
		t.Helper()
		if _, ok := r.Take(t38.Append(nil, seq, []byte{0xc0}, make([][]byte, copies)...)); !ok {
			t.Fatal("refused")
		}
	}
	send(65534, 0)
	send(65535, 0)
	send(65535, 0) // repeated
	send(3, 2)     // 0, 1, 2 are missing, two of them have copies
	send(1, 0)     // late
	send(1, 0)     // repeated
	send(4, 0)
	send(40000, 0) // another fax
	send(40001, 0)
	if _, ok := r.Take([]byte{1}); ok {
		t.Error("malformed taken")
	}
	if _, ok := r.Take(t38.Append(nil, 40002, make([]byte, 60))); ok {
		t.Error("too large taken")
	}
	want := t38.Counters{Packets: 9, Octets: 56, Malformed: 1, TooLarge: 1, Data: 9, Lost: 2, Recoverable: 2, Repeated: 2, Reordered: 1}
	if got := r.Counters(); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// TestLoss: whatever is lost, doubled and moved, sent = received + lost.
func TestLoss(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var r t38.Receiver
		first, n := rapid.Uint16().Draw(t, "first"), rapid.IntRange(1, 300).Draw(t, "packets")
		type sent struct{ i, at int }
		var order []sent
		for i := range n {
			if i > 0 && i < n-1 && rapid.IntRange(0, 9).Draw(t, "lost") == 0 {
				continue
			}
			for range 1 + rapid.IntRange(0, 9).Draw(t, "doubled")/9 {
				p := sent{i, i}
				if i > 0 && i < n-1 && rapid.IntRange(0, 9).Draw(t, "late") == 0 { // the first and the last stay in place
					p.at = min(i+rapid.IntRange(1, 20).Draw(t, "by"), n-2)
				}
				order = append(order, p)
			}
		}
		slices.SortStableFunc(order, func(a, b sent) int { return cmp.Compare(a.at, b.at) })
		different := map[int]bool{}
		for _, p := range order {
			different[p.i] = true
			r.Take(t38.Append(nil, first+uint16(p.i), []byte{2}))
		}
		c := r.Counters()
		if c.Packets != uint64(len(order)) || c.Lost != uint64(n-len(different)) || c.Repeated != uint64(len(order)-len(different)) || c.Indicators != c.Packets {
			t.Fatalf("%+v of %d, %d different", c, n, len(different))
		}
	})
}

func attrs(pairs ...string) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for i := 0; i < len(pairs); i += 2 {
			if !yield(pairs[i], pairs[i+1]) {
				return
			}
		}
	}
}

func TestAttributes(t *testing.T) {
	a, err := t38.ParseAttributes(attrs("sendrecv", "", "T38FaxVersion", "3", "T38MaxBitRate", "14400", "t38faxFillBitRemoval", "", "T38FaxTranscodingMMR", "0",
		"T38FaxTranscodingJBIG", "1", "T38FaxRateManagement", "transferredTCF", "T38FaxMaxBuffer", "2000", "T38FaxMaxDataGram", "400", "T38FaxMaxIFP", "40",
		"T38FaxUdpEC", "t38UDPRedundancy", "T38FaxUdpECDepth", "minred:1 maxred:2", "T38FaxUdpFECMaxSpan", "3", "T38ModemType", "t38G3FaxOnly", "T38VendorInfo", "0xB5 0x00 0x2A"))
	want := t38.Attributes{Version: 3, MaxBitRate: 14400, FillBitRemoval: true, TranscodingJBIG: true, RateManagement: t38.TransferredTCF, MaxBuffer: 2000, MaxDatagram: 400,
		MaxIFP: 40, UDPErrorCorrection: t38.UDPRedundancy, UDPECDepth: "minred:1 maxred:2", FECMaxSpan: 3, ModemType: "t38G3FaxOnly", VendorInfo: "0xB5 0x00 0x2A"}
	if err != nil || a != want {
		t.Errorf("%+v, %v", a, err)
	}
	if again, err := t38.ParseAttributes(a.All()); err != nil || again != a {
		t.Errorf("written and read: %+v, %v", again, err)
	}
	a, err = t38.ParseAttributes(attrs())
	if got := maps.Collect(a.All()); err != nil || len(got) != 1 || got["T38FaxVersion"] != "0" {
		t.Errorf("%v %v", got, err)
	}
	for _, bad := range [][2]string{{"T38FaxVersion", "x"}, {"T38MaxBitRate", "-1"}, {"T38FaxMaxDatagram", "65537"}, {"T38FaxFillBitRemoval", "yes"}, {"T38FaxUdpEC", ""}, {"T38FaxUdpEC", "a\rb"}} {
		a, err := t38.ParseAttributes(attrs(bad[0], bad[1], "T38FaxMaxBuffer", "5"))
		if !errors.Is(err, t38.ErrAttribute) || a.MaxBuffer != 5 {
			t.Errorf("%v: %+v %v", bad, a, err)
		}
	}
}

func TestAllocsTake(t *testing.T) {
	var r t38.Receiver
	b := t38.Append(nil, 1, make([]byte, 40), make([]byte, 40), make([]byte, 40))
	if n := testing.AllocsPerRun(100, func() { r.Take(b) }); n != 0 {
		t.Errorf("%v allocations per packet", n)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte{0, 1, 1, 4, 0, 0})
	f.Add([]byte{1, 0, 1, 6, 0, 2, 1, 4, 1, 2})
	f.Add([]byte{0, 9, 1, 6, 0x80, 1, 3, 2, 1, 4, 0})
	f.Add([]byte{0, 9, 0x80, 1, 0xc0, 0, 0x80, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		var r t38.Receiver
		p, ok := r.Take(b)
		if !ok {
			if r.Counters() != (t38.Counters{Malformed: 1}) {
				t.Fatal("not counted")
			}
			return
		}
		var out []byte
		if p.FEC {
			out = t38.AppendFEC(nil, p.Sequence, p.Primary, p.Span, slices.Collect(p.Recovery())...)
		} else {
			out = t38.Append(nil, p.Sequence, p.Primary, slices.Collect(p.Recovery())...)
		}
		again, ok := t38.Parse(out)
		if !ok || again.Sequence != p.Sequence || !bytes.Equal(again.Primary, p.Primary) || again.Span != p.Span || again.Count != p.Count ||
			!slices.EqualFunc(slices.Collect(again.Recovery()), slices.Collect(p.Recovery()), bytes.Equal) {
			t.Fatalf("%x: written as %x", b, out)
		}
	})
}

func FuzzAttributes(f *testing.F) {
	f.Add("T38FaxVersion", "3")
	f.Add("T38FaxUdpEC", "t38UDPFEC")
	f.Fuzz(func(t *testing.T, name, value string) {
		a, err := t38.ParseAttributes(attrs(name, value))
		if err != nil {
			return
		}
		if again, err := t38.ParseAttributes(a.All()); err != nil || again != a {
			t.Fatalf("%+v written and read: %+v, %v", a, again, err)
		}
	})
}

func BenchmarkTake(b *testing.B) {
	var r t38.Receiver
	p := t38.Append(nil, 1, make([]byte, 40), make([]byte, 40), make([]byte, 40))
	b.ReportAllocs()
	for b.Loop() {
		r.Take(p)
	}
}
