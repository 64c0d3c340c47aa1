package offload

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"testing"
)

// loop is an interface that is always there; the route to it is the flow's
// own, as it does not forward.
const loop = 1

// once runs the program on one frame.
func (l *loaded) once(b []byte) (code int32, out []byte) {
	l.t.Helper()
	n, out, err := l.program.Test(b)
	if err != nil {
		l.t.Fatal(err)
	}
	return int32(n), out
}

// figures are those of a flow.
func (l *loaded) figures(local netip.AddrPort) Stats {
	l.t.Helper()
	s, err := l.Figures(local)
	if err != nil {
		l.t.Fatal(err)
	}
	return s
}

func set16(b []byte, at int, n uint16) []byte {
	b = slices.Clone(b)
	binary.BigEndian.PutUint16(b[at:], n)
	return b
}

// resum makes the IPv4 header's checksum right.
func resum(b []byte) []byte {
	b[24], b[25] = 0, 0
	binary.BigEndian.PutUint16(b[24:], ^sum(0, b[14:34]))
	return b
}

const next = -1

// TestProgram runs the program in the kernel on single frames.
func TestProgram(t *testing.T) {
	f, f6 := flowAB(false), flowAB(true)
	other := at(false, 1, 9, sourcePort)
	good := rtp{pt: 8, seq: 5, ssrc: 7}.packet(160)
	b, b6 := frame(f.Source, f.Local, good), frame(f6.Source, f6.Local, good)
	options := resum(append(append(slices.Clone(b[:34]), 1, 1, 1, 0), b[34:]...))
	options[14] = 0x46
	options = resum(set16(options, 16, binary.BigEndian.Uint16(b[16:])+4))
	tagged := append(append(slices.Clone(b[:12]), 0x81, 0, 0, 5), b[12:]...)
	extension := slices.Clone(b6)
	extension[14+6] = 0 // hop-by-hop
	for _, c := range []struct {
		name string
		data []byte
		code int32
		up   Up // Ups: counted nowhere
	}{
		{"IPv4", b, redirect, Ups},
		{"IPv6", b6, redirect, Ups},
		{"padded frame", append(frame(f.Source, f.Local, rtp{pt: 8}.packet(0)), make([]byte, 6)...), redirect, Ups},
		{"another port", frame(f.Source, f.From, good), next, Ups},
		{"another source", frame(other, f.Local, good), next, UpSource},
		{"another port of the source", frame(at(false, 1, 1, 4001), f.Local, good), next, UpSource},
		{"one hop left", hops(slices.Clone(b), 1), next, UpHops},
		{"one hop left over IPv6", hops(slices.Clone(b6), 1), next, UpHops},
		{"RTCP", frame(f.Source, f.Local, append([]byte{0x81, 201, 0, 7}, make([]byte, 28)...)), next, UpRTCP},
		{"STUN", frame(f.Source, f.Local, make([]byte, 20)), next, UpSTUN},
		{"STUN of another source", frame(other, f.Local, make([]byte, 20)), next, UpSTUN},
		{"DTLS", frame(f.Source, f.Local, append([]byte{63}, make([]byte, 20)...)), next, UpDTLS},
		{"another payload type", frame(f.Source, f.Local, rtp{pt: 9}.packet(8)), next, UpPayload},
		{"payload type 72", frame(f.Source, f.Local, rtp{pt: 72}.packet(8)), next, UpPayload},
		{"padding longer than the packet", frame(f.Source, f.Local, append([]byte{0xa0}, rtp{pt: 8, seq: 200}.packet(8)[1:]...)), next, UpMalformed},
		{"options", options, next, Ups},
		{"first fragment", resum(set16(b, 20, 0x2000)), next, Ups},
		{"last fragment", resum(set16(b, 20, 100)), next, Ups},
		{"reserved bit", resum(set16(b, 20, 0x8000)), next, Ups},
		{"TCP", resum(append(append(slices.Clone(b[:23]), 6), b[24:]...)), next, Ups},
		{"UDP shorter than IP says", set16(b, 38, 20), next, Ups},
		{"IP longer than the frame", resum(set16(b, 16, 400)), next, Ups},
		{"too short for RTP", frame(f.Source, f.Local, []byte{0x80, 8, 0}), next, Ups},
		{"VLAN tag", tagged, next, Ups},
		{"ARP", set16(b, 12, 0x0806), next, Ups},
		{"IPv6 extension", extension, next, Ups},
		{"IPv6 without checksum", set16(b6, 60, 0), next, Ups},
		{"for another host", append([]byte{2, 0, 0, 0, 0, 9}, b[6:]...), next, Ups},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := load(t, 4)
			l.install(f, loop)
			l.install(f6, loop)
			code, _ := l.once(c.data)
			if code != c.code {
				t.Errorf("returns %d, want %d", code, c.code)
			}
			s, s6 := l.figures(f.Local), l.figures(f6.Local)
			var want [Ups]uint64
			if c.up < Ups {
				want[c.up] = 1
			}
			for i := range s.Up {
				s.Up[i] += s6.Up[i]
			}
			forwarded := s.Forwarded.Packets + s6.Forwarded.Packets
			if s.Up != want || forwarded == 1 != (code == redirect) || s.Dropped+s6.Dropped != 0 {
				t.Errorf("%+v\n%+v", s, s6)
			}
		})
	}
}

// TestRewrite looks at what the program makes of a packet.
func TestRewrite(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*Flow)
		noSum  bool
		want   rtp
		tos    byte
	}{
		{"plain", func(*Flow) {}, false, rtp{pt: 8, seq: 65535, ts: 9, ssrc: 7}, tos},
		{"TOS as it was", func(f *Flow) { f.SetTOS = false }, false, rtp{pt: 8, seq: 65535, ts: 9, ssrc: 7}, 0},
		{"sequence", func(f *Flow) { f.SequenceOffset = 3 }, false, rtp{pt: 8, seq: 2, ts: 9, ssrc: 7}, tos},
		{"SSRC", func(f *Flow) { f.SSRC, f.OneSSRC, f.NewSSRC, f.ReplaceSSRC = 7, true, 0xfffefdfc, true }, false,
			rtp{pt: 8, seq: 65535, ts: 9, ssrc: 0xfffefdfc}, tos},
		{"no checksum", func(f *Flow) { f.SequenceOffset = 3 }, true, rtp{pt: 8, seq: 2, ts: 9, ssrc: 7}, tos},
		{"any source", func(f *Flow) { f.Source = netip.AddrPort{} }, false, rtp{pt: 8, seq: 65535, ts: 9, ssrc: 7}, tos},
		{"any port", func(f *Flow) { f.Source = netip.AddrPortFrom(f.Source.Addr(), 0) }, false,
			rtp{pt: 8, seq: 65535, ts: 9, ssrc: 7}, tos},
	} {
		for _, v6 := range []bool{false, true} {
			if v6 && c.noSum {
				continue
			}
			l := load(t, 4)
			f := flowAB(v6)
			source := f.Source
			c.change(&f)
			l.install(f, loop)
			in := rtp{pt: 8, seq: 65535, ts: 9, ssrc: 7}.packet(31)
			b := frame(source, f.Local, in)
			if c.noSum {
				b = set16(b, 40, 0)
			}
			code, out := l.once(b)
			got, ok := dissect(out)
			want := c.want.packet(31)
			copy(want[12:], in[12:])
			if code != redirect || !ok || got.from != f.From || got.to != f.To || got.tos != c.tos || got.hops != 63 ||
				!got.ipSum || got.noSum != c.noSum || !c.noSum && !got.sum || got.payload != string(want) {
				t.Errorf("%s, IPv6 %v: %d %+v", c.name, v6, code, got)
			}
		}
	}
}

// TestSumLikeUnfinished has packets whose right checksum is the one that a packet
// has which is yet to be summed.
func TestSumLikeUnfinished(t *testing.T) {
	for _, v6 := range []bool{false, true} {
		l := load(t, 4)
		f := flowAB(v6)
		l.install(f, loop)
		payload, check := rtp{pt: 8, ssrc: 7}.packet(20), 40
		if v6 {
			check = 60
		}
		want := pseudo(f.Source.Addr(), f.Local.Addr(), 8+len(payload))
		var b []byte
		for fill := range 1 << 16 {
			payload = set16(payload, 12, uint16(fill))
			if b = frame(f.Source, f.Local, payload); binary.BigEndian.Uint16(b[check:]) == want {
				break
			}
		}
		if binary.BigEndian.Uint16(b[check:]) != want {
			t.Fatalf("IPv6 %v: no such packet", v6)
		}
		if code, out := l.once(b); code != redirect {
			t.Errorf("returns %d", code)
		} else if got, ok := dissect(out); !ok || !got.sum || got.to != f.To || got.payload != string(payload) {
			t.Errorf("IPv6 %v: %+v", v6, got)
		}
	}
}

// TestForeign looks at what happens to other sources and SSRCs.
func TestForeign(t *testing.T) {
	f := flowAB(false)
	f.Foreign, f.SSRC, f.OneSSRC = ForeignDrop, 7, true
	l := load(t, 4)
	l.install(f, loop)
	good := rtp{pt: 8, ssrc: 7}.packet(20)
	for _, c := range []struct {
		data []byte
		code int32
	}{
		{frame(f.Source, f.Local, good), redirect},
		{frame(at(false, 1, 9, 1), f.Local, good), 2},
		{frame(at(false, 1, 9, 1), f.Local, make([]byte, 20)), next}, // STUN
		{frame(f.Source, f.Local, rtp{pt: 8, ssrc: 8}.packet(20)), next},
	} {
		if code, _ := l.once(c.data); code != c.code {
			t.Errorf("returns %d, want %d", code, c.code)
		}
	}
	if s := l.figures(f.Local); s.Received.Packets != 1 || s.Dropped != 1 || s.Up[UpSSRC] != 1 || s.Up[UpSTUN] != 1 || s.SSRC != 7 {
		t.Errorf("%+v", s)
	}
}

// FuzzProgram wants nothing of what arrives to be dropped or to get lost.
func FuzzProgram(f *testing.F) {
	flow := flowAB(false)
	f.Add(frame(flow.Source, flow.Local, rtp{pt: 8}.packet(20))[14:])
	f.Add(frame(flow.Source, flow.Local, append([]byte{0xb1}, rtp{pt: 8}.packet(40)[1:]...))[14:])
	flow6 := flowAB(true)
	f.Add(frame(flow6.Source, flow6.Local, rtp{pt: 8}.packet(20))[14:])
	l := load(f, 4)
	l.install(flow, loop)
	l.install(flow6, loop)
	f.Fuzz(func(t *testing.T, packet []byte) {
		if len(packet) < 40 || len(packet) > 1500 {
			return // the kernel takes no frame without an IP header
		}
		b := append(make([]byte, 12), 8, 0)
		if packet[0]>>4 == 6 {
			b[12], b[13] = 0x86, 0xdd
		}
		code, out, err := l.program.Test(append(b, packet...))
		if err != nil || int32(code) != next && code != redirect || len(out) != len(packet)+14 {
			t.Errorf("%d, %v, %d octets", int32(code), err, len(out))
		}
	})
}
