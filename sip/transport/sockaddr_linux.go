package transport

import (
	"encoding/binary"
	"net/netip"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// sockaddr has room for either family.
type sockaddr = unix.RawSockaddrInet6

// addrPort reads what the kernel wrote; the zero value is an unknown family.
func addrPort(sa *sockaddr) netip.AddrPort {
	switch sa.Family {
	case unix.AF_INET:
		sa4 := (*unix.RawSockaddrInet4)(unsafe.Pointer(sa))
		return netip.AddrPortFrom(netip.AddrFrom4(sa4.Addr), ntohs(&sa4.Port))
	case unix.AF_INET6:
		a := netip.AddrFrom16(sa.Addr).Unmap()
		if sa.Scope_id != 0 && a.IsLinkLocalUnicast() {
			a = a.WithZone(strconv.FormatUint(uint64(sa.Scope_id), 10))
		}
		return netip.AddrPortFrom(a, ntohs(&sa.Port))
	}
	return netip.AddrPort{}
}

// setAddrPort writes an address for the kernel and returns its length.
func setAddrPort(sa *sockaddr, to netip.AddrPort) uint32 {
	if a := to.Addr(); a.Is4() {
		sa4 := (*unix.RawSockaddrInet4)(unsafe.Pointer(sa))
		*sa4 = unix.RawSockaddrInet4{Family: unix.AF_INET, Addr: a.As4()}
		htons(&sa4.Port, to.Port())
		return unix.SizeofSockaddrInet4
	}
	*sa = sockaddr{Family: unix.AF_INET6, Addr: to.Addr().As16(), Scope_id: zoneID(to.Addr())}
	htons(&sa.Port, to.Port())
	return unix.SizeofSockaddrInet6
}

// zoneID reads the numeric zones that addrPort makes; a named one is not
// looked up on the way of every message.
func zoneID(a netip.Addr) uint32 {
	if a.Zone() == "" {
		return 0
	}
	id, err := strconv.ParseUint(a.Zone(), 10, 32)
	if err != nil {
		return 0
	}
	return uint32(id)
}

func ntohs(p *uint16) uint16 {
	return binary.BigEndian.Uint16((*[2]byte)(unsafe.Pointer(p))[:])
}

func htons(p *uint16, v uint16) {
	binary.BigEndian.PutUint16((*[2]byte)(unsafe.Pointer(p))[:], v)
}
