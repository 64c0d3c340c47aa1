package transport_test

import (
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/class5-go/class5/sip/transport"
)

func TestConnectionLimits(t *testing.T) {
	for _, tc := range []struct {
		name   string
		proto  transport.Protocol
		limits transport.Limits
		cause  transport.Close
	}{
		{"total", transport.TCP, transport.Limits{Connections: 2}, transport.CloseLimit},
		{"source", transport.TCP, transport.Limits{ConnectionsPerSource: 2}, transport.CloseSourceLimit},
		{"handshakes", transport.WS, transport.Limits{Handshakes: 2}, transport.CloseHandshakeLimit},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cfg := listeners(on(tc.proto))
			cfg.Limits = tc.limits
			e, _ := serve(t, cfg, newEcho())
			first := dialTCP(t, e, 0)
			dialTCP(t, e, 0)
			eventually(t, "two accepted", func() bool { return e.Stats()[0].Accepted == 2 })
			if want := tc.limits.Handshakes; e.Handshaking() != want {
				t.Errorf("%d handshakes under way, want %d", e.Handshaking(), want)
			}
			if c, err := net.Dial("tcp", e.Listener(0).Addr.String()); err == nil { // or reset at once
				closedByPeer(t, c)
				_ = c.Close()
			}
			eventually(t, "third refused", func() bool { return e.Stats()[0].Closed[tc.cause] == 1 })
			if s := e.Stats()[0]; s.Open != 2 {
				t.Errorf("stats %+v", s)
			}
			_ = first.Close()
			eventually(t, "one closed", func() bool { return e.Stats()[0].Open == 1 })
			dialTCP(t, e, 0)
			eventually(t, "another accepted", func() bool { return e.Stats()[0].Accepted == 3 })
		})
	}
}

// One source at its limit is no hindrance for another.
func TestSourceLimitIsPerSource(t *testing.T) {
	cfg := listeners(on(transport.TCP))
	cfg.Limits.ConnectionsPerSource = 1
	e, _ := serve(t, cfg, newEcho())
	dialTCP(t, e, 0)
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}
	c, err := d.Dial("tcp", e.Listener(0).Addr.String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	_, _ = io.WriteString(c, message("1", 0))
	readN(t, c, message("1", 0))
}

func TestListenAllOrNothing(t *testing.T) {
	free, err := transport.Listen(t.Context(), listeners(on(transport.UDP)))
	if err != nil {
		t.Fatal(err)
	}
	port := free.Listener(0).Addr
	_ = free.Close()
	for _, p := range []transport.Protocol{transport.UDP, transport.TCP} {
		taken, err := transport.Listen(t.Context(), listeners(on(p)))
		if err != nil {
			t.Fatal(err)
		}
		first := transport.ListenerConfig{Protocol: transport.UDP, Addr: port, Readers: 3}
		second := transport.ListenerConfig{Name: "edge", Protocol: p, Addr: taken.Listener(0).Addr, Readers: 3}
		for range 2 { // the second attempt shows that the first one left nothing bound
			_, err = transport.Listen(t.Context(), listeners(first, second))
			wantAddressInUse(t, err, `listener "edge"`)
		}
		_ = taken.Close()
	}
}

// An address shared by our own readers is still taken for everybody else.
func TestListenSharedIsTaken(t *testing.T) {
	l := on(transport.UDP)
	l.Readers = 3
	e, err := transport.Listen(t.Context(), listeners(l))
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	l.Addr = e.Listener(0).Addr
	_, err = transport.Listen(t.Context(), listeners(l))
	wantAddressInUse(t, err, "udp/127.0.0.1:")
}

func TestListenRefusesNonsense(t *testing.T) {
	for name, l := range map[string]transport.ListenerConfig{
		"protocol": {Addr: netip.AddrPortFrom(loopback, 0)},
		"address":  {Protocol: transport.UDP},
		"mapped":   {Protocol: transport.UDP, Addr: netip.MustParseAddrPort("[::ffff:127.0.0.1]:0")},
		"no TLS":   {Protocol: transport.WSS, Addr: netip.AddrPortFrom(loopback, 0)},
		"batch":    {Protocol: transport.UDP, Addr: netip.AddrPortFrom(loopback, 0), Batch: 65},
		"readers":  {Protocol: transport.UDP, Addr: netip.AddrPortFrom(loopback, 0), Readers: -1},
		"size":     {Protocol: transport.UDP, Addr: netip.AddrPortFrom(loopback, 0), MaxMessage: 65536},
	} {
		if e, err := transport.Listen(t.Context(), listeners(l)); err == nil {
			t.Errorf("%s: accepted", name)
			_ = e.Close()
		}
	}
	if _, err := transport.Listen(t.Context(), transport.Config{}); err == nil {
		t.Error("no listeners: accepted")
	}
}

func TestListenerInfo(t *testing.T) {
	named := on(transport.TCP)
	named.Name, named.Internal = "core", true
	named.Advertised = netip.MustParseAddrPort("192.0.2.7:0")
	e, err := transport.Listen(t.Context(), listeners(on(transport.UDP), named))
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	all := e.Listeners()
	if all[0] != e.Listener(0) || all[1] != e.Listener(1) || e.Listener(2) != (transport.ListenerInfo{}) {
		t.Errorf("listeners %+v", all)
	}
	if i := all[0]; i.Name != "udp/127.0.0.1:0" || i.Addr.Port() == 0 || i.Advertised != i.Addr || i.Internal {
		t.Errorf("first %+v", i)
	}
	want := netip.AddrPortFrom(named.Advertised.Addr(), all[1].Addr.Port())
	if i := all[1]; i.Name != "core" || !i.Internal || i.Advertised != want {
		t.Errorf("second %+v", i)
	}
}
