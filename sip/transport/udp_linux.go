package transport

import (
	"net/netip"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// mmsghdr is struct mmsghdr of recvmmsg(2).
type mmsghdr struct {
	hdr unix.Msghdr
	len uint32
}

// udpReader reads batches from a socket. The datagrams lie in one slab with a
// slot of MaxMessage for each; pages that no datagram reached are never
// touched, so that a slab costs what the longest datagrams seen need.
type udpReader struct {
	s        *udpSocket
	listener uint8
	fd       uintptr // stays open as long as the reader is in use

	hdrs     []mmsghdr
	iovs     []unix.Iovec
	names    []sockaddr
	controls []control
	slots    [][]byte
	packets  []Packet
	flood    flood
	ready    bool   // there may be something to read, of which nobody will tell
	drops    uint32 // of the kernel, as last told

	limit *pongLimit // of the worker
	pongs *sendBatch
	rooms [][stunRoom]byte
	queue *errorQueue // nil: nobody wants to know
}

func newUDPReader(s *udpSocket, listener uint8, cfg *ListenerConfig, limit *pongLimit) *udpReader {
	n, slot := cfg.Batch, (cfg.MaxMessage+63)&^63
	r := &udpReader{
		s: s, listener: listener, fd: s.file.Fd(),
		hdrs: make([]mmsghdr, n), iovs: make([]unix.Iovec, n), names: make([]sockaddr, n),
		controls: make([]control, n), slots: make([][]byte, n), packets: make([]Packet, 0, n),
		limit: limit, pongs: newSendBatch(s, n), rooms: make([][stunRoom]byte, n),
	}
	r.pongs.silent = true
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
	return r
}

// rearm restores the lengths of a slot that the kernel has overwritten.
func (r *udpReader) rearm(i int) {
	h := &r.hdrs[i].hdr
	h.Namelen = unix.SizeofSockaddrInet6
	h.SetControllen(int(unsafe.Sizeof(r.controls[i])))
}

// recvmmsg takes what is there. It does not tell Go's scheduler of the system
// call, which does not block: a batch takes longer than the scheduler waits
// before it gives the processor to another thread, and getting one back costs
// more than the call.
func (r *udpReader) recvmmsg() (int, error) {
	r.ready = false
	for {
		n, _, errno := unix.RawSyscall6(unix.SYS_RECVMMSG, r.fd, uintptr(unsafe.Pointer(&r.hdrs[0])),
			uintptr(len(r.hdrs)), unix.MSG_DONTWAIT, 0, 0)
		switch errno {
		case 0:
			r.ready = int(n) == len(r.hdrs)
			return int(n), nil
		case unix.EAGAIN:
			return 0, nil
		case unix.EINTR:
		default:
			r.ready = true // the error came before the datagrams
			if r.queue != nil && pending(errno) {
				return 0, nil
			}
			return 0, errno
		}
	}
}

// read returns the datagrams that are there for the handler, which may be none;
// they are valid until the next read.
func (r *udpReader) read() ([]Packet, error) {
	n, err := r.recvmmsg()
	if err != nil {
		return nil, err
	}
	r.packets = r.packets[:n]
	kept, bytes := 0, 0
	for i := range n {
		if p := &r.packets[kept]; r.packet(i, p) {
			kept++
			bytes += len(p.Data)
		}
		r.rearm(i)
	}
	r.packets = r.packets[:kept]
	if r.pongs.n > 0 {
		_ = r.pongs.flush() // counted
	}
	if kept > 0 {
		r.s.counters.in(kept, bytes)
	}
	return r.packets, nil
}

// packet makes p of the i-th datagram, unless there is no message in it.
func (r *udpReader) packet(i int, p *Packet) bool {
	h := &r.hdrs[i]
	local := r.s.local
	if h.hdr.Controllen > 0 {
		local = r.ancillary(i, local)
	}
	if h.hdr.Flags&unix.MSG_TRUNC != 0 {
		r.s.counters.drop(DropOversize)
		return false
	}
	data := r.slots[i][:h.len]
	if isKeepAlive(data) {
		r.s.counters.keepAlives.Add(1)
		return false
	}
	remote := addrPort(&r.names[i])
	if !remote.IsValid() || remote.Port() == 0 {
		r.s.counters.drop(DropSource)
		return false
	}
	p.Data = data
	p.Flow = Flow{Protocol: UDP, Listener: r.listener, Local: local, Remote: remote}
	if isSTUN(data) {
		r.answer(i, data, &p.Flow)
		return false
	}
	return true
}

// answer puts the answer to a keep-alive in line.
func (r *udpReader) answer(i int, req []byte, flow *Flow) {
	r.s.counters.keepAlives.Add(1)
	msg, ok := appendSTUN(r.rooms[i][:0], req, flow.Remote)
	if !ok {
		return
	}
	if !r.limit.allow(flow.Remote.Addr(), time.Now()) {
		r.s.counters.drop(DropKeepAlive)
		return
	}
	r.pongs.add(flow, msg)
}

// ancillary notes the kernel's drops and returns the address the datagram was
// sent to.
func (r *udpReader) ancillary(i int, local netip.AddrPort) netip.AddrPort {
	to, drops, counted := r.controls[i].receivedInfo(int(r.hdrs[i].hdr.Controllen))
	if counted && drops != r.drops {
		r.s.counters.dropped[DropKernel].Add(uint64(drops - r.drops))
		r.drops = drops
	}
	if !to.IsValid() {
		return local
	}
	return netip.AddrPortFrom(to, local.Port())
}
