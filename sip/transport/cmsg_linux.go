package transport

import (
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// control is the ancillary data of one datagram: a packet-info record and a
// drop counter fit. Its words align it as the kernel wants it.
type control [10]uint64

const cmsgHeader = unix.SizeofCmsghdr

// receivedInfo finds the address a datagram was sent to and the number of
// datagrams the socket has dropped so far, each as far as present.
func (c *control) receivedInfo(n int) (to netip.Addr, drops uint32, counted bool) {
	b := unsafe.Slice((*byte)(unsafe.Pointer(c)), min(n, int(unsafe.Sizeof(*c))))
	for len(b) >= cmsgHeader {
		h := (*unix.Cmsghdr)(unsafe.Pointer(unsafe.SliceData(b)))
		size := int(h.Len)
		if size < cmsgHeader || size > len(b) {
			break
		}
		data := b[cmsgHeader:size]
		switch {
		case h.Level == unix.IPPROTO_IP && h.Type == unix.IP_PKTINFO && len(data) >= unix.SizeofInet4Pktinfo:
			// Spec_dst and not Addr: for a broadcast only it can be a source.
			to = netip.AddrFrom4((*unix.Inet4Pktinfo)(unsafe.Pointer(unsafe.SliceData(data))).Spec_dst)
		case h.Level == unix.IPPROTO_IPV6 && h.Type == unix.IPV6_PKTINFO && len(data) >= unix.SizeofInet6Pktinfo:
			to = netip.AddrFrom16((*unix.Inet6Pktinfo)(unsafe.Pointer(unsafe.SliceData(data))).Addr)
		case h.Level == unix.SOL_SOCKET && h.Type == unix.SO_RXQ_OVFL && len(data) >= 4:
			drops, counted = *(*uint32)(unsafe.Pointer(unsafe.SliceData(data))), true
		}
		b = b[min(len(b), unix.CmsgSpace(size-cmsgHeader)):]
	}
	return to, drops, counted
}

// setSource makes the record that lets a datagram leave from an address of a
// wildcard socket and returns its length.
func (c *control) setSource(from netip.Addr) int {
	h := (*unix.Cmsghdr)(unsafe.Pointer(c))
	data := unsafe.Add(unsafe.Pointer(c), cmsgHeader)
	if from.Is4() {
		h.Level, h.Type = unix.IPPROTO_IP, unix.IP_PKTINFO
		h.SetLen(unix.CmsgLen(unix.SizeofInet4Pktinfo))
		*(*unix.Inet4Pktinfo)(data) = unix.Inet4Pktinfo{Spec_dst: from.As4()}
		return unix.CmsgSpace(unix.SizeofInet4Pktinfo)
	}
	h.Level, h.Type = unix.IPPROTO_IPV6, unix.IPV6_PKTINFO
	h.SetLen(unix.CmsgLen(unix.SizeofInet6Pktinfo))
	*(*unix.Inet6Pktinfo)(data) = unix.Inet6Pktinfo{Addr: from.As16(), Ifindex: zoneID(from)}
	return unix.CmsgSpace(unix.SizeofInet6Pktinfo)
}
