package rtpwire_test

import (
	"bytes"
	"testing"

	"github.com/class5-go/class5/media/rtpwire"
)

// extended is a packet with a header extension block and the payload "sound".
func extended(block ...byte) []byte {
	b := rtpwire.Header{PayloadType: 8, Sequence: 7, Timestamp: 160, SSRC: 0x01020304}.Append(make([]byte, 0, 2048))
	if len(block) > 0 {
		b[0] |= 0x10
	}
	return append(append(b, block...), "sound"...)
}

func table(pairs ...uint8) *rtpwire.ExtensionTable {
	t := &rtpwire.ExtensionTable{}
	for i := 0; i < len(pairs); i += 2 {
		t[pairs[i]] = pairs[i+1]
	}
	return t
}

func TestMapExtensions(t *testing.T) {
	other := extended(0xab, 0xcd, 0, 1, 1, 2, 3, 4)
	for name, test := range map[string]struct {
		in   []byte
		t    *rtpwire.ExtensionTable
		want []byte
	}{
		"none":          {extended(), table(1, 2), extended()},
		"renumbered":    {extended(0xbe, 0xde, 0, 1, 0x10, 'a', 0x20, 'b'), table(1, 2, 2, 1), extended(0xbe, 0xde, 0, 1, 0x20, 'a', 0x10, 'b')},
		"one taken out": {extended(0xbe, 0xde, 0, 2, 0x10, 'a', 0x22, 'b', 'b', 'b', 0, 0), table(1, 0, 2, 3), extended(0xbe, 0xde, 0, 1, 0x32, 'b', 'b', 'b')},
		"unknown":       {extended(0xbe, 0xde, 0, 1, 0x10, 'a', 0x20, 'b'), table(2, 2), extended(0xbe, 0xde, 0, 1, 0x20, 'b', 0, 0)},
		"all taken out": {extended(0xbe, 0xde, 0, 1, 0x10, 'a', 0, 0), table(), extended()},
		"longer form":   {extended(0xbe, 0xde, 0, 1, 0x10, 'a', 0, 0), table(1, 20), extended(0x10, 0, 0, 1, 20, 1, 'a', 0)},
		"shorter form":  {extended(0x10, 0, 0, 1, 20, 1, 'a', 0), table(20, 1), extended(0xbe, 0xde, 0, 1, 0x10, 'a', 0, 0)},
		"empty element": {extended(0x10, 3, 0, 1, 20, 0, 0, 0), table(20, 1), extended(0x10, 3, 0, 1, 1, 0, 0, 0)},
		"other profile": {other, table(), other},
		"cut off":       {extended(0xbe, 0xde, 0, 1, 0x13, 'a', 0, 0), table(1, 1), extended()},
		"no room":       {extended(0xbe, 0xde, 0, 1, 0x10, 'a', 0x20, 'b')[:25:25], table(1, 20, 2, 21), extended()},
	} {
		if got := rtpwire.MapExtensions(append(make([]byte, 0, cap(test.in)), test.in...), test.t); !bytes.Equal(got, test.want) {
			t.Errorf("%s: %x, want %x", name, got, test.want)
		}
	}
}

func TestSetExtension(t *testing.T) {
	other := extended(0xab, 0xcd, 0, 1, 1, 2, 3, 4)
	full := extended(bytes.Repeat([]byte{0}, 0)...)
	for name, test := range map[string]struct {
		in    []byte
		id    uint8
		value string
		want  []byte
	}{
		"put in":       {extended(), 3, "v", extended(0xbe, 0xde, 0, 1, 0x30, 'v', 0, 0)},
		"beside":       {extended(0xbe, 0xde, 0, 1, 0x10, 'a', 0, 0), 3, "v", extended(0xbe, 0xde, 0, 1, 0x10, 'a', 0x30, 'v')},
		"there":        {extended(0xbe, 0xde, 0, 1, 0x10, 'a', 0x30, 'v'), 3, "v", extended(0xbe, 0xde, 0, 1, 0x10, 'a', 0x30, 'v')},
		"another":      {extended(0xbe, 0xde, 0, 1, 0x30, 'a', 0, 0), 3, "video", extended(0xbe, 0xde, 0, 2, 0x34, 'v', 'i', 'd', 'e', 'o', 0, 0)},
		"high number":  {extended(0xbe, 0xde, 0, 1, 0x10, 'a', 0, 0), 16, "v", extended(0x10, 0, 0, 2, 1, 1, 'a', 16, 1, 'v', 0, 0)},
		"long value":   {extended(), 1, "12345678901234567", extended(append([]byte{0x10, 0, 0, 5, 1, 17}, "12345678901234567\x00"...)...)},
		"other kind":   {other, 1, "v", other},
		"no room":      {full[:len(full):len(full)], 1, "v", full},
		"not a packet": {[]byte{0x80, 0}, 1, "v", []byte{0x80, 0}},
	} {
		in := test.in
		if name != "no room" && len(in) > 12 {
			in = append(make([]byte, 0, 2048), in...)
		}
		if got := rtpwire.SetExtension(in, test.id, []byte(test.value)); !bytes.Equal(got, test.want) {
			t.Errorf("%s: %x, want %x", name, got, test.want)
		}
	}
}

// FuzzExtensions: whatever comes, the payload stays, elements that are mapped
// have the same values, and what is set is found.
func FuzzExtensions(f *testing.F) {
	f.Add(extended(0xbe, 0xde, 0, 1, 0x10, 'a', 0x20, 'b'), uint8(1), uint8(20), []byte("v"))
	f.Add(extended(0x10, 5, 0, 2, 20, 1, 'a', 16, 1, 'v', 0, 0), uint8(20), uint8(2), []byte("video"))
	f.Add(extended(0xab, 0xcd, 0, 1, 1, 2, 3, 4), uint8(1), uint8(1), []byte{})
	f.Fuzz(func(t *testing.T, packet []byte, from, to uint8, value []byte) {
		_, payload, ok := rtpwire.Parse(packet)
		if !ok || from == 0 || len(value) > 255 {
			return
		}
		payload = bytes.Clone(payload)
		before, had := rtpwire.Extension(packet, from)
		before = bytes.Clone(before)
		roomy := func() []byte { return append(make([]byte, 0, len(packet)+1024), packet...) }
		b := rtpwire.MapExtensions(roomy(), table(from, to))
		if _, p, ok := rtpwire.Parse(b); !ok || !bytes.Equal(p, payload) {
			t.Fatalf("payload %x became %x", payload, p)
		}
		if got, has := rtpwire.Extension(b, to); had && to != 0 && len(before) < 200 && (!has || !bytes.Equal(got, before)) {
			if len(b) != 12+4*int(b[0]&0x0f)+len(payload) { // elements that fit nothing are all taken out
				t.Fatalf("%x became %x", before, got)
			}
		}
		b = rtpwire.SetExtension(roomy(), to, value)
		if _, p, ok := rtpwire.Parse(b); !ok || !bytes.Equal(p, payload) {
			t.Fatalf("payload %x became %x", payload, p)
		}
		if got, has := rtpwire.Extension(b, to); !bytes.Equal(b, packet) && (!has || !bytes.Equal(got, value)) {
			t.Fatalf("%x was set, there is %x", value, got)
		}
	})
}

func TestAllocExtensions(t *testing.T) {
	b := append(make([]byte, 0, 2048), extended(0xbe, 0xde, 0, 1, 0x10, 'a', 0x20, 'b')...)
	swap, mid := table(1, 2, 2, 1), []byte("audio")
	if n := testing.AllocsPerRun(200, func() {
		b = rtpwire.MapExtensions(b, swap)
		b = rtpwire.SetExtension(b, 3, mid)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
