package overload

import (
	"testing"
	"time"
)

func TestLocal(t *testing.T) {
	l, now := NewLocal(LocalConfig{}), start
	run := func(d time.Duration, delay time.Duration, cpu float64) int {
		for end := now.Add(d); now.Before(end); now = now.Add(50 * time.Millisecond) {
			l.Sample(now, delay, cpu)
		}
		return l.Loss()
	}
	if got := run(time.Second, time.Millisecond, 0.5); got != 0 {
		t.Errorf("without load: %d", got)
	}
	rising := run(500*time.Millisecond, 0, 0.99)
	if rising == 0 {
		t.Error("not a bit after half a second of load")
	}
	if got := run(10*time.Second, 0, 1); got != 90 {
		t.Errorf("after long overload: %d", got)
	}
	if got := run(time.Second, 20*time.Millisecond, 0.8); got != 90 {
		t.Errorf("between the limits: %d", got)
	}
	if got := run(time.Second, 0, 0.8); got != 90 {
		t.Errorf("one of both below its limit: %d", got)
	}
	falling := run(time.Second, 0, 0.1)
	if falling >= 90 || falling == 0 {
		t.Errorf("after a second of rest: %d", falling)
	}
	if got := run(10*time.Second, 0, 0.1); got != 0 {
		t.Errorf("after long rest: %d", got)
	}
	if got := run(time.Second, 60*time.Millisecond, 0); got < 20 {
		t.Errorf("with messages waiting: %d", got)
	}
	var none *Local
	if none.Loss() != 0 {
		t.Error("a Local that is none has a load")
	}
}

// TestBurst: a queue that empties within the interval is no overload.
func TestBurst(t *testing.T) {
	l := NewLocal(LocalConfig{})
	for i := range 100 {
		delay := 500 * time.Millisecond
		if i%4 == 0 {
			delay = 0
		}
		l.Sample(start.Add(time.Duration(i)*50*time.Millisecond), delay, 0.8)
	}
	if l.Loss() != 0 {
		t.Errorf("%d", l.Loss())
	}
}

// TestLoop: server and client find the load that the server can bear.
func TestLoop(t *testing.T) {
	l, c := NewLocal(LocalConfig{}), newControl(t, ControlConfig{})
	s := NewServer(l, ServerConfig{})
	const capacity = 50 // a step of 50 ms
	via := Offer
	asked, sent := 0, 0
	for i := range 2000 {
		now, got := start.Add(time.Duration(i)*50*time.Millisecond), 0
		for range 4 * capacity {
			if c.Admit(now, server, ClassInvite) {
				got++
			}
		}
		l.Sample(now, 0, min(float64(got)/capacity, 1))
		v := parsed(t, "SIP/2.0 100 Trying\r\nVia: SIP/2.0/UDP 10.0.0.100"+via+"\r\nFrom: <sip:a@b>;tag=a\r\nTo: <sip:a@b>\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\n\r\n")
		top, _ := v.TopVia()
		out, _ := s.AppendVia(nil, now, top)
		parsedVia := parsed(t, "SIP/2.0 100 Trying\r\nVia: "+string(out)+"\r\nFrom: <sip:a@b>;tag=a\r\nTo: <sip:a@b>\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\n\r\n")
		top, _ = parsedVia.TopVia()
		c.Response(now, server, top.Params)
		if i >= 1000 {
			asked++
			sent += got
		}
	}
	if mean := float64(sent) / float64(asked); mean < 0.6*capacity || mean > 1.1*capacity {
		t.Errorf("%.1f a step get through, of %d that can", mean, capacity)
	}
}
