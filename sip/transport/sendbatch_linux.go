package transport

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// sendBatch collects datagrams for one socket and writes them with sendmmsg.
type sendBatch struct {
	s        *udpSocket
	silent   bool // what is sent is no message
	n        int  // filled
	done     int  // sent or given up
	again    int  // sends that failed at done
	hdrs     []mmsghdr
	iovs     []unix.Iovec
	names    []sockaddr
	controls []control
	err      error // of the last datagram that the system refused

	send func(fd uintptr) // made once: a closure for each call would be garbage
}

func newSendBatch(s *udpSocket, size int) *sendBatch {
	b := &sendBatch{
		s: s, hdrs: make([]mmsghdr, size), iovs: make([]unix.Iovec, size),
		names: make([]sockaddr, size), controls: make([]control, size),
	}
	for i := range b.hdrs {
		h := &b.hdrs[i].hdr
		h.Iov = &b.iovs[i]
		h.SetIovlen(1)
		h.Name = (*byte)(unsafe.Pointer(&b.names[i]))
	}
	b.send = b.sendmmsg
	return b
}

func (b *sendBatch) full() bool { return b.n == len(b.hdrs) }

// add puts one datagram in line; there must be room and msg must not be empty.
func (b *sendBatch) add(flow *Flow, msg []byte) {
	i := b.n
	b.n++
	b.iovs[i].Base = unsafe.SliceData(msg)
	b.iovs[i].SetLen(len(msg))
	h := &b.hdrs[i].hdr
	h.Namelen = setAddrPort(&b.names[i], flow.Remote)
	h.Control = nil
	h.SetControllen(0)
	if from := flow.Local.Addr(); b.s.wildcard && !from.IsUnspecified() && sameFamily(from, b.s.local.Addr()) {
		h.Control = (*byte)(unsafe.Pointer(&b.controls[i]))
		h.SetControllen(b.controls[i].setSource(from))
	}
}

// flush sends everything in line. It waits for room in the socket's buffer and
// skips what the system refuses, returning the last such error.
func (b *sendBatch) flush() error {
	if b.n == 0 {
		return nil
	}
	b.done, b.again, b.err = 0, 0, nil
	sent, bytes := 0, 0
	for i := range b.n {
		b.hdrs[i].len = 0 // the kernel writes the length of what it sent
	}
	if err := b.s.raw.Control(b.send); err != nil { // closed
		b.s.counters.dropped[DropSend].Add(uint64(b.n - b.done))
		b.err = err
	}
	for i := range b.n {
		if b.hdrs[i].len > 0 {
			sent++
			bytes += int(b.hdrs[i].len)
		}
		b.iovs[i].Base = nil // don't hold the message any longer
	}
	if !b.silent {
		b.s.counters.out(sent, bytes)
	}
	b.n = 0
	if b.err != nil {
		return fmt.Errorf("transport: sendmmsg: %w", b.err)
	}
	return nil
}

// sendmmsg does not tell Go's scheduler of the system call, see
// udpReader.recvmmsg.
func (b *sendBatch) sendmmsg(fd uintptr) {
	for b.done < b.n {
		n, _, errno := unix.RawSyscall6(unix.SYS_SENDMMSG, fd, uintptr(unsafe.Pointer(&b.hdrs[b.done])),
			uintptr(b.n-b.done), unix.MSG_DONTWAIT, 0, 0)
		switch errno {
		case 0:
			b.done, b.again = b.done+int(n), 0
		case unix.EINTR:
		case unix.EAGAIN:
			if err := b.s.writable(fd); err != nil {
				b.s.counters.dropped[DropSend].Add(uint64(b.n - b.done))
				b.err, b.done = err, b.n
			}
		default: // refused is the first one; those behind it may do
			if b.again++; b.s.errors && pending(errno) && b.again < 3 {
				continue
			}
			b.s.counters.drop(DropSend)
			b.err = errno
			b.done, b.again = b.done+1, 0
		}
	}
}
