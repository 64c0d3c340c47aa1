package mediagen

import (
	"context"
	"net/netip"
	"testing"
	"time"
)

func mustFormat(t testing.TB, name string) Format {
	t.Helper()
	f, err := FormatNamed(name)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// here runs on loopback.
func here(formats [2]Format, calls int) Config {
	lo := netip.AddrFrom4([4]byte{127, 0, 0, 1})
	same := func(f func() error) error { return f() }
	return Config{Calls: calls, Locals: [2]netip.Addr{lo, lo}, In: [2]func(func() error) error{same, same}, Formats: formats,
		Warm: 100 * time.Millisecond, Measure: 300 * time.Millisecond}
}

// TestDirect: all that is sent arrives, in every kind of content.
func TestDirect(t *testing.T) {
	for _, c := range []struct {
		names  [2]string
		secure bool
	}{{[2]string{"PCMA", "PCMA"}, false}, {[2]string{"PCMA", "PCMA"}, true}, {[2]string{"PCMA", "PCMU"}, false}, {[2]string{"G722", "opus"}, false}} {
		cfg := here([2]Format{mustFormat(t, c.names[0]), mustFormat(t, c.names[1])}, 20)
		cfg.Secure, cfg.Active = c.secure, 15
		if c.names[0] != c.names[1] {
			cfg.Measure = 1500 * time.Millisecond
		}
		began, ended := 0, 0
		cfg.Begin, cfg.End = func() error { began++; return nil }, func() error { ended++; return nil }
		r, err := Run(t.Context(), cfg)
		if err != nil {
			t.Fatalf("%v: %v", c, err)
		}
		if r.Sent == 0 || r.Received != r.Sent || len(r.Faults) > 0 || r.Measured == 0 || began != 1 || ended != 1 {
			t.Errorf("%v: %+v", c, r)
		}
		if tones := c.names[0] != c.names[1]; tones != (r.Tones > 0) || tones == (r.Latency.Len() > 0) {
			t.Errorf("%v: %d half seconds, %d latencies", c, r.Tones, r.Latency.Len())
		}
	}
}

// TestTones: every tone is found in its own format, and no other one is taken for it.
func TestTones(t *testing.T) {
	for _, name := range []string{"PCMA", "PCMU", "G722", "opus"} {
		f := mustFormat(t, name)
		hear := func(hz int) (faults int) {
			frames, err := f.tone(pitch(1, 3))
			if err != nil {
				t.Fatal(err)
			}
			l, err := newListener(f, hz, false)
			if err != nil {
				t.Fatal(err)
			}
			for range 3 {
				for _, b := range frames {
					if l.hear(b) != "" {
						faults++
					}
				}
			}
			if l.blocks < 4 {
				t.Errorf("%s: %d half seconds", name, l.blocks)
			}
			return faults
		}
		if n := hear(pitch(1, 3)); n > 0 {
			t.Errorf("%s: its own tone is missing in %d half seconds", name, n)
		}
		for _, other := range []int{pitch(1, 4), pitch(0, 3)} {
			if hear(other) < 4 {
				t.Errorf("%s: %d Hz is taken for %d Hz", name, pitch(1, 3), other)
			}
		}
	}
	if share, level := measure(make([]int16, 4000), 8000, 500); share != 0 || level > -100 {
		t.Errorf("silence: share %v, level %v", share, level)
	}
}

func TestNumbered(t *testing.T) {
	b := make([]byte, numbered)
	writeNumbered(b, 7, 9, 11)
	if n, sent, fault := readNumbered(b, 7); n != 9 || sent != 11 || fault != "" {
		t.Errorf("%d, %d, %q", n, sent, fault)
	}
	if _, _, fault := readNumbered(b, 8); fault == "" {
		t.Error("of another call")
	}
	if _, _, fault := readNumbered(b[:100], 7); fault == "" {
		t.Error("cut")
	}
	for i := range b {
		b[i] ^= 1
		if n, sent, fault := readNumbered(b, 7); fault == "" && n == 9 && sent == 11 {
			t.Errorf("octet %d changed unseen", i)
		}
		b[i] ^= 1
	}
}

func TestMistakes(t *testing.T) {
	if _, err := FormatNamed("G729"); err == nil {
		t.Error("a codec that cannot be encoded")
	}
	a, u := mustFormat(t, "PCMA"), mustFormat(t, "PCMU")
	for _, change := range []func(*Config){
		func(c *Config) { c.Calls = 0 }, func(c *Config) { c.Active = 3 }, func(c *Config) { c.Formats[1], c.Secure = u, true },
	} {
		c := here([2]Format{a, a}, 2)
		change(&c)
		if _, err := Run(t.Context(), c); err == nil {
			t.Errorf("%+v", c)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Run(ctx, here([2]Format{a, a}, 2)); err == nil {
		t.Error("a run that was broken off")
	}
}

// TestProbes: runs over the same calls, with more and with fewer of them, count
// what is theirs.
func TestProbes(t *testing.T) {
	pcma := mustFormat(t, "PCMA")
	cfg := here([2]Format{pcma, pcma}, 20)
	began := 0
	cfg.Begin = func() error { began++; return nil }
	p, err := Prepare(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	last := uint64(0)
	for i, active := range []int{5, 20, 1} {
		r, err := p.Probe(t.Context(), active)
		if err != nil {
			t.Fatal(err)
		}
		// 100 packets a second for each call.
		if most := uint64(100*float64(active)*(cfg.Warm+cfg.Measure+interval).Seconds()) + 1; r.Sent == 0 || r.Sent > most || r.Received != r.Sent || len(r.Faults) > 0 || r.Behind > r.Sent || began != i+1 {
			t.Errorf("%d calls: %+v, most %d", active, r, most)
		}
		if i == 1 && r.Sent <= last {
			t.Errorf("%d packets of more calls, %d of fewer", r.Sent, last)
		}
		last = r.Sent
	}
	if _, err := Prepare(t.Context(), Config{}); err == nil {
		t.Error("no calls at all are prepared")
	}
}
