package transaction

import (
	"strings"
	"testing"
)

// TestReasonCannotSplitHeaders: what a caller puts into its CANCEL goes on to
// others; it stays one line.
func TestReasonCannotSplitHeaders(t *testing.T) {
	for _, reason := range []string{
		"SIP;cause=200", "SIP\r\n ;cause=200", "SIP;cause=200\r\nRoute: <sip:evil>", "SIP\nx", "SIP\x00", "\r\n\r\n",
	} {
		got := string(appendReason([]byte("x"), []byte(reason)))
		line := strings.TrimSuffix(strings.TrimPrefix(got, "x"), "\r\n")
		if line != "" && !strings.HasPrefix(line, "Reason: ") || strings.ContainsAny(line, "\r\n\x00") {
			t.Errorf("%q: got %q", reason, got)
		}
	}
	if got := string(appendReason(nil, []byte("SIP;cause=200"))); got != "Reason: SIP;cause=200\r\n" {
		t.Errorf("got %q", got)
	}
	if got := appendReason(nil, nil); len(got) != 0 {
		t.Errorf("without a reason: %q", got)
	}
}
