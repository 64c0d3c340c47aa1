package udploop_test

import (
	"context"
	"encoding/binary"
	"errors"
	"net/netip"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/class5-go/class5/media/internal/udploop"
)

// numbered keeps the numbers of packets.
type numbered struct {
	mu   sync.Mutex
	seen []uint32
}

func (n *numbered) HandlePackets(packets []udploop.Packet, _ time.Time, _ *udploop.Outbox) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, p := range packets {
		n.seen = append(n.seen, binary.BigEndian.Uint32(p.Data))
	}
}

func (n *numbered) count() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.seen)
}

// TestSocketsMove: a socket that is being sent to moves between groups, and
// back, without a packet lost, doubled or out of order.
func TestSocketsMove(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	var groups []*udploop.Group
	for range 2 {
		g := udploop.New(udploop.Config{})
		groups = append(groups, g)
		running.Go(func() { _ = g.Run(ctx) })
	}
	defer running.Wait()
	defer cancel()
	h := &numbered{}
	s, err := groups[0].Loop().Listen(netip.MustParseAddrPort("127.0.0.1:0"), 0, h)
	if err != nil {
		t.Fatal(err)
	}
	c := dial(t, s.LocalAddr())
	const total = 4000
	sent := make(chan error, 1)
	go func() {
		var errs []error
		for i := range uint32(total) {
			for int(i)-h.count() > 50 { // no more than fits the socket
				time.Sleep(100 * time.Microsecond)
			}
			_, err := c.Write(binary.BigEndian.AppendUint32(nil, i))
			errs = append(errs, err)
		}
		sent <- errors.Join(errs...)
	}()
	for i := range 40 {
		loop := groups[i%2].Loop()
		if err := loop.Detach(s); err != nil || !s.Detached() {
			t.Fatal(err)
		}
		n := h.count()
		if i%4 == 3 {
			if err := loop.Attach(s); err != nil {
				t.Fatal(err)
			}
			for end := time.Now().Add(10 * time.Second); h.count() == n && n < total; time.Sleep(100 * time.Microsecond) {
				if time.Now().After(end) {
					t.Fatalf("nothing was read after number %d", n)
				}
			}
			if err := loop.Detach(s); err != nil {
				t.Fatal(err)
			}
		}
		fd, err := unix.Dup(s.FD())
		if err != nil {
			t.Fatal(err)
		}
		local := s.LocalAddr()
		s.Close()
		if s, err = groups[(i+1)%2].Loop().Adopt(fd, h); err != nil || s.LocalAddr() != local {
			t.Fatalf("%v, %v for %v", err, s, local)
		}
	}
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(10 * time.Second); h.count() < total && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	for i, n := range h.seen {
		if n != uint32(i) {
			t.Fatalf("packet %d is number %d", i, n)
		}
	}
	if len(h.seen) != total {
		t.Errorf("%d packets", len(h.seen))
	}
	s.Close()
}

// TestAdoptRefuses: what is no UDP socket is closed and refused.
func TestAdoptRefuses(t *testing.T) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := udploop.New(udploop.Config{}).Loop().Adopt(fd, &numbered{}); err == nil {
		t.Error("a stream was adopted")
	}
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == nil {
		t.Error("it is still open")
	}
}
