package floodgen

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/class5-go/class5/sip/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestTexts: what has to be refused is refused by our scanner, but for the
// probes, which are well-formed on purpose.
func TestTexts(t *testing.T) {
	for _, k := range Kinds() {
		texts, err := k.texts()
		if err != nil || len(texts) == 0 {
			t.Fatalf("%s: %v", k, err)
		}
		for _, text := range texts {
			b := number([]byte(text), 0x1f)
			if strings.Contains(string(b), "#") || !strings.Contains(string(b), "000000001f") {
				t.Errorf("%s is not numbered: %.80q", k, b)
			}
			var m wire.Message
			if err := m.Parse(b, nil); (err == nil) != (k == Scanner) {
				t.Errorf("%s: %.80q gives %v", k, b, err)
			}
		}
	}
	if _, err := Kind("rain").texts(); err == nil {
		t.Error("a kind that does not exist has texts")
	}
}

// TestFlood counts at the other end, and answers some.
func TestFlood(t *testing.T) {
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	f, err := New(t.Context(), Config{Target: c.LocalAddr().(*net.UDPAddr).AddrPort(), Kind: Scanner, Rate: 2000, Sources: 3})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- f.Run(ctx) }()
	sources := make(map[netip.Addr]bool)
	b := make([]byte, 2048)
	for len(sources) < 3 || f.Answers() == 0 {
		if err := c.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
			t.Fatal(err)
		}
		n, from, err := c.ReadFrom(b)
		if err != nil {
			t.Fatal(err)
		}
		sources[from.(*net.UDPAddr).AddrPort().Addr()] = true
		_, _ = c.WriteTo(b[:n], from)
	}
	stop()
	if err := <-ended; err != nil || f.Sent() == 0 {
		t.Errorf("%d sent, %v", f.Sent(), err)
	}
	for _, bad := range []Config{{Rate: 0, Kind: Garbage}, {Rate: 1, Kind: "x"}, {Rate: 1, Kind: Garbage, Sources: 251}} {
		if _, err := New(t.Context(), bad); err == nil {
			t.Errorf("%+v is accepted", bad)
		}
	}
}
