//go:build interop

package interop

import (
	"testing"

	"github.com/class5-go/class5/sip/wire"
)

// TestEmergencyService: a phone that names the service and no number reaches
// who has the number, through the edge.
func TestEmergencyService(t *testing.T) {
	c := newCarrier(t).run(t, "--demo", "--emergency", "12025550102")
	if c.bob.number != "12025550102" {
		t.Fatalf("bob has %s", c.bob.number)
	}
	alice, bob := newAgent(t, "udp", c.sip, c.domain, c.alice), newAgent(t, "udp", c.sip, c.domain, c.bob)
	bob.register()
	alice.fresh()
	const urn = "urn:service:sos.police"
	_, m := alice.ask(alice.request("INVITE", urn, urn))
	alice.challenged(m)
	alice.send(alice.request("INVITE", urn, urn, alice.credentials(407, "INVITE", urn)))
	in := bob.receive(patience, func(m *wire.Message) bool { return m.Method() == wire.INVITE })
	if in == nil {
		t.Fatal("no INVITE came")
	}
	if h, _ := in.First(wire.HdrTo); string(h.Value) != "<"+urn+">" {
		t.Errorf("To is %s", h.Value)
	}
	bob.respond(in, 200)
	if ok := alice.final(patience); ok == nil || ok.Status() != 200 {
		t.Error("the call was not answered")
	}
	alice.fresh()
	if status, _ := alice.proved("INVITE", "urn:service:counseling", "urn:service:counseling"); status != 416 {
		t.Errorf("another service: %d", status)
	}
}
