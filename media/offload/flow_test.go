package offload

import (
	"errors"
	"net/netip"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestValidate(t *testing.T) {
	good := Flow{Local: netip.MustParseAddrPort("192.0.2.1:30000"), Source: netip.MustParseAddrPort("198.51.100.7:4000"),
		From: netip.MustParseAddrPort("192.0.2.1:31000"), To: netip.MustParseAddrPort("203.0.113.9:5000"),
		PayloadTypes: []PayloadType{{Number: 8}}}
	at := netip.MustParseAddrPort
	for _, c := range []struct {
		name   string
		change func(*Flow)
		want   error
	}{
		{"good", func(*Flow) {}, nil},
		{"anyone", func(f *Flow) { f.Source = netip.AddrPort{} }, nil},
		{"any port", func(f *Flow) { f.Source = at("198.51.100.7:0") }, nil},
		{"mapped", func(f *Flow) { f.Local = at("[::ffff:192.0.2.1]:30000") }, nil},
		{"no local", func(f *Flow) { f.Local = netip.AddrPort{} }, ErrInvalid},
		{"local port 0", func(f *Flow) { f.Local = at("192.0.2.1:0") }, ErrInvalid},
		{"unspecified local", func(f *Flow) { f.Local = at("0.0.0.0:3000") }, ErrInvalid},
		{"no new source", func(f *Flow) { f.From = netip.AddrPort{} }, ErrInvalid},
		{"no destination", func(f *Flow) { f.To = netip.AddrPort{} }, ErrInvalid},
		{"zone", func(f *Flow) { f.Local = at("[fe80::1%eth0]:3000") }, ErrInvalid},
		{"multicast", func(f *Flow) { f.To = at("224.0.0.1:5000") }, ErrInvalid},
		{"loopback", func(f *Flow) { f.To = at("127.0.0.1:5000") }, ErrInvalid},
		{"link-local", func(f *Flow) { f.To = at("169.254.169.254:80") }, ErrInvalid},
		{"bridging", func(f *Flow) { f.To = at("[2001:db8::1]:5000") }, ErrFamily},
		{"source of the other family", func(f *Flow) { f.Source = at("[2001:db8::1]:5000") }, ErrFamily},
		{"no payload type", func(f *Flow) { f.PayloadTypes = nil }, ErrInvalid},
		{"payload type 128", func(f *Flow) { f.PayloadTypes = []PayloadType{{Number: 128}} }, ErrInvalid},
		{"policy", func(f *Flow) { f.Foreign = 2 }, ErrInvalid},
		{"SSRCs into one", func(f *Flow) { f.ReplaceSSRC = true }, ErrInvalid},
		{"SRTP with another SSRC", func(f *Flow) { f.Secure, f.OneSSRC, f.ReplaceSSRC = true, true, true }, ErrInvalid},
		{"SRTP with other numbers", func(f *Flow) { f.Secure, f.SequenceOffset = true, 1 }, ErrInvalid},
	} {
		f := good
		c.change(&f)
		f = f.normal()
		if err := f.validate(); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
}

// TestEncode finds in the maps what was put there.
func TestEncode(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v6 := rapid.Bool().Draw(t, "v6")
		addr := func(name string) netip.AddrPort {
			n, fill := 4, byte(1)
			if v6 {
				n, fill = 16, 0x20
			}
			b := rapid.SliceOfN(rapid.Byte(), n, n).Draw(t, name)
			b[0] = fill
			a, _ := netip.AddrFromSlice(b)
			return netip.AddrPortFrom(a, rapid.Uint16Min(1).Draw(t, name+" port"))
		}
		f := Flow{Local: addr("local"), From: addr("from"), To: addr("to"),
			Foreign: Foreign(rapid.IntRange(0, 1).Draw(t, "foreign")),
			SSRC:    rapid.Uint32().Draw(t, "ssrc"), OneSSRC: rapid.Bool().Draw(t, "one"),
			NewSSRC: rapid.Uint32().Draw(t, "new"), SequenceOffset: rapid.Uint16().Draw(t, "offset"),
			TOS: rapid.Byte().Draw(t, "tos"), SetTOS: rapid.Bool().Draw(t, "set"),
			Released:  rapid.Bool().Draw(t, "released"),
			ClockRate: rapid.SampledFrom([]uint32{0, 8000, 16000, 44100, 48000, 90000}).Draw(t, "rate"),
		}
		f.ReplaceSSRC = f.OneSSRC && rapid.Bool().Draw(t, "replace")
		if rapid.Bool().Draw(t, "expected") {
			f.Source = addr("source")
		}
		for _, n := range rapid.SliceOfNDistinct(rapid.Uint8Range(0, 127), 1, 5, rapid.ID).Draw(t, "payload types") {
			f.PayloadTypes = append(f.PayloadTypes, PayloadType{n, n%2 == 0})
		}
		slices.SortFunc(f.PayloadTypes, func(a, b PayloadType) int { return int(a.Number) - int(b.Number) })
		if err := f.validate(); err != nil && !errors.Is(err, ErrInvalid) {
			t.Fatal(err)
		}
		k, v := encodeKey(f.Local), f.encode(7, 3)
		got := decode(&k, &v)
		if v.Slot != 7 || v.Interface != 3 || !slices.Equal(got.PayloadTypes, f.PayloadTypes) {
			t.Fatalf("%+v", v)
		}
		got.PayloadTypes = f.PayloadTypes
		if !equal(got, f) {
			t.Fatalf("got  %+v\nwant %+v", got, f)
		}
	})
}

func equal(a, b Flow) bool {
	same := slices.Equal(a.PayloadTypes, b.PayloadTypes)
	a.PayloadTypes, b.PayloadTypes = nil, nil
	return same && stripped(a) == stripped(b)
}

// stripped has no slice and can be compared.
func stripped(f Flow) any {
	type flow struct {
		local, source, from, to netip.AddrPort
		foreign                 Foreign
		rate, ssrc, ssrc2       uint32
		one, replace, set, sec  bool
		offset                  uint16
		tos                     uint8
		released                bool
	}
	return flow{f.Local, f.Source, f.From, f.To, f.Foreign, f.ClockRate, f.SSRC, f.NewSSRC, f.OneSSRC, f.ReplaceSSRC,
		f.SetTOS, f.Secure, f.SequenceOffset, f.TOS, f.Released}
}

// TestSlots never gives a slot twice, and those given up last are used last.
func TestSlots(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.Uint32Range(1, 200).Draw(t, "size")
		p := slotPool{size: size}
		used := map[uint32]bool{}
		local := netip.MustParseAddrPort("192.0.2.1:1")
		for range rapid.IntRange(1, 500).Draw(t, "steps") {
			if rapid.Bool().Draw(t, "take") {
				n, ok := p.take(local)
				if ok == (uint32(len(used)) == size) || used[n] && ok || n >= size {
					t.Fatalf("slot %d, %v, with %d of %d used", n, ok, len(used), size)
				}
				if ok {
					used[n] = true
				}
			} else {
				for n := range used {
					delete(used, n)
					p.release(n)
					break
				}
			}
		}
		again := slotPool{size: size}
		for n := range used {
			again.use(n, local)
		}
		again.found()
		for range size - uint32(len(used)) {
			if n, ok := again.take(local); !ok || used[n] {
				t.Fatalf("slot %d, %v after a restart", n, ok)
			}
		}
		if _, ok := again.take(local); ok {
			t.Fatal("one too many")
		}
	})
}

func TestNames(t *testing.T) {
	seen := map[string]bool{}
	for r := range reasons {
		seen[r.String()] = true
	}
	for u := range Ups {
		seen["up "+u.String()] = true
	}
	if len(seen) != int(reasons)+int(Ups) || seen["unknown"] || seen[""] || reasons.String() != "unknown" || Ups.String() != "unknown" {
		t.Errorf("%v", seen)
	}
}
