package sipgoconn

import "testing"

func TestMeasured(t *testing.T) {
	for in, want := range map[string]string{
		"A\r\nB: c\r\n\r\nbody":                    "A\r\nB: c\r\nContent-Length: 4\r\n\r\nbody",
		"A\r\nB: c\r\n\r\n":                        "A\r\nB: c\r\nContent-Length: 0\r\n\r\n",
		"A\r\ncontent-length : 4\r\n\r\nbody":      "A\r\ncontent-length : 4\r\n\r\nbody",
		"A\r\nL: 4\r\nB: c\r\n\r\nbody":            "A\r\nL: 4\r\nB: c\r\n\r\nbody",
		"A\r\nB: c\r\n\r\nContent-Length: 4\r\n\r": "A\r\nB: c\r\nContent-Length: 20\r\n\r\nContent-Length: 4\r\n\r",
		"no end": "no end",
		"":       "",
	} {
		if got := measured([]byte(in)); string(got) != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
