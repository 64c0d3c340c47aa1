//go:build !race

package ng

import "testing"

// A relay is asked a thousand times a second: what reading a request leaves
// behind decides how often it stops to collect.
func TestAllocOptions(t *testing.T) {
	d := Of("command", "offer", "call-id", "c", "from-tag", "a", "sdp", "v=0", "ICE", "remove", "flags", List{"trust-address", "SDES-off", "T.38-decode"},
		"replace", List{"origin"}, "rtcp-mux", List{"demux"}, "direction", List{"a", "b"})
	if n := testing.AllocsPerRun(100, func() {
		if _, warnings := ParseOptions(d); len(warnings) > 0 {
			t.Fatal(warnings)
		}
	}); n > 5 {
		t.Errorf("%v allocations, at most 5 of the lists of words", n)
	}
}
