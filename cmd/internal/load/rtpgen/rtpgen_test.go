package rtpgen

import (
	"context"
	"net/netip"
	"os"
	"strconv"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/class5-go/class5/cmd/internal/load/target"
)

// TestMain is also the child that serves the relay.
func TestMain(m *testing.M) {
	if len(os.Args) == 6 && os.Args[1] == "serve" {
		var n [3]int
		for i := range n {
			n[i], _ = strconv.Atoi(os.Args[3+i])
		}
		if err := target.ServeMedia(context.Background(), os.Args[2], n[0], uint16(n[1]), uint16(n[2])); err != nil {
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

func TestPacket(t *testing.T) {
	b := fill(make([]byte, packetSize), 7, 65537, 9, 1234567)
	got, fault := read(b)
	if want := (arrived{call: 7, sequence: 1, sent: 1234567}); got != want || fault != "" {
		t.Errorf("%+v, %q", got, fault)
	}
	for want, b := range map[string][]byte{
		"not RTP": []byte("x"), "packet of another length": b[:100], "packet of another type": append([]byte{0x80, 0}, b[2:]...),
		"packet with another content": append(append([]byte(nil), b[:12]...), make([]byte, payloadSize)...),
	} {
		if _, got := read(b); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestCheck(t *testing.T) {
	at := netip.MustParseAddrPort("127.0.0.1:9")
	s := &side{from: []netip.AddrPort{at}, last: make([]uint16, 1), heard: make([]bool, 1)}
	for i, c := range []struct {
		call     int
		sequence uint16
		from     netip.AddrPort
		ok       bool
	}{
		{0, 65535, at, true}, {0, 0, at, true}, {0, 0, at, false}, {0, 65535, at, false}, {0, 5, at, true},
		{1, 6, at, false}, {-1, 6, at, false}, {0, 6, netip.MustParseAddrPort("127.0.0.1:10"), false},
	} {
		if fault := s.check(arrived{call: c.call, sequence: c.sequence}, c.from); (fault == "") != c.ok {
			t.Errorf("packet %d: %q", i, fault)
		}
	}
}

// TestRelay sends the media of a few calls through a relay in a child.
func TestRelay(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	element, media, err := target.OursMedia(5, 1, self, "serve")
	if err != nil {
		t.Fatal(err)
	}
	defer element.Stop()
	defer media.Close()
	got, err := Run(t.Context(), Config{Calls: 5, Media: media, Warm: 100 * time.Millisecond, Measure: 400 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if got.Received != got.Sent || got.Sent < 200 || got.Measured == 0 || len(got.Faults) > 0 || got.SetUp.Len() != 5 || got.Latency.Len() != got.Measured {
		t.Errorf("%d of %d received, %d measured, faults %v", got.Received, got.Sent, got.Measured, got.Faults)
	}
	if _, err := media.Answer("nobody", "a", "b", []byte("v=0\r\n")); err == nil {
		t.Error("an answer of a call that does not exist")
	}
	if _, err := Run(t.Context(), Config{}); err == nil {
		t.Error("a run without calls")
	}
}
