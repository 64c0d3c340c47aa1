package node

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"testing"

	"github.com/class5-go/class5/cmd/internal/call"
	"github.com/class5-go/class5/media/dtmf"
)

func TestMediaProfiles(t *testing.T) {
	p, err := MediaConfig{Profiles: map[string]string{"tls": "savp", "bob@example.com": "dtls"}}.policy()
	if err != nil {
		t.Fatal(err)
	}
	for transport, want := range map[string]call.Profile{"udp": call.AVP, "tls": call.SAVP, "wss": call.WebRTC} {
		if got := p.Transports[transport]; got != want {
			t.Errorf("%s is %v, want %v", transport, got, want)
		}
	}
	if got := p.Subscribers["bob@example.com"]; got != call.DTLS {
		t.Errorf("the subscriber is %v", got)
	}
	for whom, name := range map[string]string{"sctp": "avp", "udp": "rtp", "bob": "dtls", "": ""} {
		if _, err := (MediaConfig{Profiles: map[string]string{whom: name}}).policy(); !errors.Is(err, ErrConfig) {
			t.Errorf("%q: %q: %v", whom, name, err)
		}
	}
}

func TestDigitWays(t *testing.T) {
	listen := netip.MustParseAddrPort("127.0.0.1:2290")
	remote := []RemoteConfig{{URL: "udp://127.0.0.1:2223"}}
	p, err := MediaConfig{DTMF: map[string]string{"tls": "info", "bob@example.com": "rtp", "example.com": "block", "peer:carrier": "info"}, Remote: remote, DTMFListen: listen}.digits()
	if err != nil || p.Transports["tls"] != call.DigitsInfo || p.Subscribers["bob@example.com"] != call.DigitsRTP ||
		p.Domains["example.com"] != call.DigitsBlock || p.Peers["carrier"] != call.DigitsInfo {
		t.Errorf("%+v, %v", p, err)
	}
	for _, c := range []MediaConfig{
		{DTMF: map[string]string{"sctp": "info"}}, {DTMF: map[string]string{"udp": "tone"}}, {DTMF: map[string]string{"peer:": "info"}}, {DTMF: map[string]string{"": ""}},
		{DTMF: map[string]string{"udp": "info"}, Remote: remote}, {DTMFListen: listen},
		{Remote: remote, DTMFListen: netip.MustParseAddrPort("0.0.0.0:2290")},
	} {
		if _, err := c.digits(); !errors.Is(err, ErrConfig) {
			t.Errorf("%+v: %v", c.DTMF, err)
		}
	}
}

// TestDigitLog: digits are taken from the relays alone.
func TestDigitLog(t *testing.T) {
	l, err := newDigitLog(t.Context(), MediaConfig{Remote: []RemoteConfig{{URL: "udp://127.0.0.2:2223"}}, DTMFListen: netip.MustParseAddrPort("127.0.0.1:0")})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	told := make(chan string, 8)
	done := make(chan error)
	go func() {
		done <- l.run(ctx, func(call, tag string, d dtmf.Digit) { told <- call + " " + tag })
	}()
	send := func(from, text string) {
		t.Helper()
		c, err := net.DialUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort(from)), net.UDPAddrFromAddrPort(l.addr()))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := c.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	const digit = `{"callid":"c","source_tag":"a","type":"DTMF","event":5,"duration":90}`
	send("127.0.0.3:0", digit)
	send("127.0.0.2:0", "{}")
	send("127.0.0.2:0", digit)
	if got := <-told; got != "c a" || l.refused.Load() != 2 {
		t.Errorf("told of %q, refused %d", got, l.refused.Load())
	}
	cancel()
	if err := <-done; err != nil || len(told) > 0 {
		t.Error(err)
	}
}
