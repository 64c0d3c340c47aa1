package transport_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/class5-go/class5/sip/transport"
)

// readN reads exactly as many bytes as want has and compares them.
func readN(t testing.TB, c io.Reader, want string) {
	t.Helper()
	b := make([]byte, len(want))
	if n, err := io.ReadFull(c, b); err != nil || string(b) != want {
		t.Fatalf("read %q (%v), want %q", b[:n], err, want)
	}
}

func closedByPeer(t testing.TB, c net.Conn) {
	t.Helper()
	if n, err := io.Copy(io.Discard, c); err != nil && !strings.Contains(err.Error(), "reset") {
		t.Fatalf("connection not closed, %d bytes, %v", n, err)
	}
}

func TestTCPFlow(t *testing.T) {
	h := newEcho()
	e, _ := serve(t, listeners(on(transport.UDP), on(transport.TCP)), h)
	c := dialTCP(t, e, 1)
	msg := message("1", 10)
	_, _ = io.WriteString(c, msg)
	got := h.next(t)
	f := got.flow
	if got.data != msg || f.Protocol != transport.TCP || f.Listener != 1 || f.Generation == 0 ||
		f.Local != e.Listener(1).Addr || f.Remote.String() != c.LocalAddr().String() {
		t.Errorf("%q on %+v", got.data, f)
	}
	readN(t, c, msg)
	if err := e.Send(f, []byte(message("2", 0))); err != nil {
		t.Fatal(err)
	}
	readN(t, c, message("2", 0))
	f.Local = transport.Flow{}.Local // what a flow token does not carry
	if !e.Alive(f) || e.Send(f, []byte("x")) != nil {
		t.Error("flow without local address not usable")
	}
}

// A stream yields the same messages wherever it is cut.
func TestTCPEveryCut(t *testing.T) {
	h := newEcho()
	e, _ := serve(t, listeners(on(transport.TCP)), h)
	c := dialTCP(t, e, 0)
	_ = c.(*net.TCPConn).SetNoDelay(true)
	want := []string{message("1", 0), message("2", 7), message("3", 2)}
	stream := want[0] + "\r\n\r\n" + want[1] + want[2]
	for cut := 1; cut < len(stream); cut++ {
		for _, part := range []string{stream[:cut], stream[cut:]} {
			if _, err := io.WriteString(c, part); err != nil {
				t.Fatal(err)
			}
			time.Sleep(50 * time.Microsecond) // so that most cuts are seen as such
		}
		for _, w := range want {
			if got := h.next(t); got.data != w {
				t.Fatalf("cut at %d: got %q, want %q", cut, got.data, w)
			}
		}
	}
	if n := e.Stats()[0].KeepAlives; n != uint64(len(stream)-1) {
		t.Errorf("%d pings in %d streams", n, len(stream)-1)
	}
}

// Messages of every size, many in one piece, arrive whole and in order.
func TestTCPPipeline(t *testing.T) {
	h := newEcho()
	e, _ := serve(t, listeners(on(transport.TCP)), h)
	c := dialTCP(t, e, 0)
	var stream bytes.Buffer
	var want []string
	for i := range 300 {
		n := i
		if i%50 == 0 {
			n = 60_000
		}
		want = append(want, message("p", n))
		stream.WriteString(want[i])
	}
	sent := stream.String()
	go func() { _, _ = io.WriteString(c, sent) }()
	for i, w := range want {
		if got := h.next(t); got.data != w {
			t.Fatalf("message %d: %d bytes, want %d", i, len(got.data), len(w))
		}
	}
	readN(t, c, sent)
	eventually(t, "all counted", func() bool {
		s := e.Stats()[0]
		return s.Received == 300 && s.Sent == 300 && s.SentBytes == uint64(len(sent))
	})
}

func TestTCPPingPong(t *testing.T) {
	h := newEcho()
	e, _ := serve(t, listeners(on(transport.TCP)), h)
	c := dialTCP(t, e, 0)
	_, _ = io.WriteString(c, "\r\n\r\n\r\n\r\n")
	readN(t, c, "\r\n\r\n")
	_, _ = io.WriteString(c, "\r\n") // a pong to us: no answer
	_, _ = io.WriteString(c, message("1", 0))
	readN(t, c, message("1", 0))
	if n := e.Stats()[0].KeepAlives; n != 2 {
		t.Errorf("%d pings", n)
	}
}

// What can't be framed is shown to the handler, for an answer, and then the
// connection ends.
func TestTCPRefused(t *testing.T) {
	for name, stream := range map[string]string{
		"no Content-Length":  "OPTIONS sip:a SIP/2.0\r\nCall-ID: 1\r\n\r\n",
		"two lengths":        "OPTIONS sip:a SIP/2.0\r\nl: 1\r\nContent-Length: 2\r\n\r\n",
		"body over limit":    "OPTIONS sip:a SIP/2.0\r\nContent-Length: 5000\r\n\r\n",
		"head over limit":    "OPTIONS sip:a SIP/2.0\r\n" + strings.Repeat("X: y\r\n", 1000),
		"length no number":   "OPTIONS sip:a SIP/2.0\r\nContent-Length: x\r\n\r\n",
		"length is negative": "OPTIONS sip:a SIP/2.0\r\nContent-Length: -1\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			h := newEcho()
			l := on(transport.TCP)
			l.MaxMessage = 4000
			e, _ := serve(t, listeners(l), h)
			c := dialTCP(t, e, 0)
			good := message("good", 3)
			_, _ = io.WriteString(c, good+stream)
			if got := h.next(t); got.data != good {
				t.Errorf("first message %q", got.data)
			}
			if got := h.next(t); !strings.HasPrefix(got.data, "OPTIONS sip:a SIP/2.0\r\n") {
				t.Errorf("refused message %q", got.data)
			}
			closedByPeer(t, c)
			eventually(t, "closed for framing", func() bool { return e.Stats()[0].Closed[transport.CloseFraming] == 1 })
		})
	}
}

func TestTCPDeadlines(t *testing.T) {
	const short = 30 * time.Millisecond
	for _, tc := range []struct {
		name     string
		timeouts transport.Timeouts
		drip     string // sent byte by byte, again and again
		cause    transport.Close
	}{
		{"slow message", transport.Timeouts{Partial: short}, message("slow", 5000), transport.ClosePartial},
		{"silent", transport.Timeouts{First: short}, "", transport.CloseIdle},
		{"idle", transport.Timeouts{Idle: short}, "\r\n", transport.CloseIdle},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := newEcho()
			cfg := listeners(on(transport.TCP))
			cfg.Timeouts = tc.timeouts
			e, _ := serve(t, cfg, h)
			c := dialTCP(t, e, 0)
			closed := func() bool { return e.Stats()[0].Closed[tc.cause] == 1 }
			for i := 0; i < len(tc.drip) && !closed(); i++ {
				_, _ = c.Write([]byte{tc.drip[i]})
				time.Sleep(time.Millisecond)
			}
			eventually(t, "closed in time", closed)
			closedByPeer(t, c)
		})
	}
}

// A connection that keeps pinging is not idle.
func TestTCPIdleButAlive(t *testing.T) {
	cfg := listeners(on(transport.TCP))
	cfg.Timeouts = transport.Timeouts{Idle: time.Second}
	e, _ := serve(t, cfg, newEcho())
	c := dialTCP(t, e, 0)
	for range 15 {
		_, _ = io.WriteString(c, "\r\n\r\n")
		readN(t, c, "\r\n")
		time.Sleep(cfg.Timeouts.Idle / 10)
	}
	_, _ = io.WriteString(c, message("1", 0))
	readN(t, c, message("1", 0))
}

// A peer that does not read is disconnected when its queue is full, and nobody
// is held up by it.
func TestTCPQueueOverflow(t *testing.T) {
	h := newEcho()
	cfg := listeners(on(transport.TCP))
	cfg.Limits.WriteQueue = 64 << 10
	e, _ := serve(t, cfg, h)
	c := dialTCP(t, e, 0)
	_ = c.(*net.TCPConn).SetReadBuffer(4096)
	_, _ = io.WriteString(c, message("1", 0))
	flow := h.next(t).flow
	big := []byte(message("big", 32<<10))
	var err error
	for sent := 0; err == nil && sent < 64<<20; sent += len(big) {
		err = e.Send(flow, big)
	}
	if !errors.Is(err, transport.ErrQueueFull) {
		t.Fatalf("error %v, want ErrQueueFull", err)
	}
	if err := e.Send(flow, big); !errors.Is(err, transport.ErrFlowGone) {
		t.Errorf("after overflow: %v, want ErrFlowGone", err)
	}
	s := e.Stats()[0]
	if s.Closed[transport.CloseQueueFull] != 1 || s.Dropped[transport.DropQueueFull] != 1 || s.Open != 0 {
		t.Errorf("stats %+v", s)
	}
}

// What a slow reader leaves in the queue reaches it whole and in order.
func TestTCPQueueDrains(t *testing.T) {
	h := newEcho()
	cfg := listeners(on(transport.TCP))
	cfg.Limits.WriteQueue = 64 << 20
	e, _ := serve(t, cfg, h)
	c := dialTCP(t, e, 0)
	_, _ = io.WriteString(c, message("1", 0))
	flow := h.next(t).flow
	readN(t, c, message("1", 0))
	const n = 400 // 26 MB, far more than loopback buffers
	for i := range n {
		if err := e.Send(flow, []byte(message("q", 60_000+i))); err != nil {
			t.Fatal(err)
		}
	}
	for i := range n {
		readN(t, c, message("q", 60_000+i))
	}
}

// A peer that never reads again is given up after Timeouts.Write.
func TestTCPStuckWriter(t *testing.T) {
	h := newEcho()
	cfg := listeners(on(transport.TCP))
	cfg.Limits.WriteQueue = 64 << 20
	cfg.Timeouts.Write = 30 * time.Millisecond
	e, _ := serve(t, cfg, h)
	c := dialTCP(t, e, 0)
	_, _ = io.WriteString(c, message("1", 0))
	flow := h.next(t).flow
	for range 400 {
		if e.Send(flow, []byte(message("q", 60_000))) != nil {
			break
		}
	}
	eventually(t, "closed as stuck", func() bool { return e.Stats()[0].Closed[transport.CloseWrite] == 1 })
	if e.Alive(flow) {
		t.Error("flow alive")
	}
}
