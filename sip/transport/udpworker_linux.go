package transport

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// udpWorker is the one goroutine that reads, handles and answers what comes to
// the i-th socket of every UDP listener. A message is not handed from one
// goroutine to another, and a request and its answer, which come by different
// listeners, often cost a single wake-up together.
type udpWorker struct {
	e       *Endpoint
	index   int
	readers []*udpReader
	out     *Outbox
	epoll   int
	wake    int // eventfd that ends the waiting
	events  [16]unix.EpollEvent
	ready   bool           // a reader has more, or may have gathered some
	yielded time.Time      // to the scheduler
	busy    time.Time      // when the last message came
	brisk   bool           // and the one before was less than visitEvery ago
	rest    [1]unix.PollFd // what ends a pause
}

// A thread that stays in system calls for 10 ms without a visit to the
// scheduler is taken for stuck: the scheduler's monitor takes the processor from
// it and then looks every 20 µs whether there is another, which at low rates
// costs more than the messages. So a worker pays a visit more often than that,
// and keeps to it for some time after the last message. While messages come more
// often, none of the waiting needs a limit, of which the timer costs as much as
// reading a message does.
const (
	visitEvery = 4 * time.Millisecond
	visitFor   = time.Second
)

// udpWorkers returns the goroutines to run for the UDP listeners.
func (e *Endpoint) udpWorkers() ([]*udpWorker, error) {
	n := 0
	for _, l := range e.listeners {
		n = max(n, len(l.udp))
	}
	workers := make([]*udpWorker, n)
	for i := range workers {
		w, err := e.newUDPWorker(i)
		if err != nil {
			for _, w := range workers[:i] {
				w.close()
			}
			return nil, err
		}
		workers[i] = w
	}
	return workers, nil
}

func (e *Endpoint) newUDPWorker(i int) (*udpWorker, error) {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	wake, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		_ = unix.Close(epoll)
		return nil, os.NewSyscallError("eventfd", err)
	}
	w := &udpWorker{e: e, index: i, out: e.newOutbox(i), epoll: epoll, wake: wake}
	w.rest[0] = unix.PollFd{Fd: int32(wake), Events: unix.POLLIN}
	limit := newPongLimit()
	err = w.watch(wake, -1)
	for _, l := range e.listeners {
		if err == nil && i < len(l.udp) {
			err = w.add(newUDPReader(l.udp[i], l.index, &l.cfg, limit))
		}
	}
	if err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

func (w *udpWorker) add(r *udpReader) error {
	if r.s.errors {
		r.queue = newErrorQueue()
	}
	w.readers = append(w.readers, r)
	return w.watch(int(r.fd), int32(len(w.readers)-1))
}

// watch tells the worker of a descriptor that can be read, once for what has
// come: to be told again as long as there is something makes each waiting look at
// sockets that have just been emptied.
func (w *udpWorker) watch(fd int, name int32) error {
	ev := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLET, Fd: name}
	return os.NewSyscallError("epoll_ctl", unix.EpollCtl(w.epoll, unix.EPOLL_CTL_ADD, fd, &ev))
}

// run serves until the endpoint stops.
func (w *udpWorker) run() error {
	for {
		n, err := w.wait()
		if err != nil {
			return err
		}
		w.visit(n > 0 || w.ready)
		for _, ev := range w.events[:n] {
			if ev.Fd >= 0 { // or it is stop, which sets stopping first
				w.told(w.readers[ev.Fd], ev.Events)
			}
		}
		w.ready = false
		flooded := false
		for _, r := range w.readers {
			if w.e.stopping.Load() {
				return nil
			}
			if !r.ready {
				continue
			}
			calm, err := w.serve(r)
			if err != nil {
				return err
			}
			w.ready = w.ready || r.ready
			flooded = flooded || calm
		}
		if flooded {
			w.pause()
			w.ready = true
		}
	}
}

// told takes what epoll says of a reader. Errors that are left in their queue the
// kernel tells of again.
func (w *udpWorker) told(r *udpReader, events uint32) {
	r.ready = true
	if events&unix.EPOLLERR != 0 && r.queue != nil {
		r.queue.read(r.fd, func(to netip.AddrPort) { w.e.cfg.Unreachable(r.listener, to) })
	}
}

// wait blocks until a socket can be read. This call the scheduler knows of: the
// processor may go to another thread meanwhile. Of a look at what is there it is
// not told, see udpReader.recvmmsg.
func (w *udpWorker) wait() (int, error) {
	if w.ready {
		n, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(w.epoll), uintptr(unsafe.Pointer(&w.events[0])),
			uintptr(len(w.events)), 0, 0, 0)
		if errno != 0 {
			n = 0 // by a signal: what is ready is served anyhow
		}
		return int(n), nil
	}
	timeout := -1
	if !w.busy.IsZero() && !w.brisk {
		timeout = int(visitEvery / time.Millisecond)
	}
	for {
		n, err := unix.EpollWait(w.epoll, w.events[:], timeout)
		if err == nil || err != unix.EINTR { //nolint:errorlint // a bare errno
			return n, os.NewSyscallError("epoll_wait", err)
		}
	}
}

// visit lets the scheduler see that the worker is well.
func (w *udpWorker) visit(work bool) {
	now := time.Now()
	switch {
	case work:
		w.brisk, w.busy = now.Sub(w.busy) < visitEvery, now
	case now.Sub(w.busy) > visitFor:
		w.busy = time.Time{} // a quiet night is slept through
	}
	if now.Sub(w.yielded) >= visitEvery {
		w.yielded = now
		runtime.Gosched()
	}
}

// serve handles one batch of a socket. More than one would keep the others
// waiting. flooded tells that the socket has been emptied of a flood.
func (w *udpWorker) serve(r *udpReader) (flooded bool, err error) {
	batch, err := r.read()
	switch {
	case err == nil:
		if len(batch) > 0 {
			w.out.refused = 0
			w.e.deliver(batch, w.out)
			flooded = r.flood.note(len(batch), w.out.refused) && !r.ready
		}
	case transient(err):
		time.Sleep(time.Millisecond) // short of memory: a busy loop would not help
	default:
		return false, fmt.Errorf("transport: listener %q: %w", w.e.listeners[r.listener].info.Name, err)
	}
	return flooded, nil
}

// stop wakes a worker of an endpoint that is stopping.
func (w *udpWorker) stop() {
	var one [8]byte
	binary.NativeEndian.PutUint64(one[:], 1)
	_, _ = unix.Write(w.wake, one[:])
}

func (w *udpWorker) close() {
	_ = unix.Close(w.epoll)
	_ = unix.Close(w.wake)
}
