package overload

import (
	"sync"
	"testing"
	"time"

	"github.com/class5-go/class5/sip/wire"
)

func TestAllocatesNothing(t *testing.T) {
	if raceEnabled {
		return // the race detector allocates
	}
	c, now := newControl(t, ControlConfig{Local: loaded(10)}), start
	s := NewServer(loaded(20), ServerConfig{Rate: 100})
	e, err := NewEmergency("112")
	if err != nil {
		t.Fatal(err)
	}
	invite := request(t, "INVITE", "sip:1%312@example.com", "")
	response := parsed(t, "SIP/2.0 100 Trying\r\nVia: SIP/2.0/UDP 10.0.0.100;branch=z9hG4bKa"+Offer+
		"\r\nFrom: <sip:a@b>;tag=a\r\nTo: <sip:a@b>\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\n\r\n")
	via := wire.Params(`;branch=z9hG4bK;oc=30;oc-algo="loss";oc-validity=500;oc-seq=1700000000.00001`)
	rate := wire.Params(`;branch=z9hG4bK;oc=30;oc-algo="rate";oc-validity=500;oc-seq=1700000000.00001`)
	branch := []byte("z9hG4bKx")
	var edit wire.Edit
	buf := make([]byte, 0, 512)
	for name, f := range map[string]func(){
		"Classify":         func() { Classify(invite, e) },
		"Admit":            func() { now = now.Add(time.Millisecond); c.Admit(now, server, ClassInvite) },
		"AdmitTransaction": func() { c.AdmitTransaction(now, server, ClassInvite, branch) },
		"Response":         func() { c.Response(now, server, via); c.Response(now, server, rate) },
		"AppendVia":        func() { v, _ := response.TopVia(); s.AppendVia(buf, now, v) },
		"Edit":             func() { edit.Reset(); s.Edit(&edit, now, response) },
	} {
		f()
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// TestTogether lets the race detector look, and counts nothing twice.
func TestTogether(t *testing.T) {
	l := NewLocal(LocalConfig{})
	c, s := newControl(t, ControlConfig{Local: l}), NewServer(l, ServerConfig{})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			via := wire.Params(`;oc=50;oc-validity=60000`)
			for i := range 2000 {
				now := start.Add(time.Duration(i) * time.Millisecond)
				c.Response(now, server, via)
				c.Admit(now, server, Class(i%Classes))
				l.Sample(now, 0, 0)
				s.appendSequence(nil, now)
				c.Targets(now)
			}
		})
	}
	wg.Wait()
	st := c.Targets(start)[0]
	asked := uint64(0)
	for _, n := range st.Asked {
		asked += n
	}
	if asked != 8000 {
		t.Errorf("%d of 8000 counted", asked)
	}
}

func FuzzSignal(f *testing.F) {
	f.Add([]byte(`;oc=50;oc-algo="loss,rate";oc-validity=500;oc-seq=1700000000.12345`))
	f.Add([]byte(`;oc=50;oc-algo=rate;oc-validity=0;oc-seq=1`))
	f.Add([]byte(Offer))
	f.Fuzz(func(t *testing.T, via []byte) {
		s, ok := parseSignal(wire.Params(via))
		if !ok {
			return
		}
		if s.value < 0 || s.value > maxRate || s.algorithm == AlgorithmLoss && s.value > 100 ||
			s.validity < 0 || s.validity > MaxValidity || s.algorithm == AlgorithmNone {
			t.Errorf("%+v", s)
		}
	})
}

func BenchmarkAdmit(b *testing.B) {
	for name, via := range map[string]string{"free": ";oc=0", "loss": ";oc=50;oc-validity=60000", "rate": `;oc=50;oc-algo="rate";oc-validity=60000`} {
		c, now := newControl(b, ControlConfig{}), start
		c.Response(now, server, wire.Params(via))
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				now = now.Add(time.Microsecond)
				c.Admit(now, server, ClassInvite)
			}
		})
	}
}

func BenchmarkResponse(b *testing.B) {
	c := newControl(b, ControlConfig{})
	via := wire.Params(`;branch=z9hG4bKx;ft=0123456789012345678901234;oc=30;oc-algo="loss";oc-validity=500;oc-seq=1700000000.00001`)
	b.ReportAllocs()
	for b.Loop() {
		c.Response(start, server, via)
	}
}
