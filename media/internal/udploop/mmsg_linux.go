package udploop

import (
	"fmt"
	"net/netip"
	"os"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// mmsghdr is struct mmsghdr of recvmmsg(2).
type mmsghdr struct {
	hdr unix.Msghdr
	len uint32
}

// mmsg holds the buffers of one loop for reading and writing in batches. All
// memory the kernel sees is reached from here and lives as long as the loop.
type mmsg struct {
	bufs    [batch][MaxPacket]byte
	names   [batch]unix.RawSockaddrInet6
	iovs    [batch]unix.Iovec
	hdrs    [batch]mmsghdr
	packets [batch]Packet
	filled  int // headers that the kernel has written to
	pause   unix.Timespec
	out     Outbox
	tx      single
	txNames [batch]unix.RawSockaddrInet6
	txIovs  [batch]unix.Iovec
	txHdrs  [batch]mmsghdr
}

func newMmsg() *mmsg {
	m := new(mmsg)
	for i := range m.hdrs {
		m.iovs[i].Base = &m.bufs[i][0]
		m.iovs[i].SetLen(MaxPacket)
		m.hdrs[i].hdr.Iov = &m.iovs[i]
		m.hdrs[i].hdr.SetIovlen(1)
		m.hdrs[i].hdr.Name = (*byte)(unsafe.Pointer(&m.names[i]))
		m.hdrs[i].hdr.Namelen = unix.SizeofSockaddrInet6
		m.txHdrs[i].hdr.Iov = &m.txIovs[i]
		m.txHdrs[i].hdr.SetIovlen(1)
		m.txHdrs[i].hdr.Name = (*byte)(unsafe.Pointer(&m.txNames[i]))
	}
	return m
}

// receive reads up to batch packets without waiting, and tells whether there are
// no more.
func (m *mmsg) receive(fd int) (packets []Packet, empty bool) {
	if fd < 0 {
		return nil, true
	}
	for i := range m.filled {
		m.hdrs[i].hdr.Namelen = unix.SizeofSockaddrInet6
	}
	m.filled = 0
	// A raw system call: the descriptor does not block, and telling the
	// scheduler about it would cost as much as a small read.
	n, _, errno := unix.RawSyscall6(unix.SYS_RECVMMSG, uintptr(fd), uintptr(unsafe.Pointer(&m.hdrs[0])), batch, unix.MSG_DONTWAIT, 0, 0)
	if errno != 0 {
		return nil, errno == unix.EAGAIN // else there may be packets behind the error
	}
	m.filled = int(n)
	for i := range m.filled {
		m.packets[i] = Packet{
			Data:      m.bufs[i][:min(m.hdrs[i].len, MaxPacket)],
			From:      fromRaw(&m.names[i]),
			Truncated: m.hdrs[i].hdr.Flags&unix.MSG_TRUNC != 0,
		}
	}
	return m.packets[:n], n < batch
}

// flush sends the outbox: runs of packets of one socket with one call.
func (m *mmsg) flush() (sent, failed uint64) {
	items := m.out.items
	for i := 0; i < len(items); {
		j := i + 1
		for j < len(items) && j-i < batch && items[j].socket == items[i].socket {
			j++
		}
		s, f := m.run(items[i:j])
		sent, failed = sent+s, failed+f
		i = j
	}
	m.out.Reset()
	return sent, failed
}

func (m *mmsg) run(items []outgoing) (sent, failed uint64) {
	s := items[0].socket
	if s.fd < 0 {
		return 0, uint64(len(items))
	}
	if len(items) == 1 {
		if m.tx.sendRaw(s.fd, s.v6, items[0].data, items[0].to) != 0 {
			return 0, 1
		}
		return 1, 0
	}
	for i := range items {
		h := &m.txHdrs[i].hdr
		h.Namelen = toRaw(&m.txNames[i], items[i].to, s.v6)
		m.txIovs[i].Base = unsafe.SliceData(items[i].data)
		m.txIovs[i].SetLen(len(items[i].data))
	}
	for i := 0; i < len(items); {
		n, _, errno := unix.RawSyscall6(unix.SYS_SENDMMSG, uintptr(s.fd), uintptr(unsafe.Pointer(&m.txHdrs[i])), uintptr(len(items)-i), unix.MSG_DONTWAIT, 0, 0)
		if errno != 0 {
			failed++ // the first one; try those behind it
			i++
			continue
		}
		sent += uint64(n)
		i += int(n)
	}
	for i := range items {
		m.txIovs[i].Base = nil
	}
	return sent, failed
}

// single sends one packet. The address buffer must not live on the stack: the
// system call would move it to the heap for each packet.
type single struct {
	mu   sync.Mutex
	name unix.RawSockaddrInet6
}

func (s *Socket) sendOne(b []byte, to netip.AddrPort) error {
	s.one.mu.Lock()
	defer s.one.mu.Unlock()
	if s.fd < 0 {
		return ErrClosed
	}
	if errno := s.one.sendRaw(s.fd, s.v6, b, to); errno != 0 {
		return os.NewSyscallError("sendto", errno)
	}
	return nil
}

func (o *single) sendRaw(fd int, v6 bool, b []byte, to netip.AddrPort) unix.Errno {
	n := toRaw(&o.name, to, v6)
	_, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)),
		unix.MSG_DONTWAIT, uintptr(unsafe.Pointer(&o.name)), uintptr(n))
	return errno
}

// fromRaw reads a socket address of either family.
func fromRaw(sa *unix.RawSockaddrInet6) netip.AddrPort {
	if sa.Family == unix.AF_INET {
		sa4 := (*unix.RawSockaddrInet4)(unsafe.Pointer(sa))
		return netip.AddrPortFrom(netip.AddrFrom4(sa4.Addr), swapped(sa4.Port))
	}
	return netip.AddrPortFrom(netip.AddrFrom16(sa.Addr).Unmap(), swapped(sa.Port))
}

// toRaw writes a socket address for a socket of the given family and returns
// its length. An address of the other family becomes one the kernel refuses.
func toRaw(sa *unix.RawSockaddrInet6, a netip.AddrPort, v6 bool) uint32 {
	if !v6 && a.Addr().Is4() {
		sa4 := (*unix.RawSockaddrInet4)(unsafe.Pointer(sa))
		*sa4 = unix.RawSockaddrInet4{Family: unix.AF_INET, Port: swapped(a.Port()), Addr: a.Addr().As4()}
		return unix.SizeofSockaddrInet4
	}
	*sa = unix.RawSockaddrInet6{Family: unix.AF_UNIX} // not AF_UNSPEC: that means AF_INET to sendto
	if v6 && a.Addr().Is6() {
		*sa = unix.RawSockaddrInet6{Family: unix.AF_INET6, Port: swapped(a.Port()), Addr: a.Addr().As16()}
	}
	return unix.SizeofSockaddrInet6
}

// swapped converts a port between host and network order.
func swapped(p uint16) uint16 {
	b := (*[2]byte)(unsafe.Pointer(&p))
	return uint16(b[0])<<8 | uint16(b[1])
}

// epollWait returns what is ready; when nothing is, it waits, if it may, and lets
// other goroutines have the processor.
func epollWait(epfd int, events []unix.EpollEvent, wait bool) (int, error) {
	n, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(epfd), uintptr(unsafe.Pointer(&events[0])), uintptr(len(events)), 0, 0, 0)
	if errno == 0 && (n > 0 || !wait) {
		return int(n), nil
	}
	for {
		n, err := unix.EpollWait(epfd, events, -1)
		if err != unix.EINTR {
			return n, err
		}
	}
}

// freeBind lets a socket have an address that may arrive later (a virtual one
// on the standby of a pair).
func freeBind(fd, family int) error {
	if family == unix.AF_INET {
		return unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_FREEBIND, 1)
	}
	return unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_FREEBIND, 1)
}

// bindUDP opens a socket that does not block.
func bindUDP(addr netip.AddrPort, tos int, free bool) (fd int, local netip.AddrPort, err error) {
	family := unix.AF_INET6
	if addr.Addr().Is4() {
		family = unix.AF_INET
	}
	fd, err = unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, local, os.NewSyscallError("socket", err)
	}
	defer func() {
		if err != nil {
			_ = unix.Close(fd)
		}
	}()
	if free {
		if err = freeBind(fd, family); err != nil {
			return -1, local, os.NewSyscallError("setsockopt", err)
		}
	}
	var sa unix.Sockaddr
	if family == unix.AF_INET {
		sa = &unix.SockaddrInet4{Port: int(addr.Port()), Addr: addr.Addr().As4()}
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_TOS, tos) // a wish, not a need
	} else {
		if err = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1); err != nil {
			return -1, local, os.NewSyscallError("setsockopt", err)
		}
		sa = &unix.SockaddrInet6{Port: int(addr.Port()), Addr: addr.Addr().As16()}
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_TCLASS, tos)
	}
	if err = unix.Bind(fd, sa); err != nil {
		return -1, local, fmt.Errorf("bind %v: %w", addr, err)
	}
	if addr.Port() != 0 {
		return fd, netip.AddrPortFrom(addr.Addr().WithZone(""), addr.Port()), nil
	}
	bound, err := unix.Getsockname(fd)
	if err != nil {
		return -1, local, os.NewSyscallError("getsockname", err)
	}
	return fd, addrPort(bound), nil
}

// addrPort is an address of the internet; invalid for others.
func addrPort(a unix.Sockaddr) netip.AddrPort {
	switch b := a.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(b.Addr), uint16(b.Port))
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(b.Addr), uint16(b.Port))
	}
	return netip.AddrPort{}
}
