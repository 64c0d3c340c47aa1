package offload

import (
	"fmt"
	"net/netip"
)

// PayloadType is one that a flow forwards.
type PayloadType struct {
	Number uint8 // 0 to 127
	// Jitter makes its packets count for the jitter. Not for those that repeat
	// a timestamp by design, or have another clock.
	Jitter bool
}

// Foreign is what happens to RTP of another source than the expected one.
type Foreign uint8

// The policies.
const (
	ForeignUp   Foreign = iota // goes to user space
	ForeignDrop                // is dropped and counted
)

// Flow is one direction of a stream.
type Flow struct {
	// Local is the address and port that packets arrive at. The address need
	// not be one of this node (yet).
	Local netip.AddrPort
	// Source is whom packets are expected from. Port 0: any port of the
	// address. The zero value: anyone.
	Source  netip.AddrPort
	Foreign Foreign
	// From is the source of what is sent, a port of the other leg.
	From netip.AddrPort
	// To is the destination of what is sent.
	To netip.AddrPort
	// PayloadTypes are forwarded, all others go to user space. At least one.
	PayloadTypes []PayloadType
	// ClockRate is that of the payload types with Jitter, in timestamp units per
	// second. 0: no jitter; below 239 there is no right one.
	ClockRate uint32
	// SSRC is expected when OneSSRC is set: others go to user space.
	SSRC    uint32
	OneSSRC bool
	// NewSSRC replaces the SSRC when ReplaceSSRC is set, which needs OneSSRC.
	NewSSRC     uint32
	ReplaceSSRC bool
	// SequenceOffset is added to sequence numbers, modulo 2^16.
	SequenceOffset uint16
	// TOS is the octet of DSCP and ECN to send with when SetTOS is set.
	TOS    uint8
	SetTOS bool
	// Secure means SRTP, whose padding cannot be checked.
	Secure bool
	// Released is the state after Release: everything goes to user space.
	Released bool
}

// normal returns the flow with plain IPv4 addresses.
func (f Flow) normal() Flow {
	for _, a := range []*netip.AddrPort{&f.Local, &f.Source, &f.From, &f.To} {
		*a = plain(*a)
	}
	return f
}

func plain(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}

// anyone tells that no source is expected.
func (f *Flow) anyone() bool { return !f.Source.Addr().IsValid() }

func (f *Flow) validate() error {
	for _, a := range []struct {
		name string
		addr netip.AddrPort
	}{{"local address", f.Local}, {"new source", f.From}, {"destination", f.To}} {
		switch {
		case !a.addr.IsValid() || a.addr.Port() == 0 || a.addr.Addr().IsUnspecified() || a.addr.Addr().Zone() != "":
			return fmt.Errorf("%w: %s %v", ErrInvalid, a.name, a.addr)
		case a.addr.Addr().Is4() != f.Local.Addr().Is4():
			return fmt.Errorf("%w: %s %v behind %v", ErrFamily, a.name, a.addr, f.Local)
		}
	}
	if to := f.To.Addr(); to.IsMulticast() || to.IsLoopback() || to.IsLinkLocalUnicast() {
		return fmt.Errorf("%w: destination %v", ErrInvalid, f.To)
	}
	if !f.anyone() && f.Source.Addr().Is4() != f.Local.Addr().Is4() {
		return fmt.Errorf("%w: source %v behind %v", ErrFamily, f.Source, f.Local)
	}
	return f.validateRTP()
}

func (f *Flow) validateRTP() error {
	if len(f.PayloadTypes) == 0 || len(f.PayloadTypes) > 128 {
		return fmt.Errorf("%w: %d payload types", ErrInvalid, len(f.PayloadTypes))
	}
	for _, p := range f.PayloadTypes {
		if p.Number > 127 {
			return fmt.Errorf("%w: payload type %d", ErrInvalid, p.Number)
		}
	}
	switch {
	case f.Foreign > ForeignDrop:
		return fmt.Errorf("%w: policy %d", ErrInvalid, f.Foreign)
	case f.ReplaceSSRC && !f.OneSSRC:
		return fmt.Errorf("%w: several SSRCs to be replaced by one", ErrInvalid)
	case f.Secure && (f.ReplaceSSRC || f.SequenceOffset != 0):
		return fmt.Errorf("%w: the header of SRTP is authenticated", ErrInvalid)
	}
	return nil
}
