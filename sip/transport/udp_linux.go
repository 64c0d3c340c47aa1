package transport

import (
	"context"
	"net"
	"net/netip"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// mmsghdr is struct mmsghdr of recvmmsg(2).
type mmsghdr struct {
	hdr unix.Msghdr
	len uint32
}

// udpSocket is one of the sockets of a UDP listener.
type udpSocket struct {
	conn     *net.UDPConn
	raw      syscall.RawConn
	local    netip.AddrPort
	wildcard bool
	counters counters
}

// listenUDP binds n sockets to one address, all or none. The first is bound
// without SO_REUSEPORT, so that an address that somebody else uses is an error
// also when that somebody shares it; the others join the first.
func listenUDP(ctx context.Context, cfg *ListenerConfig) ([]*udpSocket, error) {
	var sockets []*udpSocket
	addr := cfg.Addr
	for i := range cfg.Readers {
		s, err := bindUDP(ctx, cfg, addr, cfg.Share || i > 0)
		if err == nil && i == 0 && cfg.Readers > 1 {
			err = s.set(unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
		}
		if s != nil {
			sockets = append(sockets, s)
		}
		if err != nil {
			for _, s := range sockets {
				_ = s.conn.Close()
			}
			return nil, err
		}
		addr = s.local
	}
	return sockets, nil
}

func bindUDP(ctx context.Context, cfg *ListenerConfig, addr netip.AddrPort, share bool) (*udpSocket, error) {
	lc := net.ListenConfig{Control: func(network, address string, raw syscall.RawConn) error {
		if share {
			if err := setsockopt(raw, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1); err != nil {
				return err
			}
		}
		return cfg.control(network, address, raw)
	}}
	pc, err := lc.ListenPacket(ctx, network("udp", addr.Addr()), addr.String())
	if err != nil {
		return nil, err
	}
	s := &udpSocket{conn: pc.(*net.UDPConn)}
	s.local = localAddr(s.conn.LocalAddr().(*net.UDPAddr).AddrPort(), addr.Addr())
	s.wildcard = s.local.Addr().IsUnspecified()
	if s.raw, err = s.conn.SyscallConn(); err == nil {
		err = s.configure(cfg)
	}
	if err != nil {
		_ = s.conn.Close()
		return nil, err
	}
	return s, nil
}

// configure sets what a bound socket needs. The buffer sizes are a wish; the
// count of kernel drops is a help: an old kernel may go without both.
func (s *udpSocket) configure(cfg *ListenerConfig) error {
	if s.set(unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, cfg.ReceiveBuffer) != nil {
		_ = s.conn.SetReadBuffer(cfg.ReceiveBuffer)
	}
	if s.set(unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, cfg.SendBuffer) != nil {
		_ = s.conn.SetWriteBuffer(cfg.SendBuffer)
	}
	_ = s.set(unix.SOL_SOCKET, unix.SO_RXQ_OVFL, 1)
	switch {
	case !s.wildcard:
		return nil
	case s.local.Addr().Is4():
		return s.set(unix.IPPROTO_IP, unix.IP_PKTINFO, 1)
	}
	return s.set(unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1)
}

func (s *udpSocket) set(level, option, value int) error {
	return setsockopt(s.raw, level, option, value)
}

// udpReader reads batches from a socket. The datagrams lie in one slab with a
// slot of MaxMessage for each; pages that no datagram reached are never
// touched, so that a slab costs what the longest datagrams seen need.
type udpReader struct {
	s        *udpSocket
	listener uint8
	hdrs     []mmsghdr
	iovs     []unix.Iovec
	names    []sockaddr
	controls []control
	slots    [][]byte
	packets  []Packet
	drops    uint32 // of the kernel, as last told

	recv func(fd uintptr) bool // made once: a closure for each call would be garbage
	n    int
	err  error
}

func newUDPReader(s *udpSocket, listener uint8, cfg *ListenerConfig) *udpReader {
	n, slot := cfg.Batch, (cfg.MaxMessage+63)&^63
	r := &udpReader{
		s: s, listener: listener,
		hdrs: make([]mmsghdr, n), iovs: make([]unix.Iovec, n), names: make([]sockaddr, n),
		controls: make([]control, n), slots: make([][]byte, n), packets: make([]Packet, 0, n),
	}
	slab := make([]byte, n*slot)
	for i := range n {
		r.slots[i] = slab[i*slot:][:cfg.MaxMessage:cfg.MaxMessage]
		r.iovs[i].Base = &r.slots[i][0]
		r.iovs[i].SetLen(cfg.MaxMessage)
		h := &r.hdrs[i].hdr
		h.Iov = &r.iovs[i]
		h.SetIovlen(1)
		h.Name = (*byte)(unsafe.Pointer(&r.names[i]))
		h.Control = (*byte)(unsafe.Pointer(&r.controls[i]))
		r.rearm(i)
	}
	r.recv = r.recvmmsg
	return r
}

// rearm restores the lengths of a slot that the kernel has overwritten.
func (r *udpReader) rearm(i int) {
	h := &r.hdrs[i].hdr
	h.Namelen = unix.SizeofSockaddrInet6
	h.SetControllen(int(unsafe.Sizeof(r.controls[i])))
}

func (r *udpReader) recvmmsg(fd uintptr) bool {
	for {
		n, _, errno := unix.Syscall6(unix.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(&r.hdrs[0])),
			uintptr(len(r.hdrs)), unix.MSG_DONTWAIT, 0, 0)
		switch errno {
		case 0:
			r.n, r.err = int(n), nil
			return true
		case unix.EAGAIN:
			return false
		case unix.EINTR:
		default:
			r.n, r.err = 0, errno
			return true
		}
	}
}

// read waits for datagrams and returns those for the handler, which may be
// none; they are valid until the next read.
func (r *udpReader) read() ([]Packet, error) {
	if err := r.s.raw.Read(r.recv); err != nil {
		return nil, err
	}
	if r.err != nil {
		return nil, r.err
	}
	r.packets = r.packets[:0]
	bytes := 0
	for i := range r.n {
		if p, ok := r.packet(i); ok {
			r.packets = append(r.packets, p)
			bytes += len(p.Data)
		}
		r.rearm(i)
	}
	r.s.counters.in(len(r.packets), bytes)
	return r.packets, nil
}

func (r *udpReader) packet(i int) (Packet, bool) {
	h := &r.hdrs[i]
	local := r.s.local
	if h.hdr.Controllen > 0 {
		to, drops, counted := r.controls[i].receivedInfo(int(h.hdr.Controllen))
		if counted && drops != r.drops {
			r.s.counters.dropped[DropKernel].Add(uint64(drops - r.drops))
			r.drops = drops
		}
		if to.IsValid() {
			local = netip.AddrPortFrom(to, local.Port())
		}
	}
	if h.hdr.Flags&unix.MSG_TRUNC != 0 {
		r.s.counters.drop(DropOversize)
		return Packet{}, false
	}
	data := r.slots[i][:h.len]
	if isKeepAlive(data) {
		r.s.counters.keepAlives.Add(1)
		return Packet{}, false
	}
	remote := addrPort(&r.names[i])
	if !remote.IsValid() || remote.Port() == 0 {
		r.s.counters.drop(DropSource)
		return Packet{}, false
	}
	return Packet{Data: data, Flow: Flow{Protocol: UDP, Listener: r.listener, Local: local, Remote: remote}}, true
}
