package transaction

import "testing"

// TestReasonCannotSplitHeaders: what a caller puts into its CANCEL goes on to
// others; it stays one line.
func TestReasonCannotSplitHeaders(t *testing.T) {
	for reason, want := range map[string]string{
		"":                                   "",
		"SIP;cause=200":                      "Reason: SIP;cause=200\r\n",
		"SIP\r\n ;cause=200":                 "Reason: SIP ;cause=200\r\n",
		"SIP;cause=200\r\nRoute: <sip:evil>": "Reason: SIP;cause=200 Route: <sip:evil>\r\n",
		"SIP\x00":                            "",
	} {
		if got := string(appendReason([]byte("x"), []byte(reason))); got != "x"+want {
			t.Errorf("%q: got %q", reason, got)
		}
	}
}
