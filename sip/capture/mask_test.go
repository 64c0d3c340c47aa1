package capture

import "testing"

func TestMaskSpellings(t *testing.T) {
	for in, want := range map[string]string{
		"response=\"abc\", uri":         "response=\"***\", uri",
		"RESPONSE = \"abc\", uri":       "RESPONSE = \"***\", uri",
		"response=abc, uri":             "response=***, uri",
		"response=abc\r\nTo: x":         "response=***\r\nTo: x",
		"a response to this":            "a response to this",
		"a=crypto:1 x INLINE:key|2^20":  "a=crypto:1 x INLINE:***|2^20",
		"a=ice-pwd:secret\r\na=x":       "a=ice-pwd:******\r\na=x",
		"response=\"a\" response = \"b": "response=\"*\" response = \"*",
	} {
		if got := string(Mask([]byte(in))); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
