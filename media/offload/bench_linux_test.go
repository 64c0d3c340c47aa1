package offload

import (
	"encoding/binary"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/cilium/ebpf"
)

// loaded is the program with maps of its own, attached nowhere.
type loaded struct {
	*Kernel
	t testing.TB
}

// load skips where there is no BPF to be had, and only there.
func load(t testing.TB, flows int) *loaded {
	t.Helper()
	needRoot(t)
	spec, err := specs(flows)
	if err != nil {
		t.Fatal(err)
	}
	k := &Kernel{cfg: Config{Flows: flows, Lease: time.Hour}, flows: map[netip.AddrPort]*entry{},
		slots: slotPool{size: uint32(flows)}, maps: new(pinned)}
	t.Cleanup(func() { k.Close() })
	delete(spec.Maps, "layout")
	c, err := ebpf.NewCollection(spec)
	if err != nil {
		t.Fatalf("%+v", err)
	}
	k.program = c.DetachProgram(forwardProgClass5Forward)
	k.maps.flows, k.maps.slots, k.maps.ports = c.DetachMap("flows"), c.DetachMap("slots"), c.DetachMap("ports")
	if k.memory, err = newMemory(k.maps.slots); err != nil {
		t.Fatal(err)
	}
	return &loaded{k, t}
}

// needRoot skips where the kernel would refuse for want of privileges.
func needRoot(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: BPF programs and network namespaces")
	}
	if err := probeCapabilities(); err != nil {
		t.Skip(err)
	}
	if err := probeKernel(); err != nil {
		t.Skip(err)
	}
}

// install writes a flow without asking for a route.
func (l *loaded) install(f Flow, out uint32) {
	l.t.Helper()
	slot, ok := l.slots.take(f.Local)
	if !ok {
		l.t.Fatal("no slot")
	}
	if err := f.validate(); err != nil {
		l.t.Fatal(err)
	}
	if err := l.write(&f, slot, out); err != nil {
		l.t.Fatal(err)
	}
	l.flows[f.Local] = &entry{flow: f, slot: slot, out: out}
}

// benchmarkFlow makes of a packet its successor, as it is the same packet that
// runs through the program again and again.
func benchmarkFlow(i int, v6 bool) Flow {
	local, source := "192.0.2.1", "198.51.100.1"
	if v6 {
		local, source = "2001:db8::1", "2001:db8:a::1"
	}
	at := func(a string, port int) netip.AddrPort {
		return netip.AddrPortFrom(netip.MustParseAddr(a), uint16(port))
	}
	l, s := at(local, 16384+2*i), at(source, 1024+i&0x3fff)
	return Flow{Local: l, Source: s, From: s, To: l, SequenceOffset: 1, TOS: 184, SetTOS: true,
		PayloadTypes: []PayloadType{{8, true}, {0, true}}, ClockRate: 8000}
}

// BenchmarkProgram is the program's time per packet by the kernel's own
// measure, over 20,000 flows: each in turn gets a run of packets.
func BenchmarkProgram(b *testing.B) {
	const flows, run = 20000, 250 // and as many hops
	for _, v6 := range []bool{false, true} {
		b.Run(map[bool]string{false: "ipv4", true: "ipv6"}[v6], func(b *testing.B) {
			l := load(b, flows)
			for i := range flows {
				f := benchmarkFlow(i, v6)
				l.install(f, 1)
				l.flows[f.Local].claimed = true
			}
			if err := l.copySettled(ktime() + uint64(time.Minute)); err != nil || len(l.copying.owners) != flows {
				b.Fatalf("%d copies, %v", len(l.copying.owners), err)
			}
			payload := rtp{pt: 8, ssrc: 7}.packet(160)
			var spent time.Duration
			n := 0
			b.ReportAllocs()
			for b.Loop() {
				f := benchmarkFlow(n*7919%flows, v6)
				binary.BigEndian.PutUint16(payload[2:], uint16(n))
				code, took, err := l.program.Benchmark(hops(frame(f.Source, f.Local, payload), 255), run, nil)
				if err != nil || code != redirect {
					b.Fatalf("returns %d, %v", int32(code), err)
				}
				spent += took
				n++
			}
			b.ReportMetric(float64(spent)/float64(n), "ns/packet")
			b.ReportMetric(flows, "flows")
			f := benchmarkFlow(0, v6)
			if s, err := l.Remove(f.Local); err != nil || s.Forwarded.Packets == 0 || s.Forwarded.Packets%run != 0 {
				b.Errorf("%+v, %v", s, err)
			}
		})
	}
}
