package transport_test

import (
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/class5-go/class5/sip/transport"
)

// A message for a connection that is gone never reaches another one, also when
// that has the same addresses and ports.
func TestGenerationPortReused(t *testing.T) {
	h := newEcho()
	e, _ := serve(t, listeners(on(transport.TCP)), h)
	connect := func(local net.Addr) (net.Conn, transport.Flow) {
		d := net.Dialer{LocalAddr: local}
		var c net.Conn
		eventually(t, "port free again", func() (ok bool) {
			var err error
			c, err = d.Dial("tcp", e.Listener(0).Addr.String())
			return err == nil
		})
		t.Cleanup(func() { _ = c.Close() })
		_ = c.SetDeadline(time.Now().Add(patience))
		_, _ = io.WriteString(c, message("hello", 0))
		flow := h.next(t).flow
		readN(t, c, message("hello", 0))
		return c, flow
	}
	first, old := connect(nil)
	_ = first.(*net.TCPConn).SetLinger(0) // a reset leaves no TIME_WAIT: the port can be taken at once
	_ = first.Close()
	eventually(t, "first connection gone", func() bool { return !e.Alive(old) })

	second, flow := connect(first.LocalAddr())
	if flow.Remote != old.Remote || flow.Generation == old.Generation {
		t.Fatalf("flows %+v and %+v: want equal addresses, different generations", old, flow)
	}
	if err := e.Send(old, []byte(message("secret", 0))); !errors.Is(err, transport.ErrFlowGone) {
		t.Errorf("send on the old flow: %v", err)
	}
	if err := e.Send(flow, []byte(message("public", 0))); err != nil {
		t.Error(err)
	}
	readN(t, second, message("public", 0))
	if n := e.Stats()[0].Dropped[transport.DropFlowGone]; n != 1 {
		t.Errorf("%d dropped as gone", n)
	}
}

// Everything a flow says must be right, the generation alone opens nothing.
func TestFlowMustMatch(t *testing.T) {
	h := newEcho()
	e, _ := serve(t, listeners(on(transport.TCP), on(transport.TCP)), h)
	c := dialTCP(t, e, 0)
	_, _ = io.WriteString(c, message("1", 0))
	good := h.next(t).flow
	for name, change := range map[string]func(*transport.Flow){
		"protocol":   func(f *transport.Flow) { f.Protocol = transport.TLS },
		"listener":   func(f *transport.Flow) { f.Listener = 1 },
		"remote":     func(f *transport.Flow) { f.Remote = e.Listener(1).Addr },
		"generation": func(f *transport.Flow) { f.Generation++ },
		"epoch":      func(f *transport.Flow) { f.Generation += 1 << 32 },
	} {
		f := good
		change(&f)
		if err := e.Send(f, []byte("x")); !errors.Is(err, transport.ErrFlowGone) {
			t.Errorf("other %s: %v", name, err)
		}
		if e.Alive(f) {
			t.Errorf("other %s: alive", name)
		}
		if err := e.Outbox().Send(f, []byte("x")); !errors.Is(err, transport.ErrFlowGone) {
			t.Errorf("other %s through an Outbox: %v", name, err)
		}
	}
	if !e.Alive(good) {
		t.Error("flow itself is not alive")
	}
}

func TestGenerationEpoch(t *testing.T) {
	boot := time.Unix(1_800_000_000, 0)
	h := newEcho()
	cfg := listeners(on(transport.TCP))
	cfg.Now = func() time.Time { return boot }
	e, _ := serve(t, cfg, h)
	c := dialTCP(t, e, 0)
	_, _ = io.WriteString(c, message("1", 0))
	got := h.next(t)
	if got.flow.Generation>>32 != 1_800_000_000 {
		t.Errorf("generation %x", got.flow.Generation)
	}
	if !got.at.Equal(boot) {
		t.Errorf("packet at %v", got.at)
	}
}
