package mediagen

import (
	"fmt"
	"net/netip"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	batch   = 64   // packets of one system call
	maxSize = 1024 // octets of a packet
)

// mmsghdr is struct mmsghdr of recvmmsg(2).
type mmsghdr struct {
	hdr unix.Msghdr
	len uint32
}

// stamp is the control message with the kernel's time of arrival.
type stamp struct {
	hdr unix.Cmsghdr
	at  unix.Timespec
}

// socket is one side's: it belongs to one thread.
type socket struct {
	fd    int
	local netip.AddrPort

	out     [batch][maxSize]byte
	outIovs [batch]unix.Iovec
	outHdrs [batch]mmsghdr
	queued  int

	in      [batch][maxSize]byte
	names   [batch]unix.RawSockaddrInet4
	stamps  [batch]stamp
	inIovs  [batch]unix.Iovec
	inHdrs  [batch]mmsghdr
	dropped uint64 // not taken by the kernel for sending
}

// open binds a socket in the namespace of the calling thread.
func open(addr netip.Addr) (*socket, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	s := &socket{fd: fd}
	for _, o := range []struct{ level, name, value int }{
		{unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 64 << 20}, {unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, 64 << 20}, {unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1},
	} {
		if err := unix.SetsockoptInt(fd, o.level, o.name, o.value); err != nil {
			s.close()
			return nil, os.NewSyscallError("setsockopt", err)
		}
	}
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: addr.As4()}); err != nil {
		s.close()
		return nil, fmt.Errorf("mediagen: bind %v: %w", addr, err)
	}
	bound, err := unix.Getsockname(fd)
	if err != nil {
		s.close()
		return nil, os.NewSyscallError("getsockname", err)
	}
	s.local = netip.AddrPortFrom(addr, uint16(bound.(*unix.SockaddrInet4).Port))
	for i := range batch {
		s.outIovs[i].Base = &s.out[i][0]
		s.outHdrs[i].hdr.Iov = &s.outIovs[i]
		s.outHdrs[i].hdr.SetIovlen(1)
		s.inIovs[i].Base = &s.in[i][0]
		s.inIovs[i].SetLen(maxSize)
		h := &s.inHdrs[i].hdr
		h.Iov, h.Name, h.Control = &s.inIovs[i], (*byte)(unsafe.Pointer(&s.names[i])), (*byte)(unsafe.Pointer(&s.stamps[i]))
		h.SetIovlen(1)
	}
	return s, nil
}

func (s *socket) close() { _ = unix.Close(s.fd) }

// room is where the next packet is written; queue sends it later.
func (s *socket) room() []byte { return s.out[s.queued][:] }

func (s *socket) queue(n int, to *unix.RawSockaddrInet4) {
	s.outIovs[s.queued].SetLen(n)
	h := &s.outHdrs[s.queued].hdr
	h.Name, h.Namelen = (*byte)(unsafe.Pointer(to)), unix.SizeofSockaddrInet4
	if s.queued++; s.queued == batch {
		s.flush()
	}
}

// flush sends what is queued. What the kernel does not take is lost.
func (s *socket) flush() {
	for i := 0; i < s.queued; {
		n, _, errno := unix.RawSyscall6(unix.SYS_SENDMMSG, uintptr(s.fd), uintptr(unsafe.Pointer(&s.outHdrs[i])), uintptr(s.queued-i), unix.MSG_DONTWAIT, 0, 0)
		if errno != 0 {
			n = 1
			s.dropped++
		}
		i += int(n)
	}
	s.queued = 0
}

// packet is one that arrived; data is lent until the next receive.
type packet struct {
	data []byte
	port uint16 // of the sender
	at   int64  // nanoseconds since 1970, by the kernel
}

// receive reads up to batch packets without waiting.
func (s *socket) receive() int {
	for i := range s.inHdrs {
		s.inHdrs[i].hdr.Namelen = unix.SizeofSockaddrInet4
		s.inHdrs[i].hdr.SetControllen(int(unsafe.Sizeof(stamp{})))
	}
	n, _, errno := unix.RawSyscall6(unix.SYS_RECVMMSG, uintptr(s.fd), uintptr(unsafe.Pointer(&s.inHdrs[0])), batch, unix.MSG_DONTWAIT, 0, 0)
	if errno != 0 {
		return 0
	}
	return int(n)
}

func (s *socket) packet(i int) packet {
	p := packet{data: s.in[i][:min(s.inHdrs[i].len, maxSize)], port: swap(s.names[i].Port)}
	if c := &s.stamps[i]; s.inHdrs[i].hdr.Controllen > 0 && c.hdr.Type == unix.SCM_TIMESTAMPNS {
		p.at = c.at.Nano()
	}
	return p
}

// raw is an address as the kernel takes it.
func raw(a netip.AddrPort) unix.RawSockaddrInet4 {
	return unix.RawSockaddrInet4{Family: unix.AF_INET, Port: swap(a.Port()), Addr: a.Addr().As4()}
}

// swap converts a port between host and network order.
func swap(p uint16) uint16 {
	b := (*[2]byte)(unsafe.Pointer(&p))
	return uint16(b[0])<<8 | uint16(b[1])
}
