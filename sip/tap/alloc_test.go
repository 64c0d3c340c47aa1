//go:build !race

package tap_test

import (
	"net/netip"
	"testing"

	"github.com/class5-go/class5/sip/tap"
	"github.com/class5-go/class5/sip/transport"
)

// What passes is neither kept waiting nor does it cost memory.
func TestMessageAllocations(t *testing.T) {
	tp, err := tap.New(tap.Config{Sinks: []tap.Sink{&memory{}}, Filter: tap.Filter{
		Sample: 2, Methods: []string{"INVITE"}, Remotes: []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")},
	}})
	if err != nil {
		t.Fatal(err)
	}
	f := flow(transport.UDP)
	msgs := [][]byte{[]byte(request("INVITE", "1")), []byte(response("INVITE", "2")), []byte(request("BYE", "3"))}
	if n := testing.AllocsPerRun(100, func() {
		for _, msg := range msgs {
			tp.Message(transport.Received, f, msg, moment)
		}
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
