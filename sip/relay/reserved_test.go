package relay

import (
	"strings"
	"testing"

	"github.com/class5-go/class5/sip/wire"
)

// spellings of a header name that a parser might take for it.
func spellings(name string) []string {
	mixed := []byte(name)
	for i := range mixed {
		if i%2 == 1 && mixed[i] >= 'a' && mixed[i] <= 'z' {
			mixed[i] -= 0x20
		}
	}
	return []string{
		name + ": ", strings.ToLower(name) + ":", strings.ToUpper(name) + "  :  ", string(mixed) + "\t: ",
		name + ":\r\n ",
	}
}

// TestReserved sends each reserved name in each spelling through each kind of
// message, twice where the grammar allows it.
func TestReserved(t *testing.T) {
	r := testRelay(t)
	client := testFlow(t, "udp", "203.0.113.7:5060", 0)
	peer := testFlow(t, "peer", "203.0.113.7:5060", 0)
	inside := testFlow(t, "int", proxyA.String(), 0)
	d, viaPeer := setUp(t, r, client, "mine"), setUp(t, r, peer, "mine")

	kinds := []struct {
		name string
		send func(header string) Outcome
	}{
		{"request in", func(h string) Outcome {
			return handle(t, r, client, with(bye("mine", outer(d.rr), inner, proxy), h))
		}},
		{"request in from a peer", func(h string) Outcome {
			return handle(t, r, peer, with(bye("mine", outer(d.rr), inner, proxy), h))
		}},
		{"request out", func(h string) Outcome {
			return handle(t, r, inside, with(bye("mine", inner, outer(d.rr)), h))
		}},
		{"request out to a peer", func(h string) Outcome {
			return handle(t, r, inside, with(bye("mine", inner, outer(viaPeer.rr)), h))
		}},
		{"response out", func(h string) Outcome {
			return handle(t, r, inside, with(response(d.via, "SIP/2.0/UDP 203.0.113.7;branch=z9hG4bKi"), h))
		}},
		{"response out to a peer", func(h string) Outcome {
			return handle(t, r, inside, with(response(viaPeer.via, "SIP/2.0/UDP 203.0.113.7;branch=z9hG4bKi"), h))
		}},
		{"response in", func(h string) Outcome {
			return handle(t, r, client, with(response(outVia(t, r, d), "SIP/2.0/UDP 10.0.0.11;branch=z9hG4bKi"), h))
		}},
		{"response in from a peer", func(h string) Outcome {
			return handle(t, r, peer, with(response(outVia(t, r, d), "SIP/2.0/UDP 10.0.0.11;branch=z9hG4bKi"), h))
		}},
	}
	// Which of the kinds above, in their order, must not let the name pass.
	for name, stripped := range map[string]string{
		"P-Edge":                        "xxxxxxxx",
		"P-Edge-Result":                 "xxxxxxxx",
		"P-Edge-Not-Yet-Made":           "xxxxxxxx",
		"P-Asserted-Identity":           "x.....x.",
		"P-Asserted-Service":            "x.....x.",
		"P-Charging-Vector":             "x.x.x.x.",
		"P-Charging-Function-Addresses": "x.x.x.x.",
		"P-Preferred-Identity":          "........",
		"P-Early-Media":                 "........",
		"X-Edge":                        "........",
	} {
		for i, kind := range kinds {
			for _, spelling := range spellings(name) {
				const value = "<sip:forged@example.com>"
				header, times := spelling+value+"\r\n", 1
				if !strings.HasPrefix(name, "P-Edge") { // of which package wire accepts one
					header, times = header+"X-Between: 1\r\n"+spellings(name)[0]+value+"\r\n", 2
				}
				o := kind.send(header)
				if !o.Cause.Relayed() {
					t.Fatalf("%s with %q: %v (%v)", kind.name, header, o.Cause, o.Reason)
				}
				passed := strings.Count(string(o.Data), value)
				if want := map[byte]int{'x': 0, '.': times}[stripped[i]]; passed != want {
					t.Errorf("%s: %d of %d %q pass, want %d\n%s", kind.name, passed, times, spelling, want, o.Data)
				}
				if i < 2 && parsed(t, o.Data).Count(wire.HdrPEdge) != 1 {
					t.Errorf("%s: not exactly one P-Edge\n%s", kind.name, o.Data)
				}
			}
		}
	}
}

// with puts header lines in front of the end of a message without body.
func with(msg []byte, header string) []byte {
	return []byte(strings.TrimSuffix(string(msg), "\r\n") + header + "\r\n")
}

// outVia is our Via on a request out to d's client.
func outVia(t *testing.T, r *Relay, d dialog) string {
	t.Helper()
	o := handle(t, r, testFlow(t, "int", proxyA.String(), 0), bye("mine", inner, outer(d.rr)))
	top, ok := parsed(t, o.Data).TopVia()
	if !ok {
		t.Fatalf("%v", o.Cause)
	}
	return string(top.Raw)
}
