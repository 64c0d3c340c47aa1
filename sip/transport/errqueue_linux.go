package transport

import (
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// errorsAtOnce bounds the errors read before messages are looked at again.
const errorsAtOnce = 64

// errorQueue reads what ICMP says about datagrams that were sent (ip(7),
// IP_RECVERR).
type errorQueue struct {
	hdr     unix.Msghdr
	name    sockaddr
	control [32]uint64
}

func newErrorQueue() *errorQueue {
	q := new(errorQueue)
	q.hdr.Name = (*byte)(unsafe.Pointer(&q.name))
	return q
}

// queueErrors asks the kernel to keep errors.
func (s *udpSocket) queueErrors() error {
	s.errors = true
	if s.local.Addr().Is4() {
		return s.set(unix.IPPROTO_IP, unix.IP_RECVERR, 1)
	}
	return s.set(unix.IPPROTO_IPV6, unix.IPV6_RECVERR, 1)
}

// read calls report with the destinations that could not be reached.
func (q *errorQueue) read(fd uintptr, report func(netip.AddrPort)) {
	for range errorsAtOnce {
		q.hdr.Namelen = unix.SizeofSockaddrInet6
		q.hdr.Control = (*byte)(unsafe.Pointer(&q.control))
		q.hdr.SetControllen(int(unsafe.Sizeof(q.control)))
		_, _, errno := unix.RawSyscall(unix.SYS_RECVMSG, fd, uintptr(unsafe.Pointer(&q.hdr)), unix.MSG_ERRQUEUE|unix.MSG_DONTWAIT)
		switch errno {
		case 0:
			if to := addrPort(&q.name); to.IsValid() && q.unreachable() {
				report(to)
			}
		case unix.EINTR:
		default:
			return
		}
	}
}

// unreachable reports whether the error says that no datagram gets there, and
// not for instance that one was too long.
func (q *errorQueue) unreachable() bool {
	b := unsafe.Slice((*byte)(unsafe.Pointer(&q.control)), min(int(q.hdr.Controllen), int(unsafe.Sizeof(q.control))))
	for len(b) >= cmsgHeader {
		h := (*unix.Cmsghdr)(unsafe.Pointer(unsafe.SliceData(b)))
		size := int(h.Len)
		if size < cmsgHeader || size > len(b) {
			return false
		}
		four, six := h.Level == unix.IPPROTO_IP && h.Type == unix.IP_RECVERR, h.Level == unix.IPPROTO_IPV6 && h.Type == unix.IPV6_RECVERR
		if data := b[cmsgHeader:size]; (four || six) && len(data) >= int(unsafe.Sizeof(unix.SockExtendedErr{})) {
			return destinationUnreachable((*unix.SockExtendedErr)(unsafe.Pointer(unsafe.SliceData(data))))
		}
		b = b[min(len(b), unix.CmsgSpace(size-cmsgHeader)):]
	}
	return false
}

// destinationUnreachable knows ICMP type 3 other than code 4, which is about
// fragments, and ICMPv6 type 1.
func destinationUnreachable(e *unix.SockExtendedErr) bool {
	switch e.Origin {
	case unix.SO_EE_ORIGIN_ICMP:
		return e.Type == 3 && e.Code != 4
	case unix.SO_EE_ORIGIN_ICMP6:
		return e.Type == 1
	}
	return false
}

// pending reports whether errno may be about an earlier datagram: a socket with
// an error queue tells of each error also by the next call, which then has done
// nothing.
func pending(errno unix.Errno) bool {
	switch errno {
	case unix.ECONNREFUSED, unix.EHOSTUNREACH, unix.ENETUNREACH, unix.EHOSTDOWN, unix.ENOPROTOOPT,
		unix.EPROTO, unix.EACCES, unix.EOPNOTSUPP, unix.EMSGSIZE, unix.ENONET:
		return true
	}
	return false
}
