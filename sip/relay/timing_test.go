package relay

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
)

// TestAnswered: one in sixteen INVITEs is timed, and whatever stands in the
// parameter, nothing odd is told.
func TestAnswered(t *testing.T) {
	var told []string
	r := testRelay(t, func(c *Config) {
		c.Answered = func(status int, after time.Duration) { told = append(told, fmt.Sprint(status, " ", after)) }
	})
	client, inside := testFlow(t, "udp", "203.0.113.7:5060", 0), testFlow(t, "int", proxyA.String(), 0)
	start := time.UnixMilli(1<<42 - 100) // the 32 bits of the parameter wrap
	at := func(flow transport.Flow, after time.Duration, msg []byte) *wire.Message {
		var s Scratch
		o := r.Handle(&s, transport.Packet{Data: msg, Flow: flow, At: start.Add(after)}, nil)
		if !o.Cause.Relayed() {
			t.Fatal(o.Cause)
		}
		return parsed(t, o.Data)
	}
	timed := 0
	for i := range 2000 {
		m := at(client, 0, request("INVITE", fmt.Sprintf("SIP/2.0/UDP 203.0.113.7;branch=z9hG4bK%d", i), "c"))
		top, _ := m.TopVia()
		if !strings.Contains(string(top.Raw), timeParam) {
			continue
		}
		if timed++; timed > 1 {
			continue
		}
		at(inside, 30*time.Millisecond, echo(t, m, 100))
		at(inside, 1200*time.Millisecond, echo(t, m, 180))
		at(inside, time.Hour, echo(t, m, 200))
		for _, odd := range []string{"=xyz", "=123456789", ""} {
			v, _ := top.Params.Get("ts")
			at(inside, 0, replaceAll(echo(t, m, 180), "ts="+string(v), "ts"+odd))
		}
	}
	if timed < 2000/timedOneIn/2 || timed > 2000/timedOneIn*2 {
		t.Errorf("%d of 2000 are timed", timed)
	}
	if got := strings.Join(told, ", "); got != "100 30ms, 180 1.2s" {
		t.Errorf("told %s", got)
	}
	for _, method := range []string{"MESSAGE", "REGISTER"} {
		for i := range 100 {
			m := at(client, 0, request(method, fmt.Sprintf("SIP/2.0/UDP 203.0.113.7;branch=z9hG4bK%d", i), "c"))
			if top, _ := m.TopVia(); strings.Contains(string(top.Raw), timeParam) {
				t.Fatalf("%s is timed", method)
			}
		}
	}
}
