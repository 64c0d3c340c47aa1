package offload

import (
	"testing"
)

// TestSeveralDaemons has three instances at the same interfaces: each forwards
// and counts its own flows, whoever was attached first, and goes without the
// others noticing.
func TestSeveralDaemons(t *testing.T) {
	for _, hook := range []Hook{HookTCX, HookClsact} {
		t.Run(hook.String(), func(t *testing.T) {
			w := newWorld(t)
			w.cfg.Hook = hook
			const daemons, packets = 3, 5
			var flows [daemons]Flow
			var kernels [daemons]*Kernel
			for i := range daemons {
				w.cfg.Instance = string(rune('a' + i))
				kernels[i] = w.open()
				flows[i] = flowAB(false)
				flows[i].Local = at(false, 1, 2, uint16(mediaPort+2*i))
				if err := kernels[i].Install(flows[i]); err != nil {
					t.Fatal(err)
				}
			}
			w.socket(w.b, flows[0].To)
			a, tap := w.socket(w.a, flows[0].Source), w.tap(w.b, "b0")
			play := func(want int) {
				t.Helper()
				for n := range packets {
					for _, f := range flows {
						send(t, a, f.Local, rtp{pt: 8, seq: uint16(n)}.packet(20))
					}
				}
				if got := len(tap.collect(toPort, want)); got != want {
					t.Errorf("%d packets, want %d", got, want)
				}
			}
			play(daemons * packets)
			for i, k := range kernels {
				if s, err := k.Figures(flows[i].Local); err != nil || s.Forwarded.Packets != packets {
					t.Errorf("daemon %d: %+v, %v", i, s, err)
				}
				if list := k.List(); len(list) != 1 || list[0].Local != flows[i].Local {
					t.Errorf("daemon %d has %+v", i, list)
				}
			}
			// One ends and is cleared away; nobody listens to its port.
			kernels[1].Close()
			w.cfg.Instance = "b"
			var err error
			in(t, w.r, func() { err = Purge(w.cfg) })
			if err != nil {
				t.Fatal(err)
			}
			w.socket(w.r, flows[1].Local)
			play((daemons - 1) * packets)
			for _, i := range []int{0, 2} {
				if s, err := kernels[i].Remove(flows[i].Local); err != nil || s.Forwarded.Packets != 2*packets {
					t.Errorf("daemon %d: %+v, %v", i, s, err)
				}
			}
		})
	}
}
