package wire

import (
	"strings"
	"testing"
)

func TestEveryKnownNameHasItsOwnSlot(t *testing.T) {
	seen := map[byte]string{}
	for id := HdrOther + 1; id < numHeaders; id++ {
		name := id.Name()
		if name == "" || len(name) > maxKnownName {
			t.Fatalf("header %d: name %q", id, name)
		}
		w, _ := wordsOf(name)
		if other, ok := seen[w.slot()]; ok {
			t.Errorf("%s and %s share a slot", other, name)
		}
		seen[w.slot()] = name
		for _, spelling := range []string{name, strings.ToUpper(name), strings.ToLower(name)} {
			if got := LookupHeader([]byte(spelling)); got != id {
				t.Errorf("LookupHeader(%q) = %v", spelling, got)
			}
			if got, n := scanKnownName([]byte(spelling+": value and a bit more octets"), 0); got != id || n != len(name) {
				t.Errorf("scanKnownName(%q) = %v, %d", spelling, got, n)
			}
		}
	}
}

func TestLookupHeader(t *testing.T) {
	for name, want := range map[string]HeaderID{
		"v": HdrVia, "V": HdrVia, "i": HdrCallID, "L": HdrContentLength, "k": HdrSupported, "x": HdrSessionExpires,
		"o": HdrEvent, "u": HdrAllowEvents, "r": HdrReferTo, "b": HdrReferredBy, "e": HdrContentEncoding, "y": HdrIdentity,
		"a": HdrAcceptContact, "j": HdrRejectContact, "d": HdrRequestDisposition, "n": HdrIdentityInfo, "s": HdrSubject,
		"": HdrOther, "z": HdrOther, "Viaa": HdrOther, "Vi": HdrOther, "X-Unknown": HdrOther, "Max\rForwards": HdrOther,
		"a name that is longer than any": HdrOther, "-": HdrOther, "Call\x0dID": HdrOther, "To\x00": HdrOther,
	} {
		if got := LookupHeader([]byte(name)); got != want {
			t.Errorf("LookupHeader(%q) = %v, want %v", name, got, want)
		}
	}
}
