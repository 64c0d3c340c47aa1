package offload

import (
	"encoding/binary"
	"math"
	"net/netip"
	"time"
)

// layout is LAYOUT of bpf/layout.h.
const layout = 3

// Flags of a flow, as in bpf/layout.h.
const (
	flowReleased = 1 << iota
	flowAnySource
	flowAnyPort
	flowDropForeign
	flowOneSSRC
	flowNewSSRC
	flowSetTOS
	flowSecure
)

// swap16 converts between the host's order and that of packets.
func swap16(n uint16) uint16 {
	var b [2]byte
	binary.BigEndian.PutUint16(b[:], n)
	return binary.NativeEndian.Uint16(b[:])
}

func swap32(n uint32) uint32 {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], n)
	return binary.NativeEndian.Uint32(b[:])
}

// words is an address as the program compares it.
func words(a netip.Addr) (w [4]uint32) {
	switch {
	case a.Is4():
		b := a.As4()
		w[0] = binary.NativeEndian.Uint32(b[:])
	case a.Is6():
		b := a.As16()
		for i := range w {
			w[i] = binary.NativeEndian.Uint32(b[4*i:])
		}
	}
	return w
}

func address(w [4]uint32, family uint16) netip.Addr {
	var b [16]byte
	for i := range w {
		binary.NativeEndian.PutUint32(b[4*i:], w[i])
	}
	if family == 4 {
		return netip.AddrFrom4([4]byte(b[:4]))
	}
	return netip.AddrFrom16(b)
}

func encodeKey(local netip.AddrPort) forwardKey {
	k := forwardKey{Address: words(local.Addr()), Port: swap16(local.Port()), Family: 6}
	if local.Addr().Is4() {
		k.Family = 4
	}
	return k
}

// flags lists the flags of a flow with what they stand for.
func (f *Flow) flags() (n uint32) {
	for i, on := range [...]bool{f.Released, f.anyone(), f.Source.Port() == 0, f.Foreign == ForeignDrop,
		f.OneSSRC, f.ReplaceSSRC, f.SetTOS, f.Secure} {
		if on {
			n |= 1 << i
		}
	}
	return n
}

func (f *Flow) encode(slot, out uint32) forwardFlow {
	v := forwardFlow{
		Slot: slot, Flags: f.flags(),
		Source: words(f.Source.Addr()), SourcePort: swap16(f.Source.Port()),
		From: words(f.From.Addr()), FromPort: swap16(f.From.Port()),
		To: words(f.To.Addr()), ToPort: swap16(f.To.Port()),
		Sequence: f.SequenceOffset, Ssrc: swap32(f.SSRC), NewSsrc: swap32(f.NewSSRC),
		Interface: out, Tos: f.TOS,
	}
	for _, p := range f.PayloadTypes {
		v.Payloads[p.Number/64] |= 1 << (p.Number % 64)
		if p.Jitter {
			v.Timed[p.Number/64] |= 1 << (p.Number % 64)
		}
	}
	if f.ClockRate > 0 {
		tick := (uint64(time.Second)<<10 + uint64(f.ClockRate)/2) / uint64(f.ClockRate)
		v.Tick = uint32(min(tick, math.MaxUint32))
	}
	return v
}

func decode(k *forwardKey, v *forwardFlow) Flow {
	at := func(w [4]uint32, port uint16) netip.AddrPort {
		return netip.AddrPortFrom(address(w, k.Family), swap16(port))
	}
	f := Flow{
		Local: at(k.Address, k.Port), From: at(v.From, v.FromPort), To: at(v.To, v.ToPort),
		SSRC: swap32(v.Ssrc), OneSSRC: v.Flags&flowOneSSRC != 0,
		NewSSRC: swap32(v.NewSsrc), ReplaceSSRC: v.Flags&flowNewSSRC != 0,
		SequenceOffset: v.Sequence, TOS: v.Tos, SetTOS: v.Flags&flowSetTOS != 0,
		Secure: v.Flags&flowSecure != 0, Released: v.Flags&flowReleased != 0,
	}
	if v.Flags&flowAnySource == 0 {
		f.Source = at(v.Source, v.SourcePort)
	}
	if v.Flags&flowDropForeign != 0 {
		f.Foreign = ForeignDrop
	}
	if v.Tick > 0 {
		f.ClockRate = uint32((uint64(time.Second)<<10 + uint64(v.Tick)/2) / uint64(v.Tick))
	}
	for n := range uint8(128) {
		if v.Payloads[n/64]>>(n%64)&1 != 0 {
			f.PayloadTypes = append(f.PayloadTypes, PayloadType{Number: n, Jitter: v.Timed[n/64]>>(n%64)&1 != 0})
		}
	}
	return f
}

// figures converts a slot. now and wall are the same moment in kernel time and
// of the calendar.
func (s *forwardSlot) figures(now uint64, wall time.Time) Stats {
	st := Stats{
		Received:  Count{s.Received, s.ReceivedOctets},
		Forwarded: Count{s.Received - s.Kept, s.ReceivedOctets - s.KeptOctets},
		Up:        s.Up, Dropped: s.Dropped,
		Expected: s.OldExpected, Duplicates: s.Duplicates, Reordered: s.Reordered,
		Highest: s.High, Sequence: uint16(s.High),
		Jitter: time.Duration(s.Jitter >> 4), JitterMax: time.Duration(s.JitterMax),
		SSRC: swap32(s.Ssrc), Timestamp: s.Timestamp, PayloadType: s.Payload, Sources: int(s.Sources),
	}
	if s.High > 0 {
		st.Expected += s.High - s.Base + 1
		st.Lost = st.Expected - (s.Received - s.Duplicates - s.Strayed)
	}
	if n := s.Received - s.Unsteady; n > 0 {
		st.JitterMean = time.Duration(s.JitterSum / n)
	}
	if s.Last > 0 {
		st.Last = wall.Add(-time.Duration(now - s.Last))
	}
	return st
}
