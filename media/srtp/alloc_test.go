package srtp

import "testing"

// run calls f with protected packets of rising sequence numbers.
func protectLoop(b testing.TB, c *Context) func() {
	buf, _ := packet(1, 0)
	fresh, n := packet(1, 0)
	var seq uint16
	return func() {
		copy(buf, fresh[:n])
		buf[2], buf[3] = byte(seq>>8), byte(seq)
		seq++
		if _, err := c.Protect(buf, n); err != nil {
			b.Fatal(err)
		}
	}
}

// unprotectLoop opens packets that were protected before. When it has no more
// of them, it forgets what it has seen and starts again.
func unprotectLoop(b testing.TB, out, in *Context) func() {
	const many = 4096
	var pkts [many][]byte
	for i := range pkts {
		pkts[i] = protected(b, out, 1, uint16(i)+earlySequence)
	}
	buf := make([]byte, 2048)
	i := 0
	return func() {
		if i == many {
			i = 0
			in.streams[0].rtp = window{}
		}
		n := copy(buf, pkts[i])
		i++
		if _, err := in.Unprotect(buf[:n]); err != nil {
			b.Fatal(err)
		}
	}
}

func rtcpLoop(b testing.TB, out, in *Context) func() {
	buf, _ := report(1)
	fresh, n := report(1)
	return func() {
		copy(buf, fresh[:n])
		m, err := out.ProtectRTCP(buf, n)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := in.UnprotectRTCP(buf[:m]); err != nil {
			b.Fatal(err)
		}
	}
}

func TestAllocNone(t *testing.T) {
	for _, s := range Suites() {
		for name, opts := range map[string][]Option{
			"": nil, "/MKI": {WithMKI([]byte{1})}, "/clear RTCP": {WithSession(Session{UnencryptedRTCP: true})},
		} {
			for what, f := range map[string]func(){
				"protect":   protectLoop(t, newContext(t, s, opts...)),
				"unprotect": unprotectLoop(t, newContext(t, s, opts...), newContext(t, s, opts...)),
				"RTCP":      rtcpLoop(t, newContext(t, s, opts...), newContext(t, s, opts...)),
			} {
				f() // the first packet makes the SSRC's state
				if n := testing.AllocsPerRun(200, f); n != 0 {
					t.Errorf("%v%s %s: %v allocations", s, name, what, n)
				}
			}
		}
	}
}

func TestAllocExport(t *testing.T) {
	c := newContext(t, AES128SHA180)
	protected(t, c, 1, 1)
	buf := make([]byte, 0, 1024)
	if n := testing.AllocsPerRun(100, func() { buf = c.Export(buf[:0]) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkProtect(b *testing.B) {
	for _, s := range Suites() {
		b.Run(s.String(), func(b *testing.B) {
			f := protectLoop(b, newContext(b, s))
			f()
			b.ReportAllocs()
			for b.Loop() {
				f()
			}
		})
	}
}

func BenchmarkUnprotect(b *testing.B) {
	for _, s := range Suites() {
		b.Run(s.String(), func(b *testing.B) {
			f := unprotectLoop(b, newContext(b, s), newContext(b, s))
			f()
			b.ReportAllocs()
			for b.Loop() {
				f()
			}
		})
	}
}

func BenchmarkRTCP(b *testing.B) {
	f := rtcpLoop(b, newContext(b, AES128SHA180), newContext(b, AES128SHA180))
	f()
	b.ReportAllocs()
	for b.Loop() {
		f()
	}
}

// BenchmarkUnprotectSpoofed is what a packet of an unknown SSRC costs.
func BenchmarkUnprotectSpoofed(b *testing.B) {
	in := newContext(b, AES128SHA180)
	pkt, _ := packet(7, 30000)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := in.Unprotect(pkt[:182]); err != ErrAuth {
			b.Fatal(err)
		}
	}
}
